"""MACD crossover: the MACD line crosses its signal line on high volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.features import indicators
from engine.i18n import _
from engine.strategies import conditions
from engine.strategies.base import Decisions, Strategy, decimal, ranged
from engine.strategies.crossing import Crossing, volume_filter

if TYPE_CHECKING:
    from engine.domain import Bars

#: A histogram of this share of an average true range is a cross of full strength.
FULL = 0.25


@dataclass(frozen=True)
class MacdCrossover(Strategy):
    """BUY when the MACD line crosses above its signal line on volume above its average; SELL when it crosses below.

    Stop and target are multiples of ATR from the close. strength = 0.6 + 0.4 x min(|histogram| / (0.25 ATR), 1): measured in
    ATR, it does not depend on the scale of the prices.
    """

    name: ClassVar[str] = "macd_crossover"

    macd_fast: int = ranged(12, 2, 100, "Period of the fast average of the MACD, in bars")
    macd_slow: int = ranged(26, 3, 400, "Period of the slow average of the MACD, in bars")
    macd_signal: int = ranged(9, 2, 100, "Period of the signal line of the MACD, in bars")
    volume_ratio: float = ranged(1.2, 0, 10, "Volume must exceed its average by this factor; 0 switches the filter off")
    volume_period: int = ranged(20, 2, 250, "Period of the average volume, in bars")
    atr_period: int = ranged(14, 2, 100, "Period of the average true range, in bars")
    stop_atr: float = ranged(2.0, 0.1, 20, "Distance of the stop, in average true ranges")
    target_atr: float = ranged(3.0, 0.1, 50, "Distance of the target, in average true ranges")

    def __post_init__(self) -> None:
        super().__post_init__()
        conditions.check_order(("macd_fast", self.macd_fast), ("macd_slow", self.macd_slow))

    @property
    def warm_up(self) -> int:
        """Bars before the first one on which the strategy can decide."""
        volume = self.volume_period - 1 if self.volume_ratio else 0
        return max(self.macd_slow + self.macd_signal - 1, self.atr_period, volume)

    def decide(self, bars: Bars) -> Decisions:
        """The decision at the close of every bar; levels in the price base of the bars."""
        close = bars.close
        histogram = indicators.macd(close, self.macd_fast, self.macd_slow, self.macd_signal)[2]
        rows, side = conditions.crosses(histogram)
        atr = indicators.atr(bars.high, bars.low, close, self.atr_period)[rows]
        passes = (atr > 0) & conditions.volume_passes(bars, self.volume_period, self.volume_ratio, rows)
        rows, side, atr = rows[passes], side[passes], atr[passes]
        strength = 0.6 + 0.4 * np.minimum(np.abs(histogram[rows]) / (FULL * atr), 1.0)
        stop, target = close[rows] - side * self.stop_atr * atr, close[rows] + side * self.target_atr * atr
        return conditions.decided(close.size, rows, side, strength, stop, target)

    def crossing(self, bars: Bars) -> Crossing:
        """The decisions as a cross of two lines."""
        line, signal, _histogram = indicators.macd(bars.close, self.macd_fast, self.macd_slow, self.macd_signal)
        atr = indicators.atr(bars.high, bars.low, bars.close, self.atr_period)
        return Crossing(
            line, signal, volume_filter(bars, self.volume_period, self.volume_ratio), atr, self.stop_atr, self.target_atr
        )

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:  # noqa: ARG002
        """Why bar `index` was decided so; for a bar without a signal, which condition is missing."""
        index = range(len(bars))[index]
        if early := conditions.too_early(self.warm_up, index):
            return early
        bars = bars.take(slice(0, index + 1))
        line, signal, histogram = indicators.macd(bars.close, self.macd_fast, self.macd_slow, self.macd_signal)
        now, before = float(histogram[-1]), float(histogram[-2])
        words = {"line": decimal(float(line[-1]), 3), "signal": decimal(float(signal[-1]), 3)}
        if now > 0 >= before:
            event = _("The MACD {line} crossed above its signal line {signal}").format(**words)
        elif now < 0 <= before:
            event = _("The MACD {line} crossed below its signal line {signal}").format(**words)
        elif now > 0:
            return _("No signal: the MACD {line} is above its signal line {signal} without a new cross.").format(**words)
        elif now < 0:
            return _("No signal: the MACD {line} is below its signal line {signal} without a new cross.").format(**words)
        else:
            return _("No signal: the MACD and its signal line are equal.")
        atr = float(indicators.atr(bars.high, bars.low, bars.close, self.atr_period)[-1])
        volume = conditions.volume_condition(bars, index, self.volume_period, self.volume_ratio)
        return conditions.explained(event, volume, conditions.prices_moved(atr))

    def context(self, bars: Bars) -> dict[str, float | None]:
        """ADX, ATR, RSI and average volume at the last bar; None where the series is too short or has no volume."""
        return conditions.market_context(bars, atr_period=self.atr_period, volume_period=self.volume_period)
