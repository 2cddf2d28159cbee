"""The IBOV beside a backtest: which level belongs to which bar, and when there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.backtest.index import index_levels
from engine.domain import Bars


def made(sessions: list[int], close: list[float], timeframe: str = "1d") -> Bars:
    day = np.array(sessions, dtype=np.int64)
    price = np.array(close, dtype=np.float64)
    still = np.zeros(day.size, dtype=np.bool_)
    return Bars("IBOV", timeframe, day * 86_400, day, price, price, price, price, price, price, still, still)


INDEX = made([100, 101, 102, 103], [10.0, 11.0, 12.0, 13.0])


def test_the_curve_starts_at_the_close_before_the_first_bar() -> None:
    assert index_levels(INDEX, np.array([101, 102])).tolist() == [10.0, 11.0, 12.0]


def test_within_a_session_only_the_close_before_is_known() -> None:
    assert index_levels(INDEX, np.array([101, 101, 101, 102, 102])).tolist() == [10.0, 10.0, 10.0, 11.0, 11.0, 12.0]


@pytest.mark.parametrize("sessions", [[100, 101], [90, 91], [103, 120]])
def test_an_index_that_does_not_cover_every_bar_says_nothing(sessions: list[int]) -> None:
    assert index_levels(INDEX, np.array(sessions)) is None


def test_a_day_without_the_index_keeps_the_level_before() -> None:
    gap = replace(INDEX).take(np.array([0, 1, 3]))
    assert index_levels(gap, np.array([101, 102, 103])).tolist() == [10.0, 11.0, 11.0, 13.0]
