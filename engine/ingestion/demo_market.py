"""Keeping the demo market's own store up to date with the last closed session; it never meets real data."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import Bars, PriceBase, from_day_number
from engine.ingestion.demo import DEMO_INSTRUMENTS, SOURCE, demo_bars
from engine.ingestion.rows import piece
from engine.store.bars import list_series
from engine.store.publish import Origin, publish

if TYPE_CHECKING:
    from engine.ingestion.table import BarTable
    from engine.market.calendar import Calendar
    from engine.store.database import Store


def refresh_demo(store: Store, calendar: Calendar, now: int, delay: int = 0) -> int:
    """Write the demo bars that are missing up to the newest closed session; returns how many. Nothing else changes."""
    session = calendar.last_closed_session(now, delay)
    newest = max((item.last for item in list_series(store)), default=0)
    if newest >= calendar.open_instant(session):
        return 0
    written = 0
    bars = demo_bars(from_day_number(session), calendar)
    for timeframe in sorted({item.timeframe for item in bars.values()}):
        group = [item for item in bars.values() if item.timeframe == timeframe]
        table = _table(group)
        text = f"{SOURCE} {timeframe} {session} {len(table)}"
        origin = Origin(
            file=f"demo market {timeframe}",
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            format="demo",
            source=SOURCE,
            timeframe=timeframe,
            price_base=PriceBase.RAW,
            rows=len(table),
            rejected=0,
            detail={"demo": True},
        )
        written += publish(store, table, origin, DEMO_INSTRUMENTS, now).written
    return written


def _table(group: list[Bars]) -> BarTable:
    from dataclasses import replace

    def column(name: str) -> Any:
        return np.concatenate([getattr(item, name) for item in group])

    counts = [len(item) for item in group]
    table = piece(
        symbol_index=np.repeat(np.arange(len(group)), counts),
        line=np.arange(sum(counts)),
        **{name: column(name) for name in ("time", "session", "open", "high", "low", "close", "quantity", "turnover")},
    )
    return replace(table, symbols=tuple(item.symbol for item in group))
