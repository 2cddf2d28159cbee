"""TA-Lib's indicators under fixed names and one rule for NaN.

Every function takes float64 arrays of one length n, oldest first, and returns float64 arrays of length n. The value at t
uses values up to t only. Values are NaN during the warm-up; nothing is filled and inputs are never changed. NaN at the
start of a series are skipped: the warm-up begins after them. A series that is too short, or all NaN, gives all NaN. A NaN
inside poisons what follows, except for `sma`, where it only blanks the windows that contain it.
Raises UsageError for a period that TA-Lib does not accept and for series of different lengths.

Formulas are TA-Lib's (https://ta-lib.org/functions): EMA is seeded with the SMA of its first `period` values; RSI, ATR and
ADX use Wilder's smoothing, seeded with a plain mean; Bollinger bands use the population standard deviation (ddof 0).
"""

from __future__ import annotations

from functools import cache
from inspect import unwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import UsageError
from engine.features import memo
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import FloatArray

MAX_PERIOD = 100_000


@cache
def _talib(name: str) -> Any:
    """TA-Lib's function without the wrapper that looks for the series of pandas and polars."""
    import talib

    return unwrap(getattr(talib, name))


def warm_up() -> None:
    """Load TA-Lib now (and the pandas that it imports), so that the first indicator does not wait for it."""
    _talib("EMA")


def ema(values: FloatArray, period: int) -> FloatArray:
    """Exponential moving average, alpha = 2 / (period + 1); first value at index period - 1. period >= 2."""
    return _one("EMA", period, 2, values)


def sma(values: FloatArray, period: int) -> FloatArray:
    """Simple moving average; first value at index period - 1. A NaN blanks only the windows that contain it. period >= 2."""
    return memo.column(("blanking SMA", period), (values,), lambda: _sma(values, period))


def _sma(values: FloatArray, period: int) -> FloatArray:
    blank = np.isnan(values)
    if not blank.any() or not blank[int(blank.argmin()) :].any():
        return _one("SMA", period, 2, values)
    result = np.full(values.size, np.nan)
    edges = np.flatnonzero(np.diff(blank, prepend=True, append=True))
    for begin, end in zip(edges[::2], edges[1::2]):
        result[begin:end] = _one("SMA", period, 2, values[begin:end])
    return result


def rsi(close: FloatArray, period: int = 14) -> FloatArray:
    """Wilder's relative strength index, 0 to 100; first value at index period. period >= 2."""
    return _one("RSI", period, 2, close)


def atr(high: FloatArray, low: FloatArray, close: FloatArray, period: int = 14) -> FloatArray:
    """Wilder's average true range, in the unit of the prices; first value at index period. period >= 1."""
    return _one("ATR", period, 1, high, low, close)


def adx(high: FloatArray, low: FloatArray, close: FloatArray, period: int = 14) -> FloatArray:
    """Wilder's average directional index, 0 to 100; first value at index 2 x period - 1. period >= 2."""
    return _one("ADX", period, 2, high, low, close)


def directional(high: FloatArray, low: FloatArray, close: FloatArray, period: int = 14) -> tuple[FloatArray, FloatArray]:
    """Wilder's +DI and -DI, 0 to 100; first values at index period. period >= 2."""
    return _one("PLUS_DI", period, 2, high, low, close), _one("MINUS_DI", period, 2, high, low, close)


def aroon(high: FloatArray, low: FloatArray, period: int = 25) -> tuple[FloatArray, FloatArray]:
    """Aroon up and down, 0 to 100: 100 in the bar of the highest high and of the lowest low; first values at index period. period >= 2."""
    down, up = _call("AROON", period, 2, high, low)
    return up, down


def bollinger(close: FloatArray, period: int = 20, width: float = 2.0) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Upper, middle and lower band: SMA plus and minus `width` standard deviations; first values at index period - 1."""
    upper, middle, lower = _call("BBANDS", period, 2, close, nbdevup=width, nbdevdn=width)
    return upper, middle, lower


def macd(close: FloatArray, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[FloatArray, FloatArray, FloatArray]:
    """MACD line, its signal line and their difference; first values at index slow + signal - 2, all three at once."""
    for period in (fast, slow):
        _check(period, 2)
    if fast >= slow:
        raise UsageError(
            _("The fast period of the MACD must be less than the slow one, not {fast} and {slow}").format(fast=fast, slow=slow)
        )
    _check(signal, 1)
    values, periods = np.asarray(close, dtype=np.float64), {"fastperiod": fast, "slowperiod": slow, "signalperiod": signal}
    result: tuple[FloatArray, FloatArray, FloatArray] = memo.column(
        ("MACD", fast, slow, signal), (close,), lambda: _talib("MACD")(values, **periods)
    )
    return result


def highest(values: FloatArray, period: int) -> FloatArray:
    """Greatest of the last `period` values; first value at index period - 1. period >= 2."""
    return _one("MAX", period, 2, values)


def lowest(values: FloatArray, period: int) -> FloatArray:
    """Least of the last `period` values; first value at index period - 1. period >= 2."""
    return _one("MIN", period, 2, values)


def _one(name: str, period: int, least: int, *series: FloatArray) -> FloatArray:
    result: FloatArray = _call(name, period, least, *series)
    return result


def _call(name: str, period: int, least: int, *series: FloatArray, **options: float) -> Any:
    _check(period, least)

    def computed() -> Any:
        arrays = [np.asarray(values, dtype=np.float64) for values in series]
        if any(array.size != arrays[0].size for array in arrays[1:]):
            raise UsageError(_("The series of an indicator must have one length"))
        return _talib(name)(*arrays, timeperiod=period, **options)

    return memo.column((name, period, *options.values()), series, computed)


def _check(period: int, least: int) -> None:
    if not least <= period <= MAX_PERIOD:
        raise UsageError(
            _("A period of {period} is not possible").format(period=period),
            _("Give a whole number from {least} to {most}.").format(least=least, most=MAX_PERIOD),
        )
