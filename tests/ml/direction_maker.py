"""Made indices for the tests of the direction."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from engine.domain import Bars
from engine.ml.direction.data import IndexData
from engine.ml.direction.generator import Planted, planted
from engine.store.database import Store
from tests.desk_maker import calendar
from tests.store.market_maker import put, table

EVERYWHERE = ("close", "preopen", "open", "11:00")


@cache
def made(level: str = "strong", seed: int = 1, sessions: int = 900, times: tuple[str, ...] = EVERYWHERE) -> Planted:
    """An index that is predictable alike at each of these decision times."""
    return planted(seed, calendar(), dict.fromkeys(times, level), sessions=sessions)


def made_data(level: str = "strong", seed: int = 1, sessions: int = 900) -> IndexData:
    return made(level, seed, sessions).data


def publish(store: Store, bars: Bars) -> None:
    """Put bars into the store as they are."""
    rows = table(bars.time, bars.close, bars.symbol, quantity=bars.quantity)
    put(store, replace(rows, session=bars.session, open=bars.open, high=bars.high, low=bars.low), bars.timeframe)
