"""What was said before each session, as files for dashboards: the same rows as JSON and as CSV, each replaced whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.domain import from_day_number, iso, jsonable
from engine.errors import FileError
from engine.i18n import _
from engine.store.directions import read_directions

if TYPE_CHECKING:
    from engine.store.database import Store
    from engine.store.directions import StoredDirection

COLUMNS = (
    *("symbol", "session", "target_session", "decision_time", "signal", "probability", "baseline", "coverage", "model", "gate"),
    *("outcome", "hit", "made_at"),
)
#: Rows of a feed: two years of three decision times.
ROWS = 1500


def write_feed(folder: Path, store: Store, symbol: str) -> tuple[Path, Path]:
    """Write direction-SYMBOL.json and direction-SYMBOL.csv into `folder`, newest first; both paths.

    The JSON form is {"symbol", "latest": {decision time: row}, "directions": [row]} with the columns of the CSV in each row. signal is
    1, 0 or null (empty in the CSV) where none was given; hit is whether the signal was right, null while the outcome is not known.
    Raises FileError when the folder cannot be written.
    """
    rows = [feed_row(said) for said in reversed(read_directions(store, symbol, limit=ROWS))]
    latest: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        latest.setdefault(row["decision_time"], row)
    whole = {"symbol": symbol, "latest": latest, "directions": rows}
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    name = f"direction-{symbol}"
    texts = (json.dumps(whole, ensure_ascii=False, indent=2, allow_nan=False) + "\n", table.getvalue())
    return write_text(folder / f"{name}.json", texts[0]), write_text(folder / f"{name}.csv", texts[1])


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


def write_text(path: Path, text: str) -> Path:
    """Write a text file, replaced whole or not at all; its path. Raises FileError."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(_("{path} cannot be written: {error}").format(path=path, error=error.strerror or error)) from error
    return path
