"""The models of the direction: what they learnt from the rows given to `fit`, and the probability of a higher close they give.

All are small, fitted anew in about a second, and repeat from their seed: a logistic regression, alone or averaged with a random
forest and boosted trees. What is fitted (medians, centre, scale, weights, trees) comes from the training rows alone.
Sources: Breiman, "Random Forests" (2001); Chen and Guestrin, "XGBoost" (2016); Bishop (2006), 4.3.3, for the weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import NoDataError, UsageError
from engine.i18n import _
from engine.ml.boosting import boosting
from engine.ml.direction.times import CLOSE, NOWCAST, OPEN, PREOPEN, DecisionTime

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray

ENSEMBLE, LOGISTIC, OPENING, MOVE, SEED_TREE = "ensemble", "logistic", "opening", "move", "seed_tree"
KIND_OF: Mapping[str, str] = {CLOSE: ENSEMBLE, PREOPEN: LOGISTIC, OPEN: OPENING, NOWCAST: MOVE}
SEED = 42
#: Standardised values beyond this are cut off: one crash must not decide a weight.
WIDEST = 4.0
#: Strength of the logistic regressions, as scikit-learn's C: many columns that say little, or one that says much.
WEAK, STRONG = 0.01, 100.0
FOREST = {"trees": 250, "depth": 6, "leaf": 25, "drawn": 0.632}
BOOSTED = {
    "max_depth": 3, "learning_rate": 0.03, "subsample": 0.7, "colsample_bytree": 0.5, "lambda": 10.0, "min_child_weight": 20.0,
}  # fmt: skip
BOOSTED_TREES = 150
SEED_DEPTH, SEED_LEAF = 5, 25
SPLIT_BINS = 64
#: Probabilities after the close are kept inside this: further out they were no more often right.
EVENING_RANGE = (0.45, 0.57)
#: Training rows below which a model says nothing, by its kind.
LEAST_ROWS: Mapping[str, int] = {ENSEMBLE: 450, SEED_TREE: 450, LOGISTIC: 250, OPENING: 120, MOVE: 120}
#: Half-widths about one half inside which nothing is said, from which `abstention` chooses.
BANDS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
TARGET, LEAST_SAID = 0.75, 60
NEWTON_STEPS, SETTLED = 50, 1e-9
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class DirectionModel:
    """A fitted model of k columns.

    medians, centre, scale: float64 (k,), what a missing value is replaced by, and the mean and spread of each column. weights:
    float64 (k,) and intercept, of the standardised columns in log-odds. trees: xgboost.Booster of the other members, the forest or
    tree and then the boosted trees. base_rate: share of higher closes among the training rows. rows: their number.
    """

    kind: str
    names: tuple[str, ...]
    medians: FloatArray
    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    intercept: float
    trees: tuple[Any, ...]
    base_rate: float
    rows: int

    def probability(self, X: FloatArray) -> FloatArray:
        """The probability of a higher close, float64 (n,), of rows (n, k); NaN where every column is NaN. Raises UsageError."""
        if X.ndim != 2 or X.shape[1] != len(self.names):
            raise UsageError(_("This model takes {count} features a row").format(count=len(self.names)))
        result = np.full(len(X), np.nan)
        told = np.flatnonzero(~np.isnan(X).all(axis=1))
        if not told.size:
            return result
        filled = np.where(np.isnan(X[told]), self.medians, X[told])
        members = [] if self.kind == SEED_TREE else [_sigmoid(self._standard(filled) @ self.weights + self.intercept)]
        if self.trees:
            xgboost = boosting()

            rows = xgboost.DMatrix(filled, nthread=1)
            members += [np.clip(tree.predict(rows).astype(np.float64), 0.0, 1.0) for tree in self.trees]
        found = np.mean(members, axis=0)
        result[told] = np.clip(found, *EVENING_RANGE) if self.kind == ENSEMBLE else found
        return result

    def contributions(self, row: FloatArray) -> FloatArray:
        """What each column of one row (k,) adds to the log-odds, the mean of what it adds in each member; float64 (k,).

        In the logistic member it is the weight times the standardised value, in trees the Shapley value (Lundberg et al., "From local
        explanations to global understanding", 2020); that of a tree that answers with a probability is divided by p (1 - p) of the base
        rate. They add up to the log-odds of what is said but for the members' own starting points, their mean and its limits.
        """
        filled = np.where(np.isnan(row), self.medians, row)
        members = [] if self.kind == SEED_TREE else [self._standard(filled) * self.weights]
        if self.trees:
            xgboost = boosting()

            one = xgboost.DMatrix(filled[None, :], nthread=1)
            for tree, in_odds in zip(self.trees, (False, True)):
                told = tree.predict(one, pred_contribs=True)[0, :-1].astype(np.float64)
                members.append(told if in_odds else told / (self.base_rate * (1 - self.base_rate)))
        result: FloatArray = np.mean(members, axis=0)
        return result

    def _standard(self, X: FloatArray) -> FloatArray:
        return np.clip((X - self.centre) / self.scale, -WIDEST, WIDEST)


def kind_of(time: DecisionTime) -> str:
    """The kind of model that answers at a decision time."""
    return KIND_OF[time.name]


def fit(
    kind: str, names: tuple[str, ...], X: FloatArray, y: FloatArray, *, seed: int = SEED, least: int | None = None
) -> DirectionModel:
    """The model of one kind that learnt from rows X, float64 (m, k), and their labels y, float64 (m,), 0 or 1.

    "ensemble": the mean of a logistic regression, a random forest and boosted trees. "logistic": a strongly shrunk logistic
    regression. "opening", "move": one hardly shrunk. "seed_tree": one decision tree, the requirement's own. A missing value is
    replaced by the column's median, a column never known by 0. least: rows that must be there (None: of `LEAST_ROWS`). Raises
    NoDataError when the rows are too few or all of one label.
    """
    if kind not in LEAST_ROWS:
        raise UsageError(_("There is no model {name}").format(name=kind))
    needed = LEAST_ROWS[kind] if least is None else least
    if len(y) < needed or not 0 < y.mean() < 1:
        raise NoDataError(
            _("{rows} sessions are too few to learn the direction from; at least {least} are needed").format(
                rows=len(y), least=needed
            ),
            _("Import a longer history."),
        )
    known = ~np.isnan(X).all(axis=0)
    medians = np.zeros(X.shape[1])
    medians[known] = np.nanmedian(X[:, known], axis=0)
    filled = np.where(np.isnan(X), medians, X)
    centre, scale = filled.mean(axis=0), filled.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    weights, intercept = np.zeros(X.shape[1]), 0.0
    trees: tuple[Any, ...] = ()
    if kind == SEED_TREE:
        trees = (_forest(filled, y, seed, trees=1, depth=SEED_DEPTH, leaf=SEED_LEAF, drawn=1.0, columns=1.0),)
    else:
        standard = np.clip((filled - centre) / scale, -WIDEST, WIDEST)
        weights, intercept = logistic(standard, y, WEAK if kind in (ENSEMBLE, LOGISTIC) else STRONG)
    if kind == ENSEMBLE:
        share = float(np.sqrt(X.shape[1]) / X.shape[1])
        trees = (_forest(filled, y, seed, **FOREST, columns=share), _boosted(filled, y, seed))
    return DirectionModel(kind, names, medians, centre, scale, weights, intercept, trees, float(y.mean()), len(y))


def logistic(X: FloatArray, y: FloatArray, strength: float) -> tuple[FloatArray, float]:
    """The weights, float64 (k,), and the intercept of a logistic regression by Newton's method.

    They minimise |weights|^2 / 2 + strength x (sum of the log losses), as scikit-learn's LogisticRegression(C=strength) does.
    """
    rows = np.column_stack((X, np.ones(len(X))))
    penalty = np.append(np.ones(X.shape[1]), 0.0)
    found = np.zeros(rows.shape[1])
    for _step in range(NEWTON_STEPS):
        p = _sigmoid(rows @ found)
        slope = strength * rows.T @ (p - y) + penalty * found
        curve = strength * (rows * (p * (1 - p))[:, None]).T @ rows + np.diag(penalty + SETTLED)
        change = np.linalg.solve(curve, slope)
        found = found - change
        if np.abs(change).max() < SETTLED:
            break
    return found[:-1], float(found[-1])


def abstention(p: FloatArray, y: FloatArray, target: float = TARGET) -> float:
    """The narrowest of BANDS outside of which at least `target` of past calls were right, on at least 60 of them; else NaN.

    p, y: float64 (m,), earlier out-of-sample probabilities and their outcomes. With 0, and with NaN as no band reaches the target,
    every session is called.
    """
    right = (p >= 0.5) == (y > 0.5)
    for band in BANDS:
        said = surely(p, band)
        if np.count_nonzero(said) >= LEAST_SAID and right[said].mean() >= target:
            return band
    return math.nan


def surely(p: FloatArray, band: float | FloatArray) -> BoolArray:
    """Where a probability lies at least `band` away from one half; bool (n,), False where it is NaN. A NaN band counts as 0."""
    found: BoolArray = np.abs(p - 0.5) >= np.nan_to_num(band) - ROUNDING
    return found


def _forest(
    X: FloatArray, y: FloatArray, seed: int, *, trees: float, depth: float, leaf: float, drawn: float, columns: float
) -> Any:
    """A forest of regression trees on the labels, whose mean is a probability; each sees a draw of the rows without replacement."""
    xgboost = boosting()

    settings = {
        "objective": "reg:squarederror", "base_score": float(y.mean()), "learning_rate": 1.0, "lambda": 0.0,
        "max_depth": int(depth), "min_child_weight": leaf, "subsample": drawn, "colsample_bynode": columns,
        "num_parallel_tree": int(trees), "max_bin": SPLIT_BINS, "tree_method": "hist", "nthread": 1, "seed": seed,
    }  # fmt: skip
    return xgboost.train(settings, xgboost.DMatrix(X, y, nthread=1), 1)


def _boosted(X: FloatArray, y: FloatArray, seed: int) -> Any:
    xgboost = boosting()

    settings = {
        **BOOSTED,
        "objective": "binary:logistic",
        "max_bin": SPLIT_BINS,
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed,
    }
    return xgboost.train(settings, xgboost.DMatrix(X, y, nthread=1), BOOSTED_TREES)


def _sigmoid(odds: FloatArray) -> FloatArray:
    result: FloatArray = 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
    return result
