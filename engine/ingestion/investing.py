"""Daily exports of Investing.com, Portuguese or English: the language of the header decides how dates and numbers are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import Market, PriceBase, Progress, day_number, from_day_number, silent
from engine.errors import RefusedFileError, UnrecognisedFileError
from engine.i18n import _, ngettext
from engine.ingestion import numbers, rows, symbols
from engine.ingestion.files import SourceFile
from engine.ingestion.table import BarTable, ImportOptions, ParsedFile, Rejected
from engine.ingestion.text import Chunk, DelimitedText, find_delimiter, first_line, first_lines, label, read_text, split_line
from engine.ingestion.timeframes import dated_timeframe

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray

FORMAT = "investing"
#: Recomputed change against the printed one, in percentage points: two printed decimals and the rounding of prices.
CHANGE_TOLERANCE = 0.006
#: An opening this close to the previous close, as a fraction, repeats it.
SAME_PRICE = 0.001
FEW_ROWS = 5
#: From this session on the source gives an index's volume in R$; before it, in shares.
TURNOVER_SINCE = date(2025, 1, 7)
LARGE_UNITS = ("B", "T")


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the site: its number dialect, the order of its dates and its column names, as `text.label` gives them."""

    dialect: numbers.Dialect
    date_order: str
    columns: dict[str, tuple[str, ...]]


LANGUAGES = (
    Language(
        numbers.PT_BR,
        "dmy",
        {
            "date": ("data",), "close": ("ultimo",), "open": ("abertura",), "high": ("maxima", "maximo"),
            "low": ("minima", "minimo"), "volume": ("vol", "volume"), "change": ("var", "variacao"),
        },
    ),
    Language(
        numbers.EN,
        "mdy",
        {
            "date": ("date",), "close": ("price",), "open": ("open",), "high": ("high",), "low": ("low",),
            "volume": ("vol", "volume"), "change": ("change",),
        },
    ),
)  # fmt: skip
REQUIRED = ("date", "open", "high", "low", "close")


def language_of(header: list[str]) -> tuple[Language, dict[str, int]] | None:
    """The language of a header and the position of each column in it; None when it is not a header of this source."""
    labels = [label(cell) for cell in header]
    for language in LANGUAGES:
        places = {name: labels.index(known) for name, wanted in language.columns.items() for known in wanted if known in labels}
        if all(name in places for name in REQUIRED) and len(set(labels)) == len(labels):
            return language, places
    return None


def recognises(head: bytes, name: str = "") -> bool:  # noqa: ARG001
    """Whether the first bytes of a file are the header of an Investing.com daily export; `name` is ignored."""
    lines = first_lines(head, 1)
    return bool(lines) and language_of(split_line(lines[0], find_delimiter(lines[0]) or ",")) is not None


