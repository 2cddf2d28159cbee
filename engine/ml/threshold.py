"""From which confidence on a model's word is taken: chosen on rows that it did not learn from, before the test rows begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.i18n import mark
from engine.ml.scores import frequencies, wilson

if TYPE_CHECKING:
    from engine.domain import FloatArray

DEFAULT = 0.6
CANDIDATES = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
#: How many rows, counted by their uniqueness, a threshold must let through before its hits say anything.
LEAST = 20.0

CHOSEN = mark("its calls are the surest to beat chance on the validation rows")
KEPT = mark("the default, for no threshold is surely better than chance on enough validation rows")


@dataclass(frozen=True, slots=True)
class Threshold:
    """The least probability at which BUY or SELL is taken, why this one, and how each candidate did.

    evidence: for each candidate {"threshold", "rows", "effective_rows", "hits" (share that came true), "low" (its Wilson bound of
    95 %), "chance" (the share that comes true when what came is drawn from the classes of all validation rows)}.
    """

    value: float
    reason: str
    evidence: tuple[dict[str, Any], ...]


def choose(y: NDArray[np.int8], p: FloatArray, weights: FloatArray) -> Threshold:
    """The candidate whose calls are surest to come true beyond chance: the greatest lower bound of hits less chance; of equals the
    lowest.

    y: int8 (v,), -1, 0 or 1; p: float64 (v, 3), SELL, HOLD, BUY, NaN rows are left out; weights: float64 (v,), uniqueness, whose
    sum is the number of rows of the bound. A call is a row whose highest probability is that of BUY or SELL. A candidate counts
    when its calls are worth at least `LEAST` rows and the bound lies above chance; when none does, the default stays.
    """
    known = ~np.isnan(p).any(axis=1)
    y, p, weights = y[known], p[known], weights[known]
    said, sure = p.argmax(axis=1) - 1, p.max(axis=1, initial=0.0)
    evidence: list[dict[str, Any]] = []
    best = 0.0
    shares = frequencies(y)
    value, reason = DEFAULT, KEPT
    for candidate in CANDIDATES:
        calls = (said != 0) & (sure >= candidate)
        count = float(weights[calls].sum())
        hits = float((said[calls] == y[calls]).mean()) if calls.any() else float("nan")
        chance = float(shares[said[calls] + 1].mean()) if calls.any() else float("nan")
        low = wilson(hits, count)[0]
        figures = {"effective_rows": count, "hits": hits, "low": low, "chance": chance}
        evidence.append({"threshold": candidate, "rows": int(calls.sum()), **figures})
        if count >= LEAST and low - chance > best:
            best, value, reason = low - chance, candidate, CHOSEN
    return Threshold(value, reason, tuple(evidence))
