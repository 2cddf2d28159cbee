"""From the rows of a file to a checked BarTable: every parser builds pieces, joins them, screens them and finishes here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import SAO_PAULO, PriceBase, day_number
from engine.errors import FileError, RefusedFileError
from engine.i18n import _, ngettext
from engine.ingestion.table import BarTable, ImportOptions, ParsedFile, Rejected
from engine.ingestion.text import shown

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray

ARRAYS = tuple(f.name for f in fields(BarTable) if f.name != "symbols")
VALUES = ("open", "high", "low", "close", "quantity", "turnover", "trades")


class Issues:
    """What is wrong with the rows of a chunk: the first reason found against each row, by line."""

    def __init__(self, line: IntArray) -> None:
        self.good: BoolArray = np.ones(line.size, dtype=bool)
        self.rejected: list[Rejected] = []
        self._line = line

    def flag(self, mask: BoolArray, reason: str) -> None:
        """Reject the rows of `mask` that are still good, all for one reason."""
        fresh = mask & self.good
        self.rejected.extend(Rejected(line, reason) for line in self._line[fresh].tolist())
        self.good &= ~mask

    def flag_texts(self, mask: BoolArray, texts: Sequence[str], column: str) -> None:
        """Reject the rows of `mask` whose text in `column` could not be read, showing the text."""
        for row in np.flatnonzero(mask & self.good).tolist():
            reason = _("{column}: {text} cannot be read").format(column=column, text=shown(texts[row]))
            self.rejected.append(Rejected(int(self._line[row]), reason))
        self.good &= ~mask


def piece(
    *,
    symbol_index: IntArray,
    line: IntArray,
    time: IntArray,
    session: IntArray,
    open: FloatArray,  # noqa: A002
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    quantity: FloatArray | None = None,
    turnover: FloatArray | None = None,
    trades: FloatArray | None = None,
) -> BarTable:
    """A BarTable of n rows without its symbols, which `join` adds.

    What is left out is NaN (quantity, turnover, trades) or False (provisional, after_market).
    """
    missing = np.full(line.size, np.nan)
    return BarTable(
        symbols=(),
        symbol_index=symbol_index,
        line=line,
        time=time,
        session=session,
        open=open,
        high=high,
        low=low,
        close=close,
        quantity=missing if quantity is None else quantity,
        turnover=missing if turnover is None else turnover,
        trades=missing if trades is None else trades,
        provisional=np.zeros(line.size, dtype=bool),
        after_market=np.zeros(line.size, dtype=bool),
    )


def take(table: BarTable, rows: BoolArray | IntArray) -> BarTable:
    """The table cut to `rows` (a mask or indices)."""
    return replace(table, **{name: getattr(table, name)[rows] for name in ARRAYS})


def join(pieces: Sequence[BarTable], symbols: tuple[str, ...]) -> BarTable:
    """The pieces one after the other, with `symbols` as the tickers that their symbol_index counts."""
    if not pieces:
        none = np.empty(0, dtype=np.int64)
        nothing = np.empty(0)
        return piece(
            symbol_index=none, line=none, time=none, session=none, open=nothing, high=nothing, low=nothing, close=nothing
        )
    return replace(
        pieces[0], symbols=symbols, **{name: np.concatenate([getattr(part, name) for part in pieces]) for name in ARRAYS}
    )


@dataclass(frozen=True, slots=True)
class Screened:
    """A checked table, what was rejected from it, and how many lines only repeated another."""

    table: BarTable
    rejected: list[Rejected]
    repeated: int


def screen(table: BarTable) -> Screened:
    """Keep the rows that can be bars.

    Rejected with line and reason: a price that is missing, infinite or not positive; high below low; open or close outside
    low..high; a negative quantity, turnover or number of trades; a second row of one symbol and time with other values.
    A second row with equal values is left out and counted in `repeated`.
    """
    issues = Issues(table.line)
    missing, not_positive = np.zeros(len(table), dtype=bool), np.zeros(len(table), dtype=bool)
    for prices in (table.open, table.high, table.low, table.close):
        missing |= ~np.isfinite(prices)
        not_positive |= prices <= 0
    issues.flag(missing, _("a price is missing"))
    issues.flag(not_positive, _("a price is not positive"))
    issues.flag(table.high < table.low, _("the high is below the low"))
    issues.flag((table.open < table.low) | (table.open > table.high), _("the open is outside the range of low and high"))
    issues.flag((table.close < table.low) | (table.close > table.high), _("the close is outside the range of low and high"))
    for name in ("quantity", "turnover", "trades"):
        values = getattr(table, name)
        issues.flag((values < 0) | np.isinf(values), _("the {column} is negative or not finite").format(column=name))
    sound = take(table, issues.good)
    keeper = _first_of_each_bar(sound)
    repeats = keeper != np.arange(len(sound))
    equal = np.ones(len(sound), dtype=bool)
    for name in VALUES:
        values = getattr(sound, name)
        equal &= (values == values[keeper]) | (np.isnan(values) & np.isnan(values[keeper]))
    conflicts = np.flatnonzero(repeats & ~equal)
    clashes = [
        Rejected(line, _("the same bar as line {line} with other values").format(line=first))
        for line, first in zip(sound.line[conflicts].tolist(), sound.line[keeper[conflicts]].tolist())
    ]
    return Screened(take(sound, ~repeats), issues.rejected + clashes, int((repeats & equal).sum()))


def _first_of_each_bar(table: BarTable) -> IntArray:
    """For each row the index of the first row, by line, of the same symbol and time."""
    if not len(table):
        return np.empty(0, dtype=np.int64)
    order = np.lexsort((table.line, table.time, table.symbol_index))
    time, symbol = table.time[order], table.symbol_index[order]
    fresh = np.concatenate(([True], (time[1:] != time[:-1]) | (symbol[1:] != symbol[:-1])))
    keeper = np.empty(order.size, dtype=np.int64)
    keeper[order] = order[np.flatnonzero(fresh)[np.cumsum(fresh) - 1]]
    return keeper


def today_of(options: ImportOptions) -> int:
    """The day whose session counts as unfinished: what the options say, else today in Sao Paulo (days since 1970-01-01)."""
    return day_number(datetime.now(SAO_PAULO).date()) if options.today is None else options.today


def mark_after_market(table: BarTable, second: IntArray, applies: BoolArray) -> BarTable:
    """The table with after_market set where a bar opens at or after the regular close of its session.

    second: seconds after local midnight of each opening; applies: False where the rule of the cash market does not hold.
    """
    from engine.market.calendar import regular_close_minutes

    return replace(table, after_market=applies & (second >= regular_close_minutes(table.session) * 60))


def finish(
    name: str,
    *,
    format: str,  # noqa: A002
    source: str,
    timeframe: str,
    price_base: PriceBase,
    rows: int,
    screened: Screened,
    rejected: Sequence[Rejected],
    notices: Sequence[str],
    today: int,
) -> ParsedFile:
    """The ParsedFile of a screened table. Bars of `today` become provisional.

    rejected: what was rejected before screening. Raises FileError for a file without data rows and RefusedFileError when
    more than half of the rows were rejected.
    """
    every = sorted([*rejected, *screened.rejected], key=lambda row: row.line)
    refuse_if_mostly_bad(name, rows, every)
    table, said = _drop_unused_symbols(screened.table), list(notices)
    unfinished = table.session == today
    if unfinished.any():
        table = replace(table, provisional=table.provisional | unfinished)
        said.insert(
            0, _("The bars of today's session are marked provisional: the session was not over when the file was written.")
        )
    if screened.repeated:
        said.append(
            ngettext(
                "{count} line repeats another one with equal values and was left out.",
                "{count} lines repeat another one with equal values and were left out.",
                screened.repeated,
            ).format(count=screened.repeated)
        )
    return ParsedFile(format, source, timeframe, price_base, rows, table, tuple(every), tuple(said))


def _drop_unused_symbols(table: BarTable) -> BarTable:
    used, index = np.unique(table.symbol_index, return_inverse=True)
    return replace(table, symbols=tuple(table.symbols[i] for i in used.tolist()), symbol_index=index.astype(np.int64))


def refuse_if_mostly_bad(name: str, rows: int, rejected: Sequence[Rejected]) -> None:
    """FileError for a file without data rows; RefusedFileError when more than half of its rows were rejected."""
    if not rows:
        raise FileError(_("{name} holds no data rows").format(name=name))
    if 2 * len(rejected) > rows:
        raise RefusedFileError(
            _("{name} is refused: {bad} of its {rows} rows cannot be used; line {line}: {reason}").format(
                name=name, bad=len(rejected), rows=rows, line=rejected[0].line, reason=rejected[0].reason
            ),
            _("Check that the file is complete and was not changed by a spreadsheet."),
        )
