"""The classifier of signals: what it learnt from the training rows, and the probabilities of SELL, HOLD and BUY it gives.

Everything that is fitted (the choice of columns, their centre and scale, the trees, the calibration) comes from the rows given
to `fit`, no others. Undefined features stay undefined: both families of trees take them as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import NoDataError, UsageError
from engine.i18n import _
from engine.ml.boosting import boosting
from engine.ml.splits import hold_out
from engine.ml.weights import sample_weights
from engine.strategies.base import did_you_mean

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray
    from engine.ml.dataset import Dataset

FOREST, BOOSTED = "random_forest", "xgboost"
#: The families of models and the parameters of each that are asked for in the requirement.
DEFAULTS: Mapping[str, Mapping[str, int | float]] = {
    FOREST: {"n_estimators": 200, "max_depth": 10, "min_samples_split": 100, "min_samples_leaf": 50},
    BOOSTED: {"n_estimators": 200, "max_depth": 6, "learning_rate": 0.1, "subsample": 0.8, "colsample_bytree": 0.8},
}
SELECTED = 20
SEED = 42
#: Of xgboost: its threads wait for each other by spinning, which on busy cores takes many times the work itself.
THREADS = 1
FOREST_THREADS = 2
#: Bins of a column in which xgboost looks for splits: enough for thousands of noisy rows, and several times faster than its 256.
SPLIT_BINS = 64
#: Bins of a feature, each of about equally many rows, in which its information about the label is counted.
INFORMATION_BINS = 10
#: How near to 0 and 1 a probability may be before its log-odds are taken.
NEAREST = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class SignalModel:
    """A fitted classifier.

    kind: "random_forest" or "xgboost". features: the names of the k columns it is given; schema: the hash of their formulas.
    selected: int64 (s,), the columns it looks at, the most informative first. center, scale: float64 (s,), median and
    interquartile range of these in the training rows. estimator: an xgboost.Booster of three classes, or a scikit-learn
    RandomForestClassifier whose `classes_` are those of 0 SELL, 1 HOLD, 2 BUY that occurred.
    slope, intercept: float64 (3,), the calibration of each class: sigmoid(slope x log-odds + intercept), rows then divided by
    their sum. params: those of the estimator, and select_k, calibrate and seed.
    """

    kind: str
    features: tuple[str, ...]
    schema: str
    selected: IntArray
    center: FloatArray
    scale: FloatArray
    estimator: Any
    slope: FloatArray
    intercept: FloatArray
    params: Mapping[str, Any]

    def inputs(self, X: FloatArray) -> FloatArray:
        """The selected columns of X (n, k), centred and scaled: float64 (n, s), what the estimator sees. Raises UsageError."""
        if X.ndim != 2 or X.shape[1] != len(self.features):
            raise UsageError(_("This model takes {count} features a row").format(count=len(self.features)))
        result: FloatArray = (X[:, self.selected] - self.center) / self.scale
        if np.isinf(result).any():
            raise UsageError(_("A feature is infinite, which no model can judge"))
        return result

    def raw(self, X: FloatArray) -> FloatArray:
        """The estimator's own probabilities, float64 (n, 3), not calibrated; NaN where every selected feature is undefined."""
        inputs = self.inputs(X)
        result = np.full((len(X), 3), np.nan)
        rows = np.flatnonzero(~np.isnan(inputs).all(axis=1))
        if rows.size:
            result[rows] = _estimated(self.kind, self.estimator, inputs[rows])
        return result

    def probabilities(self, X: FloatArray) -> FloatArray:
        """float64 (n, 3), columns SELL, HOLD, BUY, rows sum to 1; NaN rows where every selected feature is undefined.

        X: float64 (n, k), the columns of `features`, NaN undefined. A row's answer does not depend on the other rows.
        Raises UsageError for another number of columns or an infinite value.
        """
        return calibrated(self.raw(X), self.slope, self.intercept)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model and its evidence inside the training rows: the held-out rows and their calibrated probabilities (v, 3).

    These come from a first fit on the rows before them, by the same procedure; both are empty without calibration.
    """

    model: SignalModel
    held_out: IntArray
    probabilities: FloatArray


def fit(
    dataset: Dataset,
    rows: IntArray,
    kind: str,
    params: Mapping[str, Any] | None = None,
    *,
    select_k: int = SELECTED,
    calibrate: bool = True,
    balance: bool = False,
    seed: int = SEED,
) -> SignalModel:
    """The model that learnt from these rows of the data set; the arguments and errors are those of `fit_with_evidence`."""
    options: dict[str, Any] = {"select_k": select_k, "calibrate": calibrate, "balance": balance, "seed": seed}
    return fit_with_evidence(dataset, rows, kind, params, **options).model


def fit_with_evidence(
    dataset: Dataset,
    rows: IntArray,
    kind: str,
    params: Mapping[str, Any] | None = None,
    *,
    select_k: int = SELECTED,
    calibrate: bool = True,
    balance: bool = False,
    seed: int = SEED,
) -> Fitted:
    """Select, scale, fit and calibrate on `rows` (int64 indices into the data set) alone; rows count by their uniqueness.

    Calibration: a first model learns from the rows before the last fifth, without those whose labels reach into it, and its
    answers on that fifth are calibrated (Platt); the final model learns from all rows and takes the calibration over, as
    scikit-learn's CalibratedClassifierCV(ensemble=False) does. The same data and seed give the same model.
    params: over `DEFAULTS[kind]`. select_k: the columns to keep, at most. balance: every class counts the same while the trees
    learn; the calibration, on rows as they came, brings the frequencies back. Raises UsageError for a family or parameter that does
    not exist or a value that is not possible, NoDataError when the rows are too few.
    """
    from engine.features.catalogue import schema_hash

    chosen = checked_params(kind, params or {})
    if select_k < 1:
        raise UsageError(_("A model needs at least 1 feature, not {count}").format(count=select_k))
    said = {**chosen, "select_k": select_k, "calibrate": calibrate, "balance": balance, "seed": seed}
    identity = np.ones(3), np.zeros(3)
    schema = schema_hash(dataset.features)

    def learnt(rows: IntArray, slope: FloatArray, intercept: FloatArray) -> SignalModel:
        selected, center, scale, estimator = _learn(dataset, rows, kind, chosen, select_k, balance, seed)
        return SignalModel(kind, dataset.features, schema, selected, center, scale, estimator, slope, intercept, said)

    if not calibrate:
        return Fitted(learnt(rows, *identity), np.empty(0, dtype=np.int64), np.empty((0, 3)))
    earlier, later = hold_out(dataset.start, dataset.end, rows)
    with ThreadPoolExecutor(1) as other:
        whole = other.submit(learnt, rows, *identity)
        raw = learnt(earlier, *identity).raw(dataset.X[later])
    judged = ~np.isnan(raw).any(axis=1)
    slope, intercept = platt(raw[judged], dataset.y[later][judged], dataset.weights[later][judged])
    final = replace(whole.result(), slope=slope, intercept=intercept)
    return Fitted(final, later, calibrated(raw, slope, intercept))


def checked_params(kind: str, params: Mapping[str, Any]) -> dict[str, int | float]:
    """The defaults of a family with `params` put over them. Raises UsageError for what does not exist or is not possible."""
    if kind not in DEFAULTS:
        raise UsageError(_("There is no model {name}").format(name=kind), did_you_mean(kind, dict.fromkeys(DEFAULTS)))
    known = DEFAULTS[kind]
    for name, value in params.items():
        if name not in known:
            raise UsageError(
                _("The model {kind} has no parameter {name}").format(kind=kind, name=name), did_you_mean(name, known)
            )
        whole = isinstance(known[name], int)
        accepted = (int, np.integer) if whole else (int, float, np.floating)
        least = 2 if name == "min_samples_split" else 1
        if isinstance(value, bool) or not isinstance(value, accepted) or (value < least if whole else not 0 < value <= 1):
            raise UsageError(_("{name} of a model cannot be {value}").format(name=name, value=repr(value)[:60]))
    return {**known, **params}


def information(values: FloatArray, y: NDArray[np.int8], weights: FloatArray) -> tuple[float, float]:
    """The mutual information (nats) of one feature with the label, counted in `INFORMATION_BINS` bins of equal rows; 0 or more.
    And how far it lies above what chance gives features of as many bins, in standard deviations (the G statistic less its degrees
    of freedom, over the root of twice these): it tells apart those whose information is 0.

    values: float64 (m,), rows where it is NaN tell nothing; y: int8 (m,); weights: float64 (m,), average uniqueness, whose sum
    is the number of rows of the bias correction. Source: Cover and Thomas, "Elements of Information Theory" (2006), 2.3;
    Miller, "Note on the bias of information estimates" (1955); Sokal and Rohlf, "Biometry" (1981), 17. Binned, where the requirement's nearest-neighbour estimate takes
    no undefined value and is a hundred times slower.
    """
    defined = ~np.isnan(values)
    values, kept = values[defined], weights[defined]
    if values.size < 2:
        return 0.0, -np.inf
    edges = np.unique(np.quantile(values, np.linspace(0, 1, INFORMATION_BINS + 1)[1:-1]))
    place = np.searchsorted(edges, values, side="left")
    joint = np.bincount(place * 3 + y[defined] + 1, kept, minlength=3 * (edges.size + 1)).reshape(-1, 3)
    total = joint.sum()
    bins, classes = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
    expected = bins * classes / total
    there = joint > 0
    found = float((joint[there] * np.log(joint[there] / expected[there])).sum() / total)
    freedom = (np.count_nonzero(bins) - 1) * (np.count_nonzero(classes) - 1)
    if not freedom:
        return 0.0, -np.inf
    told = max(found - freedom / (2 * total), 0.0) * total / weights.sum()
    return float(told), float((2 * total * found - freedom) / np.sqrt(2 * freedom))


def platt(raw: FloatArray, y: NDArray[np.int8], weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The slope and intercept of each class, float64 (3,): one logistic regression on the log-odds, one class against the rest.

    raw: float64 (v, 3); y: int8 (v,); weights: float64 (v,). Targets are smoothed as by Platt (1999), so that a class that never
    came is not given probability 0. A slope below 0 would turn the model's order round for the sake of few rows: it is 0
    then, and the class keeps its frequency. Raises NoDataError without rows.
    """
    from sklearn.linear_model import LogisticRegression

    if not len(raw):
        raise NoDataError(_("No row is left to calibrate the model on"), _("Take a longer period or more symbols."))
    slope, intercept = np.zeros(3), np.zeros(3)
    odds = _log_odds(raw)
    for place in range(3):
        happened = y == place - 1
        inside, outside = float(weights[happened].sum()), float(weights[~happened].sum())
        target = np.where(happened, (inside + 1) / (inside + 2), 1 / (outside + 2))
        both = np.concatenate((target * weights, (1 - target) * weights))
        answer = np.repeat([1, 0], len(raw))
        found = LogisticRegression(C=1e6).fit(np.tile(odds[:, [place]], (2, 1)), answer, sample_weight=both)
        slope[place], intercept[place] = found.coef_[0, 0], found.intercept_[0]
        if slope[place] < 0:
            share = float(target @ weights / weights.sum())
            slope[place], intercept[place] = 0.0, np.log(share / (1 - share))
    return slope, intercept


