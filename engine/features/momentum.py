"""Features of the direction and speed of prices, and of where in the day they moved."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from engine.features import indicators
from engine.features.feature import ALWAYS, STANDSTILL, WARM_UP, Feature
from engine.features.windows import change, changed, first_of_session, mean, ratio, since_moved
from engine.i18n import mark

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray


def momentum(bars: Bars, period: int) -> FloatArray:
    return change(bars.close, period)


def rsi(bars: Bars, period: int) -> FloatArray:
    """Wilder's RSI; TA-Lib's 0 for a series that never moved is undefined here."""
    return since_moved(changed(bars.close), indicators.rsi(bars.close, period))


def raw_stochastic(bars: Bars) -> FloatArray:
    """Where in the range of 14 bars the close lies, 0 to 100."""
    low = indicators.lowest(bars.low, 14)
    return 100.0 * ratio(bars.close - low, indicators.highest(bars.high, 14) - low)


def stochastic_k(bars: Bars) -> FloatArray:
    return mean(raw_stochastic(bars), 3)


def stochastic_d(bars: Bars) -> FloatArray:
    return mean(stochastic_k(bars), 3)


def williams_r(bars: Bars) -> FloatArray:
    return raw_stochastic(bars) - 100.0


def overnight_return(bars: Bars) -> FloatArray:
    """The open of the bar's session over the last close before that session, less 1; the same on every bar of the session."""
    first = first_of_session(bars)
    return np.where(first > 0, bars.open[first] / bars.close[first - 1] - 1.0, np.nan)


def intraday_return(bars: Bars) -> FloatArray:
    """The close over the open of the bar's session, less 1."""
    return bars.close / bars.open[first_of_session(bars)] - 1.0


_JEGADEESH = "Jegadeesh and Titman (1993), Returns to Buying Winners and Selling Losers"
_WILDER = "Wilder (1978), New Concepts in Technical Trading Systems"
_LANE = "Lane (1984), Lane's Stochastics"
_LOU = "Lou, Polk and Skouras (2019), A Tug of War: Overnight versus Intraday Expected Returns"
_NO_MOVE = mark("Undefined during the look-back and until the close has changed once.")

FEATURES = (
    *(
        Feature(
            f"momentum_{period}", "momentum", period, f"close[t] / close[t-{period}] - 1", _JEGADEESH, WARM_UP, "",
            partial(momentum, period=period),
        )
        for period in (5, 10, 20)
    ),
    *(
        Feature(
            f"rsi_{period}", "momentum", period, f"RSI({period}) of close, Wilder's smoothing, 0 to 100", _WILDER, _NO_MOVE, "",
            partial(rsi, period=period),
        )
        for period in (7, 14, 21)
    ),
    Feature(
        "stochastic_k", "momentum", 15, "SMA(3) of 100 (close - min(low, 14)) / (max(high, 14) - min(low, 14))", _LANE, STANDSTILL,
        mark("The slow %K: the fast one says the same as Williams %R."), stochastic_k,
    ),
    Feature("stochastic_d", "momentum", 17, "SMA(3) of stochastic_k", _LANE, STANDSTILL, "", stochastic_d),
    Feature(
        "williams_r", "momentum", 13, "-100 (max(high, 14) - close) / (max(high, 14) - min(low, 14))",
        "Williams (1979), How I Made One Million Dollars Trading Commodities", STANDSTILL, "", williams_r,
    ),
    Feature(
        "overnight_return", "momentum", 1, "open of the session / last close before the session - 1", _LOU,
        mark("Undefined in the first session."), "", overnight_return,
    ),
    Feature("intraday_return", "momentum", 0, "close[t] / open of the session - 1", _LOU, ALWAYS, "", intraday_return),
)  # fmt: skip
