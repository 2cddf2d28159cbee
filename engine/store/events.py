"""Corporate events as stored: idempotent, changes kept as revisions; and bars that are adjusted by them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import TIMEFRAMES, Bars, PriceBase, from_day_number
from engine.market.adjust import CorporateEvent, EventArrays, adjusted_bars, event_arrays
from engine.market.resample import resample
from engine.store.bars import Cut, read_bars
from engine.store.publish import LISTED_REVISIONS, Published
from engine.store.schema import imports

if TYPE_CHECKING:
    from engine.ingestion.events import EventFile
    from engine.store.database import Store

    Facts = tuple[float | None, float | None, int | None]

FIELDS = "symbol, kind, ex_session, factor, amount, pay_session, source"


def publish_events(store: Store, parsed: EventFile, file: str, sha256: str, now: int) -> Published:
    """Write the events of one file, all or nothing; the same events twice change nothing.

    A file that speaks of an event (a symbol, kind and ex date) gives all its parts: a stored part that it gives otherwise, or not,
    is replaced and kept as a revision known until `now` (UTC seconds). Another source alone changes nothing.
    """
    incoming: dict[tuple[str, str, int], dict[Facts, CorporateEvent]] = defaultdict(dict)
    for event in parsed.events:
        incoming[event.symbol, event.kind, event.ex_session][_facts(event)] = event
    with store.write() as connection:
        stored: dict[tuple[str, str, int], dict[Facts, int]] = defaultdict(dict)
        for row in connection.exec_driver_sql(
            "SELECT symbol, kind, ex_session, factor, amount, pay_session, id FROM corporate_events"
        ):
            stored[row[0], row[1], row[2]][row[3], row[4], row[5]] = row[6]
        new: list[tuple[object, ...]] = []
        gone: list[int] = []
        lines: list[str] = []
        for key, parts in incoming.items():
            held = stored.get(key, {})
            replaced = [number for facts, number in held.items() if facts not in parts]
            known_at = now if replaced else None
            new += [(*key, *facts, event.source, known_at) for facts, event in parts.items() if facts not in held]
            if replaced:
                gone += replaced
                lines.append(f"{key[0]} {key[1]} {from_day_number(key[2])}: {_words(held)} -> {_words(parts)}")
        total = sum(map(len, incoming.values()))
        if not new and not gone:
            return Published(0, total, 0, 0)
        made = connection.execute(
            imports.insert().values(
                published_at=now,
                file=file,
                sha256=sha256,
                format="events",
                rows=parsed.rows,
                written=len(new),
                unchanged=total - len(new),
                revised=len(gone),
                rejected=len(parsed.rejected),
                detail={"symbols": list(parsed.symbols), "notices": list(parsed.notices)},
            )
        )
        if gone:
            connection.exec_driver_sql(
                f"INSERT INTO corporate_event_revisions ({FIELDS}, available_at, superseded_at)"
                f" SELECT {FIELDS}, available_at, ? FROM corporate_events WHERE id = ?",
                [(now, number) for number in gone],
            )
            connection.exec_driver_sql("DELETE FROM corporate_events WHERE id = ?", [(number,) for number in gone])
        if new:
            connection.exec_driver_sql(
                f"INSERT INTO corporate_events ({FIELDS}, available_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", new
            )
    return Published(len(new), total - len(new), len(gone), 0, tuple(lines[:LISTED_REVISIONS]), int(made.lastrowid))


def _facts(event: CorporateEvent) -> Facts:
    return event.factor, event.amount, event.pay_session


def _words(parts: dict[Facts, CorporateEvent] | dict[Facts, int]) -> str:
    said = []
    for factor, amount, pay in parts:
        value = f"{factor if factor is not None else amount:.10g}"
        said.append(value if pay is None else f"{value} ({from_day_number(pay)})")
    return " + ".join(sorted(said))


def read_events(store: Store, symbol: str, known_at: int | None = None) -> tuple[CorporateEvent, ...]:
    """The events of a symbol, oldest ex date first; with `known_at` (UTC seconds) as they were known then."""
    query = f"SELECT {FIELDS} FROM corporate_events WHERE symbol = ?"
    arguments: tuple[str | int, ...] = (symbol,)
    if known_at is not None:
        known = "(available_at IS NULL OR available_at <= ?)"
        query += f" AND {known} UNION ALL SELECT {FIELDS} FROM corporate_event_revisions WHERE symbol = ? AND superseded_at > ? AND {known}"
        arguments += (known_at, symbol, known_at, known_at)
    with store.read() as connection:
        rows = connection.exec_driver_sql(f"{query} ORDER BY ex_session, kind, pay_session, amount", arguments).all()
    return tuple(CorporateEvent(*row) for row in rows)


def adjusted(store: Store, bars: Bars, cut: Cut | None = None) -> tuple[Bars, EventArrays | None]:
    """Stored bars as signals need them, and the events that were taken out of their prices.

    Raw bars of a symbol with events inside them are adjusted, others come back as they are with None. A week holds prices of
    before and after an event, so weekly bars are built from adjusted finer ones and have no events of their own (None); weekly
    bars that were imported as such stay raw. cut: the past as it was known. Raises FileError for an impossible payment.
    """
    events = read_events(store, bars.symbol, None if cut is None else cut.known_at) if bars.price_base is PriceBase.RAW else ()
    weekly = TIMEFRAMES[bars.timeframe] > TIMEFRAMES["1d"]
    if not events or not len(bars) or (weekly and not bars.derived_from):
        return bars, None
    finer = bars
    if weekly:
        finer = read_bars(store, bars.symbol, bars.derived_from, source=bars.source, price_base=bars.price_base, cut=cut)
    arrays = event_arrays(finer, events)
    if not arrays.present.any():
        return bars, None
    found = adjusted_bars(finer, arrays)
    if weekly:
        whole = resample(found, bars.timeframe)
        return whole.take(np.isin(whole.time, bars.time)), None
    return found, arrays
