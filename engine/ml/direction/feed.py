"""What was said before each session, as files for dashboards: the same rows as JSON, CSV and Parquet, each replaced whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.domain import from_day_number, iso, jsonable
from engine.feed import Columns, write_json, write_tables
from engine.store.directions import read_directions

if TYPE_CHECKING:
    from engine.store.database import Store
    from engine.store.directions import StoredDirection

COLUMNS: Columns = {
    **dict.fromkeys(("symbol", "session", "target_session", "decision_time"), str),
    "signal": int,
    **dict.fromkeys(("probability", "baseline", "coverage"), float),
    **dict.fromkeys(("model", "gate"), str),
    **dict.fromkeys(("outcome", "hit"), int),
    "made_at": str,
}
#: Rows of a feed: two years of three decision times.
ROWS = 1500


def feed_file(folder: Path, symbol: str) -> Path:
    """The JSON file of a symbol's feed; the tables lie beside it."""
    return folder / f"direction-{symbol}.json"


def write_feed(folder: Path, store: Store, symbol: str) -> tuple[Path, Path, Path]:
    """Write direction-SYMBOL.csv, .parquet and .json into `folder`, newest rows first; their paths, the JSON file first.

    The JSON form is {"schema", "symbol", "latest": {decision time: row}, "directions": [row]} with the columns of the tables in each row.
    signal is 1, 0 or null (empty in the CSV) where none was given; hit is whether the signal was right, null while the outcome is not
    known. Raises FileError when the folder cannot be written.
    """
    rows = [feed_row(said) for said in reversed(read_directions(store, symbol, limit=ROWS))]
    latest: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        latest.setdefault(row["decision_time"], row)
    path, whole = feed_file(folder, symbol), {"symbol": symbol, "latest": latest, "directions": rows}
    tables = write_tables(folder, path.stem, COLUMNS, rows)
    return write_json(path, whole), *tables


def feed_row(said: StoredDirection) -> dict[str, Any]:
    """One row of the feed."""
    right = None if said.outcome is None or said.signal is None else int(said.signal == said.outcome)
    gate = said.direction.get("gate") or {}
    row: dict[str, Any] = jsonable(
        {
            "symbol": said.symbol,
            "session": from_day_number(said.session).isoformat(),
            "target_session": from_day_number(said.target_session).isoformat(),
            "decision_time": said.decision_time,
            "signal": said.signal,
            "probability": said.probability,
            "baseline": said.baseline,
            "coverage": said.direction.get("coverage"),
            "model": said.model,
            "gate": gate.get("verdict"),
            "outcome": said.outcome,
            "hit": right,
            "made_at": iso(said.made_at),
        }
    )
    return row
