"""When the direction is asked, and what is predicted then: the close of the target session against the close before it.

A decision is taken at one instant; what becomes known later cannot be part of it. Instants are UTC seconds, days integers since
1970-01-01, clocks minutes after midnight in Sao Paulo.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from engine.domain import SAO_PAULO, from_day_number
from engine.errors import UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import IntArray

CLOSE, PREOPEN, OPEN, NOWCAST = "close", "preopen", "open", "nowcast"
#: Decision times that look at other markets.
OTHER_MARKETS = (CLOSE, PREOPEN)
#: The evening decision: the New York session and its futures are over, whatever the daylight time of either side.
EVENING = 20 * 60 + 30
#: Seconds before the opening at which the decision before it is taken, and after it until opening prices are known and used.
BEFORE_OPENING = AFTER_OPENING = 15 * 60
OPENING_KNOWN = 10 * 60
FIRST_CLOCK, LAST_CLOCK = 10 * 60 + 5, 17 * 60 + 55


@dataclass(frozen=True, slots=True)
class DecisionTime:
    """One time at which the direction is asked. name: "close", "preopen", "open" or "nowcast"; clock: minutes, of a nowcast only."""

    name: str
    clock: int | None = None

    @property
    def text(self) -> str:
        """How it is typed and stored: "close", "preopen", "open", or "11:00" for a nowcast."""
        return self.name if self.clock is None else f"{self.clock // 60:02}:{self.clock % 60:02}"

    @property
    def title(self) -> str:
        """Its printed name."""
        names = {
            CLOSE: _("after the close"),
            PREOPEN: _("before the opening"),
            OPEN: _("at the opening price"),
            NOWCAST: _("during the session, at {clock}"),
        }
        return names[self.name].format(clock=self.text)

    @property
    def label(self) -> str:
        """Its printed name and what is predicted with what is known then."""
        asked = _("whether the target session closes above the close before it")
        known = {
            CLOSE: _("known on the evening before, B3 and New York closed"),
            PREOPEN: _("known a quarter of an hour before the opening of the target session"),
            OPEN: _("known with the opening price of the target session"),
            NOWCAST: _("known with the price at {clock} of the target session"),
        }
        return f"{self.title}: {asked}, {known[self.name].format(clock=self.text)}"

    def instants(self, previous: IntArray, session: IntArray, opening: IntArray) -> IntArray:
        """The instant of the decision about each target session, int64 (n,).

        previous, session: days of the session before and of the target; opening: instants at which the target session opens.
        """
        if self.name == CLOSE:
            return clock_instants(previous, EVENING)
        if self.clock is not None:
            return clock_instants(session, self.clock)
        return opening + (AFTER_OPENING if self.name == OPEN else -BEFORE_OPENING)


def clock_instants(days: IntArray, minutes: int) -> IntArray:
    """The instants of one Sao Paulo clock on each day, int64 (n,)."""
    return zone_instants(SAO_PAULO.key, days, minutes)


def zone_instants(zone: str, days: IntArray, minutes: int) -> IntArray:
    """The instants of one clock of a time zone on each day, int64 (n,); of an hour of the day, when no clock is ever changed."""
    ahead = np.array([_seconds_ahead(zone, day) for day in days.tolist()], dtype=np.int64)
    return days * 86_400 + minutes * 60 - ahead


@cache
def _seconds_ahead(zone: str, day: int) -> int:
    """Seconds by which the clocks of a zone are ahead of UTC at noon; they are changed at night."""
    ahead = datetime.combine(from_day_number(day), time(12), ZoneInfo(zone)).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds())


def nowcast(clock: int) -> DecisionTime:
    """The decision at `clock` minutes after midnight of the target session."""
    return DecisionTime(NOWCAST, clock)


#: The decision times whose worth was measured, in the order of the day.
ALL = (
    DecisionTime(CLOSE),
    DecisionTime(PREOPEN),
    DecisionTime(OPEN),
    *(nowcast(clock) for clock in (630, 645, 660, 720, 780, 840, 900, 960)),
)


def parse(text: str) -> DecisionTime:
    """The decision time of "close", "preopen", "open" or a clock "HH:MM" inside the session. Raises UsageError."""
    word = text.strip().lower()
    if word in (CLOSE, PREOPEN, OPEN):
        return DecisionTime(word)
    hours, colon, minutes = word.partition(":")
    if colon and hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit() and len(minutes) == 2:
        clock = int(hours) * 60 + int(minutes)
        if int(minutes) < 60 and FIRST_CLOCK <= clock <= LAST_CLOCK:
            return nowcast(clock)
    raise UsageError(
        _("The direction cannot be asked at {text}").format(text=repr(text)[:40]),
        _("Accepted: close, preopen, open, or a time of the session from {first} to {last}.").format(
            first=nowcast(FIRST_CLOCK).text, last=nowcast(LAST_CLOCK).text
        ),
    )
