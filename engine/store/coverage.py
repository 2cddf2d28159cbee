"""What is stored, and what is missing or odd in it, per series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import TIMEFRAMES, Bars, PriceBase, from_day_number
from engine.store.bars import list_series, read_series

if TYPE_CHECKING:
    from engine.market.calendar import Calendar
    from engine.store.database import Store

#: A move between two sessions beyond this fraction is listed unless an event explains it.
JUMP = 0.10
LISTED = 20


@dataclass(frozen=True, slots=True)
class Jump:
    """A move from one session's last close to the next one's first open that no stored event explains."""

    session: str
    change: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """One series. missing_sessions: B3 sessions between first and last without a bar (listed: the first 20).

    Only sessions that the calendar knows are compared; missing_sessions is None when it knows none of them, and for weekly
    bars. flat bars have one price; zero_volume bars no quantity and no turnover. extra_sessions have bars on days that the
    calendar calls closed.
    """

    symbol: str
    timeframe: str
    first: str
    last: str
    bars: int
    missing_sessions: int | None
    missing: tuple[str, ...]
    extra_sessions: tuple[str, ...]
    zero_volume: int
    flat: int
    jumps: tuple[Jump, ...]
    price_base: PriceBase
    sources: tuple[str, ...]
    provisional: int
    after_market: int
    revisions: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def coverage(store: Store, calendar: Calendar, symbols: Sequence[str] = ()) -> list[Coverage]:
    """The coverage of every stored series, or of those of `symbols`."""
    events = event_sessions(store)
    with store.read() as connection:
        counted = connection.exec_driver_sql("SELECT series_id, count(*) FROM bar_revisions GROUP BY series_id")
        revisions = {row[0]: row[1] for row in counted}
    return [
        _describe(read_series(store, item), calendar, events.get(item.symbol, frozenset()), int(revisions.get(item.id, 0)))
        for item in list_series(store, symbols)
    ]


def event_sessions(store: Store) -> dict[str, frozenset[int]]:
    """The ex dates of the stored events of each symbol."""
    found: dict[str, set[int]] = {}
    with store.read() as connection:
        for symbol, session in connection.exec_driver_sql("SELECT symbol, ex_session FROM corporate_events"):
            found.setdefault(symbol, set()).add(session)
    return {symbol: frozenset(sessions) for symbol, sessions in found.items()}


def _describe(bars: Bars, calendar: Calendar, events: frozenset[int], revisions: int) -> Coverage:
    held = np.unique(bars.session)
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    missing_count: int | None = None
    if bars.timeframe != "1w":
        known = (held >= calendar.sessions[0]) & (held <= calendar.sessions[-1])
        if known.any():
            gaps = np.setdiff1d(calendar.sessions_between(int(held[known][0]), int(held[known][-1])), held)
            missing_count = int(gaps.size)
            missing = tuple(from_day_number(day).isoformat() for day in gaps[:LISTED])
            extra = tuple(from_day_number(day).isoformat() for day in np.setdiff1d(held[known], calendar.sessions)[:LISTED])
    volume = np.nan_to_num(bars.quantity) + np.nan_to_num(bars.turnover)
    said = ~(np.isnan(bars.quantity) & np.isnan(bars.turnover))
    return Coverage(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        first=from_day_number(int(bars.session[0])).isoformat(),
        last=from_day_number(int(bars.session[-1])).isoformat(),
        bars=len(bars),
        missing_sessions=missing_count,
        missing=missing,
        extra_sessions=extra,
        zero_volume=int(((volume == 0) & said).sum()),
        flat=int((bars.high == bars.low).sum()),
        jumps=unexplained_jumps(bars, events),
        price_base=bars.price_base,
        sources=(bars.source,),
        provisional=int(bars.provisional.sum()),
        after_market=int(bars.after_market.sum()),
        revisions=revisions,
    )


def unexplained_jumps(bars: Bars, events: frozenset[int] = frozenset()) -> tuple[Jump, ...]:
    """The moves beyond JUMP from the last regular close of a session to the next session's first open."""
    regular = bars.take(~bars.after_market) if bars.after_market.any() else bars
    if len(regular) < 2 or TIMEFRAMES[bars.timeframe] > TIMEFRAMES["1d"]:
        return ()
    turns = np.flatnonzero(regular.session[1:] != regular.session[:-1]) + 1
    change = regular.open[turns] / regular.close[turns - 1] - 1
    large = turns[np.abs(change) > JUMP]
    return tuple(
        Jump(from_day_number(int(regular.session[at])).isoformat(), float(regular.open[at] / regular.close[at - 1] - 1))
        for at in large
        if int(regular.session[at]) not in events
    )[:LISTED]
