"""What a daily run says when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain import from_day_number
from engine.store.ledger import StepRecord


@dataclass(frozen=True, slots=True)
class Report:
    """The whole run, as shown, as printed by `--json` and as sent."""

    run_id: str
    session: int
    status: str
    steps: tuple[StepRecord, ...]
    signals: tuple[dict[str, Any], ...]
    stale: tuple[str, ...] = ()
    demo: bool = False
    anomalies: tuple[dict[str, Any], ...] = ()
    directions: tuple[dict[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the blueprint."""
        return {
            "run_id": self.run_id,
            "session": from_day_number(self.session).isoformat(),
            "status": self.status,
            "demo": self.demo,
            "steps": [step.as_dict() for step in self.steps],
            "signals": list(self.signals),
            "anomalies": list(self.anomalies),
            "directions": list(self.directions),
        }


def status_of(records: Sequence[StepRecord]) -> str:
    """stale when nothing (or not all that was named) is fresh, partial when a source was refused, else done."""
    statuses = {record.status for record in records}
    return next((status for status in ("stale", "partial") if status in statuses), "done")
