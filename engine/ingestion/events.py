"""Files of corporate events: CSV, JSON and Parquet with a symbol, a kind, an ex date and a factor or an amount."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.domain import Progress, from_day_number, silent
from engine.errors import FileError, NoDataError, RefusedFileError
from engine.i18n import _, ngettext
from engine.ingestion import numbers
from engine.ingestion.columns import SYNONYMS
from engine.ingestion.files import SourceFile
from engine.ingestion.parquet import MAGIC, ParquetTable
from engine.ingestion.stamps import DateOrder, Stamps, parse_stamps
from engine.ingestion.symbols import SymbolColumn, symbol_of_file
from engine.ingestion.table import ImportOptions, Rejected
from engine.ingestion.text import (
    MAX_BYTES,
    DelimitedText,
    decode,
    find_delimiter,
    first_line,
    first_lines,
    label,
    shown,
    split_line,
)
from engine.market.adjust import UNITS, CorporateEvent

if TYPE_CHECKING:
    from engine.ingestion.parquet import Column
    from engine.market.calendar import Calendar

#: Column names, as `text.label` reduces them. The last session with the right is the one before the ex date.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "symbol": SYNONYMS["symbol"],
    "kind": ("kind", "type", "event", "tipo", "evento", "provento", "tipoprovento", "tipodeprovento", "label"),
    "ex_date": ("exdate", "exsession", "ex", "dataex", "exdividenddate"),
    "last_date": ("datacom", "com", "ultimodiacom", "ultimadatacom", "lastdateprior", "lastdate"),
    "factor": ("factor", "fator", "ratio"),
    "amount": ("amount", "value", "valor", "valorporacao", "valorbruto", "rate"),
    "pay_date": ("paydate", "paymentdate", "paysession", "pagamento", "datapagamento", "datadepagamento", "datapgto"),
    "source": ("source", "fonte", "origem"),
}
DATES = ("ex_date", "last_date", "pay_date")
PORTUGUESE = (
    "dataex",
    "datacom",
    "com",
    "ultimodiacom",
    "ultimadatacom",
    "pagamento",
    "datapagamento",
    "datadepagamento",
    "datapgto",
)

#: The words for each kind, reduced alike. The income of a fund is paid like a dividend, without tax withheld.
WORDS: Mapping[str, tuple[str, ...]] = {
    "dividend": ("dividend", "dividends", "dividendo", "dividendos", "rendimento", "rendimentos"),
    "jcp": ("jcp", "jscp", "juros", "jurossobrecapitalproprio", "jurossobreocapitalproprio", "jrscapproprio"),
    "split": ("split", "stocksplit", "desdobramento", "desdobro"),
    "reverse_split": ("reversesplit", "reversestocksplit", "grupamento", "agrupamento"),
    "bonus": ("bonus", "bonusshares", "bonificacao", "bonificacaoemacoes"),
    "subscription": ("subscription", "subscricao", "direitodesubscricao"),
}
KINDS = {word: kind for kind, words in WORDS.items() for word in words}
#: The smallest and largest factor of each kind, exclusive and inclusive; a larger bonus is a percentage by mistake.
FACTORS = {"split": (1.0, 1e4), "reverse_split": (0.0, 1.0), "bonus": (1.0, 3.0)}

_KEY = re.compile(rb'"([^"\\]{1,40})"\s*:')


@dataclass(frozen=True, slots=True)
class EventFile:
    """The events of one file in its order. rows: data rows seen; rejected: those that were not taken, by line."""

    symbols: tuple[str, ...]
    events: tuple[CorporateEvent, ...]
    rows: int
    rejected: tuple[Rejected, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """The known columns of a file as text, by field; header: as written, by field. line: 1-based, or the place in a list."""

    header: dict[str, str]
    line: list[int]
    cells: dict[str, Sequence[str]]
    rejected: list[Rejected]


class _Unfit(Exception):
    """A row cannot be an event, for the reason in words."""


def recognises(file: SourceFile) -> bool:
    """Whether the columns of a file can be those of events alone: a kind, and an ex date or the last date with the right."""
    head = file.head()
    if head.startswith(MAGIC):
        names = ParquetTable(file.read(MAX_BYTES), file.name).header
    elif _is_json(head):
        names = [key.decode("utf-8", "replace") for key in _KEY.findall(head)]
    else:
        lines = first_lines(head, 1)
        delimiter = find_delimiter(lines[0]) if lines else ""
        names = split_line(lines[0], delimiter) if delimiter else []
    labels = {label(name) for name in names}
    dated = labels.intersection(COLUMNS["ex_date"] + COLUMNS["last_date"])
    return bool(dated and labels.intersection(COLUMNS["kind"]) and labels.intersection(COLUMNS["factor"] + COLUMNS["amount"]))


def parse(file: SourceFile, options: ImportOptions, calendar: Calendar | None = None, progress: Progress = silent) -> EventFile:
    """The events of a file.

    CSV with a header, a JSON list of objects (or {"symbol", "events": [...]}), or Parquet; columns and kinds in English or
    Portuguese, see COLUMNS and WORDS. Numbers have a decimal point or comma and no groups. Slashed dates are day first under a
    Portuguese header, else as they prove. Where a row has only the last date with the right, its ex date is the next session of
    `calendar` (None: the next weekday). A row twice is one event; subscriptions are left out; either is said in a notice.
    Raises FileError or RefusedFileError when no row can be taken, UsageError for a bad symbol in the options.
    """
    table = _read(file, progress)
    notices: list[str] = []
    tickers = _symbols(file, table, options, notices)
    dates = _dates(file.name, table)
    rejected = list(table.rejected)
    known: dict[CorporateEvent, CorporateEvent] = {}
    units: dict[tuple[str, str, int], tuple[float | None, int]] = {}
    ignored = repeated = 0
    for row, line in enumerate(table.line):
        try:
            kind = _kind(table, row)
            if kind == "subscription":
                ignored += 1
                continue
            event = _event(table, row, tickers[row], kind, dates, calendar)
            factor, first = units.setdefault((event.symbol, event.kind, event.ex_session), (event.factor, line))
            if factor != event.factor:
                raise _Unfit(_("line {line} gives another factor for the same event").format(line=first))
        except _Unfit as unfit:
            rejected.append(Rejected(line, str(unfit)))
            continue
        facts = replace(event, source="")
        repeated += facts in known
        known.setdefault(facts, event)
    rejected.sort(key=lambda item: item.line)
    count = len(table.line) + len(table.rejected)
    if not known and not ignored:
        raise RefusedFileError(
            _("{name} holds no event that could be taken").format(name=file.name),
            "; ".join(_("line {line}: {reason}").format(line=item.line, reason=item.reason) for item in rejected[:3]),
        )
    if ignored:
        said = ngettext("{count} subscription was ignored.", "{count} subscriptions were ignored.", ignored)
        notices.append(said.format(count=ignored))
    if repeated:
        said = ngettext(
            "{count} row repeats another one and was taken once.", "{count} rows repeat others and were taken once.", repeated
        )
        notices.append(said.format(count=repeated))
    symbols = tuple(dict.fromkeys(event.symbol for event in known))
    return EventFile(symbols, tuple(known.values()), count, tuple(rejected), tuple(notices))


def _is_json(data: bytes) -> bool:
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{")


def _read(file: SourceFile, progress: Progress) -> _Table:
    data = file.read(MAX_BYTES)
    if data.startswith(MAGIC):
        return _read_parquet(data, file.name)
    if _is_json(data):
        return _read_json(decode(data, file.name), file.name)
    return _read_csv(decode(data, file.name), file.name, progress)


def _read_csv(content: str, name: str, progress: Progress) -> _Table:
    first = first_line(content)
    delimiter = find_delimiter(first)
    if first and not delimiter:
        raise FileError(_("{name} has no columns separated by comma, semicolon or tab").format(name=name))
    text = DelimitedText(content, delimiter or ",", name)
    header = text.header()
    places = _places(name, header)
    lines: list[int] = []
    cells: dict[str, list[str]] = {field: [] for field in places}
    for chunk in text.chunks(len(header), progress):
        lines += chunk.line.tolist()
        for field, place in places.items():
            cells[field] += chunk.columns[place]
    return _Table(_named(header, places), lines, dict(cells), text.rejected)


def _read_json(content: str, name: str) -> _Table:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RefusedFileError(_("{name} is not valid JSON: {error}").format(name=name, error=error)) from error
    shared = {}
    if isinstance(found, dict):
        shared = {key: value for key, value in found.items() if label(key) in COLUMNS["symbol"]}
        found = found.get("events")
    if not isinstance(found, list):
        raise FileError(_("{name} is no list of events").format(name=name), _('Write [{"symbol": ..., "kind": ..., ...}, ...].'))
    items = [(line, shared | item) for line, item in enumerate(found, start=1) if isinstance(item, dict)]
    header = list(dict.fromkeys(key for _line, item in items for key in item))
    places = _places(name, header)
    named = _named(header, places)
    cells = {field: [_text(item.get(key)) for _line, item in items] for field, key in named.items()}
    broken = [line for line, item in enumerate(found, start=1) if not isinstance(item, dict)]
    rejected = [Rejected(line, _("it is no object with names and values")) for line in broken]
    return _Table(named, [line for line, _item in items], dict(cells), rejected)


def _read_parquet(data: bytes, name: str) -> _Table:
    table = ParquetTable(data, name)
    places = _places(name, table.header)
    lines: list[int] = []
    cells: dict[str, list[str]] = {field: [] for field in places}
    for line, columns in table.chunks(list(places.values())):
        lines += line.tolist()
        for field, column in zip(places, columns):
            cells[field] += _column_texts(column)
    return _Table(_named(table.header, places), lines, dict(cells), [])


def _column_texts(column: Column) -> list[str]:
    if isinstance(column, Stamps):
        return ["" if bad else from_day_number(day).isoformat() for day, bad in zip(column.day.tolist(), column.bad.tolist())]
    return list(column) if isinstance(column, tuple) else [_text(value) for value in column.tolist()]


def _text(value: object) -> str:
    return "" if value is None or value != value else str(value)


def _named(header: Sequence[str], places: Mapping[str, int]) -> dict[str, str]:
    return {field: header[place] for field, place in places.items()}


def _places(name: str, header: Sequence[str]) -> dict[str, int]:
    """The position of each field's column; FileError for one that is missing or claimed twice."""
    labels = [label(cell) for cell in header]
    places: dict[str, int] = {}
    for field, synonyms in COLUMNS.items():
        found = [place for place, known in enumerate(labels) if known in synonyms]
        if len(found) > 1:
            columns = ", ".join(shown(header[place]) for place in found)
            raise FileError(
                _("{name}: the columns {columns} could all be the {field}").format(name=name, columns=columns, field=field)
            )
        if found:
            places[field] = found[0]
    for fields in (("kind",), ("ex_date", "last_date"), ("factor", "amount")):
        if not any(field in places for field in fields):
            raise FileError(
                _("{name} has no column for {fields}; its columns are {columns}").format(
                    name=name, fields=" / ".join(fields), columns=", ".join(shown(cell) for cell in header[:20])
                ),
                _("Accepted names: {names}.").format(names=", ".join(word for field in fields for word in COLUMNS[field])),
            )
    return places


