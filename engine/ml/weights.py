"""How much a row counts: labels that overlap tell the same story twice, and rare classes would drown in frequent ones.

Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018), 4.2 to 4.4 and 4.8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray


def uniqueness(start_index: IntArray, end_index: IntArray) -> FloatArray:
    """The average uniqueness of each label of one symbol: the mean of 1 / (labels at work) over the bars it looks at.

    start_index, end_index: int64 (m,), bar indices of the row and of its label's end; a label looks at the bars after its row,
    start + 1 to end, so that labels of horizon 1 do not overlap. Returns float64 (m,) in (0, 1]; their sum is the number of
    rows that the m rows are worth. The value of a row depends on nothing after the end of its own label. The symbols of a
    pooled table are weighted one by one: that they move together is not counted. Raises UsageError for a label that does not
    end after its row, or that begins before bar 0.
    """
    if start_index.shape != end_index.shape or (end_index <= start_index).any() or (start_index < 0).any():
        raise UsageError(_("Every label must end on a bar after the one it belongs to"))
    if not start_index.size:
        return np.empty(0)
    bars = int(end_index.max()) + 2
    change = np.bincount(start_index + 1, minlength=bars) - np.bincount(end_index + 1, minlength=bars)
    at_work = np.cumsum(change)
    shares = np.cumsum(np.divide(1.0, at_work, out=np.zeros(bars), where=at_work > 0))
    result: FloatArray = np.minimum((shares[end_index] - shares[start_index]) / (end_index - start_index), 1.0)
    return result


def balanced(y: NDArray[np.int8], weights: FloatArray | None = None) -> FloatArray:
    """A factor a row, float64 (m,), that gives every class among `y` the same total: total / (classes x total of the class).

    weights: float64 (m,), what the rows count otherwise (None: 1 each, and the result is scikit-learn's "balanced").
    """
    classes, place = np.unique(y, return_inverse=True)
    totals = np.bincount(place, weights, minlength=classes.size).astype(np.float64)
    result: FloatArray = (totals.sum() / (classes.size * totals))[place] if classes.size else np.empty(0)
    return result


def sample_weights(uniqueness: FloatArray, y: NDArray[np.int8], balance: bool) -> FloatArray:
    """The weights to learn with: uniqueness, times the class balance if asked for, scaled to a mean of 1; float64 (m,).

    Give the rows that are learnt from, no others: the balance and the scale are of these rows.
    """
    weights = uniqueness * balanced(y, uniqueness) if balance else uniqueness
    result: FloatArray = weights / weights.mean() if weights.size else np.empty(0)
    return result
