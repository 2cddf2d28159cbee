"""Anomalies as stored: found again they are the same row, and what a person has acknowledged stays acknowledged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.domain import TIMEFRAMES, jsonable
from engine.errors import UsageError
from engine.i18n import _
from engine.store.packing import unpack
from engine.store.series import PROVISIONAL

if TYPE_CHECKING:
    from engine.domain import Anomaly, Bars
    from engine.store.database import Store


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in the bars of one symbol and timeframe that open from `start` to `end` (UTC seconds)."""

    symbol: str
    timeframe: str
    start: int
    end: int
    found: tuple[Anomaly, ...]


def record(store: Store, scans: Iterable[Scan], now: int) -> None:
    """Keep what was found; the same again changes nothing.

    A stored anomaly of a scanned bar that is no longer found goes, unless a person has acknowledged it. now: UTC seconds.
    """
    with store.write() as connection:
        for scan in scans:
            span = (scan.symbol, scan.timeframe, scan.start, scan.end)
            query = (
                "SELECT id FROM anomalies WHERE symbol = ? AND timeframe = ? AND time BETWEEN ? AND ? AND acknowledged_at IS NULL"
            )
            gone = set(connection.exec_driver_sql(query, span).scalars()) - {item.id for item in scan.found}
            for name in gone:
                connection.exec_driver_sql("DELETE FROM anomalies WHERE id = ?", (name,))
            for item in scan.found:
                text = json.dumps(jsonable(item.as_dict()), ensure_ascii=False)
                connection.exec_driver_sql(
                    "INSERT INTO anomalies (id, symbol, timeframe, time, session, anomaly, found_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (id) DO UPDATE SET anomaly = excluded.anomaly, found_at = excluded.found_at"
                    " WHERE anomaly != excluded.anomaly",
                    (item.id, item.symbol, item.timeframe, item.time, item.session, text, now),
                )


def with_state(store: Store, found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Anomalies in their JSON form, each with whether it is acknowledged by now."""
    if not found:
        return []
    with store.read() as connection:
        seen = set(connection.exec_driver_sql("SELECT id FROM anomalies WHERE acknowledged_at IS NOT NULL").scalars())
    return [{**item, "acknowledged": item["id"] in seen} for item in found]


def acknowledge(store: Store, names: Iterable[str], now: int, *, undo: bool = False) -> list[str]:
    """Mark anomalies as seen by a person, or with `undo` as not; those that changed. All or none: raises UsageError for an unknown id."""
    changed = []
    with store.write() as connection:
        for name in dict.fromkeys(names):
            row = connection.exec_driver_sql("SELECT acknowledged_at FROM anomalies WHERE id = ?", (name,)).first()
            if row is None:
                raise UsageError(
                    _("There is no anomaly {id}").format(id=name),
                    _("`pregao anomalies SYMBOL --json` gives those of a symbol with their ids."),
                )
            if (row[0] is None) is not undo:
                at = None if undo else now
                connection.exec_driver_sql("UPDATE anomalies SET acknowledged_at = ? WHERE id = ?", (at, name))
                changed.append(name)
    return changed


def revised_bars(store: Store, bars: Bars, known_at: int | None = None) -> Mapping[int, int]:
    """When the final values of these bars were replaced by a later import (UTC seconds), by the opening of the bar.

    A provisional value that became final is no revision. known_at: only what had happened by then.
    """
    if not len(bars):
        return {}
    timeframe = bars.derived_from or bars.timeframe
    arguments = (bars.symbol, timeframe, bars.source, int(bars.time[0]), 1 << 62 if known_at is None else known_at)
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT time, bar, superseded_at FROM bar_revisions JOIN series ON series.id = series_id"
            " WHERE symbol = ? AND timeframe = ? AND source = ? AND time >= ? AND superseded_at <= ? ORDER BY superseded_at",
            arguments,
        ).all()
    found: dict[int, int] = {}
    for time, bar, replaced in rows:
        if not int(unpack([bar])["flags"][0]) & PROVISIONAL:
            place = int(bars.time.searchsorted(time, side="right")) - 1
            if time < bars.time[place] + TIMEFRAMES[bars.timeframe]:
                found[int(bars.time[place])] = int(replaced)
    return found
