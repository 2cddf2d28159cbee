"""The stored directions and their evaluations as the app shows them, read with the standard library alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from engine.domain import day_number

#: Signals that are read of one symbol; a day has about a dozen decision times.
LISTED = 2000
DIRECTIONS = """
SELECT symbol, decision_time, session, target_session, made_at, signal, probability, baseline, model, direction, outcome
FROM directions WHERE symbol = ? ORDER BY target_session DESC, decision_time LIMIT ?
"""
SYMBOLS = "SELECT symbol FROM directions UNION SELECT symbol FROM direction_evaluations ORDER BY symbol"
#: The newest evaluation of each decision time of a symbol.
EVALUATIONS = """
SELECT id, decision_time, evaluated_at, evaluation, history, canaries, promoted FROM direction_evaluations AS newest
WHERE symbol = ?1 AND id = (
    SELECT id FROM direction_evaluations WHERE symbol = ?1 AND decision_time = newest.decision_time
    ORDER BY evaluated_at DESC, id DESC LIMIT 1
)
"""
#: Changes with every signal that is given, every outcome that is filled in, and every evaluation.
STATE = """
SELECT count(*) || ' ' || count(outcome) || ' ' || coalesce(max(made_at), 0) || ' ' || coalesce(max(outcome_at), 0)
    || ' ' || (SELECT coalesce(max(id), 0) FROM direction_evaluations)
FROM directions
"""


@dataclass(frozen=True, slots=True)
class BoardDirection:
    """What was said about one session at one decision time, and what came.

    target: the session whose close is meant, session: the last one that had closed, both days since 1970-01-01. made_at: UTC
    seconds. signal: 1 up, 0 down, None where nothing is said. probability: of up; baseline: the share of sessions that rose
    before; coverage: the share of sessions on which something is said. gate, monitoring: as of `engine.ml.direction`, None without
    an evaluation. price: the quote that was typed. series: other markets, each with its last day and the sessions it lies behind.
    outcome: 1 up, 0 not up, None while it is not known.
    """

    symbol: str
    decision_time: str
    session: int
    target: int
    made_at: int
    signal: int | None
    probability: float | None
    baseline: float | None
    coverage: float | None
    model: str
    reasons: tuple[str, ...]
    gate: Mapping[str, Any] | None
    monitoring: Mapping[str, Any] | None
    price: float | None
    series: tuple[Mapping[str, Any], ...]
    notices: tuple[str, ...]
    outcome: int | None


@dataclass(frozen=True, slots=True)
class BoardEvaluation:
    """One evaluation of one decision time: its figures as `pregao direction evaluate` prints them, and what they rest on.

    evaluated_at: UTC seconds. sessions (days since 1970-01-01), probabilities of up and labels (1 up, 0 not up): out of sample,
    oldest first, equally long; None where one is not known. canaries: name, passed, meaning of each. promoted: whether its model
    may be used.
    """

    id: int
    decision_time: str
    evaluated_at: int
    figures: Mapping[str, Any]
    sessions: tuple[int, ...]
    probabilities: tuple[float | None, ...]
    labels: tuple[int | None, ...]
    canaries: tuple[Mapping[str, Any], ...]
    promoted: bool


def direction(*row: Any) -> BoardDirection:
    """One row of DIRECTIONS. Raises ValueError, KeyError or TypeError for a damaged one."""
    symbol, decision_time, session, target, made_at, signal, probability, baseline, model, stored, outcome = row
    held = json.loads(stored)
    return _direction(symbol, decision_time, session, target, made_at, signal, probability, baseline, model, outcome, held)


def printed(held: Mapping[str, Any]) -> BoardDirection:
    """The JSON form of one, as `pregao direction` prints it. Raises ValueError, KeyError or TypeError for a damaged one."""
    session, target = (day_number(date.fromisoformat(held[name])) for name in ("session", "target_session"))
    at = int(datetime.fromisoformat(held["decided_at"]).timestamp())
    signal, probability, baseline, model = (held[name] for name in ("signal", "probability", "baseline", "model"))
    return _direction(
        held["symbol"], held["decision_time"], session, target, at, signal, probability, baseline, model, None, held
    )


def _direction(
    symbol: str,
    decision_time: str,
    session: int,
    target: int,
    made_at: int,
    signal: int | None,
    probability: float | None,
    baseline: float | None,
    model: str,
    outcome: int | None,
    held: Mapping[str, Any],
) -> BoardDirection:
    return BoardDirection(
        symbol=symbol,
        decision_time=decision_time,
        session=session,
        target=target,
        made_at=made_at,
        signal=signal,
        probability=probability,
        baseline=baseline,
        coverage=held.get("coverage"),
        model=model,
        reasons=tuple(held.get("reasons") or ()),
        gate=held.get("gate"),
        monitoring=held.get("monitoring"),
        price=held.get("price"),
        series=tuple(held.get("series") or ()),
        notices=tuple(held.get("notices") or ()),
        outcome=outcome,
    )


def evaluation(*row: Any) -> BoardEvaluation:
    """One row of EVALUATIONS. Raises ValueError, KeyError or TypeError for a damaged one."""
    number, decision_time, evaluated_at, figures, history, canaries, promoted = row
    held = json.loads(history)
    return BoardEvaluation(
        id=number,
        decision_time=decision_time,
        evaluated_at=evaluated_at,
        figures=json.loads(figures),
        sessions=tuple(held["session"]),
        probabilities=tuple(held["probability"]),
        labels=tuple(held["label"]),
        canaries=tuple(json.loads(canaries)),
        promoted=bool(promoted),
    )
