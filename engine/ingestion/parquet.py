"""Parquet tables in bounded memory, a batch of rows at a time, as text, numbers or stamps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import FileError, RefusedFileError
from engine.i18n import _
from engine.ingestion import numbers
from engine.ingestion.stamps import Stamps
from engine.ingestion.text import CHUNK, MAX_COLUMNS, MAX_ROWS

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray

    Column = tuple[str, ...] | FloatArray | Stamps

MAGIC = b"PAR1"


class ParquetTable:
    """A Parquet file in memory. `header` holds its column names, `rows` its number of rows.

    Every failure of the library is a RefusedFileError; a column of a type that cannot be used is a FileError.
    """

    def __init__(self, data: bytes, name: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._name = name
        self._failures = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError, OverflowError)
        try:
            self._file = pq.ParquetFile(pa.BufferReader(data))
            self.header: list[str] = [str(column) for column in self._file.schema_arrow.names]
            self.rows = int(self._file.metadata.num_rows)
        except self._failures as error:
            raise self._broken(error) from error
        if not 0 <= self.rows <= MAX_ROWS or len(self.header) > MAX_COLUMNS:
            raise RefusedFileError(
                _("{name} has more than {rows} rows or {columns} columns").format(name=name, rows=MAX_ROWS, columns=MAX_COLUMNS)
            )

    def chunks(self, places: Sequence[int]) -> Iterator[tuple[IntArray, list[Column]]]:
        """Batches of (1-based row numbers, the columns at `places`)."""
        wanted = [self.header[place] for place in places]
        seen = 0
        try:
            for batch in self._file.iter_batches(batch_size=CHUNK, columns=wanted):
                if seen + batch.num_rows > self.rows:
                    raise RefusedFileError(_("{name} holds more rows than it says").format(name=self._name))
                line = np.arange(seen + 1, seen + 1 + batch.num_rows, dtype=np.int64)
                yield line, [self._values(batch.column(batch.schema.get_field_index(column)), column) for column in wanted]
                seen += batch.num_rows
            if seen != self.rows:
                raise RefusedFileError(_("{name} holds fewer rows than it says").format(name=self._name))
        except self._failures as error:
            raise self._broken(error) from error

    def _values(self, array: Any, column: str) -> Column:
        import pyarrow as pa

        kind = array.type
        if pa.types.is_dictionary(kind):
            return self._values(array.dictionary_decode(), column)
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return _stamps(array)
        if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
            return np.asarray(
                array.cast(pa.float64(), safe=False).fill_null(float("nan")).to_numpy(zero_copy_only=False), dtype=np.float64
            )
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_time(kind) or pa.types.is_null(kind):
            return tuple("" if value is None else str(value) for value in array.to_pylist())
        raise FileError(_("{name}: the column {column} is of the type {kind}, which cannot be used").format(
            name=self._name, column=column, kind=kind))  # fmt: skip

    def _broken(self, error: BaseException) -> RefusedFileError:
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return RefusedFileError(_("{name} is not a sound Parquet file: {error}").format(name=self._name, error=first))


def _stamps(array: Any) -> Stamps:
    """Stamps with a zone are UTC; dates and stamps without one are as written. Null is bad."""
    import pyarrow as pa

    zoned = pa.types.is_timestamp(array.type) and array.type.tz is not None
    bad = np.asarray(array.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    plain = array.cast(pa.timestamp("ms"), safe=False) if pa.types.is_date(array.type) else array
    seconds = plain.cast(pa.timestamp("s", tz=array.type.tz if zoned else None), safe=False).cast(pa.int64()).fill_null(0)
    instant = np.asarray(seconds.to_numpy(zero_copy_only=False), dtype=np.int64)
    latest = numbers.LAST_YEAR * 366 * numbers.DAY
    outside = np.abs(instant) > latest
    instant = np.where(outside, 0, instant)
    offset = np.full(instant.size, 0.0 if zoned else np.nan)
    return Stamps(np.floor_divide(instant, numbers.DAY), np.mod(instant, numbers.DAY), offset, bad | outside)
