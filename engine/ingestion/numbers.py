"""Numbers, dates and times as text, read strictly: what does not fit its dialect is marked bad, never guessed.

Sequences of text go in; arrays come out, with a mask of the texts that could not be read. Missing values are NaN and not bad.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import EPOCH, SAO_PAULO

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray

DAY = 86_400
HOUR = 3_600
#: A daily bar is stamped with the nominal opening of the session, 10:00 in Sao Paulo.
DAILY_OPEN = 10 * HOUR
#: Dates outside these years are not dates of a price file.
FIRST_YEAR, LAST_YEAR = 1950, 2100

MISSING = frozenset({"", "-", "–", "—", "nan", "NaN", "null", "None", "N/A", "n/a"})
SUFFIXES = {"": 0, "K": 3, "M": 6, "B": 9, "T": 12}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file writes numbers: its decimal mark and, where it has one, its mark between groups of three digits."""

    decimal: str
    group: str
    pattern: re.Pattern[str]


def make_dialect(decimal: str, group: str, exponent: bool = False) -> Dialect:
    """A dialect; `group` may be empty; `exponent` also allows "1,5E3"."""
    whole = rf"(?:[0-9]{{1,3}}(?:{re.escape(group)}[0-9]{{3}}){{1,5}}|[0-9]{{1,18}})" if group else "[0-9]{1,18}"
    tail = "(?:[eE][+-]?[0-9]{1,2})?" if exponent else ""
    return Dialect(decimal, group, re.compile(rf"[+-]?{whole}(?:{re.escape(decimal)}[0-9]{{1,20}})?{tail}"))


#: "1.234,56", "160.766" (one hundred and sixty thousand), "30,82".
PT_BR = make_dialect(",", ".")
#: "1,234.56", "160,766", "30.82".
EN = make_dialect(".", ",")
#: "1234.56" and "1.5e3": a decimal point and no groups.
PLAIN = make_dialect(".", "", exponent=True)


def parse_numbers(texts: Sequence[str], dialect: Dialect) -> tuple[FloatArray, BoolArray]:
    """(float64 values, bad mask). A missing value ("", "-", "NaN") is NaN; a text of another dialect is NaN and bad.

    A group that is not of three digits is bad: "30.82" is not a number in PT_BR.
    """
    kept = [text.strip(" ") for text in texts]
    matches = list(map(dialect.pattern.fullmatch, kept))
    bad = np.zeros(len(kept), dtype=bool)
    if None in matches:
        bad[:] = [found is None and text not in MISSING for found, text in zip(matches, kept)]
        kept = [text if found else "nan" for found, text in zip(matches, kept)]
    if dialect.group and kept:
        kept = "\n".join(kept).replace(dialect.group, "").replace(dialect.decimal, ".").split("\n")
    return np.array(list(map(float, kept)), dtype=np.float64), bad


def parse_percentages(texts: Sequence[str], dialect: Dialect) -> tuple[FloatArray, BoolArray]:
    """As `parse_numbers`, for "1,56%": float64 in percentage points, bad mask."""
    return parse_numbers([text.strip(" ").removesuffix("%") for text in texts], dialect)


def parse_volumes(texts: Sequence[str], dialect: Dialect) -> tuple[FloatArray, list[str], BoolArray]:
    """Volumes with a suffix K, M, B or T ("7,67B"): (float64 in units, the suffix of each, bad mask)."""
    stripped = [text.strip(" ") for text in texts]
    suffixes = [text[-1:] if text[-1:] in SUFFIXES else "" for text in stripped]
    mantissas, bad = parse_numbers(
        [text.removesuffix(suffix) if suffix else text for text, suffix in zip(stripped, suffixes)], dialect
    )
    bad |= np.array([text in SUFFIXES and text != "" for text in stripped], dtype=bool)
    scaled = [
        float(f"{value!r}e{SUFFIXES[suffix]}") if value == value else value for value, suffix in zip(mantissas.tolist(), suffixes)
    ]
    return np.array(scaled, dtype=np.float64), suffixes, bad


