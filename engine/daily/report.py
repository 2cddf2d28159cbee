"""What a daily run says when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.daily.changes import Changes
from engine.domain import day_number, from_day_number, sao_paulo
from engine.i18n import _
from engine.ml.direction.times import CLOSE
from engine.store.ledger import StepRecord

if TYPE_CHECKING:
    from engine.daily.plan import Plan


@dataclass(frozen=True, slots=True)
class Report:
    """The whole run, as shown, as printed by `--json` and as sent. notes: what to know, in sentences."""

    run_id: str
    session: int
    status: str
    steps: tuple[StepRecord, ...]
    signals: tuple[dict[str, Any], ...]
    stale: tuple[str, ...] = ()
    demo: bool = False
    anomalies: tuple[dict[str, Any], ...] = ()
    directions: tuple[dict[str, Any], ...] = ()
    changes: Changes = field(default_factory=Changes)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the blueprint."""
        return {
            "run_id": self.run_id,
            "session": from_day_number(self.session).isoformat(),
            "status": self.status,
            "demo": self.demo,
            "notes": list(self.notes),
            "changes": self.changes.as_dict(),
            "steps": [step.as_dict() for step in self.steps],
            "signals": list(self.signals),
            "anomalies": list(self.anomalies),
            "directions": list(self.directions),
        }


def status_of(records: Sequence[StepRecord]) -> str:
    """stale when nothing (or not all that was named) is fresh, partial when a source was refused, else done."""
    statuses = {record.status for record in records}
    return next((status for status in ("stale", "partial") if status in statuses), "done")


def notes_of(plan: Plan, status: str, *, idle: bool) -> tuple[str, ...]:
    """Why a live run after the close had nothing to do, or did something else than its caller may have thought.

    idle: nothing was computed, since every step was done before on the same data.
    """
    if plan.replay or plan.decision_time != CLOSE:
        return ()
    calendar, today = plan.desk.calendar, sao_paulo(plan.desk.now()).date()
    done = idle and status == "done"
    words = {"today": today.isoformat(), "session": from_day_number(plan.session).isoformat()}
    if not calendar.is_session(day_number(today)):
        if done:
            return (_("No session today, {today}; the last one, {session}, is done already.").format(**words),)
        return (_("No session today, {today}; this is the run of the last one, {session}.").format(**words),)
    if done and plan.session < day_number(today):
        return (_("The session of {today} is not over yet; the last one, {session}, is done already.").format(**words),)
    return (_("The session of {session} is done already, and nothing has changed since.").format(**words),) if done else ()
