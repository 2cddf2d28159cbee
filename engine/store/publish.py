"""Writing bars: staged outside of any lock, then published by one short transaction.

Rows go to a temporary table of this connection, which no other process sees and which is gone if this one dies. The
transaction then compares them with what is stored and writes all of the file or, on any error, nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import Instrument, Market, PriceBase, Progress, iso, silent
from engine.errors import RefusedFileError
from engine.i18n import _
from engine.market.instruments import describe
from engine.store.database import Store, transaction
from engine.store.packing import pack, unpack
from engine.store.schema import imports

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.ingestion.table import BarTable

CHUNK = 20_000
LISTED_REVISIONS = 20
#: Two closes further apart than this are not the same price rounded twice.
SAME_PRICE = 1e-3
#: What a source may not say of a bar.
AMOUNTS = ("quantity", "turnover", "trades")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from: one import is one origin."""

    file: str
    sha256: str
    format: str
    source: str
    timeframe: str
    price_base: PriceBase
    rows: int
    rejected: int
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """What one import changed. `revisions` lists the first changed final bars in words; `revised` counts them all."""

    written: int
    unchanged: int
    revised: int
    provisional: int
    revisions: tuple[str, ...] = ()
    import_id: int | None = None


def publish(
    store: Store,
    table: BarTable,
    origin: Origin,
    instruments: Mapping[str, Instrument],
    now: int,
    progress: Progress = silent,
) -> Published:
    """Write the rows of one file, all or nothing; the same rows twice change nothing.

    A new bar is written. A provisional bar gives way to any newer value; a final bar that differs keeps its old value
    as a revision and becomes available at `now` (UTC seconds; should the clock have gone back, at the time of the import
    before, so that what was known stays in order); a provisional row never replaces a final bar. Where a row has the stored
    prices but does not say what was traded, what is stored of that stays.
    Raises RefusedFileError when the rows would join two price bases.
    """
    if not len(table):
        return Published(0, 0, 0, 0)
    with store.connection() as connection:
        _stage(connection, table, progress)
        with transaction(connection):
            _name_series(connection, origin)
            _refuse_splice(connection, table.symbols, origin)
            if any(np.isnan(getattr(table, name)).any() for name in AMOUNTS):
                _keep_known(connection)
            result = _merge(connection, table.symbols, origin, instruments, now)
        connection.exec_driver_sql("DROP TABLE staged")
        connection.exec_driver_sql("DROP TABLE staged_series")
    return result


def _stage(connection: Connection, table: BarTable, progress: Progress) -> None:
    for name in ("staged", "staged_series"):
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS temp.{name}")
    connection.exec_driver_sql(
        "CREATE TEMP TABLE staged (symbol INTEGER, time INTEGER, bar BLOB, provisional INTEGER, PRIMARY KEY (symbol, time)) WITHOUT ROWID"
    )
    connection.exec_driver_sql("CREATE TEMP TABLE staged_series (symbol INTEGER PRIMARY KEY, name TEXT, series_id INTEGER)")
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("BEGIN")
    driver.executemany("INSERT INTO staged_series (symbol, name) VALUES (?, ?)", enumerate(table.symbols))
    driver.execute("COMMIT")
    order = np.lexsort((table.time, table.symbol_index))
    packed = pack(table)[order]
    size = packed.dtype.itemsize
    index, time, provisional = table.symbol_index[order], table.time[order], table.provisional[order]
    for low in range(0, len(table), CHUNK):
        rows = slice(low, low + CHUNK)
        data = packed[rows].tobytes()
        driver.execute("BEGIN")
        driver.executemany(
            "INSERT INTO staged VALUES (?, ?, ?, ?)",
            zip(
                index[rows].tolist(),
                time[rows].tolist(),
                (data[at : at + size] for at in range(0, len(data), size)),
                provisional[rows].tolist(),
            ),
        )
        driver.execute("COMMIT")
        progress(min(low + CHUNK, len(table)), len(table), "")