def parse(file: SourceFile, options: ImportOptions, progress: Progress = silent) -> ParsedFile:
    """The daily bars of one export.

    The symbol is the option's, or stands in the file's name. Prices are raw for an index and of unknown base otherwise. The
    volume is a quantity; for an index in the source's R$ unit it is the turnover. The newest row is provisional when it is
    dated today or its volume fell back to the old unit. Raises FileError or RefusedFileError, UsageError for a bad option.
    """
    content = read_text(file)
    text = DelimitedText(content, find_delimiter(first_line(content)) or ",", file.name)
    header = text.header()
    known = language_of(header)
    if known is None:
        raise UnrecognisedFileError(_("{name} is not an Investing.com export").format(name=file.name))
    language, places = known
    notices: list[str] = []
    symbol = symbols.symbol_of_file(file.name, options.symbol, notices)
    index = symbols.market_of(symbol) is Market.INDEX
    rejected: list[Rejected] = []
    pieces, changes, large = [], [], []
    for chunk in text.chunks(len(header), progress):
        part, change, in_large_unit = _read_chunk(chunk, language, places, header, rejected)
        pieces.append(part)
        changes.append(change)
        large.append(in_large_unit)
    rejected += text.rejected
    table = rows.join(pieces, (symbol,))
    rows.refuse_if_mostly_bad(file.name, text.rows, rejected)
    said = [_check_changes(table, np.concatenate(changes)), _check_openings(table)]
    if index:
        table, unit_notices = _split_units(table, np.concatenate(large))
        said = unit_notices + said
    table, moved = _openings_in_range(table)
    screened = rows.screen(table)
    today = rows.today_of(options)
    if dated_timeframe(file.name, screened.table.symbol_index, screened.table.session) != "1d":
        raise RefusedFileError(_("{name} holds weekly bars").format(name=file.name), _("Export the daily series."))
    base = PriceBase.RAW if index else PriceBase.UNKNOWN
    if not index:
        said.append(_("Investing.com does not say whether prices of shares are adjusted; the price base is unknown."))
    return rows.finish(
        file.name, format=FORMAT, source="investing", timeframe="1d", price_base=base, rows=text.rows, screened=screened,
        rejected=rejected, notices=[notice for notice in [*notices, *said, moved] if notice], today=today,
    )  # fmt: skip


def _read_chunk(
    chunk: Chunk, language: Language, places: dict[str, int], header: list[str], rejected: list[Rejected]
) -> tuple[BarTable, FloatArray, BoolArray]:
    """The readable rows, their printed change in percentage points, and whether their volume is in a large unit."""
    issues = rows.Issues(chunk.line)
    size = chunk.line.size

    def texts(name: str) -> tuple[str, ...]:
        return chunk.columns[places[name]]

    session, bad = numbers.parse_days(texts("date"), language.date_order)
    issues.flag_texts(bad, texts("date"), header[places["date"]])
    issues.flag((session + 3) % 7 >= 5, _("the date is on a weekend"))
    prices = {}
    for name in ("open", "high", "low", "close"):
        prices[name], bad = numbers.parse_numbers(texts(name), language.dialect)
        issues.flag_texts(bad, texts(name), header[places[name]])
    volume, large = np.full(size, np.nan), np.zeros(size, dtype=bool)
    if "volume" in places:
        volume, suffixes, bad = numbers.parse_volumes(texts("volume"), language.dialect)
        issues.flag_texts(bad, texts("volume"), header[places["volume"]])
        large = np.array([suffix in LARGE_UNITS for suffix in suffixes], dtype=bool)
    change = np.full(size, np.nan)
    if "change" in places:
        change, bad = numbers.parse_percentages(texts("change"), language.dialect)
        issues.flag_texts(bad, texts("change"), header[places["change"]])
    rejected += issues.rejected
    table = rows.piece(
        symbol_index=np.zeros(size, dtype=np.int64), line=chunk.line, time=numbers.daily_open(session), session=session,
        quantity=volume, **prices,
    )  # fmt: skip
    return rows.take(table, issues.good), change[issues.good], large[issues.good]


