"""Whether a model still lives in the world it learnt from: its features, what is missing of them, and what came of its words.

Population stability index: sum over bins of (now - then) ln(now / then), bins being the deciles of the training rows (Siddiqi,
"Credit Risk Scorecards", 2006, 0.25 for a shift that matters). Under no drift it is about (1/n + 1/m) chi-squared with one degree of
freedom less than there are bins (Yurdakul, 2018), n and m being independent observations; a feature with a look-back of L bars has
about one in L bars. A feature has drifted when its index is above 0.25 and above what chance gives one time in 1000.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.backtest.evidence.bootstrap import resampled_rows
from engine.domain import jsonable
from engine.errors import UsageError
from engine.i18n import _, mark
from engine.ml.scores import frequencies
from engine.strategies.base import decimal, percent

if TYPE_CHECKING:
    from engine.domain import FloatArray, IntArray
    from engine.ml.dataset import Dataset

OK, WATCH, DEGRADED = mark("ok"), mark("watch"), mark("degraded")
BINS = 10
#: An empty bin counts as this share, so that the index stays finite.
LEAST_SHARE = 1e-4
SHIFT, CHANCE = 0.25, 0.001
#: From this share of the features on, their drift degrades the model; below, it is to be watched.
DRIFTED = 0.25
#: How much more is missing than in training, as a share of all values.
MISSING_WATCH, MISSING_DEGRADED = 0.05, 0.2
#: Instants that a judgement needs: of bars since the training, and of predictions whose outcome is known.
LEAST_BARS, LEAST_OUTCOMES = 20, 60
DRAWS, SEED = 500, 42
TAILS = (0.025, 0.975)
NAMED = 5


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Predictions of a live model whose label is known. y: int8 (m,), -1, 0, 1; p: float64 (m, 3), SELL, HOLD, BUY, no NaN; time:
    int64 (m,), instants; horizon: bars of the label, over which neighbours overlap.
    """

    y: NDArray[np.int8]
    p: FloatArray
    time: IntArray
    horizon: int


@dataclass(frozen=True, slots=True)
class Drift:
    """state: "ok", "watch" or "degraded"; reasons in words, also what could not be judged; figures: as JSON."""

    state: str
    reasons: tuple[str, ...]
    figures: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {"state": self.state, "reasons": list(self.reasons), **jsonable(self.figures)}


def reference(dataset: Dataset, names: Sequence[str]) -> dict[str, Any]:
    """What is to be kept of the training rows, as JSON: {"instants", "classes" (shares of SELL, HOLD, BUY), "features": {name:
    {"edges", "shares", "missing"}}}. names: columns of the data set.
    """
    columns = {name: dataset.X[:, dataset.features.index(name)] for name in names}
    return {
        "instants": int(np.unique(dataset.start).size),
        "classes": [float(share) for share in frequencies(dataset.y)],
        "features": {name: _distribution(values) for name, values in columns.items()},
    }


def psi(then: FloatArray, now: FloatArray) -> float:
    """The population stability index of two lists of shares that each sum to 1, float64 (bins,); 0 or more."""
    then, now = np.maximum(then, LEAST_SHARE), np.maximum(now, LEAST_SHARE)
    return float(((now - then) * np.log(now / then)).sum())


def feature_drift(kept: Mapping[str, Any], values: FloatArray, names: Sequence[str], instants: int) -> dict[str, dict[str, Any]]:
    """How each feature stands now: {name: {"psi", "limit", "drifted", "missing", "missing_then"}}, NaN psi without a value.

    kept: of `reference`. values: float64 (n, k), columns `names`, NaN undefined; instants: how many bars these rows span.
    Raises UsageError for a feature that was not kept.
    """
    from engine.features.catalogue import select

    found = {}
    for feature, column in zip(select(names=names), values.T, strict=True):
        then = kept["features"].get(feature.name)
        if then is None:
            raise UsageError(_("The training kept nothing of the feature {name}").format(name=feature.name))
        shares = _shares(column, np.array(then["edges"]))
        index = math.nan if np.isnan(shares).any() or not then["shares"] else psi(np.array(then["shares"]), shares)
        limit = max(SHIFT, chance_level(len(then["shares"]), instants, int(kept["instants"]), feature.lookback))
        found[feature.name] = {
            "psi": index,
            "limit": limit,
            "drifted": index > limit,
            "missing": float(np.isnan(column).mean()) if column.size else math.nan,
            "missing_then": then["missing"],
        }
    return found


def chance_level(bins: int, now: int, then: int, lookback: int) -> float:
    """What the index of an unchanged feature exceeds one time in 1000, of `now` and `then` bars that overlap over its look-back."""
    from scipy.special import chdtri

    if bins < 2 or not now or not then:
        return math.inf
    overlap = max(lookback, 1)
    return float(chdtri(bins - 1, CHANCE) * (overlap / now + overlap / then))


def calibration_drift(found: Outcomes, classes: Sequence[float], *, draws: int = DRAWS, seed: int = SEED) -> dict[str, Any]:
    """What became of a model's words: {"outcomes", "instants", "brier", "brier_frequencies" (of always saying the training's class
    frequencies), "worse_by" and its "low", "high", "confidence" (mean highest probability), "hits", "overconfident_by" and its
    "overconfident_low", "overconfident_high"}; intervals of 95 % by a block bootstrap over instants; NaN without outcomes.
    """
    truth = np.eye(3)[found.y.astype(np.int64) + 1]
    own = ((found.p - truth) ** 2).sum(axis=1)
    plain = ((np.asarray(classes) - truth) ** 2).sum(axis=1)
    sure = found.p.max(axis=1, initial=0.0)
    hit = (found.p.argmax(axis=1) == found.y.astype(np.int64) + 1).astype(np.float64)
    instants, place = np.unique(found.time, return_inverse=True)
    worse, over = (_interval(values, place, instants.size, found.horizon, draws, seed) for values in (own - plain, sure - hit))
    return {
        "outcomes": int(found.y.size),
        "instants": int(instants.size),
        "brier": _mean(own),
        "brier_frequencies": _mean(plain),
        "worse_by": _mean(own - plain),
        "low": worse[0],
        "high": worse[1],
        "confidence": _mean(sure),
        "hits": _mean(hit),
        "overconfident_by": _mean(sure - hit),
        "overconfident_low": over[0],
        "overconfident_high": over[1],
    }


