"""What probabilities of a higher close were worth: the figures of an evaluation, each with its number of sessions.

p, y and other arrays are float64 (n,), oldest first: the probability given, and 1 where the close was higher, else 0. A call is
"up" where p is at least one half. A figure that the sessions cannot tell is NaN. Intervals are of 95 %: Wilson's for shares, a
stationary block bootstrap for differences. Sources: Wilson, JASA 22 (1927); Politis and Romano, JASA 89 (1994); Brier (1950).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backtest.evidence.bootstrap import resampled_rows
from engine.domain import from_day_number
from engine.ml.direction.gate import THRESHOLD, WINDOW, rolled_hits
from engine.ml.direction.models import surely
from engine.ml.scores import wilson

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray

#: Distances from one half of which accuracy and coverage are told.
DISTANCES = (0.0, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
DRAWS, BLOCK = 1_000, 10.0
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def share_of(hits: BoolArray) -> dict[str, Any]:
    """{"accuracy", "n", "interval"} of bool (n,)."""
    accuracy = float(hits.mean()) if hits.size else math.nan
    return {"accuracy": accuracy, "n": int(hits.size), "interval": list(wilson(accuracy, hits.size))}


def basic(p: FloatArray, y: FloatArray, climate: FloatArray) -> dict[str, float]:
    """Balanced accuracy, Matthews correlation, area under the ROC curve, Brier score and its skill.

    climate: float64 (n,), the share of higher closes known at each decision, whose Brier score the skill is measured against.
    """
    up, called = y > 0.5, p >= 0.5
    tp, tn = np.count_nonzero(up & called), np.count_nonzero(~up & ~called)
    fp, fn = np.count_nonzero(~up & called), np.count_nonzero(up & ~called)
    both = up.any() and not up.all()
    spread = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    brier = float(((p - y) ** 2).mean()) if p.size else math.nan
    naive = float(((climate - y) ** 2).mean()) if p.size else math.nan
    return {
        "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2 if both else math.nan,
        "mcc": ((tp * tn - fp * fn) / spread if spread else 0.0) if both else math.nan,
        "auc": auc(p, up),
        "brier": brier,
        "brier_skill": 1 - brier / naive if p.size and naive > 0 else math.nan,
    }


def auc(p: FloatArray, up: BoolArray) -> float:
    """The chance that a session that rose had a higher probability than one that did not, ties counting half."""
    rose, fell = np.sort(p[up]), np.sort(p[~up])
    if not rose.size or not fell.size:
        return math.nan
    below = np.searchsorted(fell, rose, side="left") + np.searchsorted(fell, rose, side="right")
    return float(below.sum() / (2 * rose.size * fell.size))


def by_group(hits: BoolArray, groups: list[str]) -> dict[str, dict[str, Any]]:
    """`share_of` the hits of each group, in the order in which the groups first come."""
    names = np.array(groups)
    return {name: share_of(hits[names == name]) for name in dict.fromkeys(groups)}


def years(session: IntArray) -> list[str]:
    """The year of each session day."""
    return [str(from_day_number(day).year) for day in session.tolist()]


def windows(hits: BoolArray) -> dict[str, Any]:
    """The accuracy in every window of 30 sessions in a row: number, share of at least 75 %, quantiles, the newest."""
    rolled = rolled_hits(hits, WINDOW)
    rate = rolled / WINDOW
    found = np.quantile(rate, QUANTILES) if rate.size else np.full(len(QUANTILES), np.nan)
    return {
        "windows": int(rolled.size),
        "share_at_least_75": float((rolled >= THRESHOLD * WINDOW).mean()) if rolled.size else math.nan,
        "quantiles": {f"p{round(100 * at)}": float(value) for at, value in zip(QUANTILES, found)},
        "newest": float(rate[-1]) if rate.size else math.nan,
        "counts": np.bincount(rolled, minlength=WINDOW + 1).tolist(),
    }


def selective(p: FloatArray, hits: BoolArray) -> list[dict[str, Any]]:
    """Accuracy on the sessions whose probability lies at least so far from one half, for distances that hold a session."""
    found = []
    for distance in DISTANCES:
        said = surely(p, distance)
        if said.any():
            found.append({"distance": distance, "coverage": float(said.mean()), **share_of(hits[said])})
    return found


def differences(hits: BoolArray, others: Mapping[str, BoolArray | FloatArray], seed: int) -> dict[str, dict[str, Any]]:
    """By how much the accuracy is above that of each other on the same sessions: {"difference", "interval"}.

    others: right or not, bool (n,), or how often it was right in several draws, float64 (n,).
    """
    names = list(others)
    gains = np.column_stack([hits.astype(np.float64) - others[name] for name in names]) if names else np.zeros((hits.size, 0))
    if hits.size < 2:
        return {name: {"difference": math.nan, "interval": [math.nan, math.nan]} for name in names}
    drawn = [gains[rows].mean(axis=1) for rows in resampled_rows(hits.size, DRAWS, min(BLOCK, hits.size / 2), seed)]
    low, high = np.quantile(np.concatenate(drawn), (0.025, 0.975), axis=0)
    return {
        name: {"difference": float(gains[:, at].mean()), "interval": [float(low[at]), float(high[at])]}
        for at, name in enumerate(names)
    }
