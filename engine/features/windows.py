"""Statistics of the last `period` values and other building blocks of features.

All take float64 arrays of length n, oldest first, and give float64 arrays of length n. A NaN blanks only the windows that hold it; a series
shorter than the window gives all NaN. Every window is summed by itself, oldest value first, so that a value depends on nothing before its
window and is the same to the last bit however long the series is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from engine.features import memo

if TYPE_CHECKING:
    from engine.domain import Bars, BoolArray, FloatArray, IntArray

#: A spread below this share of what it is measured against is rounding, not movement.
STILL = 1e-12


def returns(bars: Bars) -> FloatArray:
    """close[t] / close[t-1] - 1; NaN at the first bar."""
    return memo.column(("return",), (bars.close,), lambda: change(bars.close, 1))


def change(values: FloatArray, lag: int) -> FloatArray:
    """values[t] / values[t-lag] - 1."""
    found = np.full(values.size, np.nan)
    found[lag:] = values[lag:] / values[: max(values.size - lag, 0)] - 1.0
    return found


def before(values: FloatArray, lag: int = 1) -> FloatArray:
    """values[t-lag]."""
    found = np.full(values.size, np.nan)
    found[lag:] = values[: max(values.size - lag, 0)]
    return found


def ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """above / below, NaN where `below` is 0 or either is NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: FloatArray = np.where(below == 0, np.nan, above / below)
    return found


def total(values: FloatArray, period: int) -> FloatArray:
    """The sum of the last `period` values."""
    return _filled(values.size, period, sum(_lags(values, period), start=np.zeros(max(values.size - period + 1, 0))))


def mean(values: FloatArray, period: int) -> FloatArray:
    """The mean of the last `period` values."""
    return memo.column(("window mean", period), (values,), lambda: total(values, period) / period)


def moment(values: FloatArray, period: int, order: int) -> FloatArray:
    """The mean of (value - mean) ** order over the last `period` values."""
    centre = mean(values, period)[period - 1 :]
    powers = np.zeros(centre.size)
    for part in _lags(values, period):
        away = part - centre
        power = away
        for _factor in range(order - 1):
            power = power * away
        powers += power
    return _filled(values.size, period, powers / period)


def deviation(values: FloatArray, period: int, ddof: int = 0) -> FloatArray:
    """The standard deviation of the last `period` values, dividing by period - ddof."""

    def computed() -> FloatArray:
        return np.sqrt(moment(values, period, 2) * (period / (period - ddof)))

    return memo.column(("window deviation", period, ddof), (values,), computed)


def moving(spread: FloatArray, size: FloatArray | float = 1.0) -> FloatArray:
    """`spread` with NaN where it is no more than rounding of values of this `size`."""
    return np.where(spread > STILL * np.abs(size), spread, np.nan)


def autocorrelation(values: FloatArray, period: int) -> FloatArray:
    """The correlation of the last `period` values with themselves one bar earlier, about their one mean (-1 to 1)."""
    centre = mean(values, period)[period - 1 :]
    parts = list(_lags(values, period))
    products = np.zeros(centre.size)
    for earlier, later in pairwise(parts):
        products += (earlier - centre) * (later - centre)
    spread = moving(deviation(values, period))
    return _filled(values.size, period, products / period) / (spread * spread)


def slope(values: FloatArray, period: int) -> FloatArray:
    """The slope per bar of the least-squares line through the last `period` values."""
    weights = np.arange(period) - (period - 1) / 2
    last = values[period - 1 :]
    sums = np.zeros(last.size)
    for weight, part in zip(weights, _lags(values, period)):
        sums += weight * (part - last)
    return _filled(values.size, period, sums / float(weights @ weights))


def first_of_session(bars: Bars) -> IntArray:
    """Of each bar, the index of the first bar of its session; int64."""
    opens = np.ones(len(bars), dtype=np.bool_)
    opens[1:] = bars.session[1:] != bars.session[:-1]
    return np.maximum.accumulate(np.where(opens, np.arange(len(bars)), 0))


def changed(values: FloatArray) -> BoolArray:
    """Whether each value is another than the one before it; False for the first."""
    found = np.zeros(values.size, dtype=np.bool_)
    found[1:] = values[1:] != values[:-1]
    return found


def since_moved(moved: BoolArray, values: FloatArray) -> FloatArray:
    """`values` from the first True of `moved` on, NaN before it."""
    return np.where(np.logical_or.accumulate(moved), values, np.nan)


def _lags(values: FloatArray, period: int) -> Iterator[FloatArray]:
    """The oldest value of every window, then the next of every window, and so on."""
    count = max(values.size - period + 1, 0)
    return (values[at : at + count] for at in range(period))


def _filled(n: int, period: int, values: FloatArray) -> FloatArray:
    found = np.full(n, np.nan)
    found[period - 1 :] = values
    return found
