"""Features of whether prices trend, which way and how steadily."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.features import indicators
from engine.features.feature import STANDSTILL, WARM_UP, Feature
from engine.features.windows import autocorrelation, changed, returns, since_moved, slope
from engine.i18n import mark

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray


def spread(bars: Bars) -> FloatArray:
    """EMA(9) less EMA(21), in the unit of the prices."""
    return indicators.ema(bars.close, 9) - indicators.ema(bars.close, 21)


def ema_diff(bars: Bars) -> FloatArray:
    return spread(bars) / bars.close


def ema_diff_slope(bars: Bars) -> FloatArray:
    return np.diff(spread(bars), prepend=np.nan) / bars.close


def adx(bars: Bars) -> FloatArray:
    return _once_moved(bars, indicators.adx(bars.high, bars.low, bars.close, 14))


def plus_di(bars: Bars) -> FloatArray:
    return _once_moved(bars, indicators.directional(bars.high, bars.low, bars.close, 14)[0])


def minus_di(bars: Bars) -> FloatArray:
    return _once_moved(bars, indicators.directional(bars.high, bars.low, bars.close, 14)[1])


def aroon_up(bars: Bars) -> FloatArray:
    return indicators.aroon(bars.high, bars.low, 25)[0]


def aroon_down(bars: Bars) -> FloatArray:
    return indicators.aroon(bars.high, bars.low, 25)[1]


def macd_histogram(bars: Bars) -> FloatArray:
    return indicators.macd(bars.close)[2] / bars.close


def slope_20(bars: Bars) -> FloatArray:
    return slope(bars.close, 20) / bars.close


def autocorrelation_20(bars: Bars) -> FloatArray:
    return autocorrelation(returns(bars), 20)


def _once_moved(bars: Bars, values: FloatArray) -> FloatArray:
    """TA-Lib's 0 for bars that never moved is undefined."""
    return since_moved((bars.high > bars.low) | changed(bars.close), values)


_WILDER = "Wilder (1978), New Concepts in Technical Trading Systems"
_CHANDE = "Chande (1995), A Time Price Oscillator"
_NO_MOVE = mark("Undefined during the look-back and until prices have moved once.")
_OVER_PRICE = mark("Over the close, where the requirement keeps the unit of the prices.")

FEATURES = (
    Feature(
        "ema_diff", "trend", 20, "(EMA(close, 9) - EMA(close, 21)) / close[t]", "Brock, Lakonishok and LeBaron (1992), Simple Technical Trading Rules",
        WARM_UP, _OVER_PRICE, ema_diff,
    ),
    Feature(
        "ema_diff_slope", "trend", 21, "(d[t] - d[t-1]) / close[t] with d = EMA(close, 9) - EMA(close, 21)",
        "Brock, Lakonishok and LeBaron (1992), Simple Technical Trading Rules", WARM_UP, _OVER_PRICE, ema_diff_slope,
    ),
    Feature("adx", "trend", 27, "ADX(14), Wilder's smoothing, 0 to 100", _WILDER, _NO_MOVE, "", adx),
    Feature("plus_di", "trend", 14, "+DI(14), Wilder's smoothing, 0 to 100", _WILDER, _NO_MOVE, "", plus_di),
    Feature("minus_di", "trend", 14, "-DI(14), Wilder's smoothing, 0 to 100", _WILDER, _NO_MOVE, "", minus_di),
    Feature("aroon_up", "trend", 25, "100 (25 - bars since the highest high of 26 bars) / 25", _CHANDE, WARM_UP, "", aroon_up),
    Feature("aroon_down", "trend", 25, "100 (25 - bars since the lowest low of 26 bars) / 25", _CHANDE, WARM_UP, "", aroon_down),
    Feature(
        "macd_histogram", "trend", 33, "(MACD(close, 12, 26) - its EMA(9)) / close[t]",
        "Appel (1979), The Moving Average Convergence-Divergence Trading Method", WARM_UP, "", macd_histogram,
    ),
    Feature(
        "slope_20", "trend", 19, "slope a bar of the least-squares line through the last 20 closes / close[t]",
        "ordinary least squares", WARM_UP, "", slope_20,
    ),
    Feature(
        "autocorrelation_20", "trend", 20, "sum((r[k] - m) (r[k-1] - m)) / sum((r[k] - m)^2) over the last 20 r with mean m",
        "Lo and MacKinlay (1988), Stock Market Prices Do Not Follow Random Walks", STANDSTILL, "", autocorrelation_20,
    ),
)  # fmt: skip
