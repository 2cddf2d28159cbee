"""RSI divergence: price and RSI disagree between two pivots, regular and hidden, bullish and bearish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.features import indicators
from engine.i18n import _
from engine.strategies import conditions
from engine.strategies.base import Decisions, Strategy, decimal, ranged

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray, IntArray
    from engine.strategies.conditions import Condition

MACD = (12, 26, 9)
#: The MACD histogram and its change are known from this bar on.
MACD_WARM_UP = MACD[1] + MACD[2] - 1
#: RSI at a low of which is at most the first counts in full, at the second not at all; mirrored at a high.
ZONE = (30.0, 50.0)
#: RSI in this range at the signal says nothing.
NEUTRAL = (45.0, 55.0)
#: From this strength on, volume need not confirm; from this one, RSI may be neutral.
STRONG, VERY_STRONG = 0.7, 0.8
HIDDEN_FACTOR = 0.9


@dataclass(frozen=True, slots=True)
class Divergence:
    """A divergence between the pivots at bars `first` and `second`, seen at bar `row` (the bar that confirms `second`)."""

    row: int
    side: int
    hidden: bool
    first: int
    second: int
    strength: float


@dataclass(frozen=True, slots=True)
class _Market:
    """The series that divergences are judged by, float64, length n."""

    rsi: FloatArray
    adx: FloatArray
    atr: FloatArray
    volume: FloatArray
    slope: FloatArray
    average: FloatArray


@dataclass(frozen=True)
class RsiDivergence(Strategy):
    """BUY on a bullish, SELL on a bearish divergence between the last two pivots of price, at the bar that confirms the later.

    A pivot low is the first least low among pivot_width bars on either side, so it is known pivot_width bars later; RSI is
    read at the same bars and must be below 50 at lows, above 50 at highs. Bullish: lower low, RSI higher. Hidden bullish:
    higher low, RSI lower, close above its average. Bearish and hidden bearish mirror them at pivot highs. Price must differ
    by divergence_threshold, RSI by rsi_threshold.

    strength = 0.25 min(10 dPrice, 1) + 0.25 min(5 dRSI / 100, 1) + 0.20 min(volume ratio / 1.2, 1) + 0.15 RSI zone
    (1 at 30 or less at the later low, 0 at 50, linear) + 0.15 MACD histogram (1 if it moves with the signal, else 0.3);
    x 0.9 if hidden. Filters: strength, ADX, volume (unless strength >= 0.7), RSI now outside 45 to 55 (unless >= 0.8), and
    no signal in the `spacing` bars before. Bars on which a bullish and a bearish divergence are seen give no signal.
    """

    name: ClassVar[str] = "rsi_divergence"

    rsi_period: int = ranged(14, 2, 100, "Period of the RSI, in bars")
    pivot_width: int = ranged(3, 1, 30, "Bars on either side that a pivot must exceed; it is known so many bars later")
    lookback: int = ranged(20, 3, 250, "Most bars between the two pivots")
    divergence_threshold: float = ranged(0.02, 0, 0.5, "Least difference of price between the pivots, as a fraction")
    rsi_threshold: float = ranged(0.2, 0, 50, "Least difference of RSI between the pivots, in points")
    sma_period: int = ranged(50, 2, 400, "Period of the average that hidden divergences are judged by, in bars")
    min_adx: float = ranged(20.0, 0, 100, "Least ADX; 0 switches the filter off")
    volume_ratio: float = ranged(1.2, 0, 10, "Volume must exceed its average by this factor; 0 switches the filter off")
    volume_period: int = ranged(20, 2, 250, "Period of the average volume, in bars")
    min_strength: float = ranged(0.5, 0, 1, "Least strength of a signal")
    spacing: int = ranged(5, 0, 250, "Bars after a signal without another one")
    atr_period: int = ranged(14, 2, 100, "Period of the average true range, in bars")
    stop_atr: float = ranged(2.0, 0.1, 20, "Distance of the stop, in average true ranges")
    target_atr: float = ranged(4.0, 0.1, 50, "Distance of the target, in average true ranges")

    @property
    def warm_up(self) -> int:
        """Bars before the first one on which the strategy can decide."""
        pivots = max(self.rsi_period, self.pivot_width) + 2 * self.pivot_width + 1
        periods = (self.sma_period - 1, self.atr_period, 2 * conditions.ADX_PERIOD - 1, MACD_WARM_UP)
        return max(pivots, *periods, self.volume_period - 1 if self.volume_ratio else 0)

    def decide(self, bars: Bars) -> Decisions:
        """The decision at the close of every bar; levels in the price base of the bars."""
        market = self._market(bars)
        taken: list[Divergence] = []
        for found in self._divergences(bars, market):
            spaced = not taken or found.row - taken[-1].row > self.spacing
            if spaced and self._passes(market, found):
                taken.append(found)
        rows = np.array([found.row for found in taken], dtype=np.int64)
        side = np.array([found.side for found in taken], dtype=np.int8)
        strength = np.array([found.strength for found in taken])
        close, atr = bars.close[rows], market.atr[rows]
        stop, target = close - side * self.stop_atr * atr, close + side * self.target_atr * atr
        return conditions.decided(len(bars), rows, side, strength, stop, target)

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:
        """Why bar `index` was decided so; for a bar without a signal, what is missing."""
        index = range(len(bars))[index]
        if early := conditions.too_early(self.warm_up, index):
            return early
        bars = bars.take(slice(0, index + 1))
        market = self._market(bars)
        found = next((item for item in self._divergences(bars, market) if item.row == index), None)
        if found is None:
            return self._why_none(bars, index)
        before = np.flatnonzero(decisions.action[:index])
        since = index - int(before[-1]) if before.size else self.spacing + 1
        near = _("the last signal was given {count} bars ago, and {limit} must lie between").format(
            count=since, limit=self.spacing
        )
        return conditions.explained(
            self._event(bars, market, found),
            *self._judged(bars, market, found),
            (since > self.spacing, near if since <= self.spacing else ""),
        )

    def context(self, bars: Bars) -> dict[str, float | None]:
        """ADX, ATR, RSI and average volume at the last bar; None where the series is too short or has no volume."""
        return conditions.market_context(
            bars, rsi_period=self.rsi_period, atr_period=self.atr_period, volume_period=self.volume_period
        )

    def _market(self, bars: Bars) -> _Market:
        close = bars.close
        return _Market(
            indicators.rsi(close, self.rsi_period),
            indicators.adx(bars.high, bars.low, close, conditions.ADX_PERIOD),
            indicators.atr(bars.high, bars.low, close, self.atr_period),
            conditions.relative_volume(bars, self.volume_period),
            np.diff(indicators.macd(close, *MACD)[2], prepend=np.nan),
            indicators.sma(close, self.sma_period),
        )

    def _divergences(self, bars: Bars, market: _Market) -> list[Divergence]:
        """All divergences in the order in which they are seen, filters aside; none where both sides are seen at once."""
        found = self._of_side(bars, market, 1, bars.low) + self._of_side(bars, market, -1, bars.high)
        rows = [item.row for item in found]
        return sorted((item for item in found if rows.count(item.row) == 1), key=lambda item: item.row)

    def _of_side(self, bars: Bars, market: _Market, side: int, price: FloatArray) -> list[Divergence]:
        """The divergences between pivots that follow each other; NaN compares false, so what is not known is none."""
        pivots = pivot_lows(side * price, self.pivot_width)
        first, second = pivots[:-1], pivots[1:]
        row = second + self.pivot_width
        early, late = market.rsi[first], market.rsi[second]
        change = side * (price[second] / price[first] - 1.0)
        turn = side * (late - early)
        hidden = change > 0
        diverge = (change * turn < 0) & (np.abs(change) >= self.divergence_threshold) & (np.abs(turn) >= self.rsi_threshold)
        placed = (
            (row >= self.warm_up) & (second - first <= self.lookback) & (side * early < side * 50) & (side * late < side * 50)
        )
        chosen = np.flatnonzero(diverge & placed & (~hidden | (side * (bars.close[row] - market.average[row]) > 0)))
        change, turn, row, hidden = np.abs(change[chosen]), np.abs(turn[chosen]), row[chosen], hidden[chosen]
        depth = late[chosen] if side > 0 else 100.0 - late[chosen]
        strength = (
            0.25 * np.minimum(10.0 * change, 1.0)
            + 0.25 * np.minimum(5.0 * turn / 100.0, 1.0)
            + 0.20 * np.minimum(np.nan_to_num(market.volume[row]) / 1.2, 1.0)
            + 0.15 * np.clip((ZONE[1] - depth) / (ZONE[1] - ZONE[0]), 0.0, 1.0)
            + 0.15 * np.where(side * market.slope[row] > 0, 1.0, 0.3)
        ) * np.where(hidden, HIDDEN_FACTOR, 1.0)
        columns = (row, hidden, first[chosen], second[chosen], strength)
        return [
            Divergence(at, side, quiet, one, two, value)
            for at, quiet, one, two, value in zip(*(column.tolist() for column in columns))
        ]

    def _passes(self, market: _Market, found: Divergence) -> bool:
        """Whether all filters hold at the bar of the divergence; `_judged` says the same in words."""
        row, strength = found.row, found.strength
        return bool(
            strength >= self.min_strength
            and (not self.min_adx or market.adx[row] >= self.min_adx)
            and (strength >= STRONG or not self.volume_ratio or market.volume[row] > self.volume_ratio)
            and (strength >= VERY_STRONG or not NEUTRAL[0] <= market.rsi[row] <= NEUTRAL[1])
            and market.atr[row] > 0
        )

    def _judged(self, bars: Bars, market: _Market, found: Divergence) -> list[Condition]:
        """The filters at the bar of the divergence, each with its words."""
        row, strength = found.row, found.strength
        adx, rsi = float(market.adx[row]), float(market.rsi[row])
        words = {"value": decimal(strength), "limit": decimal(self.min_strength)}
        if strength >= self.min_strength:
            judged = [(True, _("its strength is {value}").format(value=words["value"]))]
        else:
            judged = [(False, _("its strength {value} is below {limit}").format(**words))]
        if self.min_adx:
            known = {"adx": decimal(adx, 1), "limit": decimal(self.min_adx, 0)}
            enough = adx >= self.min_adx
            judged.append(
                (True, _("ADX {adx} is at least {limit}").format(**known))
                if enough
                else (False, _("ADX {adx} is below {limit}").format(**known))
            )
        if strength < STRONG:
            judged.append(conditions.volume_condition(bars.take(slice(0, row + 1)), row, self.volume_period, self.volume_ratio))
        if strength < VERY_STRONG and NEUTRAL[0] <= rsi <= NEUTRAL[1]:
            judged.append((False, _("RSI {rsi} is neutral").format(rsi=decimal(rsi, 1))))
        return [*judged, conditions.prices_moved(float(market.atr[row]))]

    def _event(self, bars: Bars, market: _Market, found: Divergence) -> str:
        price = bars.low if found.side > 0 else bars.high
        words = {
            "first": decimal(float(price[found.first])),
            "second": decimal(float(price[found.second])),
            "rsi_first": decimal(float(market.rsi[found.first]), 1),
            "rsi_second": decimal(float(market.rsi[found.second]), 1),
        }
        if found.side > 0 and not found.hidden:
            text = _(
                "Bullish divergence: a lower low ({first}, then {second}) with a higher RSI ({rsi_first}, then {rsi_second})"
            )
        elif found.side > 0:
            text = _(
                "Hidden bullish divergence: a higher low ({first}, then {second}) with a lower RSI ({rsi_first}, then {rsi_second})"
            )
        elif not found.hidden:
            text = _(
                "Bearish divergence: a higher high ({first}, then {second}) with a lower RSI ({rsi_first}, then {rsi_second})"
            )
        else:
            text = _(
                "Hidden bearish divergence: a lower high ({first}, then {second}) with a higher RSI ({rsi_first}, then {rsi_second})"
            )
        return text.format(**words)

    def _why_none(self, bars: Bars, index: int) -> str:
        centre = index - self.pivot_width
        if any(centre in pivot_lows(price, self.pivot_width)[-1:] for price in (bars.low, -bars.high)):
            return _("No signal: a pivot was confirmed, but price and RSI do not diverge from the pivot before.")
        return _("No signal: no pivot of the last {count} bars is confirmed by this one.").format(count=self.pivot_width)


def pivot_lows(values: FloatArray, width: int) -> IntArray:
    """The bars (int64) that are the first least value among `width` bars on either side; each is known `width` bars later."""
    if values.size < 2 * width + 1:
        return np.zeros(0, dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(values, 2 * width + 1)
    return np.flatnonzero(windows.argmin(axis=1) == width) + width
