"""What one daily run is about: its target session, its decision time and what it may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from engine.domain import Predictor, Progress, Source, day_number, from_day_number, silent
from engine.errors import UsageError
from engine.i18n import _
from engine.ml.direction.times import CLOSE
from engine.store.bars import Cut, live_cut

if TYPE_CHECKING:
    from engine.desk import Desk


@dataclass(frozen=True)
class Plan:
    """What one run is about; `cut` says what may be seen. `session`: the target session of a run at a later decision time than the
    close, else the one that has closed. `notify`: whether messages are written and sent; a replay never does.
    """

    desk: Desk
    session: int
    replay: bool
    cut: Cut
    sources: tuple[Source, ...] = ()
    predictors: tuple[Predictor, ...] = ()
    progress: Progress = silent
    decision_time: str = CLOSE
    notify: bool = False

    @property
    def run_id(self) -> str:
        name = f"{from_day_number(self.session)}-{self.decision_time.replace(':', '')}"
        return f"{name}-replay" if self.replay else name


def plan_run(
    desk: Desk,
    as_of: date | None = None,
    *,
    at: str = "",
    sources: Sequence[Source] = (),
    predictors: Sequence[Predictor] = (),
    notify: bool = False,
    progress: Progress = silent,
) -> Plan:
    """The run of the last closed session, or the replay of session `as_of`; at a later decision time that of its target session.

    Raises UsageError when `as_of` is no session or has not closed yet, or the decision time has not come.
    """
    at = at or desk.settings.daily.decision_time
    if at != CLOSE:
        from engine.ml.direction.day import later_run

        target, seen = later_run(desk, at, as_of)
        past = as_of is not None
        return Plan(desk, target, past, seen, () if past else tuple(sources), (), progress, at, notify and not past)
    delay = desk.settings.daily.close_delay_minutes * 60
    newest = desk.calendar.last_closed_session(desk.now(), delay)
    if as_of is None:
        cut = live_cut(desk.store, desk.calendar.close_instant(newest), desk.now())
        return Plan(desk, newest, False, cut, tuple(sources), tuple(predictors), progress, notify=notify)
    session = day_number(as_of)
    if session > newest:
        raise UsageError(
            _("{date} is after the newest closed session").format(date=as_of),
            _("The newest closed session is {date}.").format(date=from_day_number(newest)),
        )
    if session < desk.calendar.sessions[0]:
        raise UsageError(
            _("{date} is before the first session that the calendar knows").format(date=as_of),
            _("The first one is {date}.").format(date=from_day_number(int(desk.calendar.sessions[0]))),
        )
    if not desk.calendar.is_session(session):
        before = from_day_number(desk.calendar.session_on_or_before(session))
        raise UsageError(
            _("{date} is not a session of B3").format(date=as_of), _("The one before is {date}.").format(date=before)
        )
    close = desk.calendar.close_instant(session)
    return Plan(desk, session, True, Cut(close, close + delay), (), tuple(predictors), progress)
