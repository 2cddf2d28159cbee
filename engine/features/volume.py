"""Features of how much is traded. Quantity and turnover are never mixed in one window.

Each is measured in one of the two; at bars where some value of its window is missing, in the other. Turnover that the source does not give
is close times quantity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from engine.features.feature import NO_VOLUME, Feature
from engine.features.windows import STILL, before, mean, ratio, returns, total
from engine.i18n import mark

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray


def volume_ratio(bars: Bars) -> FloatArray:
    return _either(bars.quantity, bars.turnover, lambda volume: ratio(volume, mean(volume, 20)))


def volume_trend(bars: Bars) -> FloatArray:
    return _either(bars.quantity, bars.turnover, _trend)


def turnover_trend(bars: Bars) -> FloatArray:
    return _either(bars.turnover, bars.close * bars.quantity, _trend)


def mfi(bars: Bars) -> FloatArray:
    price = (bars.high + bars.low + bars.close) / 3.0
    step = price - before(price)
    up, down = (np.where(side * step > STILL * price, 1.0, 0.0) for side in (1.0, -1.0))

    def index(flow: FloatArray) -> FloatArray:
        rising, falling = (total(np.where(np.isnan(step), np.nan, side * flow), 14) for side in (up, down))
        return 100.0 * ratio(rising, rising + falling)

    return _either(price * bars.quantity, bars.turnover, index)


def illiquidity(bars: Bars) -> FloatArray:
    moved = np.abs(returns(bars))

    def relative(turnover: FloatArray) -> FloatArray:
        impact = ratio(moved, turnover)
        return ratio(mean(impact, 20), mean(impact, 60))

    return _either(bars.turnover, bars.close * bars.quantity, relative)


def _trend(volume: FloatArray) -> FloatArray:
    return ratio(mean(volume, 5), mean(volume, 20))


def _either(first: FloatArray, second: FloatArray, make: Callable[[FloatArray], FloatArray]) -> FloatArray:
    found = make(first)
    return np.where(np.isnan(found), make(second), found)


_GERVAIS = "Gervais, Kaniel and Mingelgrin (2001), The High-Volume Return Premium"

FEATURES = (
    Feature("volume_ratio", "volume", 19, "volume[t] / mean(volume, 20)", _GERVAIS, NO_VOLUME, "", volume_ratio),
    Feature("volume_trend", "volume", 19, "mean(volume, 5) / mean(volume, 20)", _GERVAIS, NO_VOLUME, "", volume_trend),
    Feature("turnover_trend", "volume", 19, "mean(turnover, 5) / mean(turnover, 20)", _GERVAIS, NO_VOLUME, "", turnover_trend),
    Feature(
        "mfi", "volume", 14, "100 up / (up + down): 14-bar sums of p volume where p = (high + low + close) / 3 rose and fell",
        "Quong and Soudack (1989), Volume-Weighted RSI: Money Flow", NO_VOLUME, "", mfi,
    ),
    Feature(
        "illiquidity", "volume", 60, "mean(|r| / turnover, 20) / mean(|r| / turnover, 60)",
        "Amihud (2002), Illiquidity and Stock Returns", NO_VOLUME,
        mark("Over its own mean of 60 bars, as Amihud's ratio itself is in units of 1 / R$."), illiquidity,
    ),
)  # fmt: skip
