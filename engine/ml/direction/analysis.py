"""The split of a written analysis, and its models on the last 30 sessions, which are held out and judged once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import day_number
from engine.errors import NoDataError
from engine.i18n import _
from engine.ml.direction import figures, models, suited
from engine.ml.direction.evaluate import FIRST_LEARNT
from engine.ml.direction.features import columns, seed_columns
from engine.ml.direction.influence import Walk, walk
from engine.ml.direction.lacking import lacking
from engine.ml.direction.times import CLOSE, DecisionTime, parse

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray
    from engine.ml.direction.data import IndexData

HELD_OUT = 30
#: Sessions of which at least an analysis is made: those to learn from, and the last 30.
LEAST_LEARNT = 250
LEAST = LEAST_LEARNT + HELD_OUT
LATER = ("preopen", "open", "11:00")


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of the data, int64: all that are analysed, those that are learnt from, the last 30, held out."""

    rows: IntArray
    learnt: IntArray
    held_out: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A model to be tried: its kind (of `models`) on the columns X, float64 (n, k), of a decision time. lacks: what the columns would need
    and is not there, in words."""

    name: str
    kind: str
    time: DecisionTime
    features: tuple[str, ...]
    X: FloatArray
    lacks: str


@dataclass(frozen=True, slots=True, eq=False)
class Trialled:
    """One model on the held-out sessions. kind: of `models`, empty for a baseline. p: float64, of up; y: the outcome. learnt: sessions
    learnt from. before: its answers about sessions before them, None where too few can be learnt from."""

    name: str
    kind: str
    time: str
    features: tuple[str, ...]
    p: FloatArray
    y: FloatArray
    session: IntArray
    rate: float
    learnt: int = 0
    before: Walk | None = None

    @property
    def hits(self) -> BoolArray:
        found: BoolArray = (self.p >= 0.5) == (self.y > 0.5)
        return found

    @property
    def figures(self) -> dict[str, Any]:
        """Accuracy with its interval, and the other figures of an evaluation."""
        return {**figures.share_of(self.hits), **figures.basic(self.p, self.y, np.full(self.p.size, self.rate))}


@dataclass(frozen=True, slots=True)
class Untried:
    """A model that was not fitted, and why."""

    name: str
    reason: str


def split(data: IndexData, start: int | None = None, end: int | None = None) -> Split:
    """The rows from day `start` to day `end` whose outcome is known, and the last 30 apart. Raises NoDataError for too few."""
    rows = np.flatnonzero(~np.isnan(data.label))
    if start is not None:
        rows = rows[data.previous[rows] >= start]
    if end is not None:
        rows = rows[data.session[rows] <= end]
    if rows.size < LEAST:
        raise NoDataError(
            _("{count} sessions with an outcome are too few for an analysis; at least {least} are needed").format(
                count=int(rows.size), least=LEAST
            ),
            _("Import a longer history, or choose a longer period."),
        )
    return Split(rows, rows[:-HELD_OUT], rows[-HELD_OUT:])


def plans(data: IndexData) -> list[Plan]:
    """The models of an analysis: after the close the requirement's columns and those of this desk, then the later decision times."""
    close = DecisionTime(CLOSE)
    seed = seed_columns(data)
    usual, lacks = _columns(data, close)
    found = [
        Plan(_("the requirement's columns, decision tree"), models.SEED_TREE, close, *seed, ""),
        Plan(_("the requirement's columns, ensemble"), models.ENSEMBLE, close, *seed, ""),
        Plan(_("{count} columns after the close, ensemble").format(count=len(usual[0])), models.ENSEMBLE, close, *usual, lacks),
    ]
    for time in map(parse, LATER):
        kind = models.kind_of(time)
        later, lacks = _columns(data, time)
        name = _("{time}, {model}").format(time=time.title, model=model_words(kind))
        found.append(Plan(name, kind, time, *later, lacks))
    return found


def _columns(data: IndexData, time: DecisionTime) -> tuple[tuple[tuple[str, ...], FloatArray], str]:
    """The columns of a decision time, without the series that an evaluation would leave out, and what they lack in words."""
    used, _left_out = suited.for_evaluation(data, time)
    names, X = columns(used, time)
    return (names, X), lacking(used, time, X)


def trials(data: IndexData, parts: Split, asked: Sequence[Plan]) -> tuple[list[Trialled], list[Untried]]:
    """Every baseline and model on the held-out sessions, fitted once on what came before them; and the models that could not be.

    No model gives way to another one: with few sessions the models after the close are fitted all the same.
    """
    held = parts.held_out
    y, session, rate = data.label[held], data.session[held], float(data.label[parts.learnt].mean())
    rose = data.previous_close[held] > data.previous_close[held - 1]
    found = [
        Trialled(_("always up"), "", CLOSE, (), np.ones(y.size), y, session, rate),
        Trialled(_("the majority of the sessions before"), "", CLOSE, (), np.full(y.size, float(rate >= 0.5)), y, session, rate),
        Trialled(_("momentum: as the session before"), "", CLOSE, (), rose.astype(np.float64), y, session, rate),
    ]
    untried = []
    for plan in asked:
        made = _trial(data, parts, plan, rate)
        if isinstance(made, Untried):
            untried.append(made)
        else:
            found.append(made)
    return found, untried


def _trial(data: IndexData, parts: Split, plan: Plan, rate: float) -> Trialled | Untried:
    told: BoolArray = ~np.isnan(plan.X).all(axis=1) & (data.session >= day_number(FIRST_LEARNT))
    learnt, held = parts.learnt[told[parts.learnt]], parts.held_out[told[parts.held_out]]
    least = LEAST_LEARNT if plan.time.name == CLOSE else models.LEAST_ROWS[plan.kind]
    if not told[parts.rows].any():
        return Untried(plan.name, plan.lacks)
    if not held.size:
        last = learnt[-1] if learnt.size else parts.rows[0]
        day = str(np.datetime64(int(data.session[last]), "D"))
        return Untried(plan.name, _("What it looks at ends on {date}, before the held-out sessions.").format(date=day))
    if learnt.size < least:
        said = _("{count} sessions can be learnt from, and at least {least} are needed.")
        return Untried(plan.name, said.format(count=int(learnt.size), least=least))
    try:
        model = models.fit(plan.kind, plan.features, plan.X[learnt], data.label[learnt], least=least)
    except NoDataError as error:
        return Untried(plan.name, error.message)
    return Trialled(
        plan.name, plan.kind, plan.time.text, plan.features, model.probability(plan.X[held]), data.label[held],
        data.session[held], rate, int(learnt.size), walk(data, parts, plan.time, plan.kind, plan.features, plan.X),
    )  # fmt: skip


def model_words(kind: str) -> str:
    """A kind of model, in words."""
    return {
        models.ENSEMBLE: _("mean of logistic regression, random forest and boosted trees"),
        models.SEED_TREE: _("decision tree"),
        models.LOGISTIC: _("logistic regression"),
        models.OPENING: _("logistic regression of the opening gap"),
        models.MOVE: _("logistic regression of the move so far"),
    }.get(kind, kind)
