"""The figures of the written analysis: what the sessions are like, what each column is worth, and the last 30 sessions held out.

Everything is computed on the rows before the last 30 judged sessions but the result on these, which is computed once for each model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import day_number
from engine.errors import NoDataError
from engine.i18n import _
from engine.ml.direction import figures, models
from engine.ml.direction.evaluate import FIRST_LEARNT
from engine.ml.direction.features import columns, seed_columns
from engine.ml.direction.times import CLOSE, DecisionTime, parse

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray
    from engine.ml.direction.data import IndexData

HELD_OUT = 30
LAGS = 5
#: Sessions of which at least an analysis is made: two hundred to learn from, and the last 30.
LEAST = 280
#: Beyond this a z is unusual one time in 20.
UNUSUAL = 1.959963984540054
LATER = ("preopen", "open", "11:00")


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of the data, int64: all that are analysed, those that are learnt from, the last 30, held out."""

    rows: IntArray
    learnt: IntArray
    held_out: IntArray


@dataclass(frozen=True, slots=True)
class Worth:
    """What one column tells on the rows that are learnt from. auc: 0.5 is nothing; z: how unusual that is under no relation."""

    name: str
    rows: int
    auc: float
    z: float


@dataclass(frozen=True, slots=True, eq=False)
class Trialled:
    """One model on the held-out sessions. kind: of `models`, empty for a baseline. p: float64, of up; y: the outcome."""

    name: str
    kind: str
    time: str
    features: tuple[str, ...]
    p: FloatArray
    y: FloatArray
    session: IntArray
    rate: float

    @property
    def hits(self) -> BoolArray:
        found: BoolArray = (self.p >= 0.5) == (self.y > 0.5)
        return found

    @property
    def figures(self) -> dict[str, Any]:
        """Accuracy with its interval, and the other figures of an evaluation."""
        return {**figures.share_of(self.hits), **figures.basic(self.p, self.y, np.full(self.p.size, self.rate))}


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


def exploration(data: IndexData, parts: Split) -> dict[str, Any]:
    """What the sessions before the held-out ones are like; the returns are fractions, sessions days since 1970-01-01."""
    rows = parts.learnt
    step = data.close[rows] / data.previous_close[rows] - 1
    up = data.label[rows] > 0.5
    bars = data.bars.take(rows)
    weekday = (data.session[rows] + 3) % 7
    groups = {int(day): up[weekday == day] for day in range(5)}
    same = np.abs(data.open_print[rows] / data.previous_close[rows] - 1) < 1e-4
    centred = step - step.mean()
    return {
        "sessions": int(rows.size),
        "first": int(data.session[rows[0]]),
        "last": int(data.session[rows[-1]]),
        "up": figures.share_of(up),
        "ties": int((data.close[rows] == data.previous_close[rows]).sum()),
        "mean": float(step.mean()),
        "deviation": float(step.std(ddof=1)),
        "worst": (int(data.session[rows[step.argmin()]]), float(step.min())),
        "best": (int(data.session[rows[step.argmax()]]), float(step.max())),
        "kurtosis": float((centred**4).mean() / centred.var() ** 2) if centred.var() > 0 else math.nan,
        "autocorrelation": [float(np.corrcoef(step[lag:], step[:-lag])[0, 1]) for lag in range(1, LAGS + 1)],
        "autocorrelation_limit": UNUSUAL / math.sqrt(rows.size),
        "repeat": figures.share_of(up[1:] == up[:-1]),
        "weekday": {day: figures.share_of(hits) for day, hits in groups.items() if hits.size},
        "year": figures.by_group(up, figures.years(data.session[rows])),
        "without_turnover": float(np.isnan(bars.turnover).mean()),
        "without_quantity": float(np.isnan(bars.quantity).mean()),
        "opening_is_close": float(same.mean()),
    }


def worth(data: IndexData, parts: Split, *, seed: bool) -> list[Worth]:
    """What each column tells by itself, the strongest first. seed: of the requirement's columns, else of those after the close.

    auc: the area under the ROC curve; z: of the Mann-Whitney statistic under no relation. Too few values give NaN.
    """
    names, X = seed_columns(data) if seed else columns(data, DecisionTime(CLOSE))
    found = []
    for at, name in enumerate(names):
        rows = parts.learnt[~np.isnan(X[parts.learnt, at])]
        up = data.label[rows] > 0.5
        rose, fell = int(up.sum()), int((~up).sum())
        area = figures.auc(X[rows, at], up)
        spread = math.sqrt((rose + fell + 1) / (12 * rose * fell)) if rose and fell else math.nan
        found.append(Worth(name, int(rows.size), area, (area - 0.5) / spread))
    return sorted(found, key=lambda item: -abs(item.z) if math.isfinite(item.z) else 0.0)


def trials(data: IndexData, parts: Split) -> list[Trialled]:
    """Every baseline and model on the held-out sessions, fitted once on what came before them.

    With under 500 sessions to learn from, the ensemble and the requirement's tree give way to a logistic regression on the same columns.
    Later decision times are there as far as their prices are.
    """
    held = parts.held_out
    y, session, rate = data.label[held], data.session[held], float(data.label[parts.learnt].mean())
    rose = data.previous_close[held] > data.previous_close[held - 1]
    found = [
        Trialled(_("always up"), "", CLOSE, (), np.ones(y.size), y, session, rate),
        Trialled(_("majority of the sessions before"), "", CLOSE, (), np.full(y.size, float(rate >= 0.5)), y, session, rate),
        Trialled(_("momentum: as the session before"), "", CLOSE, (), rose.astype(np.float64), y, session, rate),
    ]
    seed, usual = seed_columns(data), columns(data, DecisionTime(CLOSE))
    plans = [
        (_("the requirement's columns, {model}"), models.SEED_TREE, CLOSE, seed),
        (_("after the close, {model}"), models.ENSEMBLE, CLOSE, usual),
    ]
    for text in LATER:
        time = parse(text)
        plans.append((time.title + ", {model}", models.kind_of(time), text, columns(data, time)))
    for name, kind, text, (names, X) in plans:
        made = _trial(data, parts, name, kind, text, names, X, rate)
        if made is not None:
            found.append(made)
    return found


def _trial(
    data: IndexData, parts: Split, name: str, kind: str, time: str, names: Sequence[str], X: FloatArray, rate: float
) -> Trialled | None:
    told: BoolArray = ~np.isnan(X).all(axis=1) & (data.session >= day_number(FIRST_LEARNT))
    learnt, held = parts.learnt[told[parts.learnt]], parts.held_out[told[parts.held_out]]
    used = models.LOGISTIC if kind in (models.ENSEMBLE, models.SEED_TREE) and learnt.size < models.LEAST_ROWS[kind] else kind
    if learnt.size < models.LEAST_ROWS[used] or not held.size:
        return None
    model = models.fit(used, tuple(names), X[learnt], data.label[learnt])
    shown = name.format(model=model_words(used))
    return Trialled(shown, used, time, tuple(names), model.probability(X[held]), data.label[held], data.session[held], rate)


def model_words(kind: str) -> str:
    """A kind of model, in words."""
    return {
        models.ENSEMBLE: _("mean of logistic regression, random forest and boosted trees"),
        models.SEED_TREE: _("decision tree"),
        models.LOGISTIC: _("logistic regression"),
        models.OPENING: _("logistic regression of the opening gap"),
        models.MOVE: _("logistic regression of the move so far"),
    }.get(kind, kind)
