"""Which of the stored series of other markets a decision can rest on: long enough to learn from, and not too old."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import from_day_number
from engine.i18n import _, ngettext
from engine.ml.direction import models
from engine.ml.direction.data import ages_of
from engine.ml.direction.features import OVERNIGHT, TOO_OLD, columns
from engine.ml.direction.times import CLOSE, OTHER_MARKETS, PREOPEN, DecisionTime

if TYPE_CHECKING:
    from engine.ml.direction.data import IndexData
    from engine.ml.direction.known import Known


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A series that is stored and not used. last: the day of its newest value known then, None where there was none."""

    name: str
    last: int | None
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "name": self.name,
            "last": None if self.last is None else from_day_number(self.last).isoformat(),
            "reason": self.reason,
        }


def known_at(data: IndexData, decision: int) -> IndexData:
    """The data with what was known of other markets at an instant, and their age then."""
    return _with(data, {name: series.until(decision) for name, series in data.series.items()})


def for_signal(data: IndexData, time: DecisionTime) -> tuple[IndexData, tuple[LeftOut, ...]]:
    """What was known at the decision about the last target session, without series that are too short or too old for it.

    Decision times that look at no other market keep all. Before the opening, when no market of the night is left, all stay: nothing
    is known of the session then, and the model of those before is still what it was.
    """
    decision = int(data.decisions(time)[-1])
    data = known_at(data, decision)
    left = _left_out(data.series, time, decision)
    kept = _without(data, left)
    lost = time.name == PREOPEN and not any(name in kept.series for name in OVERNIGHT)
    return (data if lost else kept), left


def for_evaluation(data: IndexData, time: DecisionTime) -> tuple[IndexData, tuple[LeftOut, ...]]:
    """The data without series that are too short; those that are too old by now only where nothing else is known after the close.

    The past is judged by what was known then, so that a series that has ended is not taken from the sessions before its end.
    """
    decision = int(data.decisions(time)[-1])
    left = _left_out(data.series, time, decision)
    short = tuple(item for item in left if len(data.series[item.name]) < models.LEAST_ROWS[models.kind_of(time)])
    kept = _without(data, short)
    if time.name != CLOSE or not np.isnan(columns(kept, time)[1][-1]).all():
        return kept, short
    return _without(data, left), left


def _left_out(series: Mapping[str, Known], time: DecisionTime, decision: int) -> tuple[LeftOut, ...]:
    if time.name not in OTHER_MARKETS:
        return ()
    least = models.LEAST_ROWS[models.kind_of(time)]
    found = []
    for name, known in series.items():
        last = int(known.day[-1]) if len(known) else None
        if len(known) < least:
            said = ngettext(
                "It has {count} value; at least {least} are needed to learn from.",
                "It has {count} values; at least {least} are needed to learn from.",
                len(known),
            )
            found.append(LeftOut(name, last, said.format(count=len(known), least=least)))
        elif decision - int(known.known[-1]) > TOO_OLD:
            days = TOO_OLD // 86_400
            said = _("Its newest value is more than {days} days older than the decision.")
            found.append(LeftOut(name, last, said.format(days=days)))
    return tuple(found)


def _without(data: IndexData, left: tuple[LeftOut, ...]) -> IndexData:
    names = {item.name for item in left}
    return _with(data, {name: known for name, known in data.series.items() if name not in names})


def _with(data: IndexData, series: Mapping[str, Known]) -> IndexData:
    return replace(data, series=series, ages=ages_of(series, data.bars.session))
