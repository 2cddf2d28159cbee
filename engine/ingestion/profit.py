"""Exports of ProfitChart (Nelogica): intraday or daily, with a header ("aplicar formatação") or without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import Market, PriceBase, Progress, from_day_number, silent
from engine.errors import UnrecognisedFileError
from engine.i18n import _, ngettext
from engine.ingestion import numbers, rows, symbols
from engine.ingestion.files import HEAD, SourceFile
from engine.ingestion.table import BarTable, ImportOptions, ParsedFile, Rejected
from engine.ingestion.text import Chunk, DelimitedText, first_lines, label, read_text, split_line
from engine.ingestion.timeframes import asked_timeframe, dated_timeframe, intraday_timeframe

if TYPE_CHECKING:
    from engine.domain import IntArray

FORMATS = ("profit_intraday", "profit_daily")
DELIMITER = ";"
#: A change from one session's last close to the next one's open above this fraction is listed; it may be an event.
JUMP = 0.10
MAX_LISTED = 10

HEADER = {
    "ativo": "symbol", "data": "date", "hora": "time", "abertura": "open", "maximo": "high", "maxima": "high", "minimo": "low",
    "minima": "low", "fechamento": "close", "volume": "turnover", "quantidade": "quantity", "negocios": "trades",
}  # fmt: skip
PRICES = ("open", "high", "low", "close")
#: Like pt-BR, and an amount of 10 billion or more may come as "1,013524404E10".
DIALECT = numbers.make_dialect(",", ".", exponent=True)
BARE = ("symbol", "date", "time", *PRICES, "turnover", "quantity")
BARE_DAILY = ("symbol", "date", *PRICES, "turnover", "quantity")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each column stands; `names` are the column names to show; `headed` says that the first line is a header."""

    places: dict[str, int]
    names: tuple[str, ...]
    headed: bool


def layout_of(lines: list[str]) -> Layout | None:
    """The layout of a file by its first lines; None when it is not an export of this program."""
    if not lines:
        return None
    cells = [split_line(line, DELIMITER) for line in lines]
    labels = [label(cell) for cell in cells[0]]
    places = {HEADER[name]: place for place, name in enumerate(labels) if name in HEADER}
    if {"date", *PRICES} <= places.keys():
        distinct = len(set(labels)) == len(labels)
        readable = len(cells) == 1 or any(_is_price_row(row, places) for row in cells[1:])
        evident = len(cells) > 1 or "symbol" in places or "time" in places
        return Layout(places, tuple(cell.strip() for cell in cells[0]), True) if distinct and readable and evident else None
    for names in (BARE, BARE_DAILY):
        places = {name: place for place, name in enumerate(names)}
        if any(len(row) == len(names) and _is_price_row(row, places) for row in cells):
            return Layout(places, names, False)
    return None


def _is_price_row(cells: list[str], places: dict[str, int]) -> bool:
    if len(cells) <= max(places.values()):
        return False
    dated = numbers.parse_day(cells[places["date"]].strip(), "dmy") != numbers.NOT_A_DAY
    timed = "time" not in places or numbers.parse_second(cells[places["time"]].strip()) >= 0
    named = "symbol" not in places or symbols.clean_symbol(cells[places["symbol"]]) != ""
    _values, bad = numbers.parse_numbers([cells[places[name]] for name in PRICES], DIALECT)
    return dated and timed and named and not bad.any()


def recognises(head: bytes, name: str = "") -> bool:  # noqa: ARG001
    """Whether the first bytes of a file are those of a ProfitChart export; `name` is ignored."""
    return layout_of(first_lines(head)) is not None


def parse(file: SourceFile, options: ImportOptions, progress: Progress = silent) -> ParsedFile:
    """The bars of one export, of one or several symbols, with the timeframe inferred from the stamps.

    Stamps are the opening of the bar in Sao Paulo. `Volume` is the turnover in R$, `Quantidade` the quantity. Prices are raw
    for indices and of unknown base otherwise. Raises FileError or RefusedFileError, UsageError for a bad option.
    """
    content = read_text(file)
    layout = layout_of(first_lines(content[:HEAD].encode()))
    if layout is None:
        raise UnrecognisedFileError(_("{name} is not a ProfitChart export").format(name=file.name))
    text = DelimitedText(content, DELIMITER, file.name)
    if layout.headed:
        text.header()
    notices: list[str] = []
    named = symbols.SymbolColumn()
    if "symbol" not in layout.places:
        named.indices([symbols.symbol_of_file(file.name, options.symbol, notices)])
    rejected: list[Rejected] = []
    pieces, seconds = [], []
    for chunk in text.chunks(len(layout.names), progress):
        part, second = _read_chunk(chunk, layout, named, rejected)
        pieces.append(part)
        seconds.append(second)
    named.check_asked(file.name, options.symbol)
    rejected += text.rejected
    rows.refuse_if_mostly_bad(file.name, text.rows, rejected)
    table, second = rows.join(pieces, named.symbols), np.concatenate(seconds)
    markets = [symbols.market_of(symbol) for symbol in named.symbols]
    intraday = "time" in layout.places
    if intraday:
        timeframe = intraday_timeframe(
            file.name, table.symbol_index, table.session, second, asked_timeframe(options.timeframe)
        )  # fmt: skip
        cash = np.array([market is not Market.FUTURE for market in markets], dtype=bool)[table.symbol_index]
        table = rows.mark_after_market(table, second, cash)
    else:
        timeframe = dated_timeframe(file.name, table.symbol_index, table.session)
    screened = rows.screen(table)
    raw = all(market is Market.INDEX for market in markets)
    if not raw:
        notices.append(_("ProfitChart usually adjusts prices as of the day of the export; the price base is unknown."))
    if "quantity" not in layout.places and "turnover" in layout.places:
        notices.append(_("The only volume column is ProfitChart's Volume, which is money: it was read as turnover in R$."))
    notices += _cut_starts(screened.table) if intraday else []
    notices += _jumps(screened.table)
    return rows.finish(
        file.name, format=FORMATS[0] if intraday else FORMATS[1], source="profit", timeframe=timeframe,
        price_base=PriceBase.RAW if raw else PriceBase.UNKNOWN, rows=text.rows, screened=screened, rejected=rejected,
        notices=notices, today=rows.today_of(options),
    )  # fmt: skip


