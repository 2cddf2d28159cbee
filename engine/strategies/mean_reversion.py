"""Mean reversion: a close outside the Bollinger bands while RSI is at its extreme, back to the middle band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.features import indicators
from engine.i18n import _
from engine.strategies import conditions
from engine.strategies.base import Decisions, Strategy, decimal, ranged

if TYPE_CHECKING:
    from engine.domain import Bars


@dataclass(frozen=True)
class MeanReversion(Strategy):
    """BUY when the close is below the lower Bollinger band and RSI is oversold; SELL when it is above the upper one and RSI
    is overbought, on every bar on which that holds.

    The stop is a multiple of ATR from the close, the target is the middle band. strength = 0.5 + the distance of the close
    beyond the band as a share of the width between the bands, at most 1.
    """

    name: ClassVar[str] = "mean_reversion"

    bb_period: int = ranged(20, 5, 250, "Period of the Bollinger bands, in bars")
    bb_width: float = ranged(2.0, 0.5, 5, "Distance of the bands from their middle, in standard deviations")
    rsi_period: int = ranged(14, 2, 100, "Period of the RSI, in bars")
    rsi_oversold: float = ranged(25.0, 0, 50, "BUY only while RSI is below this")
    rsi_overbought: float = ranged(75.0, 50, 100, "SELL only while RSI is above this")
    atr_period: int = ranged(14, 2, 100, "Period of the average true range, in bars")
    stop_atr: float = ranged(1.5, 0.1, 20, "Distance of the stop, in average true ranges")

    @property
    def warm_up(self) -> int:
        """Bars before the first one on which the strategy can decide."""
        return max(self.bb_period - 1, self.rsi_period, self.atr_period)

    def decide(self, bars: Bars) -> Decisions:
        """The decision at the close of every bar; levels in the price base of the bars."""
        close = bars.close
        upper, middle, lower = indicators.bollinger(close, self.bb_period, self.bb_width)
        rsi = indicators.rsi(close, self.rsi_period)
        atr = indicators.atr(bars.high, bars.low, close, self.atr_period)
        buy = (close < lower) & (rsi < self.rsi_oversold)
        sell = (close > upper) & (rsi > self.rsi_overbought)
        rows = ((buy | sell) & (atr > 0)).nonzero()[0]
        side = np.where(buy[rows], np.int8(1), np.int8(-1))
        beyond = np.where(side > 0, lower[rows] - close[rows], close[rows] - upper[rows])
        strength = 0.5 + np.minimum(beyond / (upper[rows] - lower[rows]), 0.5)
        return conditions.decided(close.size, rows, side, strength, close[rows] - side * self.stop_atr * atr[rows], middle[rows])

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:  # noqa: ARG002
        """Why bar `index` was decided so; for a bar without a signal, which condition is missing."""
        index = range(len(bars))[index]
        if early := conditions.too_early(self.warm_up, index):
            return early
        bars = bars.take(slice(0, index + 1))
        upper, _middle, lower = (float(band[-1]) for band in indicators.bollinger(bars.close, self.bb_period, self.bb_width))
        close = float(bars.close[-1])
        if lower <= close <= upper:
            return _("No signal: the close {close} is between the Bollinger bands, {lower} and {upper}.").format(
                close=decimal(close), lower=decimal(lower), upper=decimal(upper)
            )
        rsi = float(indicators.rsi(bars.close, self.rsi_period)[-1])
        if close < lower:
            event = _("The close {close} is below the lower Bollinger band {band}").format(
                close=decimal(close), band=decimal(lower)
            )
            extreme = conditions.rsi_below(rsi, self.rsi_oversold)
        else:
            event = _("The close {close} is above the upper Bollinger band {band}").format(
                close=decimal(close), band=decimal(upper)
            )
            extreme = conditions.rsi_above(rsi, self.rsi_overbought)
        atr = float(indicators.atr(bars.high, bars.low, bars.close, self.atr_period)[-1])
        return conditions.explained(event, extreme, conditions.prices_moved(atr))

    def context(self, bars: Bars) -> dict[str, float | None]:
        """ADX, ATR, RSI and average volume at the last bar; None where the series is too short or has no volume."""
        return conditions.market_context(bars, rsi_period=self.rsi_period, atr_period=self.atr_period)
