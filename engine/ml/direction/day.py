"""The direction in the daily run: what is said at the run's decision time, and why nothing is said where nothing can be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from engine.domain import from_day_number, jsonable
from engine.errors import FileError, NoDataError
from engine.ml.direction.feed import write_feed
from engine.ml.direction.signal import TIMELY, default_symbol, direction, record, target_of
from engine.ml.direction.times import CLOSE, parse
from engine.store.bars import Cut, live_cut

if TYPE_CHECKING:
    from engine.desk import Desk


@dataclass(frozen=True, slots=True)
class Said:
    """status: "done", "partial" where the feed could not be written, or "stale" where a later decision time had nothing to go by.

    directions: in their JSON form.
    """

    status: str
    detail: dict[str, Any]

    @property
    def directions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.detail["directions"]
        return found


def later_run(desk: Desk, at: str, as_of: date | None) -> tuple[int, Cut]:
    """The target session of a run at "preopen", "open" or a clock, and what it may see.

    Raises UsageError for a time that is none or has not come, and for a day that is no session.
    """
    target, instant = target_of(desk, parse(at), as_of)
    now = desk.now()
    return target, live_cut(desk.store, now, now) if as_of is None else Cut(instant, instant + TIMELY)


def say(desk: Desk, at: str, session: int, *, replay: bool) -> Said:
    """What is said of the index of the settings; a live run records it, and what came of earlier rows.

    session: of the run: the one that has closed for "close", else the target session. Too little to go by is no failure of a run:
    it is told as {"skipped": error}, a feed that cannot be written as {"error": error}.
    """
    time = parse(at)
    target = desk.calendar.next_session(session) if time.name == CLOSE else session
    try:
        said = direction(
            desk,
            default_symbol(desk),
            time,
            target=target,
            as_of=from_day_number(session) if replay else None,
        )
    except NoDataError as error:
        return Said("done" if time.name == CLOSE else "stale", {"directions": [], "skipped": error.as_dict()})
    status = "stale" if said.probability is None and time.name != CLOSE else "done"
    detail = {"directions": [said.as_dict()], "recorded": not replay and record(desk, said)}
    if not replay:
        try:
            write_feed(desk.workspace.out, desk.store, said.symbol)
        except FileError as error:
            status, detail = "partial" if status == "done" else status, {**detail, "error": error.as_dict()}
    return Said(status, jsonable(detail))
