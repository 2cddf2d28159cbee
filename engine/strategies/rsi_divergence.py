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
    from numpy.typing import NDArray

    from engine.domain import Bars, BoolArray, FloatArray, IntArray
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
class Divergences:
    """Divergences in the order in which they are seen, one value each; no two at one bar.

    row: the bar (int64) that confirms the later pivot and so shows the divergence; first, second: the bars of the pivots.
    side: int8, +1 bullish, -1 bearish; hidden: bool. volume: over its average at `row`, NaN where it is not known.
    """

    row: IntArray
    first: IntArray
    second: IntArray
    side: NDArray[np.int8]
    hidden: BoolArray
    volume: FloatArray
    strength: FloatArray


@dataclass(frozen=True, slots=True)
class _Market:
    """The series that divergences are judged by, float64, length n."""

    rsi: FloatArray
    adx: FloatArray
    atr: FloatArray
    histogram: FloatArray
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
        found = self._divergences(bars, market)
        taken = self._spaced(found.row, self._passes(market, found))
        rows, side = found.row[taken], found.side[taken]
        close, atr = bars.close[rows], market.atr[rows]
        stop, target = close - side * self.stop_atr * atr, close + side * self.target_atr * atr
        return conditions.decided(len(bars), rows, side, found.strength[taken], stop, target)

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:
        """Why bar `index` was decided so; for a bar without a signal, what is missing."""
        index = range(len(bars))[index]
        if early := conditions.too_early(self.warm_up, index):
            return early
        bars = bars.take(slice(0, index + 1))
        market = self._market(bars)
        found = self._divergences(bars, market)
        seen = np.flatnonzero(found.row == index)
        if not seen.size:
            return self._why_none(bars, index)
        place = int(seen[0])
        before = np.flatnonzero(decisions.action[:index])
        since = index - int(before[-1]) if before.size else self.spacing + 1
        near = _("the last signal was given {count} bars ago, and {limit} must lie between").format(
            count=since, limit=self.spacing
        )
        return conditions.explained(
            self._event(bars, market, found, place),
            *self._judged(bars, market, found, place),
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
            indicators.macd(close, *MACD)[2],
            indicators.sma(close, self.sma_period),
        )

    def _divergences(self, bars: Bars, market: _Market) -> Divergences:
        """All divergences between pivots that follow each other, filters aside; none where both sides are seen at once.

        NaN compares false, so what is not known is no divergence.
        """
        lows, highs = pivot_lows(bars.low, self.pivot_width), pivot_lows(-bars.high, self.pivot_width)
        first, second = np.concatenate((lows[:-1], highs[:-1])), np.concatenate((lows[1:], highs[1:]))
        before, after = (np.concatenate((bars.low[lows[part]], bars.high[highs[part]])) for part in (slice(-1), slice(1, None)))
        side = np.ones(first.size, dtype=np.int8)
        side[lows[1:].size :] = -1
        row = second + self.pivot_width
        early, late = market.rsi[first], market.rsi[second]
        change, turn = side * (after / before - 1.0), side * (late - early)
        hidden = change > 0
        diverge = (change * turn < 0) & (np.abs(change) >= self.divergence_threshold) & (np.abs(turn) >= self.rsi_threshold)
        placed = (row >= self.warm_up) & (second - first <= self.lookback) & (np.maximum(side * early, side * late) < side * 50)
        chosen = np.flatnonzero(diverge & placed & (~hidden | (side * (bars.close[row] - market.average[row]) > 0)))
        chosen = chosen[row[chosen].argsort()]
        apart = row[chosen[1:]] != row[chosen[:-1]]
        alone = np.ones(chosen.size, dtype=np.bool_)
        alone[1:] &= apart
        alone[:-1] &= apart
        chosen = chosen[alone]
        row, side, hidden, late = row[chosen], side[chosen], hidden[chosen], late[chosen]
        volume = conditions.relative_volume(bars, self.volume_period, row)
        depth = np.where(side > 0, late, 100.0 - late)
        slope = market.histogram[row] - market.histogram[row - 1]
        strength = (
            0.25 * np.minimum(10.0 * np.abs(change[chosen]), 1.0)
            + 0.25 * np.minimum(5.0 * np.abs(turn[chosen]) / 100.0, 1.0)
            + 0.20 * np.minimum(np.fmax(volume, 0.0) / 1.2, 1.0)
            + 0.15 * np.minimum(np.maximum((ZONE[1] - depth) / (ZONE[1] - ZONE[0]), 0.0), 1.0)
            + 0.15 * np.where(side * slope > 0, 1.0, 0.3)
        ) * np.where(hidden, HIDDEN_FACTOR, 1.0)
        return Divergences(row, first[chosen], second[chosen], side, hidden, volume, strength)

    def _passes(self, market: _Market, found: Divergences) -> BoolArray:
        """Whether all filters hold at the bar of each divergence; `_judged` says the same in words."""
        rsi, strength = market.rsi[found.row], found.strength
        passes = (strength >= self.min_strength) & (market.atr[found.row] > 0)
        if self.min_adx:
            passes &= market.adx[found.row] >= self.min_adx
        if self.volume_ratio:
            passes &= (strength >= STRONG) | (found.volume > self.volume_ratio)
        passes &= (strength >= VERY_STRONG) | (rsi < NEUTRAL[0]) | (rsi > NEUTRAL[1])
        return passes

    def _spaced(self, rows: IntArray, passes: BoolArray) -> list[int]:
        """The places of those that pass and come more than `spacing` bars after the last one taken."""
        taken: list[int] = []
        last = -self.spacing - 1
        for place, row in enumerate(rows.tolist()):
            if passes[place] and row - last > self.spacing:
                taken.append(place)
                last = row
        return taken

    def _judged(self, bars: Bars, market: _Market, found: Divergences, place: int) -> list[Condition]:
        """The filters at the bar of one divergence, each with its words."""
        row, strength = int(found.row[place]), float(found.strength[place])
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

    def _event(self, bars: Bars, market: _Market, found: Divergences, place: int) -> str:
        first, second, hidden = found.first[place], found.second[place], found.hidden[place]
        bullish = found.side[place] > 0
        price = bars.low if bullish else bars.high
        words = {
            "first": decimal(float(price[first])),
            "second": decimal(float(price[second])),
            "rsi_first": decimal(float(market.rsi[first]), 1),
            "rsi_second": decimal(float(market.rsi[second]), 1),
        }
        if bullish and not hidden:
            text = _(
                "Bullish divergence: a lower low ({first}, then {second}) with a higher RSI ({rsi_first}, then {rsi_second})"
            )
        elif bullish:
            text = _(
                "Hidden bullish divergence: a higher low ({first}, then {second}) with a lower RSI ({rsi_first}, then {rsi_second})"
            )
        elif not hidden:
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
    n = values.size
    if n < 2 * width + 1:
        return np.zeros(0, dtype=np.int64)
    least = values if width == 1 else indicators.lowest(values, width)
    centre = values[width : n - width]
    return np.flatnonzero((centre < least[width - 1 : n - width - 1]) & (centre <= least[2 * width :])) + width
