"""What probabilities of SELL, HOLD and BUY were worth, beside what needs no model, with the uncertainty of each figure.

A figure that the rows cannot tell is NaN, never an error. Figures count every row once; the overlap of labels is in the
intervals: Wilson's for the accuracy, on the effective number of rows, and a block bootstrap over instants for the others, in
which all symbols of an instant stay together. Sources: Wilson, JASA 22 (1927); Politis and Romano, JASA 89 (1994); Gorodkin,
Computational Biology and Chemistry 28 (2004), for the correlation coefficient of several classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.backtest.evidence.bootstrap import resampled_rows
from engine.errors import UsageError
from engine.i18n import _
from engine.ml.labels import UNDEFINED

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray

CLASSES = ("SELL", "HOLD", "BUY")
BINS = 10
DRAWS = 200
SEED = 42
#: Of a standard normal variable, for intervals of 95 %.
Z = 1.959963984540054
TAILS = (0.025, 0.975)
BOOTSTRAPPED = ("balanced_accuracy", "mcc", "auc", "log_loss", "brier")


def scores(
    y: NDArray[np.int8],
    p: FloatArray,
    weights: FloatArray | None = None,
    *,
    time: IntArray | None = None,
    prior: FloatArray | None = None,
    known: NDArray[np.int8] | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> dict[str, Any]:
    """The figures of m judged rows, as the JSON of a report; rows without probabilities are left out and counted.

    y: int8 (m,), -1, 0 or 1. p: float64 (m, 3), columns SELL, HOLD, BUY, rows sum to 1 or are NaN; the first highest column
    is what the model says. weights: float64 (m,), the average uniqueness of each label (None: 1), whose sum is the effective
    number of rows. time: int64 (m,), the instant of each row (None: each row is its own, in this order).
    prior: float64 (3,) or (m, 3), class frequencies of the training rows (None: of these rows, which flatters the baselines).
    known: int8 (m,), what `last_known` gives (None: no naive baseline). draws, seed: of the bootstrap.

    Returns {"rows", "unscored", "effective_rows", "accuracy", "balanced_accuracy" (mean recall of the classes among y),
    "mcc", "auc" (one against the rest, mean of the classes among y), "log_loss", "brier" (sum over classes, 0 to 2),
    "confusion" (3 x 3, rows are the truth), "calibration" {class: bins}, "baselines" {"majority", "naive", "prior"},
    "intervals" {figure: [low, high]} of 95 %}. With one class among y, balanced_accuracy, mcc and auc are NaN.
    Equal to scikit-learn's accuracy_score, balanced_accuracy_score, matthews_corrcoef, roc_auc_score, log_loss and
    brier_score_loss where these are defined. Raises UsageError for arrays that do not fit.
    """
    y, p = np.asarray(y), np.asarray(p, dtype=np.float64)
    m = y.size
    weights = np.ones(m) if weights is None else weights
    time = np.arange(m) if time is None else time
    prior = frequencies(y) if prior is None else prior
    known = np.full(m, UNDEFINED, dtype=np.int8) if known is None else known
    shapes = [y.shape, weights.shape, time.shape, known.shape]
    if p.shape != (m, 3) or shapes != [(m,)] * 4 or prior.shape not in ((3,), (m, 3)) or not np.isin(y, (-1, 0, 1)).all():
        raise UsageError(_("Scores need labels of -1, 0 or 1 and three probabilities for each of them"))
    rows = np.flatnonzero(~np.isnan(p).any(axis=1))
    truth, p, weights = y[rows].astype(np.int64) + 1, p[rows], weights[rows]
    prior = np.broadcast_to(prior, (m, 3))[rows]
    effective = float(weights.sum())
    figures = _Figures(truth, p)
    ones = np.ones(rows.size)
    point = figures.of(ones)
    drawn = _drawn(figures, time[rows], effective, draws, seed)
    return {
        "rows": int(rows.size),
        "unscored": int(m - rows.size),
        "effective_rows": effective,
        **point,
        "confusion": figures.confusion(ones).astype(int).tolist(),
        "calibration": {name: calibration(truth == place, p[:, place], weights) for place, name in enumerate(CLASSES)},
        "baselines": _baselines(truth, prior, known[rows].astype(np.int64)),
        "intervals": {"accuracy": list(wilson(point["accuracy"], effective)), **drawn},
    }


def last_known(y: NDArray[np.int8], start: IntArray, end: IntArray, symbol: IntArray) -> NDArray[np.int8]:
    """For each row the newest label of its symbol that had ended before the row began, as in the splits; int8 (m,).

    y: int8 (m,); start, end: int64 (m,), instants of each row and of its label's end; symbol: int64 (m,).
    `labels.UNDEFINED` where no label of the symbol had ended. The order of the rows has no influence.
    """
    result = np.full(y.size, UNDEFINED, dtype=np.int8)
    for code in np.unique(symbol):
        rows = np.flatnonzero(symbol == code)
        rows = rows[np.argsort(start[rows], kind="stable")]
        ended = np.argsort(end[rows], kind="stable")
        newest = np.maximum.accumulate(ended)
        count = np.searchsorted(end[rows][ended], start[rows], side="left")
        some = count > 0
        result[rows[some]] = y[rows[newest[count[some] - 1]]]
    return result


def frequencies(y: NDArray[np.int8]) -> FloatArray:
    """The shares of SELL, HOLD and BUY among y (int8, -1, 0 or 1); float64 (3,), NaN for no rows."""
    counts = np.bincount(np.asarray(y, dtype=np.int64) + 1, minlength=3)
    return counts / counts.sum() if counts.any() else np.full(3, np.nan)


def wilson(share: float, rows: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share among `rows` rows, which may be a fraction; NaN without rows."""
    if not rows > 0 or math.isnan(share):
        return math.nan, math.nan
    shrink = 1 + Z * Z / rows
    centre = (share + Z * Z / (2 * rows)) / shrink
    half = Z / shrink * math.sqrt(share * (1 - share) / rows + Z * Z / (4 * rows * rows))
    return max(min(centre - half, share), 0.0), min(max(centre + half, share), 1.0)


