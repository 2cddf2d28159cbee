"""COTAHIST, B3's own daily file: records are filtered as bytes, block by block, and only the wanted ones converted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import SAO_PAULO, Instrument, Market, PriceBase, Progress, day_number, from_day_number, silent
from engine.errors import RefusedFileError, UnrecognisedFileError, UsageError
from engine.i18n import _
from engine.ingestion.cotahist_records import (
    BLANK,
    DESCRIPTION,
    HEADER,
    NUMBERS,
    PRICES,
    TPMERC,
    TRAILER_COUNT,
    clean_text,
    is_ticker,
    parse_number,
    read_blocks,
)
from engine.ingestion.files import SourceFile
from engine.ingestion.rows import Issues, join, piece, take
from engine.ingestion.table import BarTable, ImportOptions, ParsedFile, Rejected

if TYPE_CHECKING:
    from engine.domain import BoolArray, IntArray
    from engine.ingestion.cotahist_records import Records

FORMAT = "cotahist"
FIRST_YEAR, LAST_YEAR = 1986, 2100
OPENING = time(10, 0)

#: Groups of market codes (TPMERC) by the name given in `ImportOptions.markets`; `all` keeps every code.
MARKETS: Mapping[str, tuple[int, ...]] = {
    "cash": (10,),
    "fractional": (20,),
    "options": (70, 80),
    "term": (30,),
    "auction": (17,),
    "exercise": (12, 13),
    "futures": (50, 60),
    "all": tuple(range(1000)),
}
DEFAULT_MARKETS = ("cash",)
ROUND_LOT = b"02"
REAL = "R$"

#: TOTNEG has five digits and wraps. From this value on, or with this turnover (R$) and average trade (R$), it may have
#: wrapped: the average trade of PETR4, VALE3, ITUB4 and BBDC4 in 2025 is below R$ 50,000 on every day that did not.
NEAR_WRAP = 90_000
WRAP_TURNOVER = 1e9
WRAP_AVERAGE = 60_000.0


@dataclass(slots=True)
class _Reading:
    """What has been read of one file so far. In `parts`, symbol_index is an index into `descriptions`."""

    name: str
    wanted: BoolArray
    line: int = 1
    records: int = 0
    rows: int = 0
    others: int = 0
    untraded: int = 0
    trailer: bool = False
    parts: list[BarTable] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    descriptions: dict[bytes, int] = field(default_factory=dict)
    days: dict[int, tuple[int, int]] = field(default_factory=dict)


def recognises(head: bytes, name: str) -> bool:  # noqa: ARG001 - every parser has this signature; the content decides
    """Whether the first bytes of a file are a COTAHIST header."""
    return head.startswith(HEADER)


def parse(file: SourceFile, options: ImportOptions, progress: Progress = silent) -> ParsedFile:
    """The daily bars of a COTAHIST file, raw prices in the currency of each row, one per ticker and session.

    Prices are per share: the stored integer divided by 100 and by the quotation factor (FATCOT), rounded once. `quantity`
    is QUATOT, `turnover` VOLTOT / 100, `trades` TOTNEG as stored (it wraps modulo 100,000). `time` is 10:00 in Sao Paulo as
    UTC seconds, `session` days since 1970-01-01. No value is NaN. Only rows of `options.markets` (default: cash) are converted.

    Rows with a non-digit in a number, an impossible date, ticker, factor or price, and rows of a ticker and session of which
    another is kept (round lot first, then the larger turnover), are in `rejected` with their line and reason.

    `progress` is called once per block with bytes of content.

    Raises UsageError for an unknown market group, UnrecognisedFileError without a header, RefusedFileError for a line that
    is not 245 characters long, a trailer that contradicts the number of records, or anything after the trailer; FileError
    or RefusedFileError when the file or its ZIP cannot be read.
    """
    markets = options.markets or DEFAULT_MARKETS
    reading = _Reading(file.name, _wanted(markets))
    for block, done in read_blocks(file):
        _take(reading, block)
        progress(done, file.size, file.name)
    if not reading.parts:
        raise UnrecognisedFileError(_("{name} is empty").format(name=file.name))
    return _finish(reading, markets)


def _wanted(markets: tuple[str, ...]) -> BoolArray:
    unknown = [name for name in markets if name not in MARKETS]
    if unknown:
        raise UsageError(
            _("There is no COTAHIST market group named {name}").format(name=unknown[0]),
            _("Choose from: {names}").format(names=", ".join(MARKETS)),
        )
    wanted = np.zeros(1000, dtype=bool)
    for name in markets:
        wanted[list(MARKETS[name])] = True
    return wanted


def _take(reading: _Reading, block: Records) -> None:
    """Add the wanted rows of `block` to what was read."""
    first = reading.line
    reading.line += len(block)
    is_data: BoolArray = (block[:, 0] == ord("0")) & (block[:, 1] == ord("1"))
    _check_frame(reading, block, is_data, first)
    reading.rows += int(is_data.sum())
    market, readable = parse_number(block, *TPMERC)
    wanted = is_data & (~readable | reading.wanted[np.where(readable, market, 0)])
    reading.others += int((is_data & ~wanted).sum())
    kept = np.flatnonzero(wanted)
    part, issues = _convert(reading, block[kept], first + kept)
    reading.parts.append(part)
    reading.rejected += issues.rejected


def _convert(reading: _Reading, records: Records, line: IntArray) -> tuple[BarTable, Issues]:
    """The sound rows of `records`, of shape (n, 245), as bars, and what is wrong with the others."""
    issues = Issues(line)
    numbers: dict[str, IntArray] = {}
    for name, position in NUMBERS.items():
        numbers[name], readable = parse_number(records, *position)
        issues.flag(~readable, _("the field {field} is not a number").format(field=name))
    session, opening = _sessions(reading.days, numbers["DATA"])
    issues.flag(
        session == 0, _("the date is not a real date between {first} and {last}").format(first=FIRST_YEAR, last=LAST_YEAR)
    )
    issues.flag(~is_ticker(records), _("the ticker is not made of capital letters and digits"))
    factor = numbers["FATCOT"]
    issues.flag(factor == 0, _("the quotation factor is zero"))
    prices = np.stack([numbers[name] for name in PRICES])
    before = len(issues.rejected)
    issues.flag((prices == 0).any(axis=0), _("a price is zero: there was no trade"))
    reading.untraded += len(issues.rejected) - before
    _first, high, low, _last = prices
    issues.flag((high < prices.max(axis=0)) | (low > prices.min(axis=0)), _("the high or the low contradicts another price"))

    good = issues.good
    opened, high, low, closed = prices[:, good] / (100.0 * factor[good])
    part = piece(
        symbol_index=_describe(reading.descriptions, records[good]),
        line=line[good],
        time=opening[good],
        session=session[good],
        open=opened,
        high=high,
        low=low,
        close=closed,
        quantity=numbers["QUATOT"][good].astype(np.float64),
        turnover=numbers["VOLTOT"][good] / 100.0,
        trades=numbers["TOTNEG"][good].astype(np.float64),
    )
    return part, issues


def _check_frame(reading: _Reading, block: Records, is_data: BoolArray, first: int) -> None:
    """Check header, trailer and what is neither; count the records."""
    if reading.trailer:
        _refuse_after_trailer(reading.name, block, first)
        return
    if first == 1 and not block[0].tobytes().startswith(HEADER):
        raise UnrecognisedFileError(_("{name} does not start with a COTAHIST header").format(name=reading.name))
    seen = reading.records
    blank = 0
    for row in np.flatnonzero(~is_data):
        record, line = block[row].tobytes(), first + int(row)
        if not record.strip():
            blank += 1
        elif record.startswith(b"99"):
            _check_trailer(reading.name, record, seen + int(row) + 1 - blank)
            _refuse_after_trailer(reading.name, block[row + 1 :], line + 1)
            reading.trailer = True
            return
        elif line > 1:
            reading.rejected.append(Rejected(line, _("the record type is not 01")))
    reading.records += len(block) - blank


def _check_trailer(name: str, record: bytes, seen: int) -> None:
    promised = record[TRAILER_COUNT]
    if not promised.isdigit():
        raise RefusedFileError(_("{name} is damaged: the record count of its trailer is not a number").format(name=name))
    if int(promised) != seen:
        raise RefusedFileError(
            _("{name} is not complete: its trailer promises {promised} records, but it has {seen}").format(
                name=name, promised=int(promised), seen=seen
            ),
            _("Download the file again."),
        )


def _refuse_after_trailer(name: str, block: Records, first: int) -> None:
    written = np.flatnonzero((block != BLANK).any(axis=1))
    if written.size:
        raise RefusedFileError(
            _("{name} goes on after its trailer, in line {line}").format(name=name, line=first + int(written[0])),
            _("Import files that were joined together one by one."),
        )


def _sessions(days: dict[int, tuple[int, int]], dates: IntArray) -> tuple[IntArray, IntArray]:
    """Session (day number) and opening instant (UTC seconds) of dates written AAAAMMDD, 0 for what is no date; `days` grows."""
    distinct, where = np.unique(dates, return_inverse=True)
    for number in distinct.tolist():
        if number not in days:
            days[number] = _session(number)
    known = np.array([days[number] for number in distinct.tolist()], dtype=np.int64).reshape(-1, 2)
    return known[where, 0], known[where, 1]


def _session(number: int) -> tuple[int, int]:
    year, month, day = number // 10_000, number // 100 % 100, number % 100
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return 0, 0
    try:
        session = date(year, month, day)
    except ValueError:
        return 0, 0
    return day_number(session), int(datetime.combine(session, OPENING, SAO_PAULO).timestamp())


def _describe(descriptions: dict[bytes, int], records: Records) -> IntArray:
    """The index of each row's description in `descriptions`, which grows."""
    keys = np.ascontiguousarray(records[:, DESCRIPTION]).view(f"S{DESCRIPTION.size}").ravel().tolist()
    return np.array([descriptions.setdefault(key, len(descriptions)) for key in keys], dtype=np.int64)


