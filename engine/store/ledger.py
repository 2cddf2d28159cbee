"""What was done: runs with their steps and signals, and every backtest as a trial."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from engine.domain import Signal
from engine.store.schema import backtests, run_steps, runs, signals

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.store.database import Store


#: How the name of a strategy ends whose signals a model must confirm.
FILTERED = "+ml"
#: The states of a run that came to its end.
ENDED = ("done", "partial", "stale")


@dataclass(frozen=True, slots=True)
class Run:
    """One daily run. `inputs` is a digest of what decides its result: settings, watchlist and code version."""

    id: str
    session: int
    decision_time: str
    replay: bool
    status: str
    started_at: int
    finished_at: int | None
    snapshot: int
    code_version: str
    inputs: str


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step as it was finished, with the digest of what it read."""

    name: str
    status: str
    seconds: float
    inputs: str
    detail: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "status": self.status, "seconds": round(self.seconds, 3), "detail": self.detail}


def begin_run(store: Store, run: Run) -> None:
    """Record that the run has started; the same run again keeps its finished steps and starts over from there."""
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO runs (id, session, decision_time, replay, status, started_at, finished_at, snapshot, code_version, inputs, models)"
            " VALUES (?, ?, ?, ?, 'running', ?, NULL, ?, ?, ?, '{}')"
            " ON CONFLICT (id) DO UPDATE SET status = 'running', started_at = excluded.started_at, finished_at = NULL,"
            " snapshot = excluded.snapshot, code_version = excluded.code_version, inputs = excluded.inputs",
            (run.id, run.session, run.decision_time, run.replay, run.started_at, run.snapshot, run.code_version, run.inputs),
        )


def newest_snapshot(store: Store, decision_time: str) -> int | None:
    """What the store held when the newest live run of this decision time ended that came to its end; None before the first."""
    asked = (
        select(runs.c.snapshot)
        .where(runs.c.decision_time == decision_time, runs.c.replay.is_(False), runs.c.status.in_(ENDED))
        .order_by(runs.c.started_at.desc())
        .limit(1)
    )
    with store.read() as connection:
        found: int | None = connection.execute(asked).scalar_one_or_none()
    return found


def end_run(store: Store, run_id: str, status: str, snapshot: int, now: int) -> None:
    """Record how the run ended and the snapshot that its results rest on; it never ends before it began, whatever the clock says."""
    with store.write() as connection:
        finished = func.max(runs.c.started_at, now)
        connection.execute(
            runs.update().where(runs.c.id == run_id).values(status=status, finished_at=finished, snapshot=snapshot)
        )


def read_step(store: Store, run_id: str, name: str) -> StepRecord | None:
    """The step as last finished, None when it never was."""
    with store.read() as connection:
        row = connection.execute(run_steps.select().where(run_steps.c.run_id == run_id, run_steps.c.name == name)).one_or_none()
    return None if row is None else StepRecord(row.name, row.status, row.seconds, row.inputs, dict(row.detail))


def finish_step(
    store: Store,
    run_id: str,
    position: int,
    step: StepRecord,
    found: Sequence[Signal] | None = None,
    tell: Callable[[Connection], None] | None = None,
) -> None:
    """Record a step and, in the same transaction, the signals it found (None: the step finds none) and the messages that `tell` writes."""
    with store.write() as connection:
        connection.execute(run_steps.delete().where(run_steps.c.run_id == run_id, run_steps.c.name == step.name))
        connection.execute(run_steps.insert().values(run_id=run_id, position=position, **asdict(step)))
        if found is not None:
            _replace_signals(connection, run_id, found)
        if tell is not None:
            tell(connection)


def _replace_signals(connection: Connection, run_id: str, found: Sequence[Signal]) -> None:
    connection.execute(signals.delete().where(signals.c.run_id == run_id))
    if found:
        connection.execute(
            signals.insert(),
            [
                {
                    "run_id": run_id,
                    "symbol": item.symbol,
                    "timeframe": item.timeframe,
                    "strategy": item.strategy,
                    "time": item.time,
                    "action": str(item.action),
                    "strength": item.strength,
                    "signal": item.as_dict(),
                }
                for item in found
            ],
        )


