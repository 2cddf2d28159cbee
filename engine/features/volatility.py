"""Features of how far prices move, and of the shape of their moves."""

from __future__ import annotations

from functools import partial
from math import log
from typing import TYPE_CHECKING

import numpy as np

from engine.features import indicators
from engine.features.feature import STANDSTILL, WARM_UP, Feature
from engine.features.windows import deviation, mean, moment, moving, ratio, returns
from engine.i18n import mark

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray

PERIOD = 20


def volatility(bars: Bars, period: int) -> FloatArray:
    return deviation(returns(bars), period, ddof=1)


def atr_ratio(bars: Bars) -> FloatArray:
    return indicators.atr(bars.high, bars.low, bars.close, 14) / bars.close


def bollinger_width(bars: Bars) -> FloatArray:
    return ratio(4.0 * deviation(bars.close, PERIOD), mean(bars.close, PERIOD))


def parkinson(bars: Bars) -> FloatArray:
    span = np.log(bars.high / bars.low)
    found: FloatArray = np.sqrt(mean(span * span, PERIOD) / (4.0 * log(2.0)))
    return found


def garman_klass(bars: Bars) -> FloatArray:
    """Undefined where the open or close lies so far outside the range that the variance would be negative."""
    span, body = np.log(bars.high / bars.low), np.log(bars.close / bars.open)
    variance = mean(0.5 * span * span - (2.0 * log(2.0) - 1.0) * body * body, PERIOD)
    return np.sqrt(np.where(variance >= 0, variance, np.nan))


def range_ratio(bars: Bars) -> FloatArray:
    span = bars.high - bars.low
    return ratio(span, mean(span, PERIOD))


def skewness(bars: Bars) -> FloatArray:
    change = returns(bars)
    return moment(change, PERIOD, 3) / moving(deviation(change, PERIOD)) ** 3


def kurtosis(bars: Bars) -> FloatArray:
    change = returns(bars)
    return moment(change, PERIOD, 4) / moving(deviation(change, PERIOD)) ** 4 - 3.0


_AMAYA = "Amaya, Christoffersen, Jacobs and Vasquez (2015), Does Realized Skewness Predict the Cross-Section of Equity Returns?"
_RETURNS = mark("Of returns, where the requirement takes the standard deviation of closing prices, which grows with the price.")

FEATURES = (
    *(
        Feature(
            f"volatility_{period}", "volatility", period, f"std(r, {period}), ddof 1", "Merton (1980), On Estimating the Expected Return on the Market",
            WARM_UP, _RETURNS, partial(volatility, period=period),
        )
        for period in (5, 20)
    ),
    Feature(
        "atr_ratio", "volatility", 14, "ATR(14) / close[t], Wilder's smoothing", "Wilder (1978), New Concepts in Technical Trading Systems",
        WARM_UP, "", atr_ratio,
    ),
    Feature(
        "bollinger_width", "volatility", 19, "(upper - lower) / middle of SMA(close, 20) plus and minus 2 std, ddof 0",
        "Bollinger (2001), Bollinger on Bollinger Bands", WARM_UP, "", bollinger_width,
    ),
    Feature(
        "parkinson_20", "volatility", 19, "sqrt(mean(ln(high / low)^2, 20) / (4 ln 2))",
        "Parkinson (1980), The Extreme Value Method for Estimating the Variance of the Rate of Return", WARM_UP, "", parkinson,
    ),
    Feature(
        "garman_klass_20", "volatility", 19, "sqrt(mean(0.5 ln(high / low)^2 - (2 ln 2 - 1) ln(close / open)^2, 20))",
        "Garman and Klass (1980), On the Estimation of Security Price Volatilities from Historical Data", WARM_UP, "", garman_klass,
    ),
    Feature(
        "range_ratio", "volatility", 19, "(high[t] - low[t]) / mean(high - low, 20)",
        "Crabel (1990), Day Trading with Short Term Price Patterns and Opening Range Breakout", STANDSTILL, "", range_ratio,
    ),
    Feature("skewness_20", "volatility", 20, "m3 / m2^1.5 of the last 20 r", _AMAYA, STANDSTILL, "", skewness),
    Feature("kurtosis_20", "volatility", 20, "m4 / m2^2 - 3 of the last 20 r", _AMAYA, STANDSTILL, "", kurtosis),
)  # fmt: skip