def _finish(reading: _Reading, markets: tuple[str, ...]) -> ParsedFile:
    keys = list(reading.descriptions)
    symbols: dict[str, int] = {}
    symbol_of = np.array([symbols.setdefault(_ticker(key), len(symbols)) for key in keys], dtype=np.int64)
    described = join(reading.parts, tuple(symbols))
    reading.parts.clear()
    kept, twins = _one_per_session(described, symbol_of, keys)
    described = take(described, kept)
    table = replace(described, symbol_index=symbol_of[described.symbol_index])
    latest = np.zeros(len(symbols), dtype=np.int64)
    latest[table.symbol_index] = described.symbol_index
    return ParsedFile(
        format=FORMAT,
        source=FORMAT,
        timeframe="1d",
        price_base=PriceBase.RAW,
        rows=reading.rows,
        table=table,
        rejected=tuple(sorted(reading.rejected + twins, key=lambda rejected: rejected.line)),
        notices=tuple(_notices(reading, described, keys, len(twins), markets)),
        instruments={symbol: _instrument(symbol, keys[latest[index]]) for symbol, index in symbols.items()},
    )


def _one_per_session(described: BarTable, symbol_of: IntArray, keys: list[bytes]) -> tuple[BoolArray, list[Rejected]]:
    """Which row of each ticker and session to keep (round lot, then the larger turnover), and the others with the reason."""
    kept = np.ones(len(described), dtype=bool)
    bar = symbol_of[described.symbol_index] << 32 | described.session
    if np.unique(bar).size == bar.size:
        return kept, []
    round_lot = np.array([key.startswith(ROUND_LOT) for key in keys], dtype=bool)[described.symbol_index]
    order = np.lexsort((described.line, -described.turnover, ~round_lot, bar))
    leads = np.concatenate(([True], np.diff(bar[order]) != 0))
    leader = order[leads][np.cumsum(leads) - 1]
    kept[order[~leads]] = False
    reason = _("another row of {symbol} on {date} is kept, the one in line {line}")
    return kept, [
        Rejected(
            int(described.line[row]),
            reason.format(
                symbol=_ticker(keys[described.symbol_index[row]]),
                date=from_day_number(described.session[row]).isoformat(),
                line=int(described.line[winner]),
            ),
        )
        for row, winner in zip(order[~leads], leader[~leads], strict=True)
    ]


