"""Trend following: a cross of two exponential averages, confirmed by RSI and volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.errors import UsageError
from engine.features import indicators
from engine.i18n import _
from engine.strategies.base import Decisions, Strategy, decimal, ranged

if TYPE_CHECKING:
    from engine.domain import Bars, BoolArray, FloatArray

ADX_PERIOD = 14


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
        if self.ema_fast >= self.ema_slow:
            raise UsageError(
                _("ema_fast ({fast}) must be less than ema_slow ({slow})").format(fast=self.ema_fast, slow=self.ema_slow),
                _("Give a shorter fast average or a longer slow one."),
            )

    @property
    def warm_up(self) -> int:
        """Bars before the first one on which the strategy can decide."""
        return max(self.ema_slow, self.rsi_period, self.atr_period, self.volume_period - 1 if self.volume_ratio else 0)

    def decide(self, bars: Bars) -> Decisions:
        """The decision at the close of every bar; levels in the price base of the bars."""
        close = bars.close
        spread = indicators.ema(close, self.ema_fast) - indicators.ema(close, self.ema_slow)
        rsi = indicators.rsi(close, self.rsi_period)
        atr = indicators.atr(bars.high, bars.low, close, self.atr_period)
        sign = np.sign(spread)
        rows = np.flatnonzero(sign[1:] != sign[:-1]) + 1
        now, before = spread[rows], spread[rows - 1]
        side = ((now > 0) & (before <= 0)).astype(np.int8) - ((now < 0) & (before >= 0)).astype(np.int8)
        confirmed = np.where(side > 0, rsi[rows] < self.rsi_overbought, rsi[rows] > self.rsi_oversold)
        signals = (side != 0) & confirmed & (atr[rows] > 0) & self._volume_passes(bars)[rows]
        rows, side = rows[signals], side[signals]
        action = np.zeros(close.size, dtype=np.int8)
        action[rows] = side
        strength, stop, target = np.full((3, close.size), np.nan)
        strength[rows] = np.clip(0.5 + side * (50.0 - rsi[rows]) / 100.0, 0.0, 1.0)
        stop[rows] = close[rows] - side * self.stop_atr * atr[rows]
        target[rows] = close[rows] + side * self.target_atr * atr[rows]
        return Decisions(action, strength, stop, target)

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:
        """Why bar `index` was decided so; for a bar without a signal, which condition is missing."""
        index = range(len(bars))[index]
        if index < self.warm_up:
            return _("The strategy needs {needed} bars before it can decide; there are {count}.").format(
                needed=self.warm_up + 1, count=index + 1
            )
        close = bars.close[: index + 1]
        spread = indicators.ema(close, self.ema_fast) - indicators.ema(close, self.ema_slow)
        rsi = float(indicators.rsi(close, self.rsi_period)[-1])
        now, before = float(spread[-1]), float(spread[-2])
        names = {"fast": self.ema_fast, "slow": self.ema_slow}
        if now > 0 >= before:
            cross = _("EMA {fast} crossed above EMA {slow}").format(**names)
        elif now < 0 <= before:
            cross = _("EMA {fast} crossed below EMA {slow}").format(**names)
        elif now > 0:
            return _("No signal: EMA {fast} is above EMA {slow} without a new cross.").format(**names)
        elif now < 0:
            return _("No signal: EMA {fast} is below EMA {slow} without a new cross.").format(**names)
        else:
            return _("No signal: EMA {fast} and EMA {slow} are equal.").format(**names)
        missing = self._missing(bars, index, rsi, bullish=now > 0)
        if missing:
            return _("{cross}, but {missing}: no signal.").format(cross=cross, missing=_(" and ").join(missing))
        if not decisions.action[index]:
            return _("{cross}, but prices have not moved, so no stop can be set: no signal.").format(cross=cross)
        if now > 0:
            side = _("RSI {rsi} is below {limit}").format(rsi=decimal(rsi, 1), limit=decimal(self.rsi_overbought, 0))
        else:
            side = _("RSI {rsi} is above {limit}").format(rsi=decimal(rsi, 1), limit=decimal(self.rsi_oversold, 0))
        if not self.volume_ratio:
            return _("{cross} and {side}; the volume filter is off.").format(cross=cross, side=side)
        return _("{cross}, {side} and volume is {ratio} times its average.").format(
            cross=cross, side=side, ratio=decimal(float(relative_volume(bars, self.volume_period)[index]))
        )

    def context(self, bars: Bars) -> dict[str, float | None]:
        """ADX, ATR, RSI and average volume at the last bar; None where the series is too short or has no volume."""
        values = {
            "adx": indicators.adx(bars.high, bars.low, bars.close, ADX_PERIOD),
            "atr": indicators.atr(bars.high, bars.low, bars.close, self.atr_period),
            "rsi": indicators.rsi(bars.close, self.rsi_period),
            "volume_avg": np.array([average_volume(bars, self.volume_period)]),
        }
        return {name: float(series[-1]) if series.size and np.isfinite(series[-1]) else None for name, series in values.items()}

    def _volume_passes(self, bars: Bars) -> BoolArray:
        if not self.volume_ratio:
            return np.ones(len(bars), dtype=np.bool_)
        return np.asarray(relative_volume(bars, self.volume_period) > self.volume_ratio)

    def _missing(self, bars: Bars, index: int, rsi: float, *, bullish: bool) -> list[str]:
        missing = []
        if bullish and not rsi < self.rsi_overbought:
            missing.append(_("RSI {rsi} is not below {limit}").format(rsi=decimal(rsi, 1), limit=decimal(self.rsi_overbought, 0)))
        if not bullish and not rsi > self.rsi_oversold:
            missing.append(_("RSI {rsi} is not above {limit}").format(rsi=decimal(rsi, 1), limit=decimal(self.rsi_oversold, 0)))
        if self._volume_passes(bars)[index]:
            return missing
        ratio = float(relative_volume(bars, self.volume_period)[index])
        if np.isnan(ratio):
            missing.append(
                _("the volume filter cannot be judged, as the source gives no volume (volume_ratio 0 switches it off)")
            )
        else:
            missing.append(
                _("volume is only {ratio} times its average, not more than {limit}").format(
                    ratio=decimal(ratio), limit=decimal(self.volume_ratio)
                )
            )
        return missing


def relative_volume(bars: Bars, period: int) -> FloatArray:
    """Volume divided by its average over the last `period` bars, float64, length n; NaN where it is not known.

    Measured in quantity; at bars where some quantity of the window is missing, in turnover. The two are never mixed.
    """
    ratio, average = _relative(bars.quantity, period)
    if np.isnan(average[period - 1 :]).any():
        ratio = np.where(np.isnan(average), _relative(bars.turnover, period)[0], ratio)
    return ratio


def average_volume(bars: Bars, period: int) -> float:
    """The average quantity of the last `period` bars; the average turnover if a quantity is missing; NaN if that is too."""
    averages = (indicators.sma(volume, period)[-1:] for volume in (bars.quantity, bars.turnover))
    return next((float(average[0]) for average in averages if np.isfinite(average).all() and average.size), np.nan)


def _relative(volume: FloatArray, period: int) -> tuple[FloatArray, FloatArray]:
    average = indicators.sma(volume, period)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(average > 0, volume / average, np.nan), average