def _name_series(connection: Connection, origin: Origin) -> None:
    """Give every staged symbol its series, making those that are new. A base once found out is not lost again."""
    bases = {str(origin.price_base)} if origin.price_base is not PriceBase.UNKNOWN else set(map(str, PriceBase))
    known = (
        "FROM series WHERE symbol = staged_series.name AND timeframe = ? AND source = ?"
        f" AND price_base IN ({', '.join('?' * len(bases))})"
    )
    key = (origin.timeframe, origin.source)
    connection.exec_driver_sql(
        "INSERT INTO series (symbol, timeframe, source, price_base) SELECT name, ?, ?, ? FROM staged_series"
        f" WHERE NOT EXISTS (SELECT 1 {known})",
        (*key, str(origin.price_base), *key, *bases),
    )
    connection.exec_driver_sql(
        f"UPDATE staged_series SET series_id = (SELECT id {known} ORDER BY price_base <> 'unknown', price_base LIMIT 1)",
        (*key, *bases),
    )


JOINED = "FROM staged s JOIN staged_series n USING (symbol) JOIN bars b ON b.series_id = n.series_id AND b.time = s.time"


def _keep_known(connection: Connection) -> None:
    """A file that does not say what was traded takes nothing away: where its prices are the stored ones, the rest stays."""
    pairs = connection.exec_driver_sql(f"SELECT s.symbol, s.time, b.bar, s.bar {JOINED} WHERE b.bar <> s.bar").all()
    if not pairs:
        return
    old, new = unpack(row[2] for row in pairs), unpack(row[3] for row in pairs).copy()
    alike = np.logical_and.reduce([old[name] == new[name] for name in ("open", "high", "low", "close")])
    filled = np.zeros(len(pairs), dtype=np.bool_)
    for name in AMOUNTS:
        missing = alike & np.isnan(new[name]) & ~np.isnan(old[name])
        new[name][missing] = old[name][missing]
        filled |= missing
    rows = np.flatnonzero(filled)
    if rows.size:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.executemany(
            "UPDATE staged SET bar = ? WHERE symbol = ? AND time = ?",
            [(new[at].tobytes(), pairs[at][0], pairs[at][1]) for at in rows.tolist()],
        )


def _refuse_splice(connection: Connection, symbols: Sequence[str], origin: Origin) -> None:
    """Prices that are not as traded depend on the day they were exported: refuse to join two such days.

    An index is never adjusted, so that its new bars need none in common with those that are stored.
    """
    if origin.price_base is PriceBase.RAW:
        return
    stored = {
        row[0]: row[1:]
        for row in connection.exec_driver_sql(
            "SELECT n.symbol, count(*), r.price_base FROM staged_series n JOIN series r ON r.id = n.series_id"
            " JOIN bars b USING (series_id) WHERE b.provisional = 0 GROUP BY n.symbol"
        )
    }
    for number, (total, base) in stored.items():
        pairs = connection.exec_driver_sql(
            f"SELECT b.bar, s.bar {JOINED} WHERE s.symbol = ? AND b.provisional = 0", (number,)
        ).all()
        old, new = unpack(row[0] for row in pairs)["close"], unpack(row[1] for row in pairs)["close"]
        moved = np.abs(new / old - 1) > SAME_PRICE if len(pairs) else np.zeros(0, bool)
        covers_all = len(pairs) >= total
        symbol = symbols[number]
        if not len(pairs):
            if describe(symbol).market is Market.INDEX:
                continue
            raise RefusedFileError(
                _(
                    "{file} has no bar in common with the stored {symbol} {timeframe}, so nothing shows that both are adjusted alike"
                ).format(file=origin.file, symbol=symbol, timeframe=origin.timeframe),
                _("Export a period that overlaps the stored one, or say --price-base raw if the prices are as traded."),
            )
        as_traded = PriceBase(base) is PriceBase.RAW
        if moved.mean() > 0.02 and (as_traded or not covers_all):
            raise RefusedFileError(
                _(
                    "{file} prices {symbol} differently from the stored series on {moved} of {common} common bars (median factor {factor:.4f}):"
                    " another adjustment date, which cannot be joined"
                ).format(
                    file=origin.file,
                    symbol=symbol,
                    moved=int(moved.sum()),
                    common=len(pairs),
                    factor=float(np.median((new / old)[moved])),
                ),
                _("The stored prices are as traded; say --price-base adjusted, and both are kept.")
                if as_traded
                else _("Export the whole period again; a file that covers all stored bars replaces them as revisions."),
            )


