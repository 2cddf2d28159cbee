"""Features of single bars and of few bars in a row: candlesticks, gaps, streaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.features import indicators
from engine.features.feature import STANDSTILL, WARM_UP, Feature
from engine.features.windows import STILL, before, change, ratio
from engine.i18n import mark

if TYPE_CHECKING:
    from engine.domain import Bars, BoolArray, FloatArray

#: The largest body of a doji and the longest upper shadow of a hammer, as shares of the bar's range.
SMALL = 0.1


def doji(bars: Bars) -> FloatArray:
    """1 where the body is no more than a tenth of the range, else 0; undefined on a bar without range."""
    span = bars.high - bars.low
    return np.where(span > 0, _at_most(np.abs(bars.close - bars.open), SMALL * span, bars), np.nan)


def hammer(bars: Bars) -> FloatArray:
    """1 where, after a fall, the lower shadow is at least twice a body at the top of the range, else 0.

    After a fall: the close before is below that five bars before it. Without that the same bar is a hanging man.
    """
    span, body = bars.high - bars.low, np.abs(bars.close - bars.open)
    upper, lower = bars.high - np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close) - bars.low
    shaped = _at_most(2.0 * body, lower, bars) & _at_most(upper, SMALL * span, bars)
    fall = before(change(bars.close, 5))
    return np.where(np.isnan(fall) | (span == 0), np.nan, shaped & (fall < 0))


def engulfing(bars: Bars) -> FloatArray:
    """+1 where a rising body engulfs the falling one before it, -1 the other way round, else 0; equal at one end only."""
    open_, close = before(bars.open), before(bars.close)
    bullish = (bars.close > bars.open) & (close < open_) & (bars.open <= close) & (bars.close >= open_)
    bearish = (bars.close < bars.open) & (close > open_) & (bars.open >= close) & (bars.close <= open_)
    larger = (bars.open != close) | (bars.close != open_)
    return np.where(np.isnan(close), np.nan, (bullish & larger) * 1.0 - (bearish & larger) * 1.0)


def gap(bars: Bars) -> FloatArray:
    return ratio(bars.open - before(bars.close), before(indicators.atr(bars.high, bars.low, bars.close, 14)))


def streak(bars: Bars) -> FloatArray:
    """How many closes in a row have risen (+) or fallen (-) up to this one; 0 for an unchanged close."""
    n = len(bars)
    side = np.sign(bars.close - before(bars.close))
    turned = np.ones(n, dtype=np.bool_)
    turned[1:] = side[1:] != side[:-1]
    at = np.arange(n)
    begin: FloatArray = np.maximum.accumulate(np.where(turned, at, 0))
    return side * (at - begin + 1.0)


def _at_most(left: FloatArray, right: FloatArray, bars: Bars) -> BoolArray:
    """left <= right, where both are differences of prices, which are exact only to the rounding of the prices."""
    found: BoolArray = left <= right + STILL * bars.close
    return found


_NISON = "Nison (1991), Japanese Candlestick Charting Techniques"
_NO_RANGE = mark("Undefined on a bar whose high is its low.")

FEATURES = (
    Feature("doji", "pattern", 0, "1 if |close - open| <= 0.1 (high - low) else 0", _NISON, _NO_RANGE, "", doji),
    Feature(
        "hammer", "pattern", 6,
        "1 if lower shadow >= 2 |close - open| and upper shadow <= 0.1 (high - low) and close[t-1] < close[t-6] else 0",
        _NISON, STANDSTILL, "", hammer,
    ),
    Feature(
        "engulfing", "pattern", 1, "1 if a rising body holds the falling body of t-1, -1 if a falling one holds a rising one, else 0",
        _NISON, WARM_UP, mark("One column with a sign, -1 for the bearish form."), engulfing,
    ),
    Feature(
        "gap", "pattern", 15, "(open[t] - close[t-1]) / ATR(14)[t-1]",
        "Plastun, Sibande, Gupta and Wohar (2020), Price Gap Anomaly in the US Stock Market", STANDSTILL, "", gap,
    ),
    Feature(
        "streak", "pattern", 1, "closes in a row above (+) or below (-) the one before, 0 if close[t] = close[t-1]",
        "Connors and Alvarez (2012), An Introduction to ConnorsRSI", WARM_UP, "", streak,
    ),
)  # fmt: skip
