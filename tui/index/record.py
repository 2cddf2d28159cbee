"""What is known of each decision time of one symbol: the signal of a session, the record out of sample, the evaluation."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import NamedTuple

from engine.store.board_directions import BoardDirection, BoardEvaluation

#: The order of the decision times that are no clock.
NAMED = ("close", "preopen", "open")
WINDOW = 30
THRESHOLD = 0.75


#: Where what is shown of a session comes from: said live, replayed when it was asked, or an evaluation's answer out of sample.
LIVE, REPLAY, JUDGED = "live", "replay", "judged"


class Past(NamedTuple):
    """One session that is over: whether the likelier side came, whether the session rose, whether a signal was given (an evaluation
    counts every session), and whether it was given live."""

    session: int
    hit: bool
    rose: bool
    said: bool = True
    live: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """One decision time. said: what is shown of the session, and origin: where that comes from; window: the last sessions of the record
    before it, as many as the gate looks at, oldest first; live: what was said live, the newest first."""

    time: str
    said: BoardDirection | None = None
    evaluation: BoardEvaluation | None = None
    window: tuple[Past, ...] = ()
    live: tuple[BoardDirection, ...] = ()
    before: int | None = None
    origin: str = LIVE

    def past(self) -> tuple[Past, ...]:
        """The whole record before the session that is shown, oldest first."""
        return record(self.live, self.evaluation, self.before)


def order(time: str) -> tuple[int, str]:
    """Decision times in the order of the day."""
    return (NAMED.index(time), "") if time in NAMED else (len(NAMED), time)


def moments(
    times: Iterable[str],
    directions: Sequence[BoardDirection],
    evaluations: Sequence[BoardEvaluation],
    target: int | None,
    replays: Sequence[BoardDirection] = (),
) -> list[Moment]:
    """Each decision time that is offered, was said or was evaluated. target: the session that is shown; of what was not said live about
    it the replay is shown, else what the evaluation judged."""
    evaluated = {item.decision_time: item for item in evaluations}
    spoken: dict[str, list[BoardDirection]] = {}
    for item in sorted(directions, key=lambda item: item.target, reverse=True):
        spoken.setdefault(item.decision_time, []).append(item)
    found = []
    for time in sorted({*times, *spoken, *evaluated}, key=order):
        live, evaluation = tuple(spoken.get(time, ())), evaluated.get(time)
        shown = [(item, LIVE) for item in live if item.target == target]
        shown += [(item, REPLAY) for item in replays if (item.target, item.decision_time) == (target, time)]
        shown += [(item, JUDGED) for item in judged_answer(directions, evaluation, target)]
        said, origin = shown[0] if shown else (None, LIVE)
        if said is not None and said.outcome is None:
            said = replace(said, outcome=outcome_of(directions, evaluations, said.target))
        found.append(Moment(time, said, evaluation, record(live, evaluation, target, WINDOW), live, target, origin))
    return found


def record(
    live: Sequence[BoardDirection], evaluation: BoardEvaluation | None, before: int | None = None, most: int | None = None
) -> tuple[Past, ...]:
    """The sessions of one decision time that are over, oldest first: those of its evaluation, then the live ones that came later, as
    the gate counts them. live: the newest first; before: only sessions before this one; most: only so many, the newest."""
    judged = evaluation.sessions[-1] if evaluation is not None and evaluation.sessions else -1
    kept = (past for past in chain(_said(live, judged), _judged(evaluation)) if before is None or past.session < before)
    return tuple(islice(kept, most))[::-1]


def _said(live: Iterable[BoardDirection], judged: int) -> Iterator[Past]:
    for item in live:
        if item.target > judged and item.outcome is not None and item.probability is not None:
            rose = bool(item.outcome)
            yield Past(item.target, (item.probability >= 0.5) == rose, rose, item.signal is not None, live=True)


def _judged(evaluation: BoardEvaluation | None) -> Iterator[Past]:
    if evaluation is not None:
        for session, p, label in zip(*map(reversed, (evaluation.sessions, evaluation.probabilities, evaluation.labels))):
            if p is not None and label is not None:
                yield Past(session, (p >= 0.5) == bool(label), bool(label))


def rolled(past: Sequence[Past], window: int = WINDOW) -> list[int]:
    """The hits in every `window` sessions in a row, oldest first; empty where there are fewer."""
    hits = [item.hit for item in past]
    found = [sum(hits[:window])] if len(hits) >= window else []
    for gone, come in zip(hits, hits[window:]):
        found.append(found[-1] - gone + come)
    return found


def targets(directions: Iterable[BoardDirection]) -> list[int]:
    """The sessions about which something was said, the newest first."""
    return sorted({item.target for item in directions}, reverse=True)


def outcome_of(directions: Iterable[BoardDirection], evaluations: Iterable[BoardEvaluation], target: int) -> int | None:
    """Whether a session rose (1) or not (0), by what was said about it or judged; None where that is not known."""
    said = (item.outcome for item in directions if item.target == target)
    judged = (answer[1] for item in evaluations if (answer := _answer(item, target)) is not None)
    return next((outcome for outcome in chain(said, judged) if outcome is not None), None)


def judged_answer(
    directions: Iterable[BoardDirection], evaluation: BoardEvaluation | None, target: int | None
) -> Iterator[BoardDirection]:
    """What an evaluation answered about one session out of sample, as if it had been said; nothing where it did not judge it."""
    answer = _answer(evaluation, target) if evaluation is not None and target is not None else None
    p, label = answer if answer is not None else (None, None)
    if evaluation is None or target is None or p is None:
        return
    symbol = next((item.symbol for item in directions), "")
    yield BoardDirection(
        symbol=symbol, decision_time=evaluation.decision_time, session=target, target=target, made_at=evaluation.evaluated_at,
        signal=int(p >= 0.5), probability=p, baseline=None, coverage=None, model="", reasons=(), gate=None, monitoring=None, price=None,
        series=(), notices=(), outcome=label,
    )  # fmt: skip


def _answer(evaluation: BoardEvaluation, target: int) -> tuple[float | None, int | None] | None:
    """The probability and the outcome of one judged session."""
    at = bisect_left(evaluation.sessions, target)
    if at == len(evaluation.sessions) or evaluation.sessions[at] != target:
        return None
    return evaluation.probabilities[at], evaluation.labels[at]