def read_signals(store: Store, run_id: str) -> list[dict[str, Any]]:
    """The signals of one run in their JSON form, by symbol."""
    with store.read() as connection:
        rows = connection.execute(signals.select().where(signals.c.run_id == run_id).order_by(signals.c.symbol))
        return [dict(row.signal) for row in rows]


def signals_of(store: Store, symbol: str) -> list[dict[str, Any]]:
    """The signals of one symbol that live runs have given, in their JSON form, oldest first."""
    asked = (
        select(signals.c.signal)
        .join(runs, runs.c.id == signals.c.run_id)
        .where(signals.c.symbol == symbol, runs.c.replay.is_(False))
        .order_by(signals.c.time, runs.c.session)
    )
    with store.read() as connection:
        return [dict(row.signal) for row in connection.execute(asked)]


def list_runs(store: Store, limit: int = 50, run_id: str = "") -> list[dict[str, Any]]:
    """The newest runs first, each with its steps. run_id: only this one."""
    asked = runs.select().order_by(runs.c.started_at.desc()).limit(limit)
    with store.read() as connection:
        found = connection.execute(asked.where(runs.c.id == run_id) if run_id else asked).mappings().all()
        listed = []
        for row in found:
            steps = connection.execute(run_steps.select().where(run_steps.c.run_id == row["id"]).order_by(run_steps.c.position))
            listed.append(
                {**row, "steps": [{"name": s.name, "status": s.status, "seconds": s.seconds, "detail": s.detail} for s in steps]}
            )
        return listed


def record_backtest(
    store: Store,
    *,
    now: int,
    symbol: str,
    timeframe: str,
    strategy: str,
    params: Mapping[str, Any],
    start: int,
    end: int,
    snapshot: int,
    order_hash: str,
    result: Mapping[str, Any],
) -> None:
    """Record one backtest; the very same question on the same data again is not recorded twice, but becomes the newest."""
    key = {
        "symbol": symbol,
        "timeframe": timeframe,
        "strategy": strategy,
        "params": trial_key(strategy, params)[1],
        "start": start,
        "end": end,
        "snapshot": snapshot,
        "order_hash": order_hash,
    }
    with store.write() as connection:
        same = backtests.select().where(*(backtests.c[name] == value for name, value in key.items()))
        known = connection.execute(same).first()
        if known is None:
            connection.execute(backtests.insert().values(created_at=now, result=dict(result), **key))
        elif known.created_at < now:
            connection.execute(backtests.update().where(backtests.c.id == known.id).values(created_at=now))


def trial_key(strategy: str, params: Mapping[str, Any]) -> tuple[str, str]:
    """What makes a trial a trial of its own on one series."""
    return strategy, json.dumps(dict(params), sort_keys=True)


def newest_backtest(
    store: Store, symbol: str, timeframe: str, strategy: str | None = None
) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
    """Of the newest backtest of this symbol and timeframe (of `strategy`, where one is named): strategy, parameters, orders.

    One with a model's filter is left out: its name and parameters alone do not make it again.
    """
    asked = select(backtests.c.strategy, backtests.c.params).where(
        backtests.c.symbol == symbol, backtests.c.timeframe == timeframe
    )
    asked = asked.where(~backtests.c.strategy.endswith(FILTERED))
    if strategy is not None:
        asked = asked.where(backtests.c.strategy == strategy)
    with store.read() as connection:
        row = connection.execute(asked.order_by(backtests.c.created_at.desc(), backtests.c.id.desc()).limit(1)).first()
    if row is None:
        return None
    params = json.loads(row.params)
    return row.strategy, params, params.pop("orders", {})


def read_trials(store: Store, symbol: str, timeframe: str) -> dict[tuple[str, str], float]:
    """Every strategy and parameter set that was tried on this symbol and timeframe, by `trial_key`.

    With the Sharpe ratio per bar of its newest backtest, NaN where that was undefined.
    """
    figures = backtests.c.result["metrics"]
    asked = (
        select(
            backtests.c.strategy,
            backtests.c.params,
            figures["sharpe_ratio"].as_float(),
            figures["bars_per_year"].as_float(),
        )
        .where(backtests.c.symbol == symbol, backtests.c.timeframe == timeframe)
        .order_by(backtests.c.id)
    )
    with store.read() as connection:
        rows = connection.execute(asked).all()
    return {(row[0], row[1]): row[2] / math.sqrt(row[3]) if row[2] is not None and row[3] else math.nan for row in rows}
