"""Which column of a table is which: a table of synonyms, the layout of a parsed COTAHIST, and what the user says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import FileError, UsageError
from engine.i18n import _
from engine.ingestion.stamps import ORDERS
from engine.ingestion.text import label, shown

#: Column names, as `text.label` reduces them. An adjusted close is not a close: it is left out.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "date": ("date", "datetime", "timestamp", "data", "datahora", "dia", "day", "tradedate", "datapregao", "pregao"),
    "time": ("time", "hora", "horario", "hour"),
    "open": ("open", "abertura", "openprice", "o"),
    "high": ("high", "maximo", "maxima", "max", "highprice", "h"),
    "low": ("low", "minimo", "minima", "min", "lowprice", "l"),
    "close": ("close", "fechamento", "ultimo", "closeprice", "last", "c"),
    "quantity": ("volume", "quantity", "quantidade", "vol", "shares", "qty", "v"),
    "turnover": ("turnover", "financeiro", "volumefinanceiro", "giro", "value", "amount"),
    "trades": ("trades", "negocios", "numberoftrades", "tradecount"),
    "symbol": ("symbol", "ticker", "ativo", "papel", "codigo", "codneg"),
}
FIELDS = tuple(SYNONYMS)
REQUIRED = ("date", "open", "high", "low", "close")
COTAHIST_CSV = ("date", "symbol", "name", "open", "high", "low", "close", "volume", "trades", "turnover", "avg_price")
NAMED_MAPPINGS = ("auto", "cotahist_csv")


@dataclass(frozen=True, slots=True)
class Mapping:
    """places: the position of each field's column. date_order: "dmy", "mdy", "ymd", or empty when the dates must prove it.
    raw: the layout is known to hold raw prices."""

    places: dict[str, int]
    date_order: str = ""
    raw: bool = False


def map_columns(name: str, header: Sequence[str], asked: str = "") -> Mapping:
    """The mapping of a file's header.

    asked: empty or "auto"; "cotahist_csv"; or pairs "date=Data,close=Fech,quantity=Vol" whose fields override the synonyms, with
    "dates=dmy" (mdy, ymd) for the order of dates. Raises UsageError for a mapping that cannot be understood and FileError, with
    the columns found and the names accepted, for a column that is missing or claimed twice.
    """
    if asked == "cotahist_csv" and tuple(cell.strip().lower() for cell in header) != COTAHIST_CSV:
        raise FileError(_("{name} does not have the columns of cotahist_csv").format(name=name), _found(header))
    said, date_order = _parse_mapping("" if asked in NAMED_MAPPINGS else asked)
    labels = [label(cell) for cell in header]
    places: dict[str, int] = {}
    for field, column in said.items():
        places[field] = _place(name, header, column)
    for field, synonyms in SYNONYMS.items():
        free = [place for place, known in enumerate(labels) if known in synonyms and place not in places.values()]
        if field in places or not free:
            continue
        if len(free) > 1:
            raise FileError(
                _("{name}: the columns {columns} could all be the {field}").format(
                    name=name, columns=", ".join(shown(header[place]) for place in free), field=field
                ),
                _("Say which: --mapping {field}={column}").format(field=field, column=header[free[0]]),
            )
        places[field] = free[0]
    if "date" not in places and "time" in places:
        places["date"] = places.pop("time")
    missing = [field for field in REQUIRED if field not in places]
    if missing:
        field = missing[0]
        raise FileError(
            _("{name} has no column for {fields}; its columns are {columns}").format(
                name=name, fields=", ".join(missing), columns=", ".join(shown(cell) for cell in header[:20])
            ),
            _("Accepted for {field}: {names}. Or name it: --mapping {field}=COLUMN").format(
                field=field, names=", ".join(SYNONYMS[field])
            ),
        )
    raw = tuple(cell.strip().lower() for cell in header) == COTAHIST_CSV and not said
    return Mapping(places, date_order, raw)


def _parse_mapping(text: str) -> tuple[dict[str, str], str]:
    said: dict[str, str] = {}
    date_order = ""
    for pair in text.split(",") if text.strip() else []:
        field, mark, column = (part.strip() for part in pair.partition("="))
        if field == "dates" and column in ORDERS:
            date_order = column
        elif mark and column and field in FIELDS and field not in said:
            said[field] = column
        else:
            raise UsageError(
                _("the mapping {pair} cannot be understood").format(pair=shown(pair)),
                _("Write pairs such as date=Data,close=Fech; fields: {fields}; dates=dmy, mdy or ymd; or {names}.").format(
                    fields=", ".join(FIELDS), names=", ".join(NAMED_MAPPINGS)
                ),
            )
    return said, date_order


def _place(name: str, header: Sequence[str], column: str) -> int:
    exact = [place for place, cell in enumerate(header) if cell.strip() == column]
    places = exact or [place for place, cell in enumerate(header) if label(cell) == label(column) and label(column)]
    if len(places) != 1:
        count = _("twice") if places else _("not at all")
        raise FileError(
            _("{name} has the column {column} {count}").format(name=name, column=shown(column), count=count), _found(header)
        )
    return places[0]


def _found(header: Sequence[str]) -> str:
    return _("Columns found: {columns}").format(columns=", ".join(shown(cell) for cell in header[:20]))
