"""When each decision time comes, and which sessions can be looked at. Days are integers since 1970-01-01, instants UTC seconds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain

from engine.domain import day_number, sao_paulo
from engine.market.hours import close_of, instant
from engine.store.board_directions import BoardDirection, BoardEvaluation

#: Minutes after midnight at which a session opens.
OPENING = 10 * 60
#: Decision times that use a price of the session itself.
WITHOUT_PRICE = ("close", "preopen")


def decided_at(time: str, target: int) -> int | None:
    """The instant of the decision about the session `target`; None for the one of the evening before."""
    from engine.ml.direction.times import AFTER_OPENING, BEFORE_OPENING, CLOSE, PREOPEN, parse

    if time == CLOSE:
        return None
    clock = parse(time).clock
    if clock is not None:
        return instant(target, clock)
    return instant(target, OPENING) + (-BEFORE_OPENING if time == PREOPEN else AFTER_OPENING)


def coming(sessions: Sequence[int], now: float) -> int | None:
    """The first session that has not closed: what is asked now is about it. sessions: increasing; None when it is not among them."""
    at = bisect_left(sessions, day_number(sao_paulo(int(now)).date()))
    while at < len(sessions) and close_of(sessions[at]) <= now:
        at += 1
    return sessions[at] if at < len(sessions) else None


def before(sessions: Sequence[int], session: int) -> int | None:
    """The session before; None when it is not known."""
    at = bisect_left(sessions, session)
    return sessions[at - 1] if at else None


def shown_sessions(
    directions: Iterable[BoardDirection],
    evaluations: Iterable[BoardEvaluation],
    sessions: Sequence[int],
    newest: int | None,
    following: int | None,
) -> list[int]:
    """The sessions that can be looked at, the newest first: every one from the first that was said or judged to the last or `following`.

    sessions: of the calendar, increasing. newest: the session of the newest bar: where nothing was said or judged, that one.
    """
    said = {item.target for item in directions}
    judged = {item.sessions[index] for item in evaluations if item.sessions for index in (0, -1)}
    known = said | judged or ({newest} if newest is not None else set())
    if not known:
        return []
    first, last = min(known), max(known)
    last = max(last, following) if following is not None else last
    between = sessions[bisect_left(sessions, first) : bisect_right(sessions, last)]
    return sorted(set(chain(said, judged, between)), reverse=True)