def calibration(happened: NDArray[np.bool_], p: FloatArray, weights: FloatArray) -> list[dict[str, Any]]:
    """The curve of one class: how often it came in each tenth of the probabilities, for the tenths that hold a row.

    happened: bool (m,); p: float64 (m,), 0 to 1; weights: float64 (m,), average uniqueness. Each bin is
    {"from", "to", "rows", "predicted" (mean probability), "observed" (share), "interval" (Wilson, effective rows)}.
    """
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    bins = []
    for at in np.unique(place):
        inside = place == at
        observed = float(happened[inside].mean())
        bins.append(
            {
                "from": float(at / BINS),
                "to": float((at + 1) / BINS),
                "rows": int(inside.sum()),
                "predicted": float(p[inside].mean()),
                "observed": observed,
                "interval": list(wilson(observed, float(weights[inside].sum()))),
            }
        )
    return bins


class _Figures:
    """Figures of fixed rows under changing row counts; what does not depend on the counts is computed once."""

    def __init__(self, truth: IntArray, p: FloatArray) -> None:
        self._pairs = truth * 3 + p.argmax(axis=1) if truth.size else truth
        self._truth = truth
        tiny = np.finfo(np.float64).eps
        at_truth = np.take_along_axis(p, truth[:, None], axis=1)[:, 0]
        self._loss = -np.log(np.clip(at_truth, tiny, 1 - tiny))
        self._square = (p * p).sum(axis=1) - 2 * at_truth + 1
        self._ranks = [_Ranks(p[:, place], truth == place) for place in range(3)]

    def confusion(self, counts: FloatArray) -> FloatArray:
        result: FloatArray = np.bincount(self._pairs, counts, minlength=9).reshape(3, 3).astype(np.float64)
        return result

    def of(self, counts: FloatArray) -> dict[str, float]:
        """Every figure when row i is there counts[i] times; float64 (m,)."""
        total = counts.sum()
        if not total:
            return dict.fromkeys(("accuracy", *BOOTSTRAPPED), math.nan)
        table = self.confusion(counts)
        of_class, said = table.sum(axis=1), table.sum(axis=0)
        present = of_class > 0
        several = np.count_nonzero(present) > 1
        right = np.trace(table)
        spread = math.sqrt((total**2 - (of_class**2).sum()) * (total**2 - (said**2).sum()))
        linked = (right * total - of_class @ said) / spread if spread else 0.0
        return {
            "accuracy": float(right / total),
            "balanced_accuracy": float((table.diagonal()[present] / of_class[present]).mean()) if several else math.nan,
            "mcc": float(linked) if several else math.nan,
            "auc": float(np.mean([ranks.area(counts) for ranks, here in zip(self._ranks, present) if here])),
            "log_loss": float((counts * self._loss).sum() / total),
            "brier": float((counts * self._square).sum() / total),
        }


