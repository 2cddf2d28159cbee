"""Trend following: a cross of two exponential averages, confirmed by RSI and volume."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.features import indicators
from engine.strategies import conditions
from engine.strategies.base import Decisions, Strategy, ranged
from engine.strategies.crossing import Crossing, Filter, volume_filter

if TYPE_CHECKING:
    from engine.domain import Bars


@dataclass(frozen=True)
class TrendFollowing(Strategy):
    """BUY when the fast EMA crosses above the slow one, RSI is below overbought and volume is above its average.

    SELL mirrors it: cross below, RSI above oversold, same volume. Stop and target are multiples of ATR from the signal's
    close. strength = 0.5 + (50 - RSI) / 100 for BUY, 0.5 + (RSI - 50) / 100 for SELL, clipped to [0, 1].
    Volume is the quantity; where the source gives none, the turnover; where it gives neither, the filter cannot be judged
    and there is no signal, unless volume_ratio is 0, which switches the filter off.
    """

    name: ClassVar[str] = "trend_following"

    ema_fast: int = ranged(9, 2, 100, "Period of the fast exponential average, in bars")
    ema_slow: int = ranged(21, 3, 400, "Period of the slow exponential average, in bars")
    rsi_period: int = ranged(14, 2, 100, "Period of the RSI, in bars")
    rsi_oversold: float = ranged(30.0, 0, 50, "SELL only while RSI is above this")
    rsi_overbought: float = ranged(70.0, 50, 100, "BUY only while RSI is below this")
    volume_ratio: float = ranged(1.2, 0, 10, "Volume must exceed its average by this factor; 0 switches the filter off")
    volume_period: int = ranged(20, 2, 250, "Period of the average volume, in bars")
    atr_period: int = ranged(14, 2, 100, "Period of the average true range, in bars")
    stop_atr: float = ranged(2.0, 0.1, 20, "Distance of the stop, in average true ranges")
    target_atr: float = ranged(3.0, 0.1, 50, "Distance of the target, in average true ranges")

    def __post_init__(self) -> None:
        super().__post_init__()
        conditions.check_order(("ema_fast", self.ema_fast), ("ema_slow", self.ema_slow))

    @property
    def warm_up(self) -> int:
        """Bars before the first one on which the strategy can decide."""
        return max(self.ema_slow, self.rsi_period, self.atr_period, self.volume_period - 1 if self.volume_ratio else 0)

    def decide(self, bars: Bars) -> Decisions:
        """The decision at the close of every bar; levels in the price base of the bars."""
        close = bars.close
        rows, side = conditions.crosses(indicators.ema(close, self.ema_fast) - indicators.ema(close, self.ema_slow))
        rsi = indicators.rsi(close, self.rsi_period)[rows]
        atr = indicators.atr(bars.high, bars.low, close, self.atr_period)[rows]
        confirmed = np.where(side > 0, rsi < self.rsi_overbought, rsi > self.rsi_oversold)
        passes = confirmed & (atr > 0) & conditions.volume_passes(bars, self.volume_period, self.volume_ratio, rows)
        rows, side, rsi, atr = rows[passes], side[passes], rsi[passes], atr[passes]
        stop = close[rows] - side * self.stop_atr * atr
        target = close[rows] + side * self.target_atr * atr
        return conditions.decided(close.size, rows, side, 0.5 + side * (50.0 - rsi) / 100.0, stop, target)

    def crossing(self, bars: Bars) -> Crossing:
        """The decisions as a cross of two lines."""
        close, below, above = bars.close, (-math.inf, self.rsi_overbought), (self.rsi_oversold, math.inf)
        return Crossing(
            indicators.ema(close, self.ema_fast),
            indicators.ema(close, self.ema_slow),
            (
                Filter(indicators.rsi(close, self.rsi_period), below, above),
                *volume_filter(bars, self.volume_period, self.volume_ratio),
            ),
            indicators.atr(bars.high, bars.low, close, self.atr_period),
            self.stop_atr,
            self.target_atr,
        )

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:  # noqa: ARG002
        """Why bar `index` was decided so; for a bar without a signal, which condition is missing."""
        index = range(len(bars))[index]
        if early := conditions.too_early(self.warm_up, index):
            return early
        bars = bars.take(slice(0, index + 1))
        side, cross = conditions.ema_cross(bars.close, self.ema_fast, self.ema_slow)
        if not side:
            return cross
        rsi = float(indicators.rsi(bars.close, self.rsi_period)[-1])
        atr = float(indicators.atr(bars.high, bars.low, bars.close, self.atr_period)[-1])
        return conditions.explained(
            cross,
            conditions.rsi_below(rsi, self.rsi_overbought) if side > 0 else conditions.rsi_above(rsi, self.rsi_oversold),
            conditions.volume_condition(bars, index, self.volume_period, self.volume_ratio),
            conditions.prices_moved(atr),
        )

    def context(self, bars: Bars) -> dict[str, float | None]:
        """ADX, ATR, RSI and average volume at the last bar; None where the series is too short or has no volume."""
        return conditions.market_context(
            bars, rsi_period=self.rsi_period, atr_period=self.atr_period, volume_period=self.volume_period
        )
