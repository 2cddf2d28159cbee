"""What length of bar a file holds, from its stamps alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.domain import TIMEFRAMES
from engine.errors import FileError, UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import IntArray

INTRADAY = {seconds: name for name, seconds in TIMEFRAMES.items() if seconds < TIMEFRAMES["1d"]}
#: Dates this many days apart in the middle are weeks; fewer rows than WEEKLY_ROWS prove nothing.
WEEKLY_STEP, MONTHLY_STEP, WEEKLY_ROWS = 5, 10, 5


def asked_timeframe(text: str) -> str:
    """The timeframe the user named, empty when none was; UsageError for one that does not exist."""
    if text and text not in TIMEFRAMES:
        raise UsageError(
            _("{text} is not a timeframe").format(text=text), _("Timeframes: {names}").format(names=", ".join(TIMEFRAMES))
        )
    return text


def common_step(symbol_index: IntArray, session: IntArray, second: IntArray) -> int:
    """The most common distance in seconds between successive bars of one symbol and session; 0 when no session has two bars.

    All arrays int64 of length n, rows in any order; `second` counts from local midnight. The smaller of equals wins.
    """
    order = np.lexsort((second, session, symbol_index))
    steps = np.diff(second[order])
    within = (np.diff(session[order]) == 0) & (np.diff(symbol_index[order]) == 0) & (steps > 0)
    values, counts = np.unique(steps[within], return_counts=True)
    return int(values[np.argmax(counts)]) if values.size else 0


def intraday_timeframe(name: str, symbol_index: IntArray, session: IntArray, second: IntArray, asked: str = "") -> str:
    """The timeframe of intraday stamps: the most common step of each symbol, which must be one and the same.

    asked: what the user said, needed only when no session has two bars. Raises FileError when the step is no timeframe,
    differs between symbols, contradicts `asked`, or cannot be known.
    """
    hint = _("Name it: --timeframe 60m")
    found = set()
    for index in np.unique(symbol_index).tolist():
        rows = symbol_index == index
        found.add(common_step(symbol_index[rows], session[rows], second[rows]))
    found.discard(0)
    if not found:
        if asked in INTRADAY.values():
            return asked
        raise FileError(_("{name}: the timeframe cannot be told from its stamps").format(name=name), hint)
    if len(found) > 1:
        raise FileError(
            _("{name} mixes bars of different lengths").format(name=name), _("Give each timeframe in a file of its own.")
        )
    step = found.pop()
    if step not in INTRADAY:
        raise FileError(
            _("{name}: its bars are {minutes:g} minutes apart, which is not a timeframe").format(name=name, minutes=step / 60),
            _("Timeframes: {names}").format(names=", ".join(TIMEFRAMES)),
        )
    if asked and asked != INTRADAY[step]:
        raise FileError(
            _("{name}: its bars are {found} apart, not {asked}").format(name=name, found=INTRADAY[step], asked=asked),
            _("Leave out --timeframe, or name the one that the file holds."),
        )
    return INTRADAY[step]


def dated_timeframe(name: str, symbol_index: IntArray, session: IntArray) -> str:
    """`1d` or `1w` for rows that carry only dates, by the middle distance between them; FileError for longer ones."""
    order = np.lexsort((session, symbol_index))
    steps = np.diff(session[order])[np.diff(symbol_index[order]) == 0]
    steps = steps[steps > 0]
    if steps.size < WEEKLY_ROWS - 1:
        return "1d"
    step = float(np.median(steps))
    if step >= MONTHLY_STEP:
        raise FileError(
            _("{name}: its rows are {days:g} days apart, longer than a week").format(name=name, days=step),
            _("Export daily or weekly bars."),
        )
    return "1w" if step >= WEEKLY_STEP else "1d"