def _notices(reading: _Reading, described: BarTable, keys: list[bytes], twins: int, markets: tuple[str, ...]) -> Iterator[str]:
    if not reading.trailer:
        yield _("The file has no trailer, so nothing shows whether it is complete.")
    if reading.others:
        yield _("{count} of {rows} records belong to other markets than {markets} and were left out.").format(
            count=reading.others, rows=reading.rows, markets=", ".join(markets)
        )
    if twins:
        yield _("{count} rows were rejected because their ticker has another row on the same session.").format(count=twins)
    if reading.untraded:
        yield _("{count} rows without a trade were rejected.").format(count=reading.untraded)
    currencies = [clean_text(key[39:43]) for key in keys]
    foreign = np.array([currency != REAL for currency in currencies], dtype=bool)[described.symbol_index]
    if foreign.any():
        names = sorted({currencies[index] or "?" for index in np.unique(described.symbol_index[foreign]).tolist()})
        yield _("{count} rows are in another currency than R$ ({names}); their prices are stored as they stand.").format(
            count=int(foreign.sum()), names=", ".join(names)
        )
    few = ~foreign & (described.turnover >= np.maximum(WRAP_TURNOVER, WRAP_AVERAGE * described.trades))
    if few.any() or (described.trades >= NEAR_WRAP).any():
        yield _("Trade counts have five digits in this format and start again at zero: do not rely on them for liquid tickers.")
    reused = _reused(described, keys)
    if reused:
        yield _("{count} tickers have more than one ISIN in this file, so they may not be one series: {names}").format(
            count=len(reused), names=", ".join(reused[:10]) + (" ..." if len(reused) > 10 else "")
        )


