"""What live models said bar by bar, and the state in which each run found them. Times are UTC seconds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.store.database import Store


@dataclass(frozen=True, slots=True)
class Prediction:
    """The probabilities that a model gave at the close of the bar that opened at `time`."""

    model_id: str
    symbol: str
    timeframe: str
    time: int
    sell: float
    hold: float
    buy: float


@dataclass(frozen=True, slots=True)
class StoredDrift:
    """The state of a model ("ok", "watch", "degraded") as found by the run of a session (days since 1970-01-01)."""

    model_id: str
    session: int
    state: str
    report: Mapping[str, Any]


def record_predictions(store: Store, made: Iterable[Prediction], now: int) -> None:
    """Keep predictions; the same again changes nothing, another for the same bar takes the place of the old one."""
    rows = [(p.model_id, p.symbol, p.timeframe, p.time, p.sell, p.hold, p.buy, now) for p in made]
    if not rows:
        return
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO predictions (model_id, symbol, timeframe, time, sell, hold, buy, predicted_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model_id, symbol, timeframe, time)"
            " DO UPDATE SET sell = excluded.sell, hold = excluded.hold, buy = excluded.buy, predicted_at = excluded.predicted_at"
            " WHERE (sell, hold, buy) != (excluded.sell, excluded.hold, excluded.buy)",
            rows,
        )


def read_predictions(store: Store, model_id: str) -> list[Prediction]:
    """The predictions of a model, by symbol, oldest first."""
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT model_id, symbol, timeframe, time, sell, hold, buy FROM predictions WHERE model_id = ? ORDER BY symbol, time",
            (model_id,),
        ).all()
    return [Prediction(*row) for row in rows]


def record_drift(store: Store, found: StoredDrift, now: int) -> None:
    """Keep the state that the run of a session found; found again, it takes the place of the old one."""
    text = json.dumps(dict(found.report), ensure_ascii=False, allow_nan=False)
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO model_drift (model_id, session, state, report, found_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (model_id, session)"
            " DO UPDATE SET state = excluded.state, report = excluded.report, found_at = excluded.found_at"
            " WHERE (state, report) != (excluded.state, excluded.report)",
            (found.model_id, found.session, found.state, text, now),
        )


def read_drift(store: Store, model_id: str, limit: int = 1) -> list[StoredDrift]:
    """The newest states of a model, the newest first."""
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT model_id, session, state, report FROM model_drift WHERE model_id = ? ORDER BY session DESC LIMIT ?",
            (model_id, limit),
        ).all()
    return [StoredDrift(row[0], int(row[1]), row[2], json.loads(row[3])) for row in rows]
