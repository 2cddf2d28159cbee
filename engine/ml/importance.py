"""What each feature is worth to a model on rows it did not learn from: how much worse it judges them with that column shuffled.

Source: Breiman, "Random Forests", Machine Learning 45 (2001), section 10, with the log-loss as the measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.domain import FloatArray
    from engine.ml.model import SignalModel

REPEATS = 2
#: The least probability whose logarithm is taken.
LEAST = 1e-15


def log_loss(y: NDArray[np.int8], p: FloatArray, weights: FloatArray | None = None) -> float:
    """The mean of -log(probability of what came), over the rows with probabilities; NaN without any.

    y: int8 (m,), -1, 0 or 1; p: float64 (m, 3), SELL, HOLD, BUY; weights: float64 (m,), what each row counts (None: 1).
    """
    known = np.flatnonzero(~np.isnan(p).any(axis=1))
    if not known.size:
        return float("nan")
    losses = -np.log(np.maximum(p[known, y[known].astype(np.int64) + 1], LEAST))
    return float(np.average(losses, weights=None if weights is None else weights[known]))


def permutation(model: SignalModel, X: FloatArray, y: NDArray[np.int8], *, seed: int, repeats: int = REPEATS) -> FloatArray:
    """How much the log-loss on these rows grows when one column is shuffled among them, for each feature of the model.

    X: float64 (m, k), rows that the model did not learn from; y: int8 (m,). Returns float64 (k,), the mean over `repeats`
    shuffles; 0 for features that the model does not look at; below 0 where it does better without. NaN without rows.
    """
    result = np.zeros(X.shape[1])
    whole = log_loss(y, model.probabilities(X))
    if np.isnan(whole):
        return np.full(X.shape[1], np.nan)
    random = np.random.default_rng(seed)
    for column in model.selected:
        shuffled = X.copy()
        found = []
        for _repeat in range(repeats):
            shuffled[:, column] = random.permutation(X[:, column])
            found.append(log_loss(y, model.probabilities(shuffled)))
        result[column] = np.mean(found) - whole
    return result


def summary(names: Sequence[str], folds: Sequence[FloatArray], looked_at: Sequence[NDArray[np.int64]]) -> list[dict[str, Any]]:
    """The importances of several folds as the JSON of a report, the greatest first; features that no fold looked at are left out.

    folds: float64 (k,) each; looked_at: the selected columns of each. [{"feature", "importance" (mean growth of the log-loss over
    folds), "spread" (standard deviation over folds), "folds" (how many looked at it)}].
    """
    values = np.array(folds).reshape(len(folds), len(names))
    counts = np.bincount(np.concatenate(looked_at), minlength=len(names)) if looked_at else np.zeros(len(names), dtype=np.int64)
    rows = [
        {
            "feature": name,
            "importance": float(values[:, at].mean()),
            "spread": float(values[:, at].std()),
            "folds": int(counts[at]),
        }
        for at, name in enumerate(names)
        if counts[at]
    ]
    return sorted(rows, key=lambda row: (-row["importance"], row["feature"]))
