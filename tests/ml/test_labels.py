"""Labels by hand, against a plain loop, and that none is known before its horizon has passed."""

import csv
from dataclasses import replace
from math import exp
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backtest.lookahead import check
from engine.backtest.subjects import random_walk
from engine.errors import UsageError
from engine.ml import labels
from engine.ml.labels import BUY, HOLD, NO_END, SELL, UNDEFINED
from tests.strategies.strategy_checks import bars_of, walk

DATA = Path(__file__).parents[2].parent / "shared" / "data"
KINDS = tuple(labels.KINDS)


def columns(label):
    """What the look-ahead proof compares: numbers, NaN where nothing is known."""
    known = {"value": label.value, "end": label.end}
    return {name: np.where(label.defined, values, np.nan) for name, values in known.items()}


def steady(count, step=0.01):
    """Closes that rise and fall by one step in turn: their volatility is known and never 0."""
    return 100 * np.exp(np.where(np.arange(count) % 2, step, 0.0))


def test_fixed_by_hand():
    label = labels.fixed(bars_of([100, 101, 103, 100, 97, 99, 99]), horizon=2, up=0.02, down=0.02)
    #            103/100  100/101  97/103  99/100  99/97
    expected = [BUY, HOLD, SELL, HOLD, BUY, UNDEFINED, UNDEFINED]
    assert label.value.tolist() == expected
    assert label.end.tolist() == [2, 3, 4, 5, 6, NO_END, NO_END]
    assert label.defined.tolist() == [True] * 5 + [False] * 2
    assert (label.value.dtype, label.end.dtype, label.defined.dtype) == (np.int8, np.int64, np.bool_)
    assert (label.kind, label.params) == ("fixed", {"horizon": 2, "up": 0.02, "down": 0.02})


def test_a_move_of_exactly_the_threshold_is_hold():
    assert labels.fixed(bars_of([100, 125, 100]), horizon=1, up=0.25, down=0.2).value.tolist() == [HOLD, HOLD, UNDEFINED]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("horizon", [1, 3, 12])
def test_the_last_horizon_has_no_label_and_no_class(kind, horizon):
    label = labels.make(kind, random_walk(120), horizon=horizon)
    assert not label.defined[-horizon:].any()
    assert label.defined[-horizon - 1]
    assert set(label.value[~label.defined]) == {UNDEFINED}
    assert set(label.end[~label.defined]) == {NO_END}
    known = np.flatnonzero(label.defined)
    assert set(label.value[known]) <= {SELL, HOLD, BUY}
    assert ((label.end[known] > known) & (label.end[known] <= known + horizon)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_too_few_bars_have_no_label(kind, count):
    label = labels.make(kind, bars_of(np.full(count, 10.0)), horizon=6)
    assert label.value.tolist() == [UNDEFINED] * count


@pytest.mark.parametrize("kind", KINDS)
def test_a_label_is_known_after_its_horizon_and_not_before(kind):
    bars = random_walk(220, seed=5)
    passed = check(kind, "label", lambda part: columns(labels.make(kind, part, horizon=4)), bars, horizon=4)
    assert passed.passed, passed.first_violation
    assert passed.prefixes == 220
    too_early = check(kind, "label", lambda part: columns(labels.make(kind, part, horizon=5)), bars, horizon=3)
    assert not too_early.passed


@pytest.mark.parametrize("kind", KINDS)
def test_no_scale_of_prices_and_no_change_of_input(kind):
    bars = walk(3, 300)
    before = bars.close.copy()
    label = labels.make(kind, bars)
    large = bars_of(bars.close * 8, high=bars.high * 8, low=bars.low * 8)
    np.testing.assert_array_equal(labels.make(kind, large).value, label.value)
    np.testing.assert_array_equal(bars.close, before)
    assert len(set(label.value[label.defined])) == 3


def test_volatility_is_of_the_last_returns_only():
    close = np.exp(np.cumsum([0.0, 0.1, -0.1, 0.3, 0.1]))
    found = labels.volatility(close, 3)
    assert np.isnan(found[:3]).all()
    np.testing.assert_allclose(found[3:], [np.std([0.1, -0.1, 0.3], ddof=1), np.std([-0.1, 0.3, 0.1], ddof=1)], rtol=1e-12)
    assert np.isnan(labels.volatility(close[:3], 3)).all()


def test_scaled_thresholds_follow_the_volatility():
    close = steady(12)
    threshold = labels.volatility(close, 4)[5]
    for move, expected in ((1.01, BUY), (0.99, HOLD), (-0.99, HOLD), (-1.01, SELL)):
        moved = np.append(close[:6], close[5] * exp(move * 0.5 * threshold * 2**0.5))
        label = labels.scaled(bars_of(np.insert(moved, 6, 1000.0)), horizon=2, width=0.5, volatility_period=4)
        assert label.value[5] == expected
        assert label.end[5] == 7


@pytest.mark.parametrize("kind", ["scaled", "triple_barrier"])
def test_without_volatility_there_is_no_label(kind):
    label = labels.make(kind, bars_of([10.0] * 30 + [11.0, 12.0, 13.0]), horizon=2, volatility_period=5)
    assert label.defined.tolist() == [False] * 30 + [True] + [False] * 2


def barrier_case(high, low):
    """The label of bar 5 whose barriers are the volatility away, when the next four bars have these multiples of it."""
    close = steady(10)
    spread = labels.volatility(close, 4)[5]
    highs, lows = close * 1.0001, close * 0.9999
    highs[6:], lows[6:] = close[5] * np.exp(spread * np.array(high)), close[5] * np.exp(spread * np.array(low))
    label = labels.triple_barrier(bars_of(close, high=highs, low=lows), 4, up=1.0, down=1.5, volatility_period=4)
    return label.value[5], label.end[5]


@pytest.mark.parametrize(
    ("high", "low", "expected"),
    [
        ([0.5, 1.1, 2, 2], [0, 0, 0, -2], (BUY, 7)),
        ([0.5, 0.9, 2, 2], [0, -1.6, 0, 0], (SELL, 7)),
        ([0.9, 0.9, 0.9, 0.9], [-1.4, -1.4, -1.4, -1.4], (HOLD, 9)),
        ([0.9, 0.9, 0.9, 1.1], [0, 0, 0, 0], (BUY, 9)),
        ([0.9, 1.1, 0.9, 0.9], [0, -1.6, 0, 0], (SELL, 7)),
    ],
    ids=["upper first", "lower first", "neither", "on the last bar", "both in one bar: the adverse one"],
)
def test_the_barrier_touched_first_decides(high, low, expected):
    assert barrier_case(high, low) == expected


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    horizon=st.integers(1, 12),
    up=st.floats(0.2, 4),
    down=st.floats(0.2, 4),
    period=st.integers(2, 25),
)
def test_triple_barrier_equals_a_plain_loop(seed, horizon, up, down, period):
    bars = walk(seed, 90)
    label = labels.triple_barrier(bars, horizon, up, down, period)
    returns = np.diff(np.log(bars.close))
    for t in range(len(bars)):
        expected = (UNDEFINED, NO_END)
        if period <= t < len(bars) - horizon:
            spread = np.std(returns[t - period : t], ddof=1)
            expected = (HOLD, t + horizon)
            for later in range(t + 1, t + horizon + 1):
                if bars.low[later] <= bars.close[t] * np.exp(-down * spread):
                    expected = (SELL, later)
                elif bars.high[later] >= bars.close[t] * np.exp(up * spread):
                    expected = (BUY, later)
                if expected[0] != HOLD:
                    break
        assert (label.value[t], label.end[t]) == expected, t


