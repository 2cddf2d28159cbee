"""The regime of a market at each bar: trending up, trending down, ranging or volatile."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from engine.features import indicators
from engine.i18n import _

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain import Bars

ATR_PERIOD = ADX_PERIOD = 14
VOLATILE_ATR, TREND_ADX, SMA = 0.03, 25.0, 50


class Regime(StrEnum):
    """What a market does; `regimes` gives the place of each in this order."""

    UNKNOWN = "unknown"
    TRENDING_UP = "trending_up"
    TRENDING_DOWN = "trending_down"
    RANGING = "ranging"
    VOLATILE = "volatile"

    @property
    def words(self) -> str:
        """The regime in the reader's language."""
        names = {
            Regime.UNKNOWN: _("unknown"),
            Regime.TRENDING_UP: _("trending up"),
            Regime.TRENDING_DOWN: _("trending down"),
            Regime.RANGING: _("ranging"),
            Regime.VOLATILE: _("volatile"),
        }
        return names[self]


REGIMES = tuple(Regime)


def regimes(bars: Bars, *, volatile_atr: float = VOLATILE_ATR, trend_adx: float = TREND_ADX, sma: int = SMA) -> NDArray[np.int8]:
    """The regime at the close of each of n bars, int8, length n: its place in `REGIMES`. Uses bars up to its own only.

    In this order: volatile when ATR(14) / close > volatile_atr; else a trend when ADX(14) > trend_adx, up when the close is
    above SMA(sma), down when it is not; else ranging. Unknown until all three are known.
    """
    atr = indicators.atr(bars.high, bars.low, bars.close, ATR_PERIOD) / bars.close
    adx = indicators.adx(bars.high, bars.low, bars.close, ADX_PERIOD)
    average = indicators.sma(bars.close, sma)
    trending = adx > trend_adx
    found = np.full(len(bars), REGIMES.index(Regime.RANGING), dtype=np.int8)
    for regime, holds in (
        (Regime.TRENDING_DOWN, trending),
        (Regime.TRENDING_UP, trending & (bars.close > average)),
        (Regime.VOLATILE, atr > volatile_atr),
        (Regime.UNKNOWN, np.isnan(atr) | np.isnan(adx) | np.isnan(average)),
    ):
        np.putmask(found, holds, REGIMES.index(regime))
    return found


def since(codes: NDArray[np.int8]) -> int:
    """The first bar of the run of equal regimes that ends with the last one; codes has at least one value."""
    changes = np.flatnonzero(codes[1:] != codes[:-1])
    return int(changes[-1]) + 1 if changes.size else 0