_DATE_ORDERS = {
    "dmy": (re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})"), (4, 3, 1)),
    "mdy": (re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})"), (4, 1, 3)),
    "ymd": (re.compile(r"([0-9]{4})([./-]?)([0-9]{2})\2([0-9]{2})"), (1, 3, 4)),
}
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.0+)?)?")

NOT_A_DAY = np.iinfo(np.int64).min


def parse_day(text: str, order: str) -> int:
    """Days since 1970-01-01 of a date written in `order` ("dmy", "mdy" or "ymd"); NOT_A_DAY if it is none."""
    pattern, groups = _DATE_ORDERS[order]
    found = pattern.fullmatch(text)
    if not found:
        return NOT_A_DAY
    year, month, day = (int(found[group]) for group in groups)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return NOT_A_DAY
    try:
        return (date(year, month, day) - EPOCH).days
    except ValueError:
        return NOT_A_DAY


def parse_second(text: str) -> int:
    """Seconds after midnight of "HH:MM" or "HH:MM:SS"; -1 if it is not a time of day."""
    found = _TIME.fullmatch(text)
    if not found:
        return -1
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    return hour * HOUR + minute * 60 + second if hour < 24 and minute < 60 and second < 60 else -1


def parse_days(texts: Sequence[str], order: str) -> tuple[IntArray, BoolArray]:
    """(int64 days since 1970-01-01, bad mask); a missing date is bad. `order` is "dmy", "mdy" or "ymd"."""
    days = _each(texts, lambda text: parse_day(text, order))
    bad = days == NOT_A_DAY
    return np.where(bad, 0, days), bad


def parse_seconds(texts: Sequence[str]) -> tuple[IntArray, BoolArray]:
    """(int64 seconds after local midnight, bad mask) of "HH:MM" or "HH:MM:SS"; a missing time is bad."""
    seconds = _each(texts, parse_second)
    bad = seconds < 0
    return np.where(bad, 0, seconds), bad


def _each(texts: Sequence[str], parse: Callable[[str], int]) -> IntArray:
    known = {text: parse(text.strip(" ")) for text in set(texts)}
    return np.array([known[text] for text in texts], dtype=np.int64)


def to_utc(day: IntArray, second: IntArray) -> IntArray:
    """UTC seconds of Sao Paulo wall-clock stamps, int64.

    day: days since 1970-01-01; second: seconds after local midnight. Daylight saving time (until 2019) is that of zoneinfo;
    an hour that occurs twice is taken as its first occurrence.
    """
    local = day * DAY + second
    return local - _offsets(local, lambda hour: _naive(hour).replace(tzinfo=SAO_PAULO))


def from_utc(instant: IntArray) -> tuple[IntArray, IntArray]:
    """(days since 1970-01-01, seconds after local midnight) in Sao Paulo of UTC seconds, both int64."""
    local = instant + _offsets(instant, lambda hour: _naive(hour).replace(tzinfo=UTC).astimezone(SAO_PAULO))
    return np.floor_divide(local, DAY), np.mod(local, DAY)


def _naive(hour: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(hours=hour)


def _offsets(stamps: IntArray, clock: Callable[[int], datetime]) -> IntArray:
    """Seconds east of UTC of each stamp. Sao Paulo's clock changes only on full hours: one look-up per distinct hour will do."""
    hours, inverse = np.unique(np.floor_divide(stamps, HOUR), return_inverse=True)
    offsets = [int((clock(hour).utcoffset() or timedelta()).total_seconds()) for hour in hours.tolist()]
    return np.array(offsets, dtype=np.int64)[inverse.reshape(stamps.shape)]


def daily_open(day: IntArray) -> IntArray:
    """UTC seconds of a daily bar: 10:00 in Sao Paulo of each day (days since 1970-01-01), int64."""
    return to_utc(day, np.full(day.shape, DAILY_OPEN, dtype=np.int64))
