"""The decision times of one session as the rows of a table."""

from __future__ import annotations

from engine.i18n import _
from tui.index.record import JUDGED, LIVE, REPLAY, Moment
from tui.index.text import SIDES, gate_cell, points, side
from tui.quick_format import DASH
from tui.widgets.table import Cell, Column

#: Before a decision time: what is shown was said live, is a replay, or an answer of the evaluation.
ORIGINS = {LIVE: "●", REPLAY: "↺", JUDGED: "◇"}


def columns() -> list[Column]:
    """The columns, as the table is told of them."""
    return [
        Column("time", _("Decided"), 9),
        Column("signal", _("Signal"), 11),
        Column("probability", _("Of up"), 6, right=True),
        Column("baseline", _("Base"), 6, right=True, priority=4),
        Column("coverage", _("Speaks"), 7, right=True, priority=5),
        Column("record", _("Last 30"), 7, right=True, priority=1),
        Column("up", _("Alw. up"), 7, right=True, priority=2),
        Column("gate", _("Gate"), 14),
        Column("outcome", _("Came"), 4, priority=3),
    ]


def cell(moment: Moment, key: str, *, due: bool) -> Cell:
    """One cell. due: whether the decision time has come for the session that is shown."""
    said = moment.said
    if key == "time":
        return f"{'○' if said is None else ORIGINS[moment.origin]} {moment.time}", "bold" if said is not None else "dim"
    if key == "gate":
        return gate_cell(moment)
    if key in ("record", "up"):
        hits = _hits(moment, key)
        return DASH if hits is None else f"{hits}/{len(moment.window)}"
    if said is None:
        return ((_("not asked") if due else _("to come")) if key == "signal" else "", "dim")
    if key == "signal":
        return side(said.signal), SIDES[said.signal]
    if key == "outcome":
        if said.outcome is None or said.signal is None:
            return ""
        return ("✔", "up") if said.signal == said.outcome else ("✖", "down")
    return points(getattr(said, key), 0 if key == "coverage" else 1)


def sort_value(moment: Moment, at: int, key: str) -> object:
    """What a row is sorted by. at: its place in the day."""
    if key == "time":
        return at
    if key in ("record", "up"):
        return _hits(moment, key)
    if key == "gate":
        return gate_cell(moment)[0]
    return None if moment.said is None else getattr(moment.said, key)


def _hits(moment: Moment, key: str) -> int | None:
    """The hits in the window: of the signals, or of always saying up."""
    return sum(past.hit if key == "record" else past.rose for past in moment.window) if moment.window else None
