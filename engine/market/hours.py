"""When the regular session of B3 closes, by the clocks of New York and Sao Paulo; standard library only.

Days are integers since 1970-01-01, instants UTC seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from engine.domain import SAO_PAULO, from_day_number

NEW_YORK = ZoneInfo("America/New_York")

EARLY_CLOSE = 17 * 60
LATE_CLOSE = 18 * 60


def close_minutes(day: int) -> int:
    """Minutes after local midnight of the regular close on `day`; see `calendar.regular_close_minutes` for the rule."""
    return EARLY_CLOSE if closes_early(day) else LATE_CLOSE


def close_of(day: int) -> int:
    """The instant of the regular close on `day`, taken for a session."""
    return instant(day, close_minutes(day))


def closes_early(day: int) -> bool:
    """Whether New York is on daylight time on `day` and Sao Paulo is not."""
    noon = datetime.combine(from_day_number(day), time(12))
    return bool(noon.replace(tzinfo=NEW_YORK).dst()) and not noon.replace(tzinfo=SAO_PAULO).dst()


def instant(day: int, minutes: int) -> int:
    """The instant `minutes` after midnight in Sao Paulo on `day`."""
    local = datetime.combine(from_day_number(day), time(minutes // 60, minutes % 60), SAO_PAULO)
    return int(local.astimezone(UTC).timestamp())
