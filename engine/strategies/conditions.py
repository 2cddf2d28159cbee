"""What several strategies share: crosses, volume, levels, the market's context, and conditions in words.

A condition is a pair: whether it holds, and a sentence part that says so (or says what is missing).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.errors import UsageError
from engine.features import indicators
from engine.i18n import _
from engine.strategies.base import Decisions, decimal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain import Bars, BoolArray, FloatArray, IntArray

    Condition = tuple[bool, str]

#: Periods of the market's context where a strategy has none of its own.
ADX_PERIOD, ATR_PERIOD, RSI_PERIOD, VOLUME_PERIOD = 14, 14, 14, 20


def crosses(spread: FloatArray) -> tuple[IntArray, NDArray[np.int8]]:
    """Where a series (float64, length n) changes its sign: the bars (int64) and, of each, +1 for above zero, -1 for below.

    A series that leaves zero crosses when it was not on that side before; NaN crosses nothing.
    """
    now, before = spread[1:], spread[:-1]
    up, down = (now > 0) & (before <= 0), (now < 0) & (before >= 0)
    rows = (up | down).nonzero()[0]
    return rows + 1, np.where(up[rows], np.int8(1), np.int8(-1))


def decided(
    n: int,
    rows: IntArray,
    side: NDArray[np.int8],
    strength: FloatArray,
    stop: FloatArray,
    target: FloatArray,
) -> Decisions:
    """Decisions of n bars that act on `rows` alone; the other arrays have one value per row."""
    action = np.zeros(n, dtype=np.int8)
    action[rows] = side
    columns = np.full((3, n), np.nan)
    for column, values in zip(columns, (np.minimum(np.maximum(strength, 0.0), 1.0), stop, target)):
        column[rows] = values
    return Decisions(action, columns[0], columns[1], columns[2])


def check_order(faster: tuple[str, int], slower: tuple[str, int]) -> None:
    """Raises UsageError unless the first period (name, value) is less than the second."""
    if faster[1] >= slower[1]:
        raise UsageError(
            _("{fast_name} ({fast}) must be less than {slow_name} ({slow})").format(
                fast_name=faster[0], fast=faster[1], slow_name=slower[0], slow=slower[1]
            ),
            _("Give a shorter fast average or a longer slow one."),
        )


# --- volume -------------------------------------------------------------------------------------------------------------


def relative_volume(bars: Bars, period: int, rows: IntArray) -> FloatArray:
    """Volume divided by its average over the last `period` bars, at the bars `rows` (float64); NaN where it is not known.

    Measured in quantity; at bars where some quantity of the window is missing, in turnover. The two are never mixed.
    """
    ratio, average = _relative(bars.quantity, period, rows)
    missing = np.isnan(average)
    if missing.any():
        ratio = np.where(missing, _relative(bars.turnover, period, rows)[0], ratio)
    return ratio


def average_volume(bars: Bars, period: int) -> float:
    """The average quantity of the last `period` bars; the average turnover if a quantity is missing; NaN if that is too."""
    averages = (indicators.sma(volume, period)[-1:] for volume in (bars.quantity, bars.turnover))
    return next((float(average[0]) for average in averages if np.isfinite(average).all() and average.size), np.nan)


def volume_passes(bars: Bars, period: int, limit: float, rows: IntArray) -> BoolArray:
    """Whether volume exceeds its average by the factor `limit` at the bars `rows`; everywhere True for a limit of 0."""
    if not limit:
        return np.ones(rows.size, dtype=np.bool_)
    return np.asarray(relative_volume(bars, period, rows) > limit)


def volume_condition(bars: Bars, index: int, period: int, limit: float) -> Condition:
    """`volume_passes` at one bar, in words."""
    if not limit:
        return True, _("the volume filter is off")
    ratio = float(relative_volume(bars, period, np.array([index]))[0])
    if np.isnan(ratio):
        return False, _("the volume filter cannot be judged, as the source gives no volume (volume_ratio 0 switches it off)")
    if ratio > limit:
        return True, _("volume is {ratio} times its average").format(ratio=decimal(ratio))
    return False, _("volume is only {ratio} times its average, not more than {limit}").format(
        ratio=decimal(ratio), limit=decimal(limit)
    )


def _relative(volume: FloatArray, period: int, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    average = indicators.sma(volume, period)[rows]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(average > 0, volume[rows] / average, np.nan), average


# --- words --------------------------------------------------------------------------------------------------------------


def too_early(warm_up: int, index: int) -> str:
    """Why nothing is decided during the warm-up; empty after it."""
    if index >= warm_up:
        return ""
    return _("The strategy needs {needed} bars before it can decide; there are {count}.").format(
        needed=warm_up + 1, count=index + 1
    )


def joined(parts: list[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + _(" and ") + parts[-1]


def explained(event: str, *conditions: Condition) -> str:
    """The reason of a signal whose event happened: all its conditions, or those that are missing and so prevent it."""
    missing = [text for holds, text in conditions if not holds]
    if missing:
        return _("{cross}, but {missing}: no signal.").format(cross=event, missing=joined(missing))
    return joined([event, *(text for _holds, text in conditions if text)]) + "."


def rsi_below(rsi: float, limit: float) -> Condition:
    """RSI < limit, in words."""
    words = {"rsi": decimal(rsi, 1), "limit": decimal(limit, 0)}
    if rsi < limit:
        return True, _("RSI {rsi} is below {limit}").format(**words)
    return False, _("RSI {rsi} is not below {limit}").format(**words)


def rsi_above(rsi: float, limit: float) -> Condition:
    """RSI > limit, in words."""
    words = {"rsi": decimal(rsi, 1), "limit": decimal(limit, 0)}
    if rsi > limit:
        return True, _("RSI {rsi} is above {limit}").format(**words)
    return False, _("RSI {rsi} is not above {limit}").format(**words)


def prices_moved(atr: float) -> Condition:
    """The average true range is more than 0, so that levels can be set; without words while it holds."""
    return (True, "") if atr > 0 else (False, _("prices have not moved, so no stop can be set"))


def ema_cross(close: FloatArray, fast: int, slow: int) -> tuple[int, str]:
    """The cross of two exponential averages at the last of at least two closes: its side and its words.

    Without a cross the side is 0 and the words are the whole reason.
    """
    spread = indicators.ema(close, fast) - indicators.ema(close, slow)
    now, before = float(spread[-1]), float(spread[-2])
    names = {"fast": fast, "slow": slow}
    if now > 0 >= before:
        return 1, _("EMA {fast} crossed above EMA {slow}").format(**names)
    if now < 0 <= before:
        return -1, _("EMA {fast} crossed below EMA {slow}").format(**names)
    if now > 0:
        return 0, _("No signal: EMA {fast} is above EMA {slow} without a new cross.").format(**names)
    if now < 0:
        return 0, _("No signal: EMA {fast} is below EMA {slow} without a new cross.").format(**names)
    return 0, _("No signal: EMA {fast} and EMA {slow} are equal.").format(**names)


def market_context(
    bars: Bars, *, rsi_period: int = RSI_PERIOD, atr_period: int = ATR_PERIOD, volume_period: int = VOLUME_PERIOD
) -> dict[str, float | None]:
    """ADX, ATR, RSI and average volume at the last bar; None where the series is too short or has no volume."""
    values = {
        "adx": indicators.adx(bars.high, bars.low, bars.close, ADX_PERIOD),
        "atr": indicators.atr(bars.high, bars.low, bars.close, atr_period),
        "rsi": indicators.rsi(bars.close, rsi_period),
        "volume_avg": np.array([average_volume(bars, volume_period)]),
    }
    return {name: float(series[-1]) if series.size and np.isfinite(series[-1]) else None for name, series in values.items()}
