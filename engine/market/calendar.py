"""When B3 trades: sessions, openings and closes in Sao Paulo's time. Days are integers since 1970-01-01."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import SAO_PAULO, day_number, from_day_number, sao_paulo
from engine.errors import NoDataError, SettingsError
from engine.i18n import _
from engine.market.hours import close_minutes, close_of, closes_early, instant
from engine.market.session_cache import CachedSessions, cache_path, read_sessions, write_sessions

if TYPE_CHECKING:
    from engine.domain import IntArray

OPEN = 10 * 60
LATE_OPEN = 13 * 60
AFTER_MARKET = (17 * 60 + 30, 18 * 60)

#: First session of which real index bars were compared with the calendar (1995-01-02 to 2025-12-30: no difference).
FIRST_KNOWN = date(1995, 1, 2)

#: Days that exchange_calendars' BVMF takes for sessions and on which B3 did not trade: the Thursdays before Easter,
#: two Ash Wednesdays, the elections of 1996-10-03 and the first 9 July. From 2000 on the library needs no correction.
CLOSURES = tuple(
    date.fromisoformat(day)
    for day in (
        "1995-03-01",
        "1995-04-13",
        "1996-02-21",
        "1996-04-04",
        "1996-10-03",
        "1997-03-27",
        "1997-07-09",
        "1998-04-09",
        "1999-04-01",
    )
)

#: 2019-11-04: from here on Brazil has no daylight time, and the close follows New York's clock alone.
NEW_YORK_RULE = 18_204


def regular_close_minutes(sessions: IntArray) -> IntArray:
    """Minutes after local midnight of the regular close of each session, int64, same shape as `sessions`.

    17:00 while New York is on daylight time and Sao Paulo is not, else 18:00; from 2019-11-04 on that is New York's
    clock alone. Verified: all 501 sessions of 2024 and 2025 (15-minute bars of VALE3); by the exchange's notices in
    the press, the changes of 2003-10-20, 2006-11-06, 2007-10-15, 2011-10-17, 2016-10-17, 2017-10-16 and 2018-11-05 (to 18:00)
    and of 2017-03-13, 2018-03-12, 2020-03-09, 2022-03-14 and 2025-03-10 (to 17:00). Other seasons before 2015 are assumed alike.
    exchange_calendars (17:00 always, then 18:00 always) is wrong in both eras.
    """
    days, inverse = np.unique(np.asarray(sessions, dtype=np.int64), return_inverse=True)
    minutes = np.array([close_minutes(day) for day in days.tolist()], dtype=np.int64)
    return minutes[inverse].reshape(np.shape(sessions))


def nominal_opening(sessions: IntArray) -> IntArray:
    """The instant at which the daily bar of each session opens by convention: 10:00 in Sao Paulo, int64 UTC seconds."""
    days, inverse = np.unique(np.asarray(sessions, dtype=np.int64), return_inverse=True)
    instants = np.array([instant(day, OPEN) for day in days.tolist()], dtype=np.int64)
    return instants[inverse].reshape(np.shape(sessions))


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The sessions of B3 from day `first` to day `last`, both known; days outside give NoDataError.

    sessions: int64, increasing, days since 1970-01-01. Instants are UTC seconds.
    """

    sessions: IntArray
    first: int
    last: int

    def is_session(self, day: int) -> bool:
        """Whether B3 trades on `day`."""
        self._check(day)
        at = int(np.searchsorted(self.sessions, day))
        return at < self.sessions.size and int(self.sessions[at]) == day

    def session_on_or_before(self, day: int) -> int:
        """The newest session that is not after `day`."""
        self._check(day)
        return self._at(int(np.searchsorted(self.sessions, day, side="right")) - 1, day)

    def next_session(self, day: int) -> int:
        """The first session after `day`, which need not be a session itself."""
        self._check(day)
        return self._at(int(np.searchsorted(self.sessions, day, side="right")), day)

    def previous_session(self, day: int) -> int:
        """The last session before `day`, which need not be a session itself."""
        self._check(day)
        return self._at(int(np.searchsorted(self.sessions, day)) - 1, day)

    def sessions_between(self, start: int, end: int) -> IntArray:
        """The sessions from `start` to `end`, both included; empty when `end` comes first."""
        self._check(start)
        self._check(end)
        begin, stop = np.searchsorted(self.sessions, [start, end + 1])
        return self.sessions[begin:stop]

    def open_instant(self, session: int) -> int:
        """The nominal opening of a session: 10:00, 13:00 on Ash Wednesday.

        Verified for 2024 and 2025. In the seasons of Brazilian daylight time up to 2011-12 trading began at 11:00.
        """
        self._check_session(session)
        return instant(session, LATE_OPEN if session == _ash_wednesday(from_day_number(session).year) else OPEN)

    def close_instant(self, session: int) -> int:
        """The regular close of a session; see `regular_close_minutes`."""
        self._check_session(session)
        return close_of(session)

    def after_market(self, session: int) -> tuple[int, int] | None:
        """Beginning and end of the after-market, 17:30 to 18:00 when the regular close is at 17:00; None when there is none.

        Raises NoDataError before 2019-11-04: the hours changed with the seasons and are not known.
        """
        self._check_session(session)
        if session < NEW_YORK_RULE:
            raise NoDataError(
                _("The hours of the after-market are known from {date} on").format(
                    date=from_day_number(NEW_YORK_RULE).isoformat()
                )
            )
        if not closes_early(session):
            return None
        return instant(session, AFTER_MARKET[0]), instant(session, AFTER_MARKET[1])

    def last_closed_session(self, now: int, delay: int = 0) -> int:
        """The newest session whose regular close lies at least `delay` seconds before the instant `now`."""
        session = self.session_on_or_before(day_number(sao_paulo(now).date()))
        while self.close_instant(session) + delay > now:
            session = self.previous_session(session)
        return session

    def _check(self, day: int) -> None:
        if not self.first <= day <= self.last:
            raise self._unknown(day)

    def _check_session(self, day: int) -> None:
        if not self.is_session(day):
            raise NoDataError(_("{date} is not a session of B3").format(date=from_day_number(day).isoformat()))

    def _at(self, index: int, day: int) -> int:
        if not 0 <= index < self.sessions.size:
            raise self._unknown(day)
        return int(self.sessions[index])

    def _unknown(self, day: int) -> NoDataError:
        return NoDataError(
            _("The calendar of B3 is known from {first} to {last}; it cannot answer for {date}").format(
                first=from_day_number(self.first).isoformat(),
                last=from_day_number(self.last).isoformat(),
                date=from_day_number(day).isoformat(),
            )
        )


