"""The requirement "at least 75 % right over the last 30 sessions", judged with what chance alone would have shown.

A window of 30 sessions is short: without skill one model in 200 reaches 23 hits, and the best of 100 such models does in four
cases out of ten; a model that is truly right on 75 % misses it half the time. So the gate is met, not met, or met by luck.
Sources: Wilson, JASA 22 (1927), for intervals; the binomial law, and independence of the configurations, for chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.domain import from_day_number
from engine.errors import UsageError
from engine.i18n import _, mark
from engine.ml.scores import wilson
from engine.strategies.base import percent

if TYPE_CHECKING:
    from engine.domain import BoolArray, IntArray

MET = mark("met")
NOT_MET = mark("not met")
BY_LUCK = mark("met by luck")

WINDOW = 30
THRESHOLD = 0.75
#: A result that chance alone reaches more often than this proves nothing.
DOUBT = 0.05
#: Out-of-sample sessions before the window from which on they say what the window may be expected to show.
LEAST_HISTORY = 100
#: A window whose last session lies further back than this, in sessions, says nothing of the present.
STALE_AFTER = 30


@dataclass(frozen=True, slots=True)
class Gate:
    """The verdict on one window, and everything needed to doubt it.

    hits of sessions; needed: hits of a whole window (`window` sessions) that reach `threshold`. accuracy: hits / sessions, NaN
    without any. interval: Wilson, 95 %. no_skill: chance of a hit without skill. chance: that the best of `configurations`
    independent models without skill has as many hits. percentile: share of the rolled windows before with no more hits; windows:
    their number; share: the part of them that reaches the threshold; long_run, long_run_interval: accuracy on the sessions before
    the window. These four are NaN without enough history. attainable: whether the long run leaves room for the threshold, None
    where it is not known. baselines: hits in the same window by name, each with "hits" and "accuracy". first, last: the days of the
    window (ISO), None where they were not told; behind: sessions from the last one to the one asked about; stale: more than
    STALE_AFTER, so that the window is not met whatever its hits. reasons: in words.
    """

    verdict: str
    hits: int
    sessions: int
    window: int
    threshold: float
    needed: int
    accuracy: float
    interval: tuple[float, float]
    configurations: int
    no_skill: float
    chance: float
    percentile: float
    windows: int
    share: float
    long_run: float
    long_run_interval: tuple[float, float]
    attainable: bool | None
    baselines: Mapping[str, Mapping[str, float]]
    first: str | None
    last: str | None
    behind: int
    stale: bool
    reasons: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Met, and not by luck."""
        return self.verdict == MET

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {**asdict(self), "interval": list(self.interval), "long_run_interval": list(self.long_run_interval)}


def gate(
    hits: int,
    n: int,
    *,
    configurations: int = 1,
    no_skill: float = 0.5,
    history: BoolArray | None = None,
    baselines: Mapping[str, int] | None = None,
    window: int = WINDOW,
    threshold: float = THRESHOLD,
    sessions: IntArray | None = None,
    behind: int = 0,
) -> Gate:
    """Judge `hits` of the last `n` sessions whose outcome is known (n = `window`, or fewer where there are not so many).

    configurations: how many were ever evaluated on this window, this one included. no_skill: chance of a hit without skill, the
    frequency of the more frequent outcome before the window. history: bool, oldest first, the hits on the sessions *before* the
    window, out of sample (None: not known). baselines: hits of each baseline in the same window. sessions: int64, their days since
    1970-01-01, oldest first (None: not told). behind: sessions that came after the last of them, up to the one asked about.

    Met by luck: the threshold is reached, but the best of so many models without skill would reach it in more than 5 % of
    cases, or the 95 % interval of the long run (at least 100 sessions) lies below the threshold. Fewer sessions than the window
    never meet it, nor does a window that ended more than STALE_AFTER sessions before. Raises UsageError for numbers that cannot be.
    """
    if not 0 <= hits <= n or n > window or configurations < 1 or not 0 <= no_skill <= 1 or not 0 < threshold <= 1:
        raise UsageError(_("A gate needs hits from 0 to n, n up to the window, and at least one configuration"))
    before = np.zeros(0, dtype=bool) if history is None else np.asarray(history, dtype=bool)
    needed = math.ceil(round(threshold * window, 9))
    accuracy = hits / n if n else math.nan
    chance = best_of(configurations, hits, n, no_skill) if n else math.nan
    rolled = rolled_hits(before, window)
    known = before.size >= max(LEAST_HISTORY, window)
    long_run = float(before.mean()) if known else math.nan
    interval = wilson(long_run, before.size)
    attainable = bool(interval[1] >= threshold) if known else None
    stale = n > 0 and behind > STALE_AFTER
    reached = n == window and hits >= needed and not stale
    lucky = reached and (chance > DOUBT or attainable is False)
    verdict = BY_LUCK if lucky else MET if reached else NOT_MET
    found = {name: {"hits": int(value), "accuracy": value / n if n else math.nan} for name, value in (baselines or {}).items()}
    judged = Gate(
        verdict=verdict,
        hits=hits,
        sessions=n,
        window=window,
        threshold=threshold,
        needed=needed,
        accuracy=accuracy,
        interval=wilson(accuracy, n),
        configurations=configurations,
        no_skill=no_skill,
        chance=chance,
        percentile=float((rolled <= hits).mean()) if known and n == window else math.nan,
        windows=int(rolled.size) if known else 0,
        share=float((rolled >= needed).mean()) if known else math.nan,
        long_run=long_run,
        long_run_interval=interval,
        attainable=attainable,
        baselines=found,
        first=from_day_number(int(sessions[0])).isoformat() if sessions is not None and sessions.size else None,
        last=from_day_number(int(sessions[-1])).isoformat() if sessions is not None and sessions.size else None,
        behind=behind,
        stale=stale,
        reasons=(),
    )
    return replace(judged, reasons=_reasons(judged))


