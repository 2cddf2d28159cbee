"""Daily series of one value: rates such as CDI and Selic, foreign indices, currencies, commodities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import FileError
from engine.i18n import _, ngettext
from engine.ingestion import investing, numbers, rows
from engine.ingestion.columns import SYNONYMS
from engine.ingestion.files import SourceFile
from engine.ingestion.stamps import DateOrder, parse_stamps
from engine.ingestion.table import Rejected
from engine.ingestion.text import DelimitedText, find_delimiter, first_line, label, read_text, shown

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray

#: Value columns in the order they are preferred, as `text.label` reduces them.
VALUE_COLUMNS = (
    ("adjclose", "adjustedclose", "fechamentoajustado"),
    ("close", "fechamento", "ultimo"),
    ("price", "preco"),
    ("value", "valor"),
    ("selic",),
    ("cdi",),
)
RATES = ("CDI", "SELIC")
#: A rate whose median is at least this is in percent a year; no daily rate in percent comes near it.
ANNUAL_FROM = 1.0


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """A daily series. day: int64 days since 1970-01-01, strictly increasing; value: float64, finite; both of length n.

    column: the column the values came from. rows: data rows seen. unit: "level", "annual_percent" or "daily_percent".
    """

    name: str
    column: str
    day: IntArray
    value: FloatArray
    rows: int
    rejected: tuple[Rejected, ...]
    notices: tuple[str, ...]
    unit: str

    def __len__(self) -> int:
        return int(self.day.size)


def read_series(file: SourceFile, name: str, column: str = "") -> SeriesFile:
    """The daily series `name` of a CSV with a date column and a value column.

    column: the value column; when empty, the first of VALUE_COLUMNS present, else the only numeric one. Missing values are
    left out and counted in a notice. A decimal comma is accepted only under a Portuguese header. Raises FileError or
    RefusedFileError.
    """
    content = read_text(file)
    first = first_line(content)
    delimiter = find_delimiter(first)
    if first and not delimiter:
        raise FileError(_("{name} has no columns separated by comma, semicolon or tab").format(name=file.name))
    text = DelimitedText(content, delimiter or ",", file.name)
    header = text.header()
    columns: list[list[str]] = [[] for _cell in header]
    lines: list[int] = []
    for chunk in text.chunks(len(header)):
        lines += chunk.line.tolist()
        for kept, texts in zip(columns, chunk.columns):
            kept.extend(texts)
    rejected = list(text.rejected)
    rows.refuse_if_mostly_bad(file.name, text.rows, rejected)
    date_place = _date_column(file.name, header)
    known = investing.language_of(header)
    portuguese = label(header[date_place]) in ("data", "datapregao", "datahora", "dia")
    order = known[0].date_order if known else _date_order(file.name, columns[date_place], portuguese)
    place = _value_column(file.name, header, columns, date_place, column)
    notices: list[str] = []
    dialect = numbers.PLAIN
    if known:
        dialect = known[0].dialect
    elif portuguese and any("," in value for value in columns[place]):
        dialect = numbers.PT_BR
        notices.append(_("Values are written with a decimal comma."))
    issues = rows.Issues(np.array(lines, dtype=np.int64))
    stamps = parse_stamps(columns[date_place], order)
    issues.flag_texts(stamps.bad, columns[date_place], header[date_place])
    value, bad = numbers.parse_numbers(columns[place], dialect)
    issues.flag_texts(bad, columns[place], header[place])
    missing = issues.good & np.isnan(value)
    day, value, clashes = _one_a_day(stamps.day, value, np.array(lines, dtype=np.int64), issues.good & ~missing)
    every = sorted([*rejected, *issues.rejected, *clashes], key=lambda row: row.line)
    rows.refuse_if_mostly_bad(file.name, text.rows, every)
    if not day.size:
        raise FileError(_("{name} holds no values in the column {column}").format(name=file.name, column=shown(header[place])))
    if missing.any():
        count = int(missing.sum())
        said = ngettext("{count} row has no value and was left out.", "{count} rows have no value and were left out.", count)
        notices.append(said.format(count=count))
    unit = _unit(name, value, notices)
    return SeriesFile(name, header[place], day, value, text.rows, tuple(every), tuple(notices), unit)


def _date_column(name: str, header: list[str]) -> int:
    places = [place for place, cell in enumerate(header) if label(cell) in SYNONYMS["date"]]
    if len(places) == 1:
        return places[0]
    raise FileError(
        _("{name} needs exactly one date column; its columns are {columns}").format(
            name=name, columns=", ".join(shown(cell) for cell in header[:20])
        ),
        _("Accepted names: {names}.").format(names=", ".join(SYNONYMS["date"])),
    )


def _date_order(name: str, texts: list[str], portuguese: bool) -> str:
    order = DateOrder()
    order.see(texts)
    return "dmy" if portuguese and order.year_last else order.decide(name)


def _value_column(name: str, header: list[str], columns: list[list[str]], date_place: int, asked: str) -> int:
    labels = [label(cell) for cell in header]
    found = ", ".join(shown(cell) for cell in header[:20])
    if asked:
        places = [place for place, cell in enumerate(header) if cell == asked] or [
            place for place, known in enumerate(labels) if known == label(asked)
        ]
        if len(places) == 1:
            return places[0]
        raise FileError(
            _("{name} has no column {column}").format(name=name, column=shown(asked)),
            _("Columns found: {columns}").format(columns=found),
        )
    for names in VALUE_COLUMNS:
        places = [place for place, known in enumerate(labels) if known in names]
        if len(places) == 1:
            return places[0]
        if places:
            break
    else:
        places = [place for place in range(len(header)) if place != date_place and _is_numeric(columns[place])]
        if len(places) == 1:
            return places[0]
    raise FileError(
        _("{name} does not show which column holds the value; its columns are {columns}").format(name=name, columns=found),
        _("Name the column."),
    )


def _is_numeric(texts: list[str]) -> bool:
    for dialect in (numbers.PLAIN, numbers.PT_BR):
        value, bad = numbers.parse_numbers(texts, dialect)
        if not bad.any() and not np.isnan(value).all():
            return True
    return False


def _one_a_day(
    day: IntArray, value: FloatArray, line: IntArray, usable: BoolArray
) -> tuple[IntArray, FloatArray, list[Rejected]]:
    """Days in increasing order with their values; of two rows of one day the first stays, another value is rejected."""
    kept = np.flatnonzero(usable)
    kept = kept[np.lexsort((line[kept], day[kept]))]
    days, firsts, inverse = np.unique(day[kept], return_index=True, return_inverse=True)
    keeper = kept[firsts][inverse]
    clashes = np.flatnonzero(value[kept] != value[keeper])
    rejected = [
        Rejected(int(line[kept[i]]), _("the same date as line {line} with another value").format(line=int(line[keeper[i]])))
        for i in clashes.tolist()
    ]
    return days, value[kept[firsts]], rejected


def _unit(name: str, value: FloatArray, notices: list[str]) -> str:
    if name.upper() not in RATES:
        return "level"
    if float(np.median(value)) >= ANNUAL_FROM:
        notices.append(_("The values of {name} were read as percent a year.").format(name=name))
        return "annual_percent"
    notices.append(_("The values of {name} were read as percent a day.").format(name=name))
    return "daily_percent"
