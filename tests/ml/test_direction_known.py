"""Nothing that became known later reaches a decision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import day_number
from engine.errors import LookAheadError, UsageError
from engine.ml.direction.known import InformationSet, Known
from engine.ml.direction.sources import BY_NAME, known_values

THREE = Known("x", np.array([1, 2, 5]), np.array([10, 20, 50]), np.array([1.5, 2.5, 5.5]))


def test_the_latest_is_the_newest_value_that_is_known_at_the_instant() -> None:
    found = InformationSet.at(np.array([9, 10, 19, 20, 49, 50, 99])).latest(THREE)
    assert np.array_equal(found, [np.nan, 1.5, 1.5, 2.5, 2.5, 5.5, 5.5], equal_nan=True)


def test_a_value_known_for_too_long_is_not_there() -> None:
    assert np.array_equal(InformationSet.at(np.array([30, 31])).latest(THREE, within=10), [2.5, np.nan], equal_nan=True)


def test_a_value_of_a_day_is_refused_before_it_is_known() -> None:
    assert InformationSet.at(np.array([20, 20])).of(THREE, np.array([1, 2])).tolist() == [1.5, 2.5]
    with pytest.raises(LookAheadError, match="known from"):
        InformationSet.at(np.array([20, 19])).of(THREE, np.array([1, 2]))


def test_a_day_without_a_value_is_unknown() -> None:
    assert np.isnan(InformationSet.at(np.array([99, 99])).of(THREE, np.array([3, 9]))).all()


def test_tables_keep_their_columns_and_nothing_gives_nothing() -> None:
    table = Known("t", np.array([1]), np.array([10]), np.array([[1.0, 2.0]]))
    assert InformationSet.at(10).of(table, np.array([1])).tolist() == [[1.0, 2.0]]
    empty = Known("e", np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 2)))
    assert InformationSet.at(np.array([1, 2])).latest(empty).shape == (2, 2)
    assert InformationSet.at(5).newest(empty).tolist() == [-1]


@pytest.mark.parametrize(("day", "known"), [([1, 1], [1, 2]), ([2, 1], [1, 2]), ([1, 2], [2, 1]), ([1, 2], [1])])
def test_values_out_of_order_are_refused(day: list[int], known: list[int]) -> None:
    with pytest.raises(UsageError):
        Known("x", np.array(day), np.array(known), np.zeros(2))


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20, unique=True), st.integers(-5, 120))
def test_what_is_cut_away_changes_nothing_of_what_was_known(instants: list[int], at: int) -> None:
    known = np.sort(np.array(instants))
    whole = Known("x", np.arange(known.size), known, known * 1.0)
    moment = InformationSet.at(at)
    assert np.array_equal(moment.latest(whole), moment.latest(whole.until(at)), equal_nan=True)
    found = float(moment.latest(whole)[0])
    assert np.isnan(found) if at < known[0] else found <= at


@pytest.mark.parametrize(
    ("name", "day", "expected"),
    [
        ("SP500", "2025-01-15", "2025-01-15T21:15:00+00:00"),
        ("SP500", "2025-07-15", "2025-07-15T20:15:00+00:00"),
        ("NIKKEI", "2025-07-15", "2025-07-15T06:45:00+00:00"),
        ("DAX_OPEN", "2025-07-15", "2025-07-15T07:05:00+00:00"),
    ],
)
def test_each_market_is_known_by_its_own_clock(name: str, day: str, expected: str) -> None:
    from datetime import date, datetime

    known = known_values(BY_NAME[name], np.array([day_number(date.fromisoformat(day))]), np.array([1.0]))
    assert known.known.tolist() == [int(datetime.fromisoformat(expected).timestamp())]