def load_calendar(
    cache: Path | None = None,
    extra_sessions: Iterable[date] = (),
    extra_closures: Iterable[date] = (),
    *,
    until: date | None = None,
) -> Calendar:
    """The calendar of B3 from 1995-01-02 to `until`, by default the end of next year.

    Sessions come from exchange_calendars' BVMF; because that import is slow they are kept in a file in the folder `cache`,
    keyed by the library's version and rebuilt when it is damaged or too short. `extra_sessions` and `extra_closures`
    are decided by the user after the library was published; they are never cached.
    Raises SettingsError for a day in both, or outside the calendar.
    """
    if until is None:
        until = date(datetime.now(SAO_PAULO).year + 1, 12, 31)
    first, last = day_number(FIRST_KNOWN), day_number(until)
    added, closed = ({day_number(day) for day in days} for days in (extra_sessions, extra_closures))
    for day in sorted((added & closed) | {day for day in added | closed if not first <= day <= last}):
        raise SettingsError(
            _("The extra session or closure {date} is given twice or lies outside the calendar").format(
                date=from_day_number(day).isoformat()
            ),
            _("The calendar runs from {first} to {last}.").format(first=FIRST_KNOWN.isoformat(), last=until.isoformat()),
        )
    sessions = _library_sessions(cache, until)
    if added or closed:
        sessions = np.array(sorted((set(sessions.tolist()) | added) - closed), dtype=np.int64)
    sessions.setflags(write=False)
    return Calendar(sessions, first, last)


def _library_sessions(cache: Path | None, until: date) -> IntArray:
    release = version("exchange_calendars")
    path = cache_path(cache, release) if cache is not None else None
    last = day_number(until)
    known = read_sessions(path) if path is not None else None
    if known is None or known.last < last:
        known = CachedSessions(tuple(_build(until).tolist()), last)
        if path is not None:
            write_sessions(path, known.sessions, known.last)
    sessions = np.array(known.sessions, dtype=np.int64)
    return sessions[: np.searchsorted(sessions, last, side="right")].copy()


def _build(until: date) -> IntArray:
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("BVMF", start=FIRST_KNOWN.isoformat(), end=until.isoformat())
    days = calendar.sessions.values.astype("datetime64[D]").astype(np.int64)
    return np.setdiff1d(days, [day_number(day) for day in CLOSURES]).astype(np.int64)


def _ash_wednesday(year: int) -> int:
    """46 days before Easter Sunday (Gregorian computus of Meeus, Jones and Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return day_number(date(year, month, day + 1) - timedelta(days=46))
