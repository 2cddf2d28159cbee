"""Birds in the mine: checks that ask of every training whether its accuracy can be true, each named after the error it would show.

Public projects report 75 to 83 % for the direction of the next session by eight mechanisms, and each of them leaves a trace: a leak
shows in values that change when the future is taken away, mining in the number of configurations, a changed target in the labels.
What is judged is the whole path from data to probabilities, not a description of it. A failed canary blocks promotion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.i18n import _
from engine.ml.direction import features
from engine.ml.direction.gate import DOUBT, THRESHOLD, WINDOW, at_least, best_of, rolled_hits
from engine.ml.direction.times import CLOSE, PREOPEN, DecisionTime
from engine.ml.scores import wilson
from engine.strategies.base import percent

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray
    from engine.ml.direction.data import IndexData

    #: The columns of a decision time: names and values, float64 (n, k).
    Columns = Callable[[IndexData, DecisionTime], tuple[tuple[str, ...], FloatArray]]
    #: A walk-forward over the data with these columns: the out-of-sample probability of up, float64 (n,), NaN where not judged.
    Walk = Callable[[IndexData, Columns], FloatArray]

#: A close that changes by this factor from one session to the next was read wrongly, or no event explains it.
WRONG_FACTOR = 5.0
#: After the close no honest model was right more often than this, and no more than so many windows of 30 reached 75 %.
TOO_GOOD, TOO_MANY_WINDOWS = 0.57, 0.03
#: Windows that overlap are few independent ones; with fewer than this their share says nothing.
LEAST_WINDOWS = 500
#: How much an honest accuracy after the close may fall when every column is a session late, and the z it must exceed to count.
LATE_LOSS, SURE = 0.06, 3.0
#: Rows at which the columns are computed again on less data.
PROBES = 6
#: Sessions that follow the last such row at least, so that what looks at them can be told from what looks at the outcome.
AHEAD = 25
SAME = 1e-9
SEED = 42


@dataclass(frozen=True, slots=True)
class Canary:
    """One check. name: the error that it looks for; meaning: what was found and what it means, in words."""

    name: str
    passed: bool
    meaning: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"name": self.name, "passed": self.passed, "meaning": self.meaning}


def run(
    data: IndexData,
    time: DecisionTime,
    probabilities: FloatArray,
    *,
    columns: Columns = features.columns,
    again: FloatArray | None = None,
    walk: Walk | None = None,
    labels: FloatArray | None = None,
    trained_until: IntArray | None = None,
    configurations: int = 1,
    declared: bool = False,
) -> tuple[Canary, ...]:
    """Every check of one training, in a fixed order.

    probabilities: float64 (n,), of up for each target session of `data`, out of sample, NaN where not judged. columns: those that
    were trained on. again: the same made once more, NaN where they were not (None: not checked). walk: how probabilities are made,
    to make some from spoilt data (None leaves those checks out).
    labels: what the probabilities were scored against (None: those of the data). trained_until: int64 (n,), the newest session
    whose outcome the model of each row had learnt (None: not told, so not checked). configurations: how many were ever evaluated on
    the newest 30 sessions. declared: the data were made with a known predictability, so that skill is no alarm.
    """
    labels = data.label if labels is None else labels
    found = [
        _parser(data),
        *_truncated(data, time, columns),
        _target(data, labels),
        _window(data, time, probabilities, columns, trained_until),
        _selection(labels, probabilities, configurations),
    ]
    if time.name == CLOSE:
        found.append(_too_good(labels, probabilities, declared=declared))
    if again is not None:
        found.append(_reproducible(probabilities, again))
    if walk is not None:
        found.append(_permuted(data, columns, walk))
        if time.name == CLOSE:
            found.append(_late(data, labels, probabilities, columns, walk, declared=declared))
    return tuple(found)


def _parser(data: IndexData) -> Canary:
    """`142.640` read as a float and stripped of its dot is 14264: a tenth, for one session, and the labels around it are wrong."""
    close = data.bars.close
    jumps = np.flatnonzero(np.abs(np.diff(np.log(close))) > math.log(WRONG_FACTOR))
    if not jumps.size:
        return Canary("parser", True, _("No close changes by a factor of {factor:g} or more.").format(factor=WRONG_FACTOR))
    return Canary(
        "parser",
        False,
        _("{count} closes differ from the one before by a factor of {factor:g} or more: prices were read wrongly.").format(
            count=int(jumps.size), factor=WRONG_FACTOR
        ),
    )


def _truncated(data: IndexData, time: DecisionTime, columns: Columns) -> list[Canary]:
    """The columns of a row, computed again without what came after: later sessions, the outcome of its own, its opening."""
    later, own, opening = (set[str]() for _place in range(3))
    names, whole = columns(data, time)
    rows = np.unique(np.linspace(len(data) // 2, max(len(data) - 2 - AHEAD, 0), PROBES).astype(np.int64))
    for row in rows:
        told = whole[row]
        with_outcome = columns(data.until(int(data.session[row + 1])), time)[1][-2]
        cut = data.until(int(data.session[row]))
        before = columns(cut, time)[1][-1]
        late = _different(told, with_outcome)
        mine = _different(with_outcome, before)
        later |= {names[at] for at in np.flatnonzero(late)}
        own |= {names[at] for at in np.flatnonzero(mine)}
        if time.name in (CLOSE, PREOPEN):
            unopened = columns(_without_opening(cut), time)[1][-1]
            opening |= {names[at] for at in np.flatnonzero(_different(before, unopened))}
    own -= later
    opening -= later | own
    return [
        _leak("later_sessions", later, _("sessions after the target, as a mean over a newest-first file does")),
        _leak("own_outcome", own, _("the outcome of the very session that is to be foretold")),
        _leak("target_open", opening, _("the opening of the target session, which is not known at this decision time")),
    ]


def _leak(name: str, leaking: set[str], what: str) -> Canary:
    if not leaking:
        return Canary(name, True, _("No column looks at {what}.").format(what=what))
    listed = ", ".join(sorted(leaking)[:5])
    return Canary(name, False, _("These columns look at {what}: {names}.").format(what=what, names=listed))


def _without_opening(data: IndexData) -> IndexData:
    """The data without any price of the last target session."""
    blank = {name: getattr(data, name).copy() for name in ("open_print", "opening")}
    for values in blank.values():
        values[-1] = np.nan
    return replace(data, **blank)


def _different(one: FloatArray, other: FloatArray) -> Any:
    return ~(np.isclose(one, other, rtol=1e-9, atol=SAME) | (np.isnan(one) & np.isnan(other)))


def _target(data: IndexData, labels: FloatArray) -> Canary:
    """The label must be that the target session closes above the close before; a tie is not above."""
    true = np.where(np.isnan(data.close), np.nan, (data.close > data.previous_close).astype(np.float64))
    both = ~np.isnan(labels) & ~np.isnan(true)
    wrong = labels[both] != true[both]
    untold = int(np.count_nonzero(~np.isnan(labels) & np.isnan(true)))
    if not wrong.any() and not untold:
        return Canary("changed_target", True, _("Every label is the next close against the one before."))
    if untold and not wrong.any():
        said = _("{count} sessions whose close is not known have a label.").format(count=untold)
        return Canary("changed_target", False, said)
    said = _("{share} of the labels are not whether the next close is above the one before; their own share of up is {rate}.")
    return Canary(
        "changed_target",
        False,
        said.format(share=percent(float(wrong.mean())), rate=percent(float(np.nanmean(labels)))),
    )


def _window(
    data: IndexData, time: DecisionTime, probabilities: FloatArray, columns: Columns, trained_until: IntArray | None
) -> Canary:
    """The test must be every session from its first to the newest, each judged by what was learnt before it."""
    judged = np.flatnonzero(~np.isnan(probabilities))
    if not judged.size:
        return Canary("picked_window", False, _("No session was judged."))
    if trained_until is not None and (trained_until[judged] >= data.session[judged]).any():
        return Canary("picked_window", False, _("Sessions were judged by a model that had learnt from them or from later ones."))
    values = columns(data, time)[1]
    possible = ~np.isnan(data.label) & ~np.isnan(values).all(axis=1)
    left_out = int(np.count_nonzero(possible[judged[0] :] & np.isnan(probabilities[judged[0] :])))
    if left_out:
        said = _("{count} sessions since the first of the test were left out of it: the window was picked.")
        return Canary("picked_window", False, said.format(count=left_out))
    if judged.size < WINDOW:
        said = _("The test has {count} sessions; under {least} it proves nothing.")
        return Canary("picked_window", False, said.format(count=int(judged.size), least=WINDOW))
    return Canary(
        "picked_window", True, _("Every session from the first of the test to the newest was judged by what came before.")
    )


def _selection(labels: FloatArray, probabilities: FloatArray, configurations: int) -> Canary:
    """A configuration, threshold or seed chosen on the test window reaches 75 % there, and half on the next one."""
    hits = _hits(labels, probabilities)
    last, before = int(hits[-WINDOW:].sum()), hits[:-WINDOW]
    if hits.size < WINDOW or last < THRESHOLD * WINDOW:
        return Canary("selection", True, _("The newest sessions do not stand out, so nothing was gained by choosing on them."))
    rate = float(np.nanmean(labels))
    chance = best_of(configurations, last, WINDOW, max(rate, 1 - rate))
    usual = before.size >= WINDOW and at_least(last, WINDOW, float(before.mean())) > DOUBT
    if usual or chance <= DOUBT:
        return Canary(
            "selection", True, _("The newest sessions are as good as the sessions before or the number of trials allow.")
        )
    said = _(
        "{count} configurations were evaluated on the newest {window} sessions; without skill the best of them does as well in"
        " {chance} of cases, and the sessions before do not explain it: it was chosen on the test window."
    )
    return Canary("selection", False, said.format(count=configurations, window=WINDOW, chance=percent(chance)))


def _too_good(labels: FloatArray, probabilities: FloatArray, *, declared: bool) -> Canary:
    """After the close nothing honest was ever right on more than 57 %."""
    hits = _hits(labels, probabilities)
    if not hits.size:
        return Canary("too_good", True, _("No session was judged."))
    accuracy = float(hits.mean())
    windows = rolled_hits(hits, WINDOW)
    share = float((windows >= math.ceil(THRESHOLD * WINDOW)).mean()) if windows.size >= LEAST_WINDOWS else 0.0
    surely = wilson(accuracy, hits.size)[0] > 0.5
    alarm = (accuracy > TOO_GOOD and surely) or share > TOO_MANY_WINDOWS
    words = {"accuracy": percent(accuracy), "share": percent(share), "limit": percent(TOO_GOOD), "window": WINDOW}
    if alarm and declared:
        return Canary("too_good", True, _("Right on {accuracy}, as the data were made to allow.").format(**words))
    if alarm:
        said = _(
            "Right on {accuracy} after the close, with {share} of the {window}-session windows at 75 % or more: nothing honest was"
            " ever right on more than {limit}."
        )
        return Canary("too_good", False, said.format(**words))
    return Canary("too_good", True, _("Right on {accuracy} after the close, which is believable.").format(**words))


def _reproducible(claimed: FloatArray, again: FloatArray) -> Canary:
    """The same data and configuration must give the same probabilities."""
    both = ~np.isnan(claimed) & ~np.isnan(again)
    apart = float(np.abs(claimed[both] - again[both]).max()) if both.any() else math.inf
    if apart <= 1e-6:
        return Canary(
            "not_reproducible", True, _("Made again, {count} probabilities are the same.").format(count=int(both.sum()))
        )
    return Canary(
        "not_reproducible", False, _("Made again from the same data, the probabilities differ: the claim cannot be reproduced.")
    )


def _permuted(data: IndexData, columns: Columns, walk: Walk) -> Canary:
    """With outcomes in a random order nothing can be learnt, so that any skill comes from the path itself."""
    known = np.flatnonzero(~np.isnan(data.label))
    shuffled = data.label.copy()
    shuffled[known] = data.label[np.random.default_rng(SEED).permutation(known)]
    judged = walk(replace(data, label=shuffled), columns)
    hits = _hits(shuffled, judged)
    if not hits.size:
        return Canary("permuted_labels", True, _("No session was judged."))
    told = shuffled[known]
    chance = max(float(told.mean()), 1 - float(told.mean()))
    z = (float(hits.mean()) - chance) / math.sqrt(chance * (1 - chance) / hits.size)
    words = {"accuracy": percent(float(hits.mean())), "chance": percent(chance)}
    if z <= SURE:
        said = _("With shuffled outcomes it is right on {accuracy}, no more than chance ({chance}).")
        return Canary("permuted_labels", True, said.format(**words))
    said = _("With shuffled outcomes it is still right on {accuracy} (chance {chance}): it learns from what it is judged on.")
    return Canary("permuted_labels", False, said.format(**words))


def _late(
    data: IndexData, labels: FloatArray, probabilities: FloatArray, columns: Columns, walk: Walk, *, declared: bool
) -> Canary:
    """What is true of yesterday is nearly as true today: an honest model loses little when every column is a session late."""

    def late(given: IndexData, time: DecisionTime) -> tuple[tuple[str, ...], FloatArray]:
        names, values = columns(given, time)
        return names, np.vstack([np.full((1, values.shape[1]), np.nan), values[:-1]])

    shifted = walk(data, late)
    rows = np.flatnonzero(~np.isnan(labels) & ~np.isnan(probabilities) & ~np.isnan(shifted))
    prompt, behind = ((values[rows] > 0.5) == (labels[rows] > 0.5) for values in (probabilities, shifted))
    gained, lost = int((prompt & ~behind).sum()), int((~prompt & behind).sum())
    loss = (gained - lost) / max(rows.size, 1)
    z = (gained - lost) / math.sqrt(gained + lost) if gained + lost else 0.0
    words = {"loss": percent(loss), "limit": percent(LATE_LOSS)}
    if loss <= LATE_LOSS or z <= SURE:
        said = _("With every column a session late it loses {loss}, which is believable.")
        return Canary("shifted_features", True, said.format(**words))
    if declared:
        said = _("With every column a session late it loses {loss}, as the data were made to allow.")
        return Canary("shifted_features", True, said.format(**words))
    said = _("With every column a session late it loses {loss}: what it knew was of the session itself.")
    return Canary("shifted_features", False, said.format(**words))


def _hits(labels: FloatArray, probabilities: FloatArray) -> Any:
    """Right or not at the sessions that were judged and are known, bool, oldest first."""
    rows = ~np.isnan(labels) & ~np.isnan(probabilities)
    return (probabilities[rows] > 0.5) == (labels[rows] > 0.5)