def _symbols(file: SourceFile, table: _Table, options: ImportOptions, notices: list[str]) -> list[str]:
    """The symbol of each row, empty where its text cannot be one."""
    if "symbol" not in table.cells:
        return [symbol_of_file(file.name, options.symbol, notices)] * len(table.line)
    column = SymbolColumn()
    index, _bad = column.indices(table.cells["symbol"])
    column.check_asked(file.name, options.symbol)
    return [column.symbols[at] if at >= 0 else "" for at in index.tolist()]


def _dates(name: str, table: _Table) -> dict[str, list[int | None]]:
    """Each date column as days since 1970-01-01: None where it is empty, NOT_A_DAY where it cannot be read."""
    columns = {field: [text.strip() for text in table.cells[field]] for field in DATES if field in table.cells}
    seen = DateOrder()
    for texts in columns.values():
        seen.see(texts)
    if any(label(table.header[field]) in PORTUGUESE for field in columns) and seen.year_last:
        order = "dmy"
    elif seen.year_last and seen.day_first == seen.month_first:
        raise FileError(
            _("{name}: its dates can be read as day/month or as month/day").format(name=name), _("Write dates as 2025-12-31.")
        )
    else:
        order = seen.decide(name)
    found: dict[str, list[int | None]] = {}
    for field, texts in columns.items():
        stamps = parse_stamps(texts, order)
        days = [numbers.NOT_A_DAY if bad else day for day, bad in zip(stamps.day.tolist(), stamps.bad.tolist())]
        found[field] = [None if text in numbers.MISSING else day for text, day in zip(texts, days)]
    return found


