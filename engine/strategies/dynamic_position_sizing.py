"""Dynamic position sizing: a slow trend following whose size follows volatility and its own past (fractional Kelly)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.errors import UsageError
from engine.features import indicators
from engine.i18n import _, ngettext
from engine.strategies import conditions
from engine.strategies.base import Decisions, Strategy, percent, ranged
from engine.strategies.outcomes import outcomes

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray, IntArray


@dataclass(frozen=True)
class DynamicPositionSizing(Strategy):
    """BUY when the fast EMA crosses above the slow one and RSI lies between its floor and overbought; SELL when it crosses
    below and RSI is above oversold. Stop and target are multiples of ATR from the close.

    strength = 0.5 + 0.3 x max(side x (50 - RSI) / 50, 0) + min(10 x |fast - slow| / close, 0.2).

    size, a fraction of the equity, is the lesser of two:
    - by volatility: risk / (distance of the stop / close), at most max_position, so that a stop costs `risk` of the equity;
    - by Kelly: kelly_fraction x (p - (1 - p) / b), from 0 to max_position, with p the share of winners and b the average
      gain over the average loss among this strategy's own trades on these bars that were closed before the bar of the signal
      (`engine.strategies.outcomes`: without costs). Under kelly_trades such trades, or with kelly_fraction 0, it is left out.
    A size of 0 (no edge so far) closes what is open and opens nothing; the signals go on, so that the edge can come back.
    Kelly (1956); Thorp, The Kelly criterion in blackjack, sports betting and the stock market (2006).
    """

    name: ClassVar[str] = "dynamic_position_sizing"

    ema_fast: int = ranged(20, 2, 100, "Period of the fast exponential average, in bars")
    ema_slow: int = ranged(50, 3, 400, "Period of the slow exponential average, in bars")
    rsi_period: int = ranged(14, 2, 100, "Period of the RSI, in bars")
    rsi_floor: float = ranged(40.0, 0, 60, "BUY only while RSI is above this")
    rsi_overbought: float = ranged(70.0, 50, 100, "BUY only while RSI is below this")
    rsi_oversold: float = ranged(30.0, 0, 50, "SELL only while RSI is above this")
    atr_period: int = ranged(14, 2, 100, "Period of the average true range, in bars")
    stop_atr: float = ranged(2.0, 0.1, 20, "Distance of the stop, in average true ranges")
    target_atr: float = ranged(3.0, 0.1, 50, "Distance of the target, in average true ranges")
    risk: float = ranged(0.02, 0.001, 0.2, "Share of the equity that is lost if the stop is hit")
    max_position: float = ranged(0.25, 0.01, 1, "Greatest share of the equity in one position")
    kelly_fraction: float = ranged(0.5, 0, 1, "Share of the Kelly bet that is taken; 0 sizes by volatility alone")
    kelly_trades: int = ranged(20, 2, 1000, "Closed trades of its own before Kelly is used")

    def __post_init__(self) -> None:
        super().__post_init__()
        conditions.check_order(("ema_fast", self.ema_fast), ("ema_slow", self.ema_slow))
        if self.rsi_floor >= self.rsi_overbought:
            raise UsageError(
                _("rsi_floor ({floor:g}) must be less than rsi_overbought ({overbought:g})").format(
                    floor=self.rsi_floor, overbought=self.rsi_overbought
                )
            )

    @property
    def warm_up(self) -> int:
        """Bars before the first one on which the strategy can decide."""
        return max(self.ema_slow, self.rsi_period, self.atr_period)

    def decide(self, bars: Bars) -> Decisions:
        """The decision at the close of every bar, with the size of each; levels in the price base of the bars."""
        close = bars.close
        spread = indicators.ema(close, self.ema_fast) - indicators.ema(close, self.ema_slow)
        rows, side = conditions.crosses(spread)
        rsi = indicators.rsi(close, self.rsi_period)[rows]
        atr = indicators.atr(bars.high, bars.low, close, self.atr_period)[rows]
        calm = np.where(side > 0, (rsi > self.rsi_floor) & (rsi < self.rsi_overbought), rsi > self.rsi_oversold)
        passes = calm & (atr > 0)
        rows, side, rsi, atr = rows[passes], side[passes], rsi[passes], atr[passes]
        strength = 0.5 + 0.3 * np.maximum(side * (50.0 - rsi) / 50.0, 0.0)
        strength += np.minimum(10.0 * np.abs(spread[rows]) / close[rows], 0.2)
        stop, target = close[rows] - side * self.stop_atr * atr, close[rows] + side * self.target_atr * atr
        plain = conditions.decided(close.size, rows, side, strength, stop, target)
        size = np.full(close.size, np.nan)
        size[rows] = self._by_volatility(close[rows], stop)
        if self.kelly_fraction and rows.size > self.kelly_trades:
            size[rows] = np.fmin(size[rows], self._kelly(bars, plain, rows)[0])
        return replace(plain, size=size)

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:
        """Why bar `index` was decided so; for a bar without a signal, which condition is missing."""
        index = range(len(bars))[index]
        if early := conditions.too_early(self.warm_up, index):
            return early
        close = bars.close[: index + 1]
        side, cross = conditions.ema_cross(close, self.ema_fast, self.ema_slow)
        if not side:
            return cross
        rsi = float(indicators.rsi(close, self.rsi_period)[-1])
        if side > 0:
            calm = [conditions.rsi_above(rsi, self.rsi_floor), conditions.rsi_below(rsi, self.rsi_overbought)]
        else:
            calm = [conditions.rsi_above(rsi, self.rsi_oversold)]
        atr = float(indicators.atr(bars.high[: index + 1], bars.low[: index + 1], close, self.atr_period)[-1])
        text = conditions.explained(cross, *calm, conditions.prices_moved(atr))
        return f"{text} {self._size_text(bars, decisions, index)}" if decisions.action[index] else text

    def context(self, bars: Bars) -> dict[str, float | None]:
        """ADX, ATR, RSI and average volume at the last bar; None where the series is too short or has no volume."""
        return conditions.market_context(bars, rsi_period=self.rsi_period, atr_period=self.atr_period)

    def _by_volatility(self, close: FloatArray, stop: FloatArray) -> FloatArray:
        return np.minimum(self.risk * close / np.abs(close - stop), self.max_position)

    def _kelly(self, bars: Bars, decisions: Decisions, rows: IntArray) -> tuple[FloatArray, IntArray]:
        """Size by Kelly at each of `rows` (NaN while it is not used) and the trades closed before it."""
        closed = outcomes(bars, decisions)
        count = np.searchsorted(closed.exit, rows)
        gains, losses = np.maximum(closed.return_, 0.0), np.maximum(-closed.return_, 0.0)
        sums = np.zeros((4, gains.size + 1))
        np.cumsum((gains > 0, losses > 0, gains, losses), axis=1, out=sums[:, 1:])
        won, lost, gain, loss = sums[:, count]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = won / count
            edge = np.where(gain > 0, share - (1.0 - share) * np.where(lost > 0, loss / lost, 0.0) / (gain / won), 0.0)
        used = (count >= self.kelly_trades) & (self.kelly_fraction > 0)
        return np.where(used, np.clip(self.kelly_fraction * edge, 0.0, self.max_position), np.nan), count

    def _size_text(self, bars: Bars, decisions: Decisions, index: int) -> str:
        row = np.array([index])
        (kelly,), (count,) = self._kelly(bars, decisions, row)
        (by_volatility,) = self._by_volatility(bars.close[row], decisions.stop[row])
        assert decisions.size is not None
        words = {
            "size": percent(float(decisions.size[index])),
            "volatility": percent(float(by_volatility)),
            "count": int(count),
        }
        if np.isnan(kelly):
            return ngettext(
                "Size {size} of the equity by volatility; {count} trade of its own is closed so far, Kelly is not used.",
                "Size {size} of the equity by volatility; {count} trades of its own are closed so far, Kelly is not used.",
                int(count),
            ).format(**words)
        return _("Size {size} of the equity: volatility allows {volatility}, Kelly on its {count} closed trades {kelly}.").format(
            kelly=percent(float(kelly)), **words
        )
