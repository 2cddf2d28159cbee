"""The daily series of other markets that the direction can learn from, and from when each value is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.ml.direction.known import Known
from engine.ml.direction.times import zone_instants

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray

NEW_YORK, FRANKFURT, TOKYO = "America/New_York", "Europe/Berlin", "Asia/Tokyo"
HONG_KONG, SHANGHAI = "Asia/Hong_Kong", "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Source:
    """One series as it is named in the store. zone, clock: where and when (minutes after midnight) its day's value is known."""

    name: str
    zone: str
    clock: int


#: Closing values are known a quarter of an hour after the market's latest regular close, settlements when their day ends.
SOURCES = (
    *(Source(name, NEW_YORK, 16 * 60 + 15) for name in ("SP500", "EWZ", "EWW", "VWO", "HYG", "TLT")),
    Source("VIX", NEW_YORK, 16 * 60 + 30),
    *(Source(name, NEW_YORK, 17 * 60) for name in ("US10Y", "BRENT", "WTI", "DXY", "IRONORE")),
    Source("DAX", FRANKFURT, 17 * 60 + 50),
    Source("DAX_OPEN", FRANKFURT, 9 * 60 + 5),
    Source("NIKKEI", TOKYO, 15 * 60 + 45),
    Source("HANGSENG", HONG_KONG, 16 * 60 + 15),
    Source("SHANGHAI", SHANGHAI, 15 * 60 + 15),
)
BY_NAME = {source.name: source for source in SOURCES}


def known_values(source: Source, day: IntArray, value: FloatArray) -> Known:
    """The values of one series, days since 1970-01-01 in increasing order, with the instant from which each is known."""
    return Known(source.name, day, zone_instants(source.zone, day, source.clock), value)
