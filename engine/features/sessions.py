"""Features of the calendar: all bars of a session have the same ones, and all were known before it began.

The sessions are those of `engine.market.calendar`, without the corrections of the settings, so that a model means the same in every workspace.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import EPOCH
from engine.features.feature import ALWAYS, Feature
from engine.i18n import mark
from engine.market.calendar import load_calendar

if TYPE_CHECKING:
    from engine.domain import Bars, BoolArray, FloatArray, IntArray

#: Far enough that no stored bar comes near; the sessions before do not depend on it.
LAST_YEAR = 2099


def day_of_week(bars: Bars) -> FloatArray:
    """0 for a Monday to 4 for a Friday."""
    return np.mod(bars.session + EPOCH.weekday(), 7).astype(np.float64)


def day_of_month(bars: Bars) -> FloatArray:
    days = bars.session.astype("datetime64[D]")
    found: FloatArray = (days - days.astype("datetime64[M]")).astype(np.float64) + 1.0
    return found


def month_end(bars: Bars) -> FloatArray:
    """1 in the last session of its month, else 0."""
    sessions, _holidays = _calendar()
    following = sessions[_next(sessions, bars.session)]
    last = following.astype("datetime64[D]").astype("datetime64[M]") != bars.session.astype("datetime64[D]").astype(
        "datetime64[M]"
    )
    return np.where(_known(bars, sessions), last, np.nan)


def sessions_to_holiday(bars: Bars) -> FloatArray:
    """How many sessions come after this one before the next weekday without trading; 0 on its eve."""
    sessions, holidays = _calendar()
    ahead = holidays[_next(holidays, bars.session)]
    count = np.searchsorted(sessions, ahead) - np.searchsorted(sessions, bars.session, side="right")
    return np.where(_known(bars, holidays) & _known(bars, sessions), count, np.nan)


@cache
def _calendar() -> tuple[IntArray, IntArray]:
    """Every session, and every weekday between them that is none; days since 1970-01-01."""
    sessions = load_calendar(until=date(LAST_YEAR, 12, 31)).sessions
    days = np.arange(sessions[0], sessions[-1])
    weekdays = days[(days + EPOCH.weekday()) % 7 < 5]
    return sessions, np.setdiff1d(weekdays, sessions, assume_unique=True)


def _next(days: IntArray, after: IntArray) -> IntArray:
    """The place of the first of `days` after each day; that of the last of them where there is none."""
    return np.minimum(np.searchsorted(days, after, side="right"), days.size - 1)


def _known(bars: Bars, days: IntArray) -> BoolArray:
    return np.asarray((bars.session >= _calendar()[0][0]) & (bars.session < days[-1]))


_UNKNOWN = mark("Undefined before 1995, where the calendar begins.")

FEATURES = (
    Feature(
        "day_of_week", "calendar", 0, "0 for Monday to 4 for Friday", "French (1980), Stock Returns and the Weekend Effect", ALWAYS, "", day_of_week,
    ),
    Feature("day_of_month", "calendar", 0, "1 to 31", "Ariel (1987), A Monthly Effect in Stock Returns", ALWAYS, "", day_of_month),
    Feature(
        "month_end", "calendar", 0, "1 if the next session of B3 is in another month else 0",
        "Lakonishok and Smidt (1988), Are Seasonal Anomalies Real?", _UNKNOWN, "", month_end,
    ),
    Feature(
        "sessions_to_holiday", "calendar", 0, "sessions of B3 after this one and before the next weekday that is none",
        "Ariel (1990), High Stock Returns before Holidays", _UNKNOWN, "", sessions_to_holiday,
    ),
)  # fmt: skip