class _Ranks:
    """The area under the ROC curve of one class against the rest, ties counting half; sorted once for many counts."""

    def __init__(self, p: FloatArray, positive: NDArray[np.bool_]) -> None:
        self._order = np.argsort(p, kind="stable")
        values = p[self._order]
        self._positive = positive[self._order].astype(np.float64)
        self._firsts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))

    def area(self, counts: FloatArray) -> float:
        """Chance that a row of the class has a higher probability than one of the rest; NaN without either."""
        counts = counts[self._order]
        inside = np.add.reduceat(counts * self._positive, self._firsts)
        outside = np.add.reduceat(counts, self._firsts) - inside
        pairs = inside.sum() * outside.sum()
        return float((inside * (np.cumsum(outside) - outside / 2)).sum() / pairs) if pairs else math.nan


def _drawn(figures: _Figures, time: IntArray, effective: float, draws: int, seed: int) -> dict[str, list[float]]:
    """The 95 % percentile intervals of the figures over resampled instants, in blocks as long as twice the labels' overlap."""
    unknown = {name: [math.nan, math.nan] for name in BOOTSTRAPPED}
    instants, place = np.unique(time, return_inverse=True)
    if instants.size < 2 or draws < 1 or not effective > 0:
        return unknown
    block = min(max(1.0, 2 * time.size / effective), instants.size / 2)
    found: dict[str, list[float]] = {name: [] for name in BOOTSTRAPPED}
    for chunk in resampled_rows(instants.size, draws, block, seed):
        for sample in chunk:
            drawn = figures.of(np.bincount(sample, minlength=instants.size)[place].astype(np.float64))
            for name in BOOTSTRAPPED:
                found[name].append(drawn[name])
    return {name: _interval(np.array(values)) for name, values in found.items()}


def _interval(values: FloatArray) -> list[float]:
    values = values[~np.isnan(values)]
    return [float(value) for value in np.quantile(values, TAILS)] if values.size else [math.nan, math.nan]


def _baselines(truth: IntArray, prior: FloatArray, known: IntArray) -> Mapping[str, Any]:
    """What needs no model: the most frequent class, the newest label known at the time, the frequencies as probabilities."""
    n = truth.size
    majority = prior.argmax(axis=1) if n else truth
    named, counts = np.unique(majority, return_counts=True)
    told = known != UNDEFINED
    constant = _Figures(truth, prior).of(np.ones(n))
    return {
        "majority": {
            "class": CLASSES[named[counts.argmax()]] if n else None,
            "accuracy": float((truth == majority).mean()) if n else math.nan,
        },
        "naive": {
            "rows": int(told.sum()),
            "accuracy": float((truth[told] == known[told] + 1).mean()) if told.any() else math.nan,
        },
        "prior": {"log_loss": constant["log_loss"], "brier": constant["brier"]},
    }
