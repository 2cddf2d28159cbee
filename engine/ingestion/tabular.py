"""Plain tables of bars: CSV with a header and a decimal point, and Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import TIMEFRAMES, Market, PriceBase, Progress, silent
from engine.errors import FileError
from engine.i18n import _
from engine.ingestion import investing, numbers, profit, rows, symbols
from engine.ingestion.columns import FIELDS, SYNONYMS, Mapping, map_columns
from engine.ingestion.files import SourceFile
from engine.ingestion.parquet import MAGIC, ParquetTable
from engine.ingestion.stamps import DateOrder, Stamps, parse_stamps
from engine.ingestion.table import BarTable, ImportOptions, ParsedFile, Rejected
from engine.ingestion.text import MAX_BYTES, DelimitedText, decode, find_delimiter, first_line, first_lines, label, split_line
from engine.ingestion.timeframes import asked_timeframe, dated_timeframe, intraday_timeframe

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray
    from engine.ingestion.parquet import Column

    Fields = dict[str, Column]

FORMATS = ("ohlcv_csv", "ohlcv_parquet")
#: Prices are rounded to this many decimals: 57.9900016784668, a single-precision 57.99, becomes 57.990002.
PRICE_DECIMALS = 6
PRICES = ("open", "high", "low", "close")
AMOUNTS = ("quantity", "turnover", "trades")
ADJUSTED = ("adjclose", "adjustedclose", "fechamentoajustado")


def recognises(head: bytes, name: str = "") -> bool:  # noqa: ARG001
    """Whether the first bytes are Parquet, or a header with a date and a price that no other format claims; `name` is ignored."""
    if head.startswith(MAGIC):
        return True
    lines = first_lines(head, 1)
    delimiter = find_delimiter(lines[0]) if lines else ""
    if not delimiter or investing.recognises(head) or profit.recognises(head):
        return False
    labels = {label(cell) for cell in split_line(lines[0], delimiter)}
    return any(labels.intersection(SYNONYMS[field]) for field in ("date", "time")) and any(
        labels.intersection(SYNONYMS[field]) for field in PRICES
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """The readable rows of a chunk with their stamps, which are turned into times once the whole file is known."""

    table: BarTable
    stamps: Stamps


def parse(file: SourceFile, options: ImportOptions, progress: Progress = silent) -> ParsedFile:
    """The bars of a plain table.

    Columns are found by their names or by `options.mapping` (see `columns.map_columns`). Stamps without a zone are Sao Paulo
    wall clock. Bars are daily or weekly when every stamp is a date or midnight, else of the most common step. Prices are
    rounded to PRICE_DECIMALS. The price base is the option's, raw for a COTAHIST table, else unknown. Raises FileError or
    RefusedFileError, UsageError for a bad option.
    """
    data = file.read(MAX_BYTES)
    asked = asked_timeframe(options.timeframe)
    source = _Parquet(data, file.name) if data.startswith(MAGIC) else _Csv(data, file.name)
    mapping = map_columns(file.name, source.header, options.mapping)
    order = mapping.date_order or source.date_order(mapping)
    notices: list[str] = []
    named = symbols.SymbolColumn()
    if "symbol" not in mapping.places:
        named.indices([symbols.symbol_of_file(file.name, options.symbol, notices)])
    rejected: list[Rejected] = []
    parts = [
        _read_chunk(line, fields, source.header, mapping, order, named, rejected)
        for line, fields in source.chunks(mapping, progress)
    ]
    if "symbol" in mapping.places:
        named.check_asked(file.name, options.symbol)
    rejected += source.rejected
    rows.refuse_if_mostly_bad(file.name, source.rows, rejected)
    table = rows.join([part.table for part in parts], named.symbols)
    table, timeframe = _timed(file.name, table, _join_stamps([part.stamps for part in parts]), asked)
    base = options.price_base or (PriceBase.RAW if mapping.raw else PriceBase.UNKNOWN)
    return rows.finish(
        file.name, format=source.format, source="file", timeframe=timeframe, price_base=base, rows=source.rows,
        screened=rows.screen(table), rejected=rejected, notices=notices + _understood(source.header, mapping, base),
        today=rows.today_of(options),
    )  # fmt: skip


class _Csv:
    """A CSV file: its header, and chunks of its mapped columns as text."""

    format = FORMATS[0]

    def __init__(self, data: bytes, name: str) -> None:
        self._text, self._name = decode(data, name), name
        first = first_line(self._text)
        self._delimiter = find_delimiter(first)
        if first and not self._delimiter:
            raise FileError(
                _("{name} has no columns separated by comma, semicolon or tab").format(name=name),
                _("Its first line must name the columns."),
            )
        self._read = self._open()
        self.header = self._read.header()

    def _open(self) -> DelimitedText:
        return DelimitedText(self._text, self._delimiter or ",", self._name)

    @property
    def rows(self) -> int:
        return self._read.rows

    @property
    def rejected(self) -> list[Rejected]:
        return self._read.rejected

    def date_order(self, mapping: Mapping) -> str:
        order, reading = DateOrder(), self._open()
        reading.header()
        for chunk in reading.chunks(len(self.header)):
            order.see(chunk.columns[mapping.places["date"]])
        return order.decide(self._name)

    def chunks(self, mapping: Mapping, progress: Progress) -> Iterator[tuple[IntArray, Fields]]:
        for chunk in self._read.chunks(len(self.header), progress):
            yield chunk.line, {field: chunk.columns[place] for field, place in mapping.places.items()}


class _Parquet:
    """A Parquet file: its header, and chunks of its mapped columns as text, numbers or stamps."""

    format = FORMATS[1]

    def __init__(self, data: bytes, name: str) -> None:
        self._table, self._name = ParquetTable(data, name), name
        self.header, self.rows = self._table.header, self._table.rows
        self.rejected: list[Rejected] = []

    def date_order(self, mapping: Mapping) -> str:
        order = DateOrder()
        for _line, (column,) in self._table.chunks([mapping.places["date"]]):
            if isinstance(column, tuple):
                order.see(column)
        return order.decide(self._name)

    def chunks(self, mapping: Mapping, progress: Progress) -> Iterator[tuple[IntArray, Fields]]:
        for line, columns in self._table.chunks(list(mapping.places.values())):
            yield line, dict(zip(mapping.places, columns))
            progress(int(line[-1]) if line.size else 0, self.rows, self._name)


def _read_chunk(
    line: IntArray,
    fields: Fields,
    header: list[str],
    mapping: Mapping,
    order: str,
    named: symbols.SymbolColumn,
    rejected: list[Rejected],
) -> _Part:
    issues = rows.Issues(line)
    stamps = _stamps(fields, order)
    written = _texts(fields["date"])
    issues.flag_texts(stamps.bad, written, header[mapping.places["date"]])
    index = np.zeros(line.size, dtype=np.int64)
    if "symbol" in fields:
        texts = _texts(fields["symbol"])
        index, bad = named.indices(texts)
        issues.flag_texts(bad, texts, header[mapping.places["symbol"]])
    values: dict[str, FloatArray] = {}
    for field in (*PRICES, *AMOUNTS):
        column = fields.get(field)
        if isinstance(column, np.ndarray):
            values[field] = column
        elif column is not None:
            texts = _texts(column)
            values[field], bad = numbers.parse_numbers(texts, numbers.PLAIN)
            issues.flag_texts(bad, texts, header[mapping.places[field]])
    values |= {field: np.round(values[field], PRICE_DECIMALS) for field in PRICES}
    rejected += issues.rejected
    unknown = np.zeros(line.size, dtype=np.int64)
    table = rows.piece(symbol_index=index, line=line, time=unknown, session=unknown, **values)
    good = issues.good
    return _Part(rows.take(table, good), Stamps(stamps.day[good], stamps.second[good], stamps.offset[good], stamps.bad[good]))


def _stamps(fields: Fields, order: str) -> Stamps:
    date = fields["date"]
    if "time" not in fields:
        return date if isinstance(date, Stamps) else parse_stamps(_texts(date), order)
    times = _texts(fields["time"])
    if not isinstance(date, Stamps):
        return parse_stamps([f"{day.strip()} {time.strip()}" for day, time in zip(_texts(date), times)], order)
    second, bad = numbers.parse_seconds(times)
    return replace(date, second=second, bad=date.bad | bad)


def _texts(column: Column) -> tuple[str, ...]:
    """A column as text; whole numbers are written without a decimal point."""
    if isinstance(column, Stamps):
        return ("",) * column.day.size
    if isinstance(column, tuple):
        return column
    return tuple(str(int(value)) if np.isfinite(value) and value == int(value) else str(value) for value in column.tolist())


def _join_stamps(parts: list[Stamps]) -> Stamps:
    day, second, offset, bad = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("day", "second", "offset", "bad")
    )
    return Stamps(day, second, offset, bad)


def _timed(name: str, table: BarTable, stamps: Stamps, asked: str) -> tuple[BarTable, str]:
    """The table with times, sessions and after-market flags, and its timeframe."""
    day, second = (stamps.day, stamps.second) if stamps.dates_only else stamps.local()
    keys = np.unique(np.stack([table.symbol_index, day, second]), axis=1)
    one_a_day = np.unique(keys[:2], axis=1).shape[1] == keys.shape[1]
    daily = stamps.dates_only or (one_a_day and (asked in ("1d", "1w") or (not asked and np.unique(day).size > 1)))
    if daily:
        timeframe = dated_timeframe(name, table.symbol_index, day)
        if asked and TIMEFRAMES[asked] < TIMEFRAMES["1d"]:
            raise FileError(
                _("{name} has no times of day, so its bars cannot be of {timeframe}").format(name=name, timeframe=asked)
            )
        return replace(table, time=numbers.daily_open(day), session=day), asked or timeframe
    if asked in ("1d", "1w"):
        raise FileError(_("{name} has several bars a day, so they cannot be of {timeframe}").format(name=name, timeframe=asked))
    timeframe = intraday_timeframe(name, table.symbol_index, day, second, asked)
    table = replace(table, time=numbers.to_utc(day, second), session=day)
    cash = np.array([symbols.market_of(symbol) is not Market.FUTURE for symbol in table.symbols], dtype=bool)[table.symbol_index]
    return rows.mark_after_market(table, second, cash), timeframe


def _understood(header: list[str], mapping: Mapping, base: PriceBase) -> list[str]:
    """What the user should know about how the columns and prices were read."""
    notices = []
    if mapping.raw and base is PriceBase.RAW:
        notices.append(_("The columns are those of a parsed COTAHIST: prices are raw."))
    elif base is PriceBase.UNKNOWN:
        notices.append(_("The file does not say whether its prices are adjusted; name the price base if you know it."))
    if "quantity" in mapping.places and label(header[mapping.places["quantity"]]) in ("volume", "vol"):
        notices.append(
            _("The column {column} was read as the quantity of shares.").format(column=header[mapping.places["quantity"]])
        )
    left = [cell for place, cell in enumerate(header) if place not in mapping.places.values()]
    if any(label(cell) in ADJUSTED for cell in left):
        notices.append(_("The adjusted close was left out: prices are those of the close."))
    if left:
        notices.append(_("Columns not used: {columns}.").format(columns=", ".join(left[: len(FIELDS)])))
    return notices