def _reused(described: BarTable, keys: list[bytes]) -> list[str]:
    """The tickers whose rows name more than one ISIN."""
    isins: dict[str, set[bytes]] = {}
    for index in np.unique(described.symbol_index).tolist():
        isins.setdefault(_ticker(keys[index]), set()).add(keys[index][43:55])
    return sorted(symbol for symbol, found in isins.items() if len(found) > 1)


def _ticker(key: bytes) -> str:
    return clean_text(key[2:14])


def _instrument(symbol: str, key: bytes) -> Instrument:
    """The instrument of a description; lots of 100 for shares and what derives from them, 1 for the rest."""
    market = _market(int(key[14:17]), key[:2], clean_text(key[29:39]))
    isin = clean_text(key[43:55])
    return Instrument(
        symbol,
        market,
        name=clean_text(key[17:29]),
        isin=isin if len(isin) == 12 and isin.isascii() and isin.isalnum() else "",
        lot=100 if market in (Market.CASH, Market.OPTION, Market.TERM) else 1,
    )


def _market(code: int, bdi: bytes, kind: str) -> Market:
    derived = {20: Market.FRACTIONAL, 30: Market.TERM, 12: Market.OPTION, 13: Market.OPTION, 70: Market.OPTION, 80: Market.OPTION}
    if code in derived:
        return derived[code]
    if code in MARKETS["futures"]:
        return Market.FUTURE
    if code not in MARKETS["cash"] + MARKETS["auction"]:
        return Market.OTHER
    if kind.startswith(("DR", "BDR")):
        return Market.BDR
    if bdi == b"12":
        return Market.FII
    return Market.ETF if bdi == b"14" and kind.startswith("CI") else Market.CASH
