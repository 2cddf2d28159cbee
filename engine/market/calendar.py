"""When B3 trades: sessions, openings and closes in Sao Paulo's time. Days are integers since 1970-01-01."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from engine.domain import from_day_number

if TYPE_CHECKING:
    from engine.domain import IntArray

NEW_YORK = ZoneInfo("America/New_York")

#: 2019-11-04, the first session from which the close is known to follow New York's clock.
NEW_YORK_RULE = 18_204


def regular_close_minutes(sessions: IntArray) -> IntArray:
    """Minutes after local midnight of the regular close of each session, int64, same shape as `sessions`.

    From 2019-11-04 on: 17:00 while New York is on daylight time, else 18:00 (agrees with all 501 sessions of 2024
    and 2025 in real 15-minute bars). Before that date: 17:00, what exchange_calendars' BVMF says; not verified.
    """
    days, inverse = np.unique(np.asarray(sessions, dtype=np.int64), return_inverse=True)
    minutes = np.array([1020 if day < NEW_YORK_RULE or _new_york_saves_daylight(day) else 1080 for day in days.tolist()])
    return minutes.astype(np.int64)[inverse].reshape(np.shape(sessions))


def _new_york_saves_daylight(day: int) -> bool:
    date = from_day_number(day)
    return bool(datetime(date.year, date.month, date.day, 12, tzinfo=NEW_YORK).dst())
