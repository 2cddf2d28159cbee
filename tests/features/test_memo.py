"""Columns remembered while a block runs: computed once, for these bars alone, and never somebody else's to change."""

import numpy as np
import pytest

from engine.domain import BAR_ARRAYS, Bars
from engine.features import indicators, memo


def bars(n=50):
    random = np.random.default_rng(1)
    columns = {name: random.random(n) + 10 for name in BAR_ARRAYS}
    return Bars("ABCD3", "1d", **columns)


def counted():
    calls = []

    def make():
        calls.append(1)
        return np.arange(3.0)

    return calls, make


def test_a_column_is_computed_once_inside_the_block_and_anew_after_it():
    some, (calls, make) = bars(), counted()
    with memo.remembering(some):
        for _ in range(3):
            memo.column(("x", 1), (some.close,), make)
        memo.column(("x", 2), (some.close,), make)
        memo.column(("x", 1), (some.high,), make)
    assert len(calls) == 3
    memo.column(("x", 1), (some.close,), make)
    assert len(calls) == 4


def test_other_arrays_are_not_remembered():
    some, (calls, make) = bars(), counted()
    with memo.remembering(some):
        for _ in range(2):
            memo.column(("x",), (some.close.copy(),), make)
    assert len(calls) == 2


def test_what_is_given_out_may_be_changed_without_changing_what_is_remembered():
    some = bars()
    with memo.remembering(some):
        for function in (lambda: indicators.ema(some.close, 5), lambda: indicators.macd(some.close, 3, 6, 2)[2]):
            before = function().copy()
            function()[:] = 0.0
            np.testing.assert_array_equal(function(), before)


def test_shared_columns_are_one_array_that_cannot_be_changed():
    some = bars()
    with memo.remembering(some, shared=True):
        first = indicators.atr(some.high, some.low, some.close, 5)
        assert indicators.atr(some.high, some.low, some.close, 5) is first
        with pytest.raises(ValueError, match="read-only"):
            first[0] = 1.0


def test_the_column_not_asked_for_longest_makes_room():
    some, (calls, make) = bars(), counted()
    kept = memo.Memo(some, shared=False, limit=2 * 3 * 8)
    for name in ("a", "b", "a", "c", "a", "b"):
        kept.column((name,), (some.close,), make)
    assert len(calls) == 4


def test_indicators_are_the_same_inside_the_block():
    some = bars()
    outside = (indicators.rsi(some.close, 5), *indicators.bollinger(some.close, 5, 2.0), *indicators.macd(some.close, 3, 6, 2))
    with memo.remembering(some):
        for _ in range(2):
            inside = (
                indicators.rsi(some.close, 5),
                *indicators.bollinger(some.close, 5, 2.0),
                *indicators.macd(some.close, 3, 6, 2),
            )
            np.testing.assert_array_equal(inside, outside)