@pytest.mark.parametrize("kind", KINDS)
def test_a_label_does_not_rest_on_a_provisional_bar(kind):
    bars = walk(1, 100)
    whole = labels.make(kind, bars, horizon=3)
    provisional = bars.provisional.copy()
    provisional[50] = True
    label = labels.make(kind, replace(bars, provisional=provisional), horizon=3)
    touched = (np.arange(100) <= 50) & (whole.end >= 50)
    assert touched[50]
    assert touched.sum() > 1
    np.testing.assert_array_equal(label.defined, whole.defined & ~touched)
    np.testing.assert_array_equal(label.value[label.defined], whole.value[label.defined])


def test_make_knows_the_kinds_and_their_parameters():
    bars = walk(2, 60)
    np.testing.assert_array_equal(labels.make("fixed", bars, horizon=2).value, labels.fixed(bars, 2).value)
    assert labels.make("scaled", bars).params == {"horizon": 5, "width": 1.0, "volatility_period": 20}
    with pytest.raises(UsageError, match="There is no label tripple_barrier") as unknown:
        labels.make("tripple_barrier", bars)
    assert "triple_barrier" in unknown.value.hint
    with pytest.raises(UsageError, match="The label fixed has no parameter horizn") as wrong:
        labels.make("fixed", bars, horizn=3)
    assert "horizon" in wrong.value.hint


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("fixed", {"horizon": 0}),
        ("fixed", {"horizon": 2.5}),
        ("fixed", {"horizon": True}),
        ("fixed", {"up": -0.01}),
        ("fixed", {"up": float("nan")}),
        ("fixed", {"down": 1.2}),
        ("scaled", {"width": 0.0}),
        ("scaled", {"volatility_period": 1}),
        ("triple_barrier", {"up": 0.0}),
        ("triple_barrier", {"down": float("inf")}),
        ("triple_barrier", {"horizon": -1}),
    ],
)
def test_an_impossible_parameter_is_one_sentence(kind, params):
    with pytest.raises(UsageError, match=next(iter(params))):
        labels.make(kind, walk(1, 40), **params)


def test_the_index_since_1995_has_the_shares_of_its_own_returns():
    path = DATA / "series" / "ibov_daily_1995_2025.csv"
    if not path.exists():
        pytest.skip("the real market files are not here")
    with path.open(encoding="utf-8") as file:
        close = np.array([float(row["close"]) for row in csv.DictReader(file)])
    label = labels.fixed(bars_of(close))
    change = close[5:] / close[:-5] - 1
    assert int((label.value == BUY).sum()) == int((change > 0.02).sum()) > 1_000
    assert int((label.value == SELL).sum()) == int((change < -0.02).sum()) > 1_000
    assert int(label.defined.sum()) == close.size - 5