def _split_units(table: BarTable, large: BoolArray) -> tuple[BarTable, list[str]]:
    """An index's volume as quantity or turnover by its unit, with each switch of unit said.

    The source wrote shares (K, M; before 1999 in B) until it changed to R$ (B). A newest row back in the old unit was
    written before its session ended, and is marked provisional.
    """
    stated = np.flatnonzero(~np.isnan(table.quantity))
    stated = stated[np.argsort(table.session[stated], kind="stable")]
    in_large = large[stated]
    since = day_number(TURNOVER_SINCE)
    money = in_large & ((table.session[stated] >= since) | (np.cumsum(~in_large) > 0))
    notices = []
    provisional = table.provisional.copy()
    switches = np.flatnonzero(in_large[1:] != in_large[:-1]) + 1
    newest = stated.size - 1
    if newest in switches.tolist() and money[newest - 1] and table.session[stated[newest]] == table.session.max():
        provisional[stated[newest]] = True
        switches = switches[:-1]
        notices.append(
            _(
                "The newest row, {date}, gives its volume in the old unit: its session was not over, and it is provisional."
            ).format(date=_day(table.session[stated[newest]]))
        )
    for place in switches.tolist():
        day = _day(table.session[stated[place]])
        if money[place] == money[place - 1]:
            notices.append(_("The scale of the volume changes on {date}.").format(date=day))
        elif money[place]:
            notices.append(_("The unit of the volume changes on {date}: shares before, R$ from then on.").format(date=day))
        else:
            notices.append(_("The unit of the volume changes on {date}: R$ before, shares from then on.").format(date=day))
    turnover = np.full(len(table), np.nan)
    quantity = table.quantity.copy()
    turnover[stated[money]] = quantity[stated[money]]
    quantity[stated[money]] = np.nan
    return replace(table, quantity=quantity, turnover=turnover, provisional=provisional), notices


def _check_changes(table: BarTable, change: FloatArray) -> str:
    """Whether the printed changes are those of the closes; where one is not, rows are missing, doubled or out of place."""
    order = np.argsort(table.session, kind="stable")
    close, printed, session = table.close[order], change[order], table.session[order]
    with np.errstate(divide="ignore", invalid="ignore"):
        actual = (close[1:] / close[:-1] - 1) * 100
    off = np.flatnonzero(np.abs(actual - printed[1:]) > CHANGE_TOLERANCE) + 1
    compared = int(np.isfinite(printed[1:]).sum())
    if not off.size:
        return (
            _("The change column agrees with the closes on all {count} rows that can be compared.").format(count=compared)
            if compared
            else ""
        )
    return ngettext(
        "{count} row disagrees with its own change column, on {date}: a row before it may be missing, doubled or wrong.",
        "{count} rows disagree with their own change column, the first on {date}: rows may be missing, doubled or wrong.",
        int(off.size),
    ).format(count=off.size, date=_day(session[off[0]]))


def _check_openings(table: BarTable) -> str:
    """What to say when the opening column only repeats the previous close."""
    order = np.argsort(table.session, kind="stable")
    repeats = repeated_openings(table.open[order][1:], table.close[order][:-1])
    if repeats.size < FEW_ROWS - 1 or repeats.mean() <= 0.5:
        return ""
    return _(
        "The opening lies within {tolerance:.1f} % of the previous close on {share:.1f} % of the rows: it is not an opening price."
    ).format(tolerance=100 * SAME_PRICE, share=100 * float(repeats.mean()))


def repeated_openings(opening: FloatArray, previous_close: FloatArray) -> BoolArray:
    """Where an opening, float64 (n,), only repeats the close before it: within SAME_PRICE; False where either is NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        repeats: BoolArray = np.abs(opening / previous_close - 1) < SAME_PRICE
    return repeats


def _openings_in_range(table: BarTable) -> tuple[BarTable, str]:
    """The table with openings moved to the nearest end of low..high, and what to say of it.

    Rows whose high and low contradict each other are left for the screening.
    """
    sound = (table.low <= table.high) & (table.open > 0)
    opening = np.where(sound, np.clip(table.open, table.low, np.maximum(table.low, table.high)), table.open)
    moved = np.flatnonzero(opening != table.open)
    moved = moved[~np.isnan(table.open[moved]) & ~np.isnan(opening[moved])]
    if not moved.size:
        return table, ""
    notice = ngettext(
        "On {count} row the opening lies outside the day's range and was moved to its nearest end; date: {date}.",
        "On {count} rows the opening lies outside the day's range and was moved to its nearest end; first date: {date}.",
        int(moved.size),
    ).format(count=moved.size, date=_day(table.session[moved].min()))
    return replace(table, open=opening), notice


def _day(number: IntArray | int) -> str:
    return from_day_number(int(number)).isoformat()
