"""What each column is worth: by itself, over time, and to the accuracy of a model on sessions that the model knew nothing of.

All of it rests on the sessions before the held-out ones. Differences of accuracy are in fractions, with the 95 % interval of a
stationary block bootstrap. Sources: Mann and Whitney (1947) for z; Breiman, "Random Forests" (2001), 10, for shuffling a column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import NoDataError
from engine.ml.direction import evaluate, figures, models

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray
    from engine.ml.direction.analysis import Split
    from engine.ml.direction.data import IndexData
    from engine.ml.direction.times import DecisionTime

#: Parts of the time that a column is judged in, each by itself.
PERIODS = 3
#: Sessions judged at most, fits of the walk through them, sessions that are learnt from at least, orders a column is shuffled into.
WALKED, FITS, LEAST, SHUFFLES = 1_000, 3, 120, 20
SEED = 42


@dataclass(frozen=True, slots=True)
class Worth:
    """One column by itself. auc: 0.5 is nothing; z: how unusual that is under no relation. periods: the AUC in each part of the time;
    drift: how far its mean moved from the first part to the last, in standard deviations of the first; outside: share of the
    held-out sessions whose value lies beyond every value that was learnt."""

    name: str
    rows: int
    auc: float
    z: float
    periods: tuple[float, ...]
    drift: float
    outside: float


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A model walked through the sessions before the held-out ones. rows: int64 (r,) of the data; p, y: float64 (r,), out of sample."""

    rows: IntArray
    p: FloatArray
    y: FloatArray
    fitted: tuple[tuple[models.DirectionModel, IntArray], ...]

    @property
    def hits(self) -> BoolArray:
        found: BoolArray = (self.p >= 0.5) == (self.y > 0.5)
        return found


def worth(data: IndexData, parts: Split, names: Sequence[str], X: FloatArray) -> list[Worth]:
    """What each column of X (n, k) tells by itself, in the order of the columns. Too few values give NaN."""
    return [_worth(data, parts, name, X[:, at]) for at, name in enumerate(names)]


def _worth(data: IndexData, parts: Split, name: str, values: FloatArray) -> Worth:
    rows = parts.learnt[~np.isnan(values[parts.learnt])]
    up = data.label[rows] > 0.5
    rose, fell = int(up.sum()), int((~up).sum())
    area = figures.auc(values[rows], up)
    spread = math.sqrt((rose + fell + 1) / (12 * rose * fell)) if rose and fell else math.nan
    parted = np.array_split(rows, PERIODS)
    first, last = values[parted[0]], values[parted[-1]]
    usual = float(first.std()) if first.size else 0.0
    held = values[parts.held_out]
    known = held[~np.isnan(held)]
    beyond = (known < values[rows].min()) | (known > values[rows].max()) if rows.size and known.size else np.zeros(0)
    return Worth(
        name,
        int(rows.size),
        area,
        (area - 0.5) / spread,
        tuple(figures.auc(values[part], data.label[part] > 0.5) for part in parted),
        float(last.mean() - first.mean()) / usual if usual > 0 and last.size else math.nan,
        float(beyond.mean()) if beyond.size else math.nan,
    )


def walk(data: IndexData, parts: Split, time: DecisionTime, kind: str, names: tuple[str, ...], X: FloatArray) -> Walk | None:
    """The out-of-sample answers of a model about the newest sessions before the held-out ones; None where too few can be learnt from.

    At most WALKED sessions are judged, with FITS fits, and at least half of the sessions are learnt from first.
    """
    inside = np.zeros(len(data), dtype=np.bool_)
    inside[parts.learnt] = True
    seen = np.where(inside[:, None], X, np.nan)
    told = parts.learnt[~np.isnan(seen[parts.learnt]).all(axis=1)]
    judged = min(WALKED, told.size // 2)
    if told.size - judged < LEAST or not judged:
        return None
    first = int(data.session[told[-judged]])
    steps = evaluate.folds(data, time, seen, LEAST, first, math.ceil(judged / FITS))
    try:
        fitted = tuple((models.fit(kind, names, X[fold.train], data.label[fold.train], least=LEAST), fold.test) for fold in steps)
    except NoDataError:
        return None
    if not fitted:
        return None
    rows = np.concatenate([test for _model, test in fitted])
    p = np.concatenate([model.probability(X[test]) for model, test in fitted])
    return Walk(rows, p, data.label[rows], fitted)


def without(
    data: IndexData,
    parts: Split,
    time: DecisionTime,
    kind: str,
    names: tuple[str, ...],
    X: FloatArray,
    groups: Mapping[str, Sequence[str]],
    whole: Walk,
) -> dict[str, dict[str, Any]]:
    """By how much the accuracy is higher with each group of columns than without it, the model learnt anew; by group."""
    hits = {}
    for name, columns in groups.items():
        kept = [at for at, column in enumerate(names) if column not in columns]
        again = walk(data, parts, time, kind, tuple(names[at] for at in kept), X[:, kept]) if kept else None
        if again is not None and np.array_equal(again.rows, whole.rows):
            hits[name] = again.hits
    return figures.differences(whole.hits, hits, SEED) if hits else {}


def shuffled(names: Sequence[str], X: FloatArray, whole: Walk) -> dict[str, dict[str, Any]]:
    """By how much the accuracy is higher than with one column in a random order among the sessions a model judges, models as they are."""
    random = np.random.default_rng(SEED)
    found = {name: np.zeros(whole.rows.size) for name in names}
    begin = 0
    for model, test in whole.fitted:
        told = slice(begin, begin + test.size)
        begin += test.size
        up = whole.y[told] > 0.5
        for at, name in enumerate(names):
            mixed = np.tile(X[test], (SHUFFLES, 1))
            mixed[:, at] = np.concatenate([random.permutation(X[test, at]) for _draw in range(SHUFFLES)])
            called = (model.probability(mixed) >= 0.5).reshape(SHUFFLES, test.size)
            found[name][told] = (called == up).mean(axis=0)
    return figures.differences(whole.hits, found, SEED)
