"""Features of where the price stands: against its mean, its bands and its extremes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.features import indicators
from engine.features.feature import STANDSTILL, WARM_UP, Feature
from engine.features.windows import deviation, first_of_session, mean, moving, ratio, returns
from engine.i18n import mark

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray

PERIOD = 20
#: Sessions of a year, and weekly bars of one.
YEAR, WEEKS = 252, 52


def price_vs_ma20(bars: Bars) -> FloatArray:
    return (bars.close - mean(bars.close, PERIOD)) / bars.close


def distance_to_high(bars: Bars) -> FloatArray:
    return (indicators.highest(bars.high, PERIOD) - bars.close) / bars.close


def distance_to_low(bars: Bars) -> FloatArray:
    return (bars.close - indicators.lowest(bars.low, PERIOD)) / bars.close


def bollinger_position(bars: Bars) -> FloatArray:
    """0 at the lower band, 1 at the upper one."""
    middle = mean(bars.close, PERIOD)
    return 0.5 + (bars.close - middle) / (4.0 * moving(deviation(bars.close, PERIOD), middle))


def z_score_20(bars: Bars) -> FloatArray:
    change = returns(bars)
    return (change - mean(change, PERIOD)) / moving(deviation(change, PERIOD, ddof=1))


def close_location(bars: Bars) -> FloatArray:
    """-1 for a close at the low of its bar, 1 at the high."""
    return ratio((bars.close - bars.low) - (bars.high - bars.close), bars.high - bars.low)


def distance_to_52w_high(bars: Bars) -> FloatArray:
    return (yearly_high(bars, bars.high) - bars.close) / bars.close


def distance_to_52w_low(bars: Bars) -> FloatArray:
    return (bars.close + yearly_high(bars, -bars.low)) / bars.close


def yearly_high(bars: Bars, values: FloatArray) -> FloatArray:
    """The greatest of `values` in the last 252 sessions (52 bars of a week), the bar's own session as far as it has come."""
    if not len(bars):
        return values.copy()
    place = np.arange(len(bars)) - first_of_session(bars)
    session = np.cumsum(place == 0) - 1
    count = int(session[-1]) + 1
    grid = np.full((count, int(place.max()) + 1), -np.inf)
    grid[session, place] = values
    so_far = np.maximum.accumulate(grid, axis=1)
    earlier = (WEEKS if bars.timeframe == "1w" else YEAR) - 1
    past = np.full(count, np.nan)
    past[1:] = indicators.highest(so_far[:-1, -1].copy(), earlier)
    found: FloatArray = np.maximum(past[session], so_far[session, place])
    return found


_BROCK = "Brock, Lakonishok and LeBaron (1992), Simple Technical Trading Rules"
_GEORGE = "George and Hwang (2004), The 52-Week High and Momentum Investing"
_YEAR = mark("Undefined for the first 251 sessions (51 bars of a week).")

FEATURES = (
    Feature("price_vs_ma20", "position", 19, "(close[t] - SMA(close, 20)) / close[t]", _BROCK, WARM_UP, "", price_vs_ma20),
    Feature("distance_to_high", "position", 19, "(max(high, 20) - close[t]) / close[t]", _BROCK, WARM_UP, "", distance_to_high),
    Feature("distance_to_low", "position", 19, "(close[t] - min(low, 20)) / close[t]", _BROCK, WARM_UP, "", distance_to_low),
    Feature(
        "bollinger_position", "position", 19, "(close[t] - lower) / (upper - lower) of SMA(close, 20) plus and minus 2 std, ddof 0",
        "Bollinger (2001), Bollinger on Bollinger Bands", STANDSTILL, "", bollinger_position,
    ),
    Feature(
        "z_score_20", "position", 20, "(r[t] - mean(r, 20)) / std(r, 20), ddof 1", "the standard score of statistics", STANDSTILL,
        mark("Of the return: the z-score of the close is the position in the Bollinger bands."), z_score_20,
    ),
    Feature(
        "close_location", "position", 0, "((close - low) - (high - close)) / (high - low)",
        "Chaikin's accumulation and distribution; Achelis (1995), Technical Analysis from A to Z", mark("Undefined on a bar whose high is its low."), "",
        close_location,
    ),
    Feature(
        "distance_to_52w_high", "position", 251, "(max(high, 252 sessions) - close[t]) / close[t]", _GEORGE, _YEAR, "", distance_to_52w_high,
    ),
    Feature("distance_to_52w_low", "position", 251, "(close[t] - min(low, 252 sessions)) / close[t]", _GEORGE, _YEAR, "", distance_to_52w_low),
)  # fmt: skip
