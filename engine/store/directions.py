"""Directions of an index as stored: what was said before each session, what came of it, what was evaluated and how often.

A row of `directions` is what a live run said for one symbol, target session and decision time. It can be said again until the
outcome is known, and never afterwards. Times are UTC seconds, sessions are days since 1970-01-01.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.domain import jsonable

if TYPE_CHECKING:
    from engine.store.database import Store


@dataclass(frozen=True, slots=True)
class StoredDirection:
    """What was said. session: the newest closed session then; probability: of up, None without one; signal: 1, 0, None (abstain).

    baseline: share of up sessions known then. direction: the JSON form that was printed. made_at: UTC seconds.
    outcome: 1 up, 0 not up, None while not known.
    """

    symbol: str
    target_session: int
    decision_time: str
    session: int
    signal: int | None
    probability: float | None
    baseline: float | None
    model: str
    direction: Mapping[str, Any]
    made_at: int
    outcome: int | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration (a text that names it wholly) that was judged on the sessions from `start` to `end`, both included."""

    symbol: str
    decision_time: str
    configuration: str
    start: int
    end: int
    sessions: int
    hits: int


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """One evaluation of one decision time. snapshot: the newest import that it read.

    evaluation: the JSON form of `pregao direction evaluate` of this decision time. history: {"session", "probability", "label"},
    lists of equal length, oldest first: the out-of-sample probability of up and what came. canaries: [{"name", "passed",
    "meaning"}]. promoted: whether its model may be used: no canary failed.
    """

    id: int
    symbol: str
    decision_time: str
    configuration: str
    evaluated_at: int
    snapshot: int
    evaluation: Mapping[str, Any]
    history: Mapping[str, Any]
    canaries: tuple[Mapping[str, Any], ...]
    promoted: bool


_COLUMNS = "symbol, target_session, decision_time, session, signal, probability, baseline, model, direction, made_at, outcome"
_EVALUATION = "id, symbol, decision_time, configuration, evaluated_at, snapshot, evaluation, history, canaries, promoted"


def record_direction(store: Store, said: StoredDirection) -> bool:
    """Keep what was said; whether it changed anything.

    The same again changes nothing, nor does saying nothing after something was said; once the outcome is known nothing changes.
    """
    row = (
        *(said.symbol, said.target_session, said.decision_time, said.session, said.signal, said.probability, said.baseline),
        *(said.model, _text(said.direction), said.made_at),
    )
    with store.write() as connection:
        done = connection.exec_driver_sql(
            "INSERT INTO directions (symbol, target_session, decision_time, session, signal, probability, baseline, model,"
            " direction, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (symbol, target_session, decision_time)"
            " DO UPDATE SET session = excluded.session, signal = excluded.signal, probability = excluded.probability,"
            " baseline = excluded.baseline, model = excluded.model, direction = excluded.direction, made_at = excluded.made_at"
            " WHERE outcome IS NULL AND direction != excluded.direction"
            " AND (excluded.probability IS NOT NULL OR directions.probability IS NULL)",
            row,
        )
        return bool(done.rowcount)


def fill_outcomes(store: Store, symbol: str, outcomes: Mapping[int, int], now: int) -> int:
    """Write what came (1 up, 0 not up, by target session) into rows that lack it or were told otherwise; how many rows changed.

    A revised close can change an outcome: the newest one known counts. now: UTC seconds.
    """
    rows = [(value, now, symbol, session, value) for session, value in outcomes.items()]
    if not rows:
        return 0
    with store.write() as connection:
        known = connection.exec_driver_sql("SELECT min(target_session) FROM directions WHERE symbol = ?", (symbol,)).scalar_one()
        changed = 0
        for row in rows:
            if known is not None and row[3] >= known:
                done = connection.exec_driver_sql(
                    "UPDATE directions SET outcome = ?, outcome_at = ? WHERE symbol = ? AND target_session = ? AND outcome IS NOT ?",
                    row,
                )
                changed += done.rowcount
        return changed


def read_directions(store: Store, symbol: str, decision_time: str | None = None, limit: int = 500) -> list[StoredDirection]:
    """The newest `limit` rows of a symbol (of one decision time, where it is named), oldest first."""
    query = f"SELECT {_COLUMNS} FROM directions WHERE symbol = ?1 AND (?2 IS NULL OR decision_time = ?2)"
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            f"{query} ORDER BY target_session DESC, decision_time DESC LIMIT ?3", (symbol, decision_time, limit)
        ).all()
    names = _COLUMNS.split(", ")
    return [StoredDirection(**{**dict(zip(names, row)), "direction": json.loads(row[8])}) for row in reversed(rows)]


def record_trials(store: Store, trials: Iterable[Trial], now: int) -> None:
    """Count configurations as evaluated; the same one on the same window again is no new trial. now: UTC seconds."""
    rows = [(t.symbol, t.decision_time, t.configuration, t.start, t.end, t.sessions, t.hits, now) for t in trials]
    if not rows:
        return
    with store.write() as connection:
        connection.exec_driver_sql(
            'INSERT INTO direction_trials (symbol, decision_time, configuration, start, "end", sessions, hits, evaluated_at)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            rows,
        )


def count_trials(store: Store, symbol: str, decision_time: str, start: int, end: int) -> int:
    """How many different configurations were ever evaluated on a window that shares a session with start to end (included)."""
    with store.read() as connection:
        return int(
            connection.exec_driver_sql(
                "SELECT count(DISTINCT configuration) FROM direction_trials"
                ' WHERE symbol = ? AND decision_time = ? AND start <= ? AND "end" >= ?',
                (symbol, decision_time, end, start),
            ).scalar_one()
        )


def record_evaluation(store: Store, done: StoredEvaluation) -> int:
    """Keep an evaluation (its own id is not looked at); the id of the row."""
    with store.write() as connection:
        made = connection.exec_driver_sql(
            "INSERT INTO direction_evaluations (symbol, decision_time, configuration, evaluated_at, snapshot, evaluation, history,"
            " canaries, promoted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(done.symbol, done.decision_time, done.configuration, done.evaluated_at, done.snapshot),
                *(_text(part) for part in (done.evaluation, done.history, done.canaries)),
                done.promoted,
            ),
        )
        return int(made.lastrowid)


def read_evaluation(
    store: Store, symbol: str, decision_time: str, *, before: int | None = None, promoted: bool = False
) -> StoredEvaluation | None:
    """The newest evaluation, None without one. before: UTC seconds, only those made by then; promoted: only those that are."""
    query = f"SELECT {_EVALUATION} FROM direction_evaluations WHERE symbol = ? AND decision_time = ? AND evaluated_at <= ? AND promoted >= ?"
    with store.read() as connection:
        row = connection.exec_driver_sql(
            f"{query} ORDER BY evaluated_at DESC, id DESC LIMIT 1",
            (symbol, decision_time, 1 << 62 if before is None else before, int(promoted)),
        ).first()
    if row is None:
        return None
    evaluation, history, canaries = (json.loads(text) for text in row[6:9])
    return StoredEvaluation(row[0], row[1], row[2], row[3], row[4], row[5], evaluation, history, tuple(canaries), bool(row[9]))


def newest_evaluation(store: Store) -> int:
    """The number of the newest evaluation, 0 without one: changes whenever what the signals rest on may have."""
    with store.read() as connection:
        return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM direction_evaluations").scalar_one())


def _text(value: Any) -> str:
    return json.dumps(jsonable(value), ensure_ascii=False, allow_nan=False)
