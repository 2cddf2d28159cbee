"""What the processes of the concurrency and kill tests do; each is run as `python -m tests.store.processes ROLE ...`.

Every made bar carries its own checksum, so that a bar put together from two imports would show.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.ingestion.importer import import_files
from engine.ingestion.table import BarTable, ImportOptions
from engine.market.calendar import nominal_opening
from engine.store.bars import list_series, read_bars, read_many
from engine.store.database import Store, open_store
from engine.store.publish import publish
from tests.ingestion.cotahist_maker import header, record, trailer
from tests.store.market_maker import NOW, origin, table, together, weekdays

SYMBOLS = tuple(f"AAAA{number}" for number in range(50))
OTHERS = tuple(f"BBBB{number}" for number in range(5))
DAYS = weekdays(5000)
TIME = nominal_opening(DAYS)
ROWS = 20_000


def marked(symbol: str, time: object, base: object) -> BarTable:
    """Bars whose every value follows from the time and the close."""
    stamps = np.atleast_1d(np.asarray(time, dtype=np.int64))
    close = np.broadcast_to(np.asarray(base, dtype=np.float64), stamps.shape)
    quantity = (stamps // 60 + close.astype(np.int64)) % 997
    return table(stamps, close, symbol, quantity=quantity, turnover=quantity * close, spread=1.0)


def check(time: object, open_: object, high: object, low: object, close: object, quantity: object, turnover: object) -> None:
    """Fail unless every bar is one that `marked` makes."""
    np.testing.assert_array_equal(high, np.asarray(close) + 1)
    np.testing.assert_array_equal(low, np.asarray(close) - 1)
    np.testing.assert_array_equal(open_, close)
    np.testing.assert_array_equal(quantity, (np.asarray(time) // 60 + np.asarray(close).astype(np.int64)) % 997)
    np.testing.assert_array_equal(turnover, np.asarray(quantity) * np.asarray(close))


def until(seconds: str) -> Callable[[], bool]:
    end = time.monotonic() + float(seconds)
    return lambda: time.monotonic() < end


def append_days(store: Store, seconds: str) -> int:
    """Publish one session of all symbols after the other; returns how many."""
    going, number = until(seconds), 0
    while going():
        session = together([marked(symbol, TIME[number], 100 + place) for place, symbol in enumerate(SYMBOLS)])
        done = publish(store, session, origin(file=f"day {number}"), {}, NOW + number)
        assert (done.written, done.unchanged, done.revised) == (len(SYMBOLS), 0, 0), done
        number += 1
    return number


def revise(store: Store, seconds: str) -> int:
    """Publish the same sessions of other symbols again and again, each time with other values; returns how often."""
    going, number = until(seconds), 0
    while going():
        rows = together([marked(symbol, TIME[:40], 100 + number) for symbol in OTHERS])
        done = publish(store, rows, origin(source="other", file=f"revision {number}"), {}, NOW + number)
        assert done.revised == (200 if number else 0), done
        number += 1
    return number


def read(store: Store, seconds: str) -> int:
    """Read while others write: each session is there whole or not at all, and each bar is one that was written."""
    going, number, seen = until(seconds), 0, 0
    while going():
        found = read_many(store, [*SYMBOLS, *OTHERS])
        lengths = {len(found[symbol]) if symbol in found else 0 for symbol in SYMBOLS}
        assert len(lengths) == 1, f"a session was seen in part: {lengths}"
        assert min(lengths) >= seen, "a session that was seen is gone"
        seen = min(lengths)
        values = {tuple(found[symbol].close.tolist()) for symbol in OTHERS if symbol in found}
        assert len(values) <= 1, "an import was seen in part"
        assert all(len(set(closes)) == 1 for closes in values)
        for bars in found.values():
            check(bars.time, bars.open, bars.high, bars.low, bars.close, bars.quantity, bars.turnover)
        for item in list_series(store, SYMBOLS[:2]):
            assert len(read_bars(store, item.symbol)) >= seen
        number += 1
    return number


def write_file(path: Path, base: int) -> None:
    """A COTAHIST file of ROWS marked bars of eight symbols."""
    records = [header()]
    count = ROWS // 8
    days = [str(np.datetime64(int(day), "D")).replace("-", "") for day in DAYS[:count]]
    for number in range(8):
        price = base + number
        quantities = ((TIME[:count] // 60 + price) % 997).tolist()
        one = record(f"CCCC{number}", open_=100 * price, high=100 * price + 100, low=100 * price - 100, close=100 * price)
        start, middle, end = one[:2], one[10:152], one[188:]
        records += [
            start + f"{day}".encode() + middle + f"{quantity:018}{100 * quantity * price:018}".encode() + end
            for day, quantity in zip(days, quantities)
        ]
    path.write_bytes(b"\r\n".join([*records, trailer(ROWS + 2)]) + b"\r\n")


def import_file(store: Store, path: str) -> int:
    """Import one file and return what was written."""
    (report,) = import_files(store, [Path(path)], ImportOptions(), now=NOW)
    if report.error is not None:
        raise report.error
    return report.written


ROLES: dict[str, Callable[[Store, str], int]] = {
    "append": append_days,
    "revise": revise,
    "read": read,
}

if __name__ == "__main__":
    role, database, argument = sys.argv[1:]
    opened = open_store(Path(database))
    print(ROLES[role](opened, argument))
    opened.close()