def calibrated(raw: FloatArray, slope: FloatArray, intercept: FloatArray) -> FloatArray:
    """Probabilities (n, 3) after the calibration of each class, rows divided by their sum; NaN rows stay NaN."""
    p = 1 / (1 + np.exp(-(slope * _log_odds(raw) + intercept)))
    result: FloatArray = p / p.sum(axis=1, keepdims=True)
    return result


def _log_odds(p: FloatArray) -> FloatArray:
    near = np.clip(p, NEAREST, 1 - NEAREST)
    result: FloatArray = np.log(near / (1 - near))
    return result


def _learn(
    dataset: Dataset, rows: IntArray, kind: str, params: Mapping[str, Any], select_k: int, balance: bool, seed: int
) -> tuple[IntArray, FloatArray, FloatArray, Any]:
    """The selected columns, their centre and scale, and the estimator, of these rows."""
    X, y, unique = dataset.X[rows], dataset.y[rows], dataset.weights[rows]
    known = np.flatnonzero(~np.isnan(X).all(axis=0)) if rows.size else np.empty(0, dtype=np.int64)
    if not known.size:
        raise NoDataError(_("No row is left for a model to learn from"), _("Take a longer period or more symbols."))
    if np.isinf(X).any():
        raise UsageError(_("A feature is infinite, which no model can learn from"))
    told, surprise = np.array([information(X[:, column], y, unique) for column in known]).T
    selected = known[np.lexsort((-surprise, -told))[:select_k]].astype(np.int64)
    low, center, high = np.nanquantile(X[:, selected], (0.25, 0.5, 0.75), axis=0)
    scale = np.where(high > low, high - low, 1.0)
    inputs = (X[:, selected] - center) / scale
    estimator = _estimator(kind, params, seed, inputs, y.astype(np.int64) + 1, sample_weights(unique, y, balance))
    return selected, center, scale, estimator


