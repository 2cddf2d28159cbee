"""Anomalies as files for other programs: the same rows as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from engine.domain import from_day_number, iso
from engine.errors import FileError
from engine.i18n import _
from engine.store.board_anomalies import BoardAnomaly
from engine.whole_file import write_whole

COLUMNS = ("id", "symbol", "timeframe", "time", "severity", "kind", "score", "drivers", "explained_by", "advice", "acknowledged")


def export(folder: Path, found: Sequence[BoardAnomaly], name: str) -> tuple[Path, Path]:
    """Write `name`.csv (drivers joined by "; ") and `name`.json (the form of `pregao anomalies --json`) into `folder`; both paths.

    A file is replaced whole or not at all. Raises FileError when the folder cannot be written.
    """
    rows = [
        {
            **asdict(item),
            "time": iso(item.time),
            "session": from_day_number(item.session).isoformat(),
            "drivers": list(item.drivers),
        }
        for item in found
    ]
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**row, "drivers": "; ".join(row["drivers"])} for row in rows)
    texts = {".csv": table.getvalue(), ".json": json.dumps({"anomalies": rows}, ensure_ascii=False, indent=2) + "\n"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for ending, text in texts.items():
            write_whole(folder / f"{name}{ending}", text.encode())
    except OSError as error:
        raise FileError(
            _("{path} cannot be written: {error}").format(path=folder / name, error=error.strerror or error)
        ) from error
    return folder / f"{name}.csv", folder / f"{name}.json"
