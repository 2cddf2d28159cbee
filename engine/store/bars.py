"""Reading bars as arrays. Which series answers a question is decided in one place, and two are never joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from engine.domain import TIMEFRAMES, Bars, Instrument, Market, PriceBase, iso
from engine.errors import NoDataError
from engine.i18n import _
from engine.market.instruments import describe
from engine.market.resample import resample
from engine.store.packing import to_bars, unpack
from engine.store.series import NEAR, SERIES_QUERY, Series, choose_series

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.store.database import Store


@dataclass(frozen=True, slots=True)
class Cut:
    """What may be seen: nothing opening after `time`, no value that became known after `known_at` (UTC seconds)."""

    time: int
    known_at: int


def live_cut(store: Store, time: int, now: int) -> Cut:
    """What may be seen now of the bars that opened by `time`: all that is stored, also what was imported while the clock was ahead."""
    with store.read() as connection:
        newest = connection.exec_driver_sql("SELECT coalesce(max(published_at), 0) FROM imports").scalar_one()
    return Cut(time, max(now, int(newest)))


def list_series(store: Store, symbols: Sequence[str] = ()) -> list[Series]:
    """Every series with at least one bar, by symbol, from the coarsest timeframe to the finest."""
    with store.read() as connection:
        return _list_series(connection, symbols)


def _list_series(connection: Connection, symbols: Sequence[str]) -> list[Series]:
    if len(symbols) == 1:
        rows = connection.exec_driver_sql(f"{SERIES_QUERY} WHERE symbol = ?", (symbols[0],)).all()
    else:
        rows = connection.exec_driver_sql(SERIES_QUERY).all()
    found = [Series(row[0], row[1], row[2], row[3], PriceBase(row[4]), row[5], row[6]) for row in rows if row[5] is not None]
    wanted = set(symbols)
    kept = [item for item in found if not wanted or item.symbol in wanted]
    return sorted(kept, key=lambda item: (item.symbol, -TIMEFRAMES[item.timeframe], item.source, item.price_base))


def symbols_with_bars(store: Store) -> list[str]:
    """Every symbol that has a bar, in alphabetical order."""
    return sorted({item.symbol for item in list_series(store)})


def read_bars(
    store: Store,
    symbol: str,
    timeframe: str = "1d",
    *,
    source: str = "",
    price_base: PriceBase | None = None,
    start: int | None = None,
    end: int | None = None,
    cut: Cut | None = None,
    provisional: bool = False,
    after_market: bool = False,
    covering: tuple[int | None, int | None] | None = None,
) -> Bars:
    """The bars of one symbol, oldest first, opening in [start, end] (UTC seconds).

    Among several stored series, the one that serves this time (or the time `covering`) best; see `choose_series`.

    Without bars at `timeframe` they are built in memory from the coarsest finer series, after-market bars apart.
    Provisional and after-market bars are left out unless asked for. `cut` shows the past as it was known.
    Raises NoDataError when there is nothing.
    """
    asked_start, asked_end = (start, end) if covering is None else covering
    limits = [limit for limit in (asked_end, None if cut is None else cut.time) if limit is not None]
    with store.read() as connection:
        known = _list_series(connection, [symbol])
        chosen = choose_series(
            known, timeframe, source=source, price_base=price_base, before=min(limits, default=None), start=asked_start
        ) or choose_series(known, timeframe, source=source, price_base=price_base, before=None if cut is None else cut.time)
        if chosen is None:
            raise _nothing(store, symbol, timeframe)
        return _load(connection, chosen, timeframe, start, end, cut, provisional, after_market)


def longer_series(store: Store, bars: Bars) -> tuple[str, ...]:
    """A sentence for each stored series that has a longer history than these bars of its symbol and was not taken for them."""
    longer = [
        item
        for item in list_series(store, [bars.symbol])
        if item.timeframe in (bars.derived_from, bars.timeframe)
        and (item.source, item.price_base) != (bars.source, bars.price_base)
        and item.first < int(bars.time[0]) - NEAR * 86_400
    ]
    return tuple(
        _("Another series of {symbol} (source {source}, {base}) has bars from {first} on; a period in it chooses it.").format(
            symbol=bars.symbol, source=item.source, base=_(item.price_base), first=iso(item.first)[:10]
        )
        for item in longer
    )


def read_many(
    store: Store, symbols: Sequence[str], timeframe: str = "1d", *, cut: Cut | None = None, provisional: bool = False
) -> dict[str, Bars]:
    """The bars of many symbols as of one consistent state; symbols without any are left out."""
    found = {}
    with store.read() as connection:
        by_symbol: dict[str, list[Series]] = {}
        for item in _list_series(connection, symbols):
            by_symbol.setdefault(item.symbol, []).append(item)
        for symbol in symbols:
            chosen = choose_series(by_symbol.get(symbol, ()), timeframe, before=None if cut is None else cut.time)
            if chosen is not None:
                bars = _load(connection, chosen, timeframe, None, None, cut, provisional, False)
                if len(bars):
                    found[symbol] = bars
    return found


def read_ended(store: Store, symbol: str, timeframe: str, *, cut: Cut | None = None) -> Bars | None:
    """Intraday bars as `read_many` gives them, with those of a session under way that had ended when they were imported; None without.

    Such a bar is provisional only because its session was not over: its own prices will not change any more.
    """
    bars = read_many(store, [symbol], timeframe, cut=cut, provisional=True).get(symbol)
    if bars is None or not bars.provisional.any():
        return bars
    times = bars.time[bars.provisional]
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT time, max(published_at) FROM bars JOIN series ON series.id = series_id JOIN imports ON imports.id = import_id"
            " WHERE symbol = ? AND timeframe = ? AND source = ? AND time BETWEEN ? AND ? GROUP BY time",
            (symbol, timeframe, bars.source, int(times[0]), int(times[-1])),
        ).all()
    ended = [time for time, published in rows if published >= time + TIMEFRAMES[timeframe]]
    kept = bars.take(~bars.provisional | np.isin(bars.time, np.array(ended, dtype=np.int64)))
    return kept if len(kept) else None


def read_series(store: Store, item: Series) -> Bars:
    """Every bar of one stored series, provisional and after-market ones included."""
    with store.read() as connection:
        return _load(connection, item, item.timeframe, None, None, None, True, True)


def _load(
    connection: Connection,
    item: Series,
    timeframe: str,
    start: int | None,
    end: int | None,
    cut: Cut | None,
    provisional: bool,
    after_market: bool,
) -> Bars:
    derived = item.timeframe != timeframe
    low = -(1 << 62) if start is None or derived else start
    high = min(1 << 62 if end is None else end + (86_400 * 7 if derived else 0), 1 << 62 if cut is None else cut.time)
    driver = connection.connection.driver_connection
    assert driver is not None
    if cut is None:
        rows = driver.execute(
            "SELECT bar FROM bars WHERE series_id = ? AND time BETWEEN ? AND ? ORDER BY time", (item.id, low, high)
        )
    else:
        rows = driver.execute(
            "SELECT bar FROM (SELECT time, bar FROM bars WHERE series_id = ?1 AND time BETWEEN ?2 AND ?3"
            " AND (available_at IS NULL OR available_at <= ?4)"
            " UNION ALL SELECT time, bar FROM bar_revisions WHERE series_id = ?1 AND time BETWEEN ?2 AND ?3"
            " AND superseded_at > ?4 AND (available_at IS NULL OR available_at <= ?4)) ORDER BY time",
            (item.id, low, high, cut.known_at),
        )
    bars = to_bars(unpack(map(itemgetter(0), rows)), item.symbol, item.timeframe, item.price_base, item.source)
    if not provisional and bars.provisional.any():
        bars = bars.take(~bars.provisional)
    if (derived or not after_market) and bars.after_market.any():
        bars = bars.take(~bars.after_market)
    if derived and len(bars):
        bars = resample(bars, timeframe)
        if not provisional and bars.provisional.any():
            bars = bars.take(~bars.provisional)
        kept = (bars.time >= (start if start is not None else low)) & (bars.time <= (end if end is not None else high))
        bars = bars if kept.all() else bars.take(kept)
    return bars


def read_instrument(store: Store, symbol: str) -> Instrument:
    """What is known of a symbol: from the files that named it, else from the shape of the ticker."""
    with store.read() as connection:
        row = connection.exec_driver_sql(
            "SELECT symbol, market, name, isin, lot, tick, point_value FROM instruments WHERE symbol = ?", (symbol,)
        ).first()
    if row is None:
        return describe(symbol)
    return Instrument(row[0], Market(row[1]), *row[2:])


def _nothing(store: Store, symbol: str, timeframe: str) -> NoDataError:
    from difflib import get_close_matches

    known = symbols_with_bars(store)
    if not known:
        return NoDataError(
            _("There are no bars yet."),
            _("Import a file with `pregao import FILE`, or look at the demo with `pregao --demo --run-daily`."),
        )
    if symbol in known:
        stored = sorted({item.timeframe for item in list_series(store, [symbol])}, key=TIMEFRAMES.__getitem__)
        return NoDataError(
            _("{symbol} has no bars from which {timeframe} can be built").format(symbol=symbol, timeframe=timeframe),
            _("Stored timeframes: {timeframes}.").format(timeframes=", ".join(stored)),
        )
    close = get_close_matches(symbol, known, n=3, cutoff=0.6)
    hint = (
        _("Stored symbols like it: {symbols}.").format(symbols=", ".join(close))
        if close
        else _("Stored are for example: {symbols}.").format(symbols=", ".join(known[:10]))
    )
    return NoDataError(_("There are no bars of {symbol}").format(symbol=symbol), hint)
