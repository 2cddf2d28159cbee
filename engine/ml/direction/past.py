"""What a decision time said before a target session and what came: the newest evaluation's out-of-sample answers, then the live ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.ml.direction.models import abstention, surely
from engine.ml.direction.monitor import SESSIONS, Monitoring, monitor
from engine.ml.direction.training import judged_gate
from engine.store.directions import read_directions

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.domain import BoolArray, FloatArray, IntArray
    from engine.ml.direction.gate import Gate
    from engine.store.directions import StoredEvaluation


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """r answers, oldest first, before the session `target`. session: int64 (r,), target sessions; probability, label: float64 (r,), of
    up, and what came; calls: bool (r,) by baseline, True for up.
    """

    symbol: str
    decision_time: str
    target: int
    session: IntArray
    probability: FloatArray
    label: FloatArray
    calls: Mapping[str, BoolArray]

    @property
    def band(self) -> float:
        """The half-width about one half inside which nothing is said, chosen on these answers; 0 where none helps."""
        return float(np.nan_to_num(abstention(self.probability, self.label)))

    @property
    def coverage(self) -> float | None:
        """The share of these sessions on which something is said with that band."""
        return float(surely(self.probability, self.band).mean()) if self.session.size else None

    def gate(self, desk: Desk) -> Gate:
        """The gate over the newest of these sessions."""
        up = self.label > 0.5
        right = {name: call == up for name, call in self.calls.items()}
        hits = (self.probability >= 0.5) == up
        return judged_gate(
            desk, self.symbol, self.decision_time, self.session, hits, self.label, right, behind=self._behind(desk)
        )

    def monitoring(self, desk: Desk) -> Monitoring:
        """Skill, base rate and calibration over the newest 250 of these sessions."""
        before = self.label[:-SESSIONS] if self.label.size > SESSIONS else self.label
        usual = float(before.mean()) if before.size else float("nan")
        return monitor(self.probability, self.label, usual, days=self.session, behind=self._behind(desk))

    def _behind(self, desk: Desk) -> int:
        """Sessions of B3 between the newest answer and the target."""
        return desk.calendar.sessions_between(int(self.session[-1]) + 1, self.target - 1).size if self.session.size else 0


def past_of(desk: Desk, evaluated: StoredEvaluation, target: int) -> Past:
    """The answers about target sessions before `target` (days since 1970-01-01); of live ones those after the evaluation's last."""
    held = evaluated.history
    session, p, label = (list(held[name]) for name in ("session", "probability", "label"))
    calls = {name: list(call) for name, call in held["calls"].items()}
    for row in read_directions(desk.store, evaluated.symbol, evaluated.decision_time):
        if row.target_session > max(session, default=0) and row.outcome is not None and row.probability is not None:
            before = label[-1] if label else 1
            for values, value in ((session, row.target_session), (p, row.probability), (label, row.outcome)):
                values.append(value)
            known = {"momentum": before, "majority": (row.baseline or 0.5) >= 0.5}
            calls = {name: [*call, known[name]] for name, call in calls.items() if name in known}
    days = np.array(session, dtype=np.int64)
    kept = days < target
    outcome = np.array(label, dtype=np.float64)[kept]
    told = {name: np.array(call, dtype=np.float64)[kept] > 0.5 for name, call in calls.items()}
    told["always_up"] = np.ones(outcome.size, dtype=np.bool_)
    return Past(evaluated.symbol, evaluated.decision_time, target, days[kept], np.array(p, dtype=np.float64)[kept], outcome, told)