def _read_chunk(chunk: Chunk, layout: Layout, named: symbols.SymbolColumn, rejected: list[Rejected]) -> tuple[BarTable, IntArray]:
    """The readable rows of a chunk and the seconds after local midnight of their stamps (0 in a daily file)."""
    issues = rows.Issues(chunk.line)
    places, size = layout.places, chunk.line.size

    def texts(name: str) -> tuple[str, ...]:
        return chunk.columns[places[name]]

    index = np.zeros(size, dtype=np.int64)
    if "symbol" in places:
        index, bad = named.indices(texts("symbol"))
        issues.flag_texts(bad, texts("symbol"), layout.names[places["symbol"]])
    session, bad = numbers.parse_days(texts("date"), "dmy")
    issues.flag_texts(bad, texts("date"), layout.names[places["date"]])
    second = np.zeros(size, dtype=np.int64)
    if "time" in places:
        second, bad = numbers.parse_seconds(texts("time"))
        issues.flag_texts(bad, texts("time"), layout.names[places["time"]])
    values = {}
    for name in (*PRICES, "turnover", "quantity", "trades"):
        if name in places:
            values[name], bad = numbers.parse_numbers(texts(name), DIALECT)
            issues.flag_texts(bad, texts(name), layout.names[places[name]])
    rejected += issues.rejected
    time = numbers.to_utc(session, second) if "time" in places else numbers.daily_open(session)
    table = rows.piece(symbol_index=index, line=chunk.line, time=time, session=session, **values)
    return rows.take(table, issues.good), second[issues.good]


def _cut_starts(table: BarTable) -> list[str]:
    """A notice for each symbol whose first session starts later than its sessions usually do."""
    notices = []
    _days, second = numbers.from_utc(table.time)
    for index, symbol in enumerate(table.symbols):
        mine = np.flatnonzero(table.symbol_index == index)
        if not mine.size:
            continue
        mine = mine[np.argsort(table.time[mine])]
        sessions, firsts = np.unique(table.session[mine], return_index=True)
        openings, counts = np.unique(second[mine][firsts], return_counts=True)
        usual, first = int(openings[np.argmax(counts)]), int(second[mine[0]])
        if sessions.size > 1 and first > usual:
            notices.append(
                _("{symbol} starts at {first} on {date}, not at {usual}: the export was probably cut by a limit of rows.").format(
                    symbol=symbol, first=_clock(first), usual=_clock(usual), date=from_day_number(int(sessions[0])).isoformat()
                )
            )
    return notices


def _jumps(table: BarTable) -> list[str]:
    """A notice for each symbol with changes above JUMP between a session's last close and the next one's open."""
    notices = []
    for index, symbol in enumerate(table.symbols):
        mine = np.flatnonzero(table.symbol_index == index)
        mine = mine[np.argsort(table.time[mine])]
        change = table.open[mine[1:]] / table.close[mine[:-1]] - 1
        overnight = table.session[mine[1:]] != table.session[mine[:-1]]
        places = np.flatnonzero(overnight & (np.abs(change) > JUMP))
        if places.size:
            listed = ", ".join(
                f"{from_day_number(int(table.session[mine[place + 1]])).isoformat()} ({change[place]:+.1%})"
                for place in places[:MAX_LISTED].tolist()
            )
            said = ngettext(
                "{symbol} opens over {limit} % away from its last close on {count} session, maybe for an event: {dates}.",
                "{symbol} opens over {limit} % away from its last close on {count} sessions, maybe for events: {dates}.",
                int(places.size),
            )
            more = " ..." if places.size > MAX_LISTED else ""
            notices.append(said.format(symbol=symbol, limit=f"{100 * JUMP:g}", count=places.size, dates=listed + more))
    return notices


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}"