def _kind(table: _Table, row: int) -> str:
    text = table.cells["kind"][row]
    try:
        return KINDS[label(text)]
    except KeyError:
        raise _Unfit(_("{text} is not a kind of event that is known").format(text=shown(text))) from None


def _event(
    table: _Table, row: int, symbol: str, kind: str, dates: Mapping[str, list[int | None]], calendar: Calendar | None
) -> CorporateEvent:
    if not symbol:
        raise _Unfit(
            _("{column} is not readable: {text}").format(column=table.header["symbol"], text=shown(table.cells["symbol"][row]))
        )

    def day(field: str) -> int | None:
        found = dates[field][row] if field in dates else None
        if found == numbers.NOT_A_DAY:
            text = shown(table.cells[field][row])
            raise _Unfit(_("{column} is not readable: {text}").format(column=table.header[field], text=text))
        return found

    ex_session, last, pay = day("ex_date"), day("last_date"), day("pay_date")
    if ex_session is None:
        if last is None:
            raise _Unfit(_("it has no ex date"))
        ex_session = _session_after(last, calendar)
    if pay is not None and pay < ex_session:
        raise _Unfit(_("the payment date lies before the ex date"))
    source = table.cells["source"][row].strip() if "source" in table.cells else ""
    if kind in UNITS:
        factor = _number(table, row, "factor")
        low, high = FACTORS[kind]
        if not low < factor <= high or factor == 1.0:
            raise _Unfit(
                _("{value} cannot be the units after over the units before of a {kind}").format(value=f"{factor:.10g}", kind=kind)
            )
        return CorporateEvent(symbol, kind, ex_session, factor=factor, source=source)
    amount = _number(table, row, "amount")
    if not amount > 0:
        raise _Unfit(_("the amount must be more than 0"))
    return CorporateEvent(symbol, kind, ex_session, amount=amount, pay_session=pay, source=source)


def _number(table: _Table, row: int, field: str) -> float:
    text = table.cells[field][row].strip() if field in table.cells else ""
    if text in numbers.MISSING:
        raise _Unfit(_("it has no {field}").format(field=field))
    (value,), (bad,) = numbers.parse_numbers([text.removeprefix("R$").replace(",", ".")], numbers.PLAIN)
    if bad:
        raise _Unfit(_("{column} is not readable: {text}").format(column=table.header[field], text=shown(text)))
    return float(value)


def _session_after(day: int, calendar: Calendar | None) -> int:
    """The session after `day`, or the weekday after it where the calendar does not reach."""
    if calendar is not None:
        try:
            return calendar.next_session(day)
        except NoDataError:
            pass
    return next(later for later in range(day + 1, day + 4) if (later + 3) % 7 < 5)
