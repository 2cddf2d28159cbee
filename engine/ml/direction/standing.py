"""What the newest evaluation of a decision time means for what is said now: whether a failed check still blocks it, and what it judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.i18n import _
from engine.ml.direction import models, suited
from engine.ml.direction.features import columns
from engine.ml.direction.gate import STALE_AFTER
from engine.ml.direction.training import configuration, fingerprint

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.ml.direction.data import IndexData
    from engine.ml.direction.suited import LeftOut
    from engine.ml.direction.times import DecisionTime
    from engine.store.directions import StoredEvaluation


@dataclass(frozen=True, slots=True)
class Standing:
    """blocks: nothing may be said. reasons: in words."""

    blocks: bool
    reasons: tuple[str, ...]


def standing(
    desk: Desk, evaluated: StoredEvaluation | None, data: IndexData, at: DecisionTime, left_out: Sequence[LeftOut]
) -> Standing:
    """Weigh an evaluation. data: up to the target session, its last row; left_out: series that are not used now.

    A failed check blocks while the evaluation would be of the same configuration on the same data, and its newest session is one of the
    last STALE_AFTER: a check of something else, or of long ago, says nothing of the model of now.
    """
    if evaluated is None:
        return Standing(False, (_("It was never evaluated on this history: `pregao direction evaluate` says what it is worth."),))
    judged, _short = suited.for_evaluation(data, at)
    names, X = columns(judged, at)
    same = evaluated.configuration == configuration(models.kind_of(at), names, desk.settings.direction.refit)
    reasons = []
    if not evaluated.promoted:
        failed = ", ".join(canary["name"] for canary in evaluated.canaries if not canary["passed"])
        target, last = int(data.session[-1]), int(evaluated.history["session"][-1])
        held = evaluated.evaluation.get("data")
        unchanged = held is None or target <= last or held == fingerprint(judged, X, last)
        recent = target <= last or desk.calendar.sessions_between(last + 1, target - 1).size <= STALE_AFTER
        if same and unchanged and recent:
            return Standing(
                True, (_("Nothing is said: the newest evaluation failed these checks: {names}.").format(names=failed),)
            )
        reasons.append(
            _(
                "The newest evaluation failed these checks: {names}. It was of another configuration, of other data or of long ago, so"
                " that it blocks nothing: `pregao direction evaluate` judges anew."
            ).format(names=failed)
        )
    elif not same:
        reasons.append(
            _("The newest evaluation was of another configuration: `pregao direction evaluate` says what this is worth.")
        )
    if same and left_out:
        reasons.append(
            _("The evaluation used these series as long as they were known, and now they are left out: {names}.").format(
                names=", ".join(item.name for item in left_out)
            )
        )
    return Standing(False, tuple(reasons))
