"""Files for the dashboards of others: tables as CSV and Parquet, and JSON, each replaced whole or not at all.

Every file says the version of its columns: JSON under "schema", the tables in their first column `schema`. A column that is added leaves
the version as it is; one that is renamed, removed or means something else makes it one more.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import FileError
from engine.i18n import _
from engine.refusals import hint_of
from engine.whole_file import clear_parts, write_whole

SCHEMA = 1
#: The columns of a table in their order, each with its type: text, a real or a whole number. Any may be empty.
Columns = Mapping[str, type[str] | type[float] | type[int]]


def write_json(path: Path, whole: Mapping[str, Any]) -> Path:
    """Write an object with the version of its keys; its path. Raises FileError."""
    return write_text(path, json.dumps({"schema": SCHEMA, **whole}, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_tables(folder: Path, name: str, columns: Columns, rows: Iterable[Mapping[str, Any]]) -> tuple[Path, Path]:
    """Write rows as name.csv and name.parquet; both paths. What a row does not have is empty (null). Raises FileError.

    The CSV comes last: where it says the same already, so does the other, and nothing is written, which also spares loading Parquet.
    """
    listed = [{"schema": SCHEMA, **{key: row.get(key) for key in columns}} for row in rows]
    typed: Columns = {"schema": int, **columns}
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, typed)
    writer.writeheader()
    writer.writerows(listed)
    text, binary = folder / f"{name}.csv", folder / f"{name}.parquet"
    if _holds(text, table.getvalue().encode()) and binary.exists():
        clear_parts(binary)
    else:
        write_bytes(binary, _parquet(typed, listed))
    return write_text(text, table.getvalue()), binary


def write_text(path: Path, text: str) -> Path:
    """Write a text file in UTF-8; its path. Raises FileError."""
    return write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file, replaced whole or not at all, and left alone where it holds this already; its path. Raises FileError."""
    if _holds(path, content):
        clear_parts(path)
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        said = _("{path} cannot be written: {error}").format(path=path, error=error.strerror or error)
        raise FileError(said, hint_of(error)) from error
    return path


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _parquet(columns: Columns, rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {str: pa.string(), float: pa.float64(), int: pa.int64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()], metadata={"schema": str(SCHEMA)})
    target = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), target)
    return target.getvalue()