def assess(
    kept: Mapping[str, Any] | None, values: FloatArray, names: Sequence[str], instants: int, found: Outcomes | None
) -> Drift:
    """The state of a live model. kept: of `reference`, None where a training kept nothing; values: float64 (n, k), its selected
    features `names` on bars after the training; instants: how many bars these span; found: what came of its predictions.

    degraded: a quarter of the features has drifted, a fifth more of the values is missing, or its probabilities were worse than the
    training's class frequencies (interval of the Brier scores' difference above 0). watch: any feature has drifted, 5 % more is
    missing, or it was surer than it was right (interval above 0). What is too little to be judged changes nothing and is said.
    """
    figures: dict[str, Any] = {"instants": instants, "features": {}, "calibration": None}
    if kept is None:
        return Drift(OK, (_("The training kept no distribution to compare with; train again to have drift watched."),), figures)
    reasons: list[str] = []
    states = {OK}
    if instants < LEAST_BARS:
        reasons.append(
            _("{count} bars since the training; features are compared from {least} on.").format(count=instants, least=LEAST_BARS)
        )
    else:
        features = feature_drift(kept, values, names, instants)
        figures["features"] = features
        states |= _of_features(features, reasons)
    known = 0 if found is None else int(np.unique(found.time).size)
    if found is None or known < LEAST_OUTCOMES:
        reasons.append(
            _("The outcome is known for predictions of {count} bars; they are judged from {least} on.").format(
                count=known, least=LEAST_OUTCOMES
            )
        )
    else:
        figures["calibration"] = calibration_drift(found, kept["classes"])
        states |= _of_calibration(figures["calibration"], reasons)
    return Drift(next(state for state in (DEGRADED, WATCH, OK) if state in states), tuple(reasons), figures)


def _of_features(features: Mapping[str, Mapping[str, Any]], reasons: list[str]) -> set[str]:
    states = set()
    drifted = sorted((name for name in features if features[name]["drifted"]), key=lambda name: -features[name]["psi"])
    if drifted:
        states.add(DEGRADED if len(drifted) >= DRIFTED * len(features) else WATCH)
        listed = ", ".join(f"{name} {decimal(features[name]['psi'])}" for name in drifted[:NAMED])
        reasons.append(
            _("{count} of {all} features are distributed otherwise than in training (PSI): {names}.").format(
                count=len(drifted), all=len(features), names=listed + (" ..." if len(drifted) > NAMED else "")
            )
        )
    more = float(np.mean([item["missing"] - item["missing_then"] for item in features.values()]))
    if more >= MISSING_WATCH:
        states.add(DEGRADED if more >= MISSING_DEGRADED else WATCH)
        reasons.append(_("{more} more of the feature values are missing than in training.").format(more=percent(more)))
    return states


def _of_calibration(figures: Mapping[str, Any], reasons: list[str]) -> set[str]:
    states = set()
    if figures["low"] > 0:
        states.add(DEGRADED)
        reasons.append(
            _(
                "Its probabilities were worse than the class frequencies of the training: Brier score {own} against {plain}."
            ).format(own=decimal(figures["brier"], 3), plain=decimal(figures["brier_frequencies"], 3))
        )
    if figures["overconfident_low"] > 0:
        states.add(WATCH)
        reasons.append(
            _("It said {confidence} on average and was right in {hits} of the cases.").format(
                confidence=percent(figures["confidence"], 0), hits=percent(figures["hits"], 0)
            )
        )
    return states


def _distribution(values: FloatArray) -> dict[str, Any]:
    defined = values[~np.isnan(values)]
    edges = np.unique(np.quantile(defined, np.linspace(0, 1, BINS + 1)[1:-1])) if defined.size else np.empty(0)
    shares = _shares(values, edges)
    return {
        "edges": edges.tolist(),
        "shares": [] if np.isnan(shares).any() else shares.tolist(),
        "missing": float(np.isnan(values).mean()),
    }


def _shares(values: FloatArray, edges: FloatArray) -> FloatArray:
    """The share of the defined values in each bin, a value on an edge in the bin below; NaN without any."""
    defined = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(edges, defined, side="left"), minlength=edges.size + 1)
    result: FloatArray = counts / defined.size if defined.size else np.full(edges.size + 1, np.nan)
    return result


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else math.nan


def _interval(values: FloatArray, place: IntArray, instants: int, horizon: int, draws: int, seed: int) -> tuple[float, float]:
    """95 % of the mean of values, all those of an instant drawn together, in blocks as long as the labels overlap."""
    if instants < 2:
        return math.nan, math.nan
    total, count = np.bincount(place, values, instants), np.bincount(place, minlength=instants)
    drawn = [
        total[rows].sum(axis=1) / count[rows].sum(axis=1)
        for rows in resampled_rows(instants, draws, max(1.0, min(2.0 * horizon, instants / 2)), seed)
    ]
    low, high = np.quantile(np.concatenate(drawn), TAILS)
    return float(low), float(high)