def at_least(hits: int, n: int, p: float) -> float:
    """Chance of `hits` or more of `n` independent sessions that are each right with chance `p`."""
    return min(1.0, math.fsum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(hits, n + 1)))


def best_of(configurations: int, hits: int, n: int, p: float) -> float:
    """Chance that the best of so many independent models, each right with chance `p`, has `hits` or more of `n`."""
    one = at_least(hits, n, p)
    return 1.0 if one >= 1 else -math.expm1(configurations * math.log1p(-one))


def rolled_hits(hits: BoolArray, window: int = WINDOW) -> NDArray[np.int64]:
    """Hits in every window of `window` sessions in a row, int64 (n - window + 1,), oldest first; empty for fewer sessions."""
    if hits.size < window:
        return np.zeros(0, dtype=np.int64)
    total = np.concatenate(([0], np.cumsum(np.asarray(hits, dtype=np.int64))))
    return total[window:] - total[:-window]


def _reasons(judged: Gate) -> tuple[str, ...]:
    if not judged.sessions:
        return (_("No session whose outcome is known was judged."),)
    goal = percent(judged.threshold)
    low, high = judged.interval
    dated = _(
        "{hits} of the {n} sessions from {first} to {last} were right: {accuracy} (95 % interval {low} to {high}); {goal} needs {needed}."
    )
    plain = _("{hits} of the last {n} sessions were right: {accuracy} (95 % interval {low} to {high}); {goal} needs {needed}.")
    said = [
        (plain if judged.first is None else dated).format(
            hits=judged.hits,
            n=judged.sessions,
            first=judged.first,
            last=judged.last,
            accuracy=percent(judged.accuracy),
            low=percent(low),
            high=percent(high),
            goal=goal,
            needed=judged.needed,
        )
    ]
    if judged.stale:
        said.append(
            _("{behind} sessions have come since, so that this says nothing of the present: the gate is not met.").format(
                behind=judged.behind
            )
        )
    if judged.sessions < judged.window:
        said.append(_("The window is {window} sessions, and only {n} are known.").format(window=judged.window, n=judged.sessions))
    said.append(
        _("Without skill ({rate} a session) the best of {count} configurations has as many hits in {chance} of cases.").format(
            rate=percent(judged.no_skill), count=judged.configurations, chance=percent(judged.chance)
        )
    )
    if judged.attainable is None:
        return (*said, _("There is too little out-of-sample history to say what such a window is worth."))
    low, high = judged.long_run_interval
    said.append(
        _("In the long run it is right on {accuracy} ({low} to {high}); {share} of {count} earlier windows reach {goal}.").format(
            accuracy=percent(judged.long_run),
            low=percent(low),
            high=percent(high),
            share=percent(judged.share),
            count=judged.windows,
            goal=goal,
        )
    )
    if not judged.attainable:
        said.append(_("{goal} is not attainable at this decision time.").format(goal=goal))
    return tuple(said)
