"""Made bars for the tests of the store: weekdays, tables of a few rows, and short cuts to publish and look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import Instrument, PriceBase, day_number
from engine.ingestion.rows import join, piece
from engine.ingestion.table import BarTable
from engine.market.calendar import nominal_opening
from engine.store.database import Store
from engine.store.publish import Origin, Published, publish

DATA = Path(__file__).parents[2].parent / "shared" / "data"
NOW = 1_760_000_000
FIRST_DAY = date(2024, 1, 2)


def weekdays(count: int, first: date = FIRST_DAY) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The first `count` weekdays from `first` on, as days since 1970-01-01."""
    days = (first + timedelta(days=step) for step in range(count * 2 + 7))
    return np.array([day_number(day) for day in days if day.weekday() < 5][:count], dtype=np.int64)


def hours(sessions: Sequence[int] | np.ndarray[Any, Any], per_session: int = 7, step: int = 3600) -> Any:
    """Opening instants from 10:00 on, `per_session` a session."""
    opening = nominal_opening(np.asarray(sessions, dtype=np.int64))
    return (opening[:, None] + np.arange(per_session) * step).ravel()


def table(
    time: Any,
    close: Any,
    symbol: str = "PETR4",
    *,
    provisional: Any = False,
    after_market: Any = False,
    quantity: Any = 100.0,
    turnover: Any = np.nan,
    trades: Any = np.nan,
    spread: float = 0.5,
) -> BarTable:
    """A table of one symbol; open is the close, high and low are `spread` apart from it."""
    time = np.asarray(time, dtype=np.int64)

    def floats(values: Any) -> Any:
        return np.broadcast_to(np.asarray(values, dtype=np.float64), time.shape).copy()

    def flags(values: Any) -> Any:
        return np.broadcast_to(np.asarray(values, dtype=bool), time.shape).copy()

    close = floats(close)
    made = piece(
        symbol_index=np.zeros(time.size, dtype=np.int64),
        line=np.arange(2, time.size + 2),
        time=time,
        session=(time - 10_800) // 86_400,
        open=close,
        high=close + spread,
        low=close - spread,
        close=close,
        quantity=floats(quantity),
        turnover=floats(turnover),
        trades=floats(trades),
    )
    return replace(made, symbols=(symbol,), provisional=flags(provisional), after_market=flags(after_market))


def together(tables: Sequence[BarTable]) -> BarTable:
    """Several tables of one symbol each as one table of many symbols."""
    numbered = [replace(item, symbol_index=np.full(len(item), number, dtype=np.int64)) for number, item in enumerate(tables)]
    return join(numbered, tuple(item.symbols[0] for item in tables))


def origin(
    timeframe: str = "1d", price_base: PriceBase = PriceBase.RAW, source: str = "file", file: str = "made.csv", rows: int = 0
) -> Origin:
    return Origin(file, "0" * 64, "ohlcv_csv", source, timeframe, price_base, rows, 0, {"notices": []})


def put(
    store: Store,
    rows: BarTable,
    timeframe: str = "1d",
    price_base: PriceBase = PriceBase.RAW,
    *,
    source: str = "file",
    now: int = NOW,
    instruments: Mapping[str, Instrument] | None = None,
) -> Published:
    """Publish a table as one made file."""
    return publish(store, rows, origin(timeframe, price_base, source, rows=len(rows)), instruments or {}, now)


def count(store: Store, name: str, where: str = "1") -> int:
    """The number of rows of a table of the store."""
    with store.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {name} WHERE {where}").scalar_one())


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the store holds, table by table."""
    with store.read() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").scalars().all()
        return {name: sorted(map(tuple, connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()), key=repr) for name in names}