def _merge(
    connection: Connection, symbols: Sequence[str], origin: Origin, instruments: Mapping[str, Instrument], now: int
) -> Published:
    def counts(query: str) -> list[int]:
        return [int(value) for value in connection.exec_driver_sql(query).one()]

    staged, provisional = counts("SELECT count(*), total(provisional) FROM staged")
    common, replaced, revised = counts(
        "SELECT count(*), total(b.bar <> s.bar AND b.provisional = 1),"
        f" total(b.bar <> s.bar AND b.provisional = 0 AND s.provisional = 0) {JOINED}"
    )
    written = staged - common + replaced + revised
    if written == 0:
        return Published(0, staged, 0, provisional)
    before = connection.exec_driver_sql("SELECT published_at FROM imports ORDER BY id DESC LIMIT 1").scalar_one_or_none()
    now = max(now, before or now)
    _save_instruments(connection, [instruments[symbol] for symbol in symbols if symbol in instruments])
    changed = (
        f"SELECT n.series_id, s.time, b.bar, s.bar {JOINED} WHERE b.bar <> s.bar AND b.provisional = 0 AND s.provisional = 0"
    )
    revisions = _revision_lines(connection, changed, symbols) if revised else ()
    made = connection.execute(
        imports.insert().values(
            published_at=now,
            file=origin.file,
            sha256=origin.sha256,
            format=origin.format,
            rows=origin.rows,
            written=written,
            unchanged=staged - written,
            revised=revised,
            rejected=origin.rejected,
            detail=dict(origin.detail),
        )
    )
    import_id = int(made.lastrowid)
    if revised:
        connection.exec_driver_sql(
            "INSERT INTO bar_revisions (series_id, time, bar, available_at, superseded_at, import_id, superseded_by)"
            f" SELECT b.series_id, b.time, b.bar, b.available_at, ?, b.import_id, ? {JOINED}"
            " WHERE b.bar <> s.bar AND b.provisional = 0 AND s.provisional = 0",
            (now, import_id),
        )
    connection.exec_driver_sql(
        "INSERT INTO bars (series_id, time, bar, provisional, available_at, import_id)"
        " SELECT n.series_id, s.time, s.bar, s.provisional, NULL, ? FROM staged s JOIN staged_series n USING (symbol) WHERE true"
        " ON CONFLICT (series_id, time) DO UPDATE SET"
        " available_at = CASE WHEN bars.provisional THEN bars.available_at ELSE ? END,"
        " bar = excluded.bar, provisional = excluded.provisional, import_id = excluded.import_id"
        " WHERE bars.bar <> excluded.bar AND (bars.provisional OR NOT excluded.provisional)",
        (import_id, now),
    )
    return Published(written, staged - written, revised, provisional, revisions, import_id)


def _revision_lines(connection: Connection, changed: str, symbols: Sequence[str]) -> tuple[str, ...]:
    names = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT series_id, symbol FROM staged_series")}
    lines = []
    for series_id, time, old, new in connection.exec_driver_sql(f"{changed} LIMIT {LISTED_REVISIONS}"):
        before, after = unpack([old])[0], unpack([new])[0]
        fields = [name for name in before.dtype.names if before[name].tobytes() != after[name].tobytes()]
        lines.append(
            _("{symbol} {time}: {changes}").format(
                symbol=symbols[names[series_id]],
                time=iso(time),
                changes=", ".join(f"{name} {before[name]:g} -> {after[name]:g}" for name in fields),
            )
        )
    return tuple(lines)


def _save_instruments(connection: Connection, instruments: Sequence[Instrument]) -> None:
    if not instruments:
        return
    connection.exec_driver_sql(
        "INSERT INTO instruments (symbol, market, name, isin, lot, tick, point_value) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (symbol) DO UPDATE SET market = excluded.market, lot = excluded.lot,"
        " name = coalesce(nullif(excluded.name, ''), name), isin = coalesce(nullif(excluded.isin, ''), isin)"
        " WHERE excluded.isin <> '' OR instruments.isin = ''",
        [(item.symbol, str(item.market), item.name, item.isin, item.lot, item.tick, item.point_value) for item in instruments],
    )
