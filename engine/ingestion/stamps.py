"""Dates and timestamps of plain tables: ISO 8601, slashed dates whose order the file proves, or epoch seconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import FileError
from engine.i18n import _
from engine.ingestion import numbers

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray

_STAMP = re.compile(r"([0-9./-]{8,10})(?:[T ]+([0-9:.]{4,18}))?[ ]*(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?")
_EPOCH = re.compile(r"[0-9]{9,10}|[0-9]{12,13}")
_YEAR_LAST = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-][0-9]{4}")
ORDERS = ("dmy", "mdy", "ymd")


@dataclass(frozen=True, slots=True)
class Stamps:
    """Stamps as written. day: int64 days since 1970-01-01; second: int64 after midnight; offset: float64 seconds east of UTC,
    NaN where no zone is written (Sao Paulo is meant); bad: not readable."""

    day: IntArray
    second: IntArray
    offset: FloatArray
    bad: BoolArray

    @property
    def dates_only(self) -> bool:
        """Whether every readable stamp is a date or midnight, as written."""
        return not self.second[~self.bad].any()

    def local(self) -> tuple[IntArray, IntArray]:
        """(days, seconds after midnight) in Sao Paulo, both int64."""
        zoned = ~np.isnan(self.offset)
        instant = self.day * numbers.DAY + self.second - np.where(zoned, self.offset, 0).astype(np.int64)
        day, second = numbers.from_utc(instant)
        return np.where(zoned, day, self.day), np.where(zoned, second, self.second)


class DateOrder:
    """Collects what the dates of a file prove about their order, chunk by chunk."""

    def __init__(self) -> None:
        self.year_last = self.day_first = self.month_first = False

    def see(self, texts: Sequence[str]) -> None:
        for text in set(texts):
            found = _YEAR_LAST.match(text.strip())
            if found:
                self.year_last = True
                self.day_first |= int(found[1]) > 12
                self.month_first |= int(found[2]) > 12

    def decide(self, name: str) -> str:
        """ "ymd", "dmy" or "mdy"; FileError when the dates prove neither order, or both."""
        if not self.year_last:
            return "ymd"
        if self.day_first != self.month_first:
            return "dmy" if self.day_first else "mdy"
        hint = _("Say the order: --mapping dates=dmy (or dates=mdy), or write dates as 2025-12-31.")
        if self.day_first:
            raise FileError(_("{name} mixes dates written day first and month first").format(name=name), hint)
        raise FileError(_("{name}: its dates can be read as day/month or as month/day").format(name=name), hint)


def parse_stamps(texts: Sequence[str], order: str) -> Stamps:
    """Read stamps whose dates are written in `order`, one of ORDERS. Epoch stamps (9-10 or 12-13 digits) are UTC."""
    known = {text: _parse(text.strip(), order) for text in set(texts)}
    parsed = [known[text] for text in texts]
    bad = np.array([stamp is None for stamp in parsed], dtype=bool)
    day, second, offset = np.zeros(bad.size, dtype=np.int64), np.zeros(bad.size, dtype=np.int64), np.full(bad.size, np.nan)
    for i, stamp in enumerate(parsed):
        if stamp is not None:
            day[i], second[i], offset[i] = stamp
    return Stamps(day, second, offset, bad)


def _parse(text: str, order: str) -> tuple[int, int, float] | None:
    if _EPOCH.fullmatch(text):
        instant = int(text) if len(text) < 11 else int(text) // 1000
        return instant // numbers.DAY, instant % numbers.DAY, 0.0
    found = _STAMP.fullmatch(text)
    if not found:
        return None
    day = numbers.parse_day(found[1], order)
    second = numbers.parse_second(found[2]) if found[2] else 0
    zone = found[3]
    if day == numbers.NOT_A_DAY or second < 0:
        return None
    if not zone:
        return day, second, float("nan")
    if zone in ("Z", "UTC"):
        return day, second, 0.0
    digits = zone[1:].replace(":", "")
    east = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return (day, second, float(east if zone[0] == "+" else -east)) if east <= 14 * 3600 else None