def _estimator(kind: str, params: Mapping[str, Any], seed: int, X: FloatArray, target: IntArray, weights: FloatArray) -> Any:
    if kind == FOREST:
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(**params, random_state=seed, n_jobs=FOREST_THREADS).fit(X, target, weights)
        # Threads add the answers of the trees up in any order, and a sum of floats depends on it.
        return forest.set_params(n_jobs=1)
    xgboost = boosting()

    own = {name: value for name, value in params.items() if name != "n_estimators"}
    settings = {**own, "objective": "multi:softprob", "num_class": 3, "tree_method": "hist", "max_bin": SPLIT_BINS, "seed": seed}
    # One thread: those of xgboost wait for each other by spinning, which on busy cores takes many times the work itself.
    return xgboost.train(
        {**settings, "nthread": 1}, xgboost.DMatrix(X, target, weight=weights, nthread=1), params["n_estimators"]
    )


def _estimated(kind: str, estimator: Any, inputs: FloatArray) -> FloatArray:
    if kind == FOREST:
        p = np.zeros((len(inputs), 3))
        p[:, estimator.classes_] = estimator.predict_proba(inputs)
        return p
    xgboost = boosting()

    p = estimator.predict(xgboost.DMatrix(inputs, nthread=THREADS)).astype(np.float64)
    result: FloatArray = p / p.sum(axis=1, keepdims=True)
    return result
