"""The files that stored bars came from, as their imports recorded them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
