"""What a stored series is, how its bars are packed, and which one answers: for readers with NumPy and without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.domain import TIMEFRAMES, PriceBase

#: One bar: time, open, high, low, close, quantity, turnover, trades, flags; `struct.unpack(FORMAT, bar)` reads it.
FORMAT = "<q7dq"
PROVISIONAL = 1
#: Days by which a series of the asked timeframe may lag behind a finer or another one and still answer.
NEAR = 31
AFTER_MARKET = 2

#: Sao Paulo is two or three hours behind UTC, and no bar opens before 01:00 there, so three hours give the date.
SESSION_SHIFT = 10_800

#: Every series that has a bar; a WHERE clause may follow.
SERIES_QUERY = (
    "SELECT id, symbol, timeframe, source, price_base,"
    " (SELECT min(time) FROM bars WHERE series_id = series.id) AS first,"
    " (SELECT max(time) FROM bars WHERE series_id = series.id) AS last"
    " FROM series"
)


@dataclass(frozen=True, slots=True)
class Series:
    """One stored series: `first` and `last` are the opening instants of its oldest and newest bar."""

    id: int
    symbol: str
    timeframe: str
    source: str
    price_base: PriceBase
    first: int
    last: int


def choose_series(
    candidates: Sequence[Series],
    timeframe: str,
    *,
    source: str = "",
    price_base: PriceBase | None = None,
    before: int | None = None,
    start: int | None = None,
) -> Series | None:
    """The series that answers for one symbol: at `timeframe`, else the coarsest finer one it can be built from.

    A series that ended more than NEAR days before another one does (up to `before`) does not answer for it; with `start`
    given, one that covers NEAR days less of the time from there on does not. Among those left, the one that reaches
    furthest, then the longest, then raw before adjusted before unknown, then by name: the same on every machine.
    """
    wanted = TIMEFRAMES[timeframe]
    fit = [
        item
        for item in candidates
        if TIMEFRAMES[item.timeframe] <= wanted
        and (not source or item.source == source)
        and (price_base is None or item.price_base is price_base)
        and (before is None or item.first <= before)
    ]
    bases = (PriceBase.RAW, PriceBase.ADJUSTED, PriceBase.UNKNOWN)

    def merit(item: Series) -> int:
        last = item.last if before is None else min(item.last, before)
        return last if start is None else max(last - max(item.first, start), 0)

    best = max(map(merit, fit), default=0)
    fit = [item for item in fit if best - merit(item) <= NEAR * 86_400]

    def rank(item: Series) -> tuple[object, ...]:
        last = item.last if before is None else min(item.last, before)
        day = (last - SESSION_SHIFT) // 86_400 if wanted >= TIMEFRAMES["1d"] else last
        return (
            -TIMEFRAMES[item.timeframe] if item.timeframe != timeframe else -wanted * 10,
            -day,
            item.first,
            bases.index(item.price_base),
            item.source,
        )

    return min(fit, key=rank, default=None)
