"""What a parser returns: the rows of one file, columnar, with what was understood and what was rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.domain import Instrument, PriceBase

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row that was not taken: its line number in the file (1-based) and the reason in words."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class BarTable:
    """Accepted rows of one file; every array has length n, rows in the order of the file.

    symbols: the distinct tickers; symbol_index: int64, index into it. line: int64, 1-based line in the file.
    time, session, open .. turnover, provisional, after_market: as in `engine.domain.Bars`.
    trades: float64, number of trades, NaN where the source does not say.
    """

    symbols: tuple[str, ...]
    symbol_index: IntArray
    line: IntArray
    time: IntArray
    session: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    quantity: FloatArray
    turnover: FloatArray
    trades: FloatArray
    provisional: BoolArray
    after_market: BoolArray

    def __len__(self) -> int:
        return int(self.time.size)


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """One file as understood, before anything is written.

    format: the parser's name. source: the provenance stored with each bar (`cotahist`, `profit`, `investing`, `file`).
    rows: data rows seen in the file, accepted or not. notices: oddities, in words, in the order they matter.
    """

    format: str
    source: str
    timeframe: str
    price_base: PriceBase
    rows: int
    table: BarTable
    rejected: tuple[Rejected, ...] = ()
    notices: tuple[str, ...] = ()
    instruments: Mapping[str, Instrument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user says about a file. Empty means: not said.

    symbol: for formats whose content names none. timeframe, price_base, mapping: for plain OHLCV files.
    markets: COTAHIST market groups to keep: cash, fractional, options, term, all (see `cotahist.MARKETS`).
    today: the date on which a row dated the same day counts as an unfinished session; None = today in Sao Paulo.
    events: the file holds corporate events, even where its header does not show it without doubt.
    """

    symbol: str = ""
    timeframe: str = ""
    price_base: PriceBase | None = None
    mapping: str = ""
    markets: tuple[str, ...] = ("cash",)
    today: int | None = None
    events: bool = False
