"""How fast the store writes and reads, and how that compares with plain sqlite3 on rows of columns.

    .venv/bin/python -m tests.benchmarks.bench_store [symbols] [bars]

The plain table holds the same values, one column each, in the same order; it is read by fetchall and np.array.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from engine.ingestion.table import BarTable
from engine.market.calendar import nominal_opening
from engine.store.bars import read_bars, read_many
from engine.store.database import Store, open_store
from engine.store.publish import publish
from tests.store.market_maker import NOW, origin, table, together, weekdays

SYMBOLS, BARS = 500, 5000
TARGET_ONE_MS, TARGET_ALL_S, TARGET_DAY_MS = 10.0, 3.0, 50.0
DAYS_APPENDED = 10
COLUMNS = ("time", "open", "high", "low", "close", "quantity", "turnover", "trades", "flags")


def timed(work: Callable[[], Any], times: int = 1) -> float:
    """The median seconds of `times` runs."""
    taken = []
    for _run in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def market(symbols: int, opening: np.ndarray[Any, np.dtype[np.int64]], seed: int) -> BarTable:
    chance = np.random.default_rng(seed)
    made = []
    for number in range(symbols):
        close = np.round(np.exp(3 + np.cumsum(chance.normal(0, 0.02, opening.size))), 2)
        quantity = chance.integers(100, 1_000_000, opening.size).astype(float)
        made.append(table(opening, close, f"S{number:04}3", quantity=quantity, turnover=quantity * close, trades=quantity // 100))
    return together(made)


def plain_rows(rows: BarTable) -> list[tuple[Any, ...]]:
    values = [getattr(rows, name).tolist() for name in COLUMNS[:-1]]
    return list(zip(rows.symbol_index.tolist(), *values, [0] * len(rows)))


class Plain:
    """The same bars as rows of a plain table."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-16000"):
            self.connection.execute(f"PRAGMA {pragma}")
        columns = ", ".join(f"{name} REAL" for name in COLUMNS[1:])
        self.connection.execute(
            f"CREATE TABLE bars (series INTEGER, time INTEGER, {columns}, PRIMARY KEY (series, time)) WITHOUT ROWID"
        )

    def write(self, rows: list[tuple[Any, ...]]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(f"INSERT INTO bars VALUES ({', '.join('?' * 10)})", rows)
        self.connection.execute("COMMIT")

    def read(self, series: int) -> list[Any]:
        query = f"SELECT {', '.join(COLUMNS)} FROM bars WHERE series = ? ORDER BY time"
        found = np.array(self.connection.execute(query, (series,)).fetchall())
        return [np.ascontiguousarray(found[:, place]) for place in range(len(COLUMNS))]


def plain_bulk(plain: Plain, rows: BarTable) -> float:
    made = plain_rows(rows)
    return timed(lambda: plain.write(made))


def day_of(rows: BarTable, opening: int, symbols: int) -> BarTable:
    """One more session of every symbol: the first one's prices at another time."""
    first = np.flatnonzero(rows.time == rows.time[0])[:symbols]
    cut = {name: getattr(rows, name)[first] for name in ("symbol_index", "line", *COLUMNS[1:-1], "provisional", "after_market")}
    instants = np.full(first.size, opening)
    return replace(rows, time=instants, session=(instants - 10_800) // 86_400, **cut)


def told(what: str, value: float, unit: str, target: float, plain: float) -> bool:
    met = value <= target
    ratio = f"{value / plain:.2f} of plain sqlite3 ({plain:.2f} {unit})"
    print(f"{what}: {value:.2f} {unit}, target {target:g} {unit} {'met' if met else 'MISSED'}; {ratio}")
    return met


def main(symbols: int, bars: int) -> int:
    opening = nominal_opening(weekdays(bars + DAYS_APPENDED, date(2004, 1, 2)))
    rows = market(symbols, opening[:bars], 1)
    with tempfile.TemporaryDirectory() as folder:
        store, plain = open_store(Path(folder) / "pregao.db"), Plain(Path(folder) / "plain.db")
        written = timed(lambda: publish(store, rows, origin(file="bulk"), {}, NOW))
        plain_written = plain_bulk(plain, rows)
        sizes = [Path(folder, name).stat().st_size / 1e6 for name in ("pregao.db", "plain.db")]
        print(
            f"{symbols} symbols x {bars} bars written: {written:.1f} s ({len(rows) / written:,.0f} bars/s), {sizes[0]:.0f} MB;"
            f" {written / plain_written:.2f} of plain sqlite3 ({plain_written:.1f} s, {sizes[1]:.0f} MB)"
        )
        return 0 if all(measure(store, plain, rows, opening[bars:].tolist(), symbols)) else 1


def measure(store: Store, plain: Plain, rows: BarTable, next_days: list[int], symbols: int) -> list[bool]:
    names = list(rows.symbols)
    assert len(read_bars(store, names[symbols // 2])) == len(rows) // symbols
    one = timed(lambda: read_bars(store, names[symbols // 2]), 50) * 1000
    plain_one = timed(lambda: plain.read(symbols // 2), 50) * 1000
    everything = timed(lambda: read_many(store, names), 3)
    plain_all = timed(lambda: [plain.read(number) for number in range(symbols)], 3)
    days, plain_days = [], []
    for opening in next_days:
        day = day_of(rows, opening, symbols)
        days.append(timed(lambda day=day: publish(store, day, origin(file="day"), {}, NOW)) * 1000)  # type: ignore[misc]
        more = plain_rows(day)
        plain_days.append(timed(lambda more=more: plain.write(more)) * 1000)  # type: ignore[misc]
    assert len(read_bars(store, names[-1])) == len(rows) // symbols + len(next_days)
    bars = len(rows) // symbols
    return [
        told(f"{bars} bars of one symbol as arrays (median of 50)", one, "ms", TARGET_ONE_MS, plain_one),
        told(f"all {len(rows):,} bars by read_many (median of 3)", everything, "s", TARGET_ALL_S, plain_all),
        told(
            f"one day of {symbols} symbols published (median of {len(days)})",
            statistics.median(days), "ms", TARGET_DAY_MS, statistics.median(plain_days),
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    sizes = [int(argument) for argument in sys.argv[1:]]
    raise SystemExit(main(*(sizes or [SYMBOLS, BARS])))
