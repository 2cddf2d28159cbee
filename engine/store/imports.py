"""The files that stored bars came from, as their imports recorded them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.domain import from_day_number, jsonable
from engine.store.packing import sessions_of, unpack

if TYPE_CHECKING:
    from engine.store.database import Store

_IMPORTS = """
SELECT id, file, format, rows, written, unchanged, revised, rejected, detail FROM imports
WHERE id IN (SELECT import_id FROM bars WHERE series_id IN (SELECT id FROM series WHERE symbol = ? AND timeframe = ?)) ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class StoredImport:
    """One import of which bars are in force. rows: of the file, of which `rejected` could not be read; written, unchanged, revised:
    bars. notices: what the import said, in the language of that moment."""

    id: int
    file: str
    format: str
    rows: int
    written: int
    unchanged: int
    revised: int
    rejected: int
    notices: tuple[str, ...]


def imports_of(store: Store, symbol: str, timeframe: str) -> list[StoredImport]:
    """The imports that the stored bars of a symbol came from, oldest first."""
    with store.read() as connection:
        rows = connection.exec_driver_sql(_IMPORTS, (symbol, timeframe)).all()
    return [
        StoredImport(
            number, file, form, total, written, unchanged, revised, rejected, tuple(json.loads(detail).get("notices", ()))
        )
        for number, file, form, total, written, unchanged, revised, rejected, detail in rows
    ]


#: The final bars that later imports replaced, each as it was known first, beside the one in force.
_REVISED = """
SELECT symbol, timeframe, time, old, bar FROM (
    SELECT series_id, time, bar AS old, min(id) FROM bar_revisions WHERE superseded_by > ? GROUP BY series_id, time
) JOIN bars USING (series_id, time) JOIN series ON series.id = series_id WHERE old <> bar ORDER BY time DESC, symbol, timeframe
"""
#: The values of a bar that a revision names.
_VALUES = ("open", "high", "low", "close", "quantity", "turnover", "trades")


def revised_since(store: Store, snapshot: int, most: int) -> dict[str, Any]:
    """The final bars that are no longer as they were at a snapshot, the newest first: {"count": bars, "values": [of at most `most` bars]}.

    A value is {"symbol", "timeframe", "session" (ISO date), "field", "before", "after"}; null is one that was or is not known.
    """
    if store.snapshot() <= snapshot:
        return {"count": 0, "values": []}
    with store.read() as connection:
        rows = connection.exec_driver_sql(_REVISED, (snapshot,)).all()
    values = []
    for symbol, timeframe, time, *packed in rows[:most]:
        before, after = unpack(packed)
        session = from_day_number(int(sessions_of(time))).isoformat()
        named = {"symbol": symbol, "timeframe": timeframe, "session": session}
        differing = [name for name in _VALUES if before[name].tobytes() != after[name].tobytes()]
        values += [jsonable({**named, "field": name, "before": before[name], "after": after[name]}) for name in differing]
    return {"count": len(rows), "values": values}
