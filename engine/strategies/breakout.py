"""Breakout: a close beyond the range of the bars before, by a margin and on high volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.features import indicators
from engine.i18n import _
from engine.strategies import conditions
from engine.strategies.base import Decisions, Strategy, decimal, ranged

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray


@dataclass(frozen=True)
class Breakout(Strategy):
    """BUY when the close exceeds the highest high of the `lookback` bars before it by a margin, on volume above its average.

    SELL mirrors it below the lowest low. The stop lies `stop_atr` ATR inside the broken level, the target `target_atr` ATR
    beyond the close. strength = 0.5 + the ratio of volume to its average, held within 1 to 3, / 6; unknown counts as 1.
    """

    name: ClassVar[str] = "breakout"

    lookback: int = ranged(20, 2, 250, "Bars before this one whose range has to be broken")
    margin_atr: float = ranged(0.5, 0, 5, "How far beyond the range the close must lie, in average true ranges")
    volume_ratio: float = ranged(1.5, 0, 10, "Volume must exceed its average by this factor; 0 switches the filter off")
    volume_period: int = ranged(20, 2, 250, "Period of the average volume, in bars")
    atr_period: int = ranged(14, 2, 100, "Period of the average true range, in bars")
    stop_atr: float = ranged(0.5, 0, 20, "Distance of the stop inside the broken level, in average true ranges")
    target_atr: float = ranged(4.0, 0.1, 50, "Distance of the target, in average true ranges")

    @property
    def warm_up(self) -> int:
        """Bars before the first one on which the strategy can decide."""
        return max(self.lookback, self.atr_period, self.volume_period - 1 if self.volume_ratio else 0)

    def decide(self, bars: Bars) -> Decisions:
        """The decision at the close of every bar; levels in the price base of the bars."""
        close = bars.close
        resistance, support = self._range(bars)
        atr = indicators.atr(bars.high, bars.low, close, self.atr_period)
        margin = self.margin_atr * atr
        buy, sell = close > resistance + margin, close < support - margin
        rows = ((buy | sell) & (atr > 0)).nonzero()[0]
        volume = conditions.relative_volume(bars, self.volume_period, rows)
        if self.volume_ratio:
            passes = volume > self.volume_ratio
            rows, volume = rows[passes], volume[passes]
        side = np.where(buy[rows], np.int8(1), np.int8(-1))
        level = np.where(side > 0, resistance[rows], support[rows])
        stop = level - side * self.stop_atr * atr[rows]
        target = close[rows] + side * self.target_atr * atr[rows]
        busy = np.minimum(np.fmax(volume, 1.0), 3.0)
        return conditions.decided(close.size, rows, side, 0.5 + busy / 6.0, stop, target)

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:  # noqa: ARG002
        """Why bar `index` was decided so; for a bar without a signal, which condition is missing."""
        index = range(len(bars))[index]
        if early := conditions.too_early(self.warm_up, index):
            return early
        bars = bars.take(slice(0, index + 1))
        close, (resistance, support) = float(bars.close[-1]), (float(level[-1]) for level in self._range(bars))
        names = {"close": decimal(close), "count": self.lookback}
        if support <= close <= resistance:
            return _("No signal: the close {close} is within the range of the last {count} bars, {low} to {high}.").format(
                low=decimal(support), high=decimal(resistance), **names
            )
        if close > resistance:
            event = _("The close {close} is above the high {level} of the last {count} bars").format(
                level=decimal(resistance), **names
            )
        else:
            event = _("The close {close} is below the low {level} of the last {count} bars").format(
                level=decimal(support), **names
            )
        atr = float(indicators.atr(bars.high, bars.low, bars.close, self.atr_period)[-1])
        far = close > resistance + self.margin_atr * atr or close < support - self.margin_atr * atr
        short = _("by less than the margin of {margin}").format(margin=decimal(self.margin_atr * atr))
        return conditions.explained(
            event,
            (far, _("by more than the margin of {margin}").format(margin=decimal(self.margin_atr * atr)) if far else short),
            conditions.volume_condition(bars, index, self.volume_period, self.volume_ratio),
            conditions.prices_moved(atr),
        )

    def context(self, bars: Bars) -> dict[str, float | None]:
        """ADX, ATR, RSI and average volume at the last bar; None where the series is too short or has no volume."""
        return conditions.market_context(bars, atr_period=self.atr_period, volume_period=self.volume_period)

    def _range(self, bars: Bars) -> tuple[FloatArray, FloatArray]:
        """Highest high and lowest low of the `lookback` bars before each bar, NaN where there are fewer."""
        before = np.full((2, len(bars)), np.nan)
        before[0, 1:] = indicators.highest(bars.high, self.lookback)[:-1]
        before[1, 1:] = indicators.lowest(bars.low, self.lookback)[:-1]
        return before[0], before[1]
