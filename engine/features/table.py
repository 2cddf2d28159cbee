"""The features of a stored symbol as a table, and the table as a CSV, Parquet or JSON file."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from engine.domain import from_day_number, iso, jsonable
from engine.errors import FileError, NoDataError, UsageError
from engine.features.catalogue import Feature, compute
from engine.i18n import _
from engine.store.bars import longer_series, read_bars
from engine.store.events import adjusted

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray
    from engine.store.database import Store

#: What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """values: float64 of shape (n, k), NaN where undefined; a row for each of n bars, a column for each of k features.

    notes: what to know of the bars, in sentences.
    """

    bars: Bars
    features: tuple[Feature, ...]
    values: FloatArray
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """What the columns are, with the last value of each; not the rows."""
        return {
            "symbol": self.bars.symbol,
            "timeframe": self.bars.timeframe,
            "price_base": str(self.bars.price_base),
            "source": self.bars.source,
            "features": [
                {
                    "name": feature.name,
                    "group": feature.group,
                    "lookback": feature.lookback,
                    "formula": feature.formula,
                    "source": feature.source,
                    "undefined": _(feature.nan_rule),
                    "departs": _(feature.departs) if feature.departs else None,
                    "value": float(column[-1]),
                    "defined": int(np.count_nonzero(~np.isnan(column))),
                }
                for feature, column in zip(self.features, self.values.T)
            ],
            "rows": len(self.bars),
            "first": iso(int(self.bars.time[0])),
            "last": iso(int(self.bars.time[-1])),
            "notes": list(self.notes),
        }

    def columns(self) -> dict[str, list[Any]]:
        """time and session as ISO text, then every feature, NaN as None."""
        found: dict[str, list[Any]] = {
            "time": [iso(at) for at in self.bars.time.tolist()],
            "session": [from_day_number(day).isoformat() for day in self.bars.session.tolist()],
        }
        return found | {feature.name: jsonable(column) for feature, column in zip(self.features, self.values.T)}


def read_table(
    store: Store,
    symbol: str,
    features: Sequence[Feature],
    *,
    timeframe: str = "1d",
    start: int | None = None,
    end: int | None = None,
) -> FeatureTable:
    """The features at the finished bars of `symbol` that open in [start, end] (UTC seconds); the bars before serve as look-back.

    Raw prices are adjusted by the stored events of the symbol. Raises NoDataError, and FileError for a stored payment that cannot be.
    """
    bars, _events = adjusted(store, read_bars(store, symbol, timeframe, covering=(start, end)))
    begin = 0 if start is None else int(np.searchsorted(bars.time, start))
    stop = len(bars) if end is None else int(np.searchsorted(bars.time, end, side="right"))
    if begin >= stop:
        raise NoDataError(_("{symbol} has no bars in this period").format(symbol=symbol))
    seen, asked = bars.take(slice(0, stop)), slice(begin, stop)
    return FeatureTable(seen.take(asked), tuple(features), compute(seen, features)[asked], longer_series(store, bars))


def check_file(path: Path, *, force: bool) -> None:
    """Raises UsageError for a name that ends in no known format, and for a file that is there already unless `force`."""
    if path.suffix.lower() not in _WRITERS:
        raise UsageError(
            _("{path} does not say which format to write").format(path=path),
            _("Let its name end in one of: {endings}.").format(endings=", ".join(_WRITERS)),
        )
    if path.exists() and not force:
        raise UsageError(_("{path} exists").format(path=path), _("Give another name, or --force to replace it."))


def write_table(table: FeatureTable, path: Path, *, force: bool = False) -> None:
    """Write the table at once or not at all, in the format that the file's name ends in.

    CSV: an empty cell where undefined. Parquet: null where undefined, `time` in UTC, `session` a date. JSON: the description of the
    columns and `rows_of_values`, one object for each bar.
    Raises UsageError as `check_file` does, and FileError when the file cannot be written.
    """
    check_file(path, force=force)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _not_written(path, error) from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            _WRITERS[path.suffix.lower()](table, stream)
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def safe(cell: Any) -> Any:
    """A cell of a CSV file that no spreadsheet takes for a formula; numbers are as they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _csv(table: FeatureTable, stream: IO[bytes]) -> None:
    columns = table.columns()
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([safe(name) for name in columns])
    writer.writerows([safe(cell) for cell in line] for line in zip(*columns.values()))
    text.detach()


def _parquet(table: FeatureTable, stream: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "time": pa.array(table.bars.time, pa.timestamp("s", "UTC")),
        "session": pa.array(table.bars.session.astype(np.int32), pa.int32()).cast(pa.date32()),
        **{item.name: pa.array(values, from_pandas=True) for item, values in zip(table.features, table.values.T.copy())},
    }
    pq.write_table(pa.table(columns), stream)


def _json(table: FeatureTable, stream: IO[bytes]) -> None:
    columns = table.columns()
    rows = [dict(zip(columns, line)) for line in zip(*columns.values())]
    stream.write(json.dumps(jsonable(table.as_dict()) | {"rows_of_values": rows}, ensure_ascii=False).encode())


_WRITERS: Mapping[str, Callable[[FeatureTable, IO[bytes]], None]] = {".csv": _csv, ".parquet": _parquet, ".json": _json}


def _not_written(path: Path, error: OSError) -> FileError:
    return FileError(_("{path} cannot be written: {error}").format(path=path, error=error.strerror or error))
