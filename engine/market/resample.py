"""Coarser bars from finer ones: every bar is built only from the bars inside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import TIMEFRAMES, Bars
from engine.errors import UsageError
from engine.i18n import _
from engine.market.calendar import nominal_opening, regular_close_minutes

if TYPE_CHECKING:
    from engine.domain import IntArray

DAY = TIMEFRAMES["1d"]
FRIDAY = 4


def resample(bars: Bars, timeframe: str) -> Bars:
    """The same series in a coarser timeframe; the same bars when it is already the wanted one.

    Intraday to intraday: by the clock (a 60-minute bar opens on the hour); regular and after-market bars never share one,
    and an after-market bar opens with its first member.
    To 1d: regular bars only, opening at 10:00 nominally; quantity and turnover are those of the regular session.
    To 1w: ISO weeks, with the time and session of the first session of the week.
    A sum over a missing value is NaN. A bar is provisional when one of its members is, and the newest one also when the data
    ends before its last instant (before the regular close for a day, before Friday for a week), so that it can still change.
    Raises UsageError for an unknown timeframe or one that is finer than the bars.
    """
    if timeframe not in TIMEFRAMES:
        raise UsageError(
            _("{timeframe} is not a timeframe").format(timeframe=repr(timeframe)),
            _("Choose one of {choices}.").format(choices=", ".join(TIMEFRAMES)),
        )
    if timeframe == bars.timeframe:
        return bars
    have, want = TIMEFRAMES[bars.timeframe], TIMEFRAMES[timeframe]
    if want < have:
        raise UsageError(
            _("{symbol} has bars of {have}; {want} is finer").format(symbol=bars.symbol, have=bars.timeframe, want=timeframe),
            _("Import a file with finer bars, or choose {have} or coarser.").format(have=bars.timeframe),
        )
    if want < DAY:
        return _intraday(bars, timeframe)
    daily = bars if have == DAY else _daily(bars)
    return daily if want == DAY else _weekly(daily)


def _intraday(bars: Bars, timeframe: str) -> Bars:
    length = TIMEFRAMES[timeframe]
    bucket = bars.time // length
    starts = _starts(bucket * 2 + bars.after_market)
    opening = np.where(bars.after_market[starts], bars.time[starts], bucket[starts] * length)
    result = _group(bars, starts, opening, timeframe)
    if len(result) and _end_of_data(bars) < (bucket[-1] + 1) * length:
        result.provisional[-1] = True
    return result


def _daily(bars: Bars) -> Bars:
    regular = bars.take(~bars.after_market)
    starts = _starts(regular.session)
    sessions = regular.session[starts]
    opening = nominal_opening(sessions)
    result = _group(regular, starts, opening, "1d")
    if len(result):
        close = opening[-1] + (regular_close_minutes(sessions[-1:])[0] - 600) * 60
        result.provisional[-1] |= _end_of_data(bars) < close
    return result


def _weekly(bars: Bars) -> Bars:
    week = (bars.session + 3) // 7
    starts = _starts(week)
    result = _group(bars, starts, bars.time[starts], "1w")
    if len(result):
        result.provisional[-1] |= (bars.session[-1] + 3) % 7 < FRIDAY
    return result


def _end_of_data(bars: Bars) -> int:
    return int(bars.time[-1]) + TIMEFRAMES[bars.timeframe]


def _starts(key: IntArray) -> IntArray:
    """Index of the first row of each run of equal keys."""
    return np.flatnonzero(np.diff(key, prepend=key[:1] - 1)).astype(np.int64)


def _group(bars: Bars, starts: IntArray, time: IntArray, timeframe: str) -> Bars:
    """Bars whose k-th member is made of rows starts[k] up to starts[k + 1]."""
    if starts.size == 0:
        return replace(bars.take(slice(0, 0)), timeframe=timeframe, derived_from=bars.derived_from or bars.timeframe)
    ends = np.append(starts[1:], len(bars)) - 1
    return replace(
        bars,
        timeframe=timeframe,
        time=time,
        session=bars.session[starts],
        open=bars.open[starts],
        high=np.maximum.reduceat(bars.high, starts),
        low=np.minimum.reduceat(bars.low, starts),
        close=bars.close[ends],
        quantity=np.add.reduceat(bars.quantity, starts),
        turnover=np.add.reduceat(bars.turnover, starts),
        provisional=np.logical_or.reduceat(bars.provisional, starts),
        after_market=bars.after_market[starts],
        derived_from=bars.derived_from or bars.timeframe,
    )
