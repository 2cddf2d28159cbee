"""A model for every bar that knew nothing of it: fitted again and again, each time on what had ended before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import Progress, silent
from engine.errors import NoDataError, UsageError
from engine.features import catalogue
from engine.i18n import _
from engine.ml import model
from engine.ml.dataset import Dataset, build
from engine.ml.weights import uniqueness

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray, IntArray

#: Bars between two fits (a quarter of a year of days), and rows that the first fit learns from.
REFIT, MIN_TRAIN = 63, 500


@dataclass(frozen=True, slots=True)
class WalkForwardPlan:
    """How the models are made. kind, params, select_k, calibrate, balance, seed: as in `engine.ml.model.fit`. features: names, empty for
    the whole catalogue. label_kind, label_params: as in `engine.ml.labels.make`. refit: bars between two fits; min_train: rows that
    the first one needs.
    """

    kind: str = model.FOREST
    features: tuple[str, ...] = ()
    label_kind: str = "fixed"
    label_params: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    select_k: int = model.SELECTED
    calibrate: bool = True
    balance: bool = False
    seed: int = model.SEED
    refit: int = REFIT
    min_train: int = MIN_TRAIN


@dataclass(frozen=True, slots=True)
class Fit:
    """One fit. bar: index of the first bar that it judges; rows: how many it learnt from; known: index of the last bar of their labels."""

    bar: int
    rows: int
    known: int


@dataclass(frozen=True, slots=True)
class Walked:
    """probabilities: float64 (n, 3), columns SELL, HOLD, BUY, NaN before the first fit and where no selected feature is defined."""

    probabilities: FloatArray
    fits: tuple[Fit, ...]


def walk(bars: Bars, plan: WalkForwardPlan, progress: Progress = silent) -> Walked:
    """Judge every bar of one symbol by a model of the rows whose labels had ended before the bar at which it was fitted.

    Fits are at the bars whose index is a multiple of `plan.refit`, so that what is known at a bar does not depend on how many
    follow. A row is learnt from once its whole horizon has passed, also where its label was decided earlier: rows that are
    decided quickly would else come first. Equal arguments give equal results. `progress` counts fits. Raises UsageError for
    numbers, features, labels or parameters that are not possible.
    """
    if plan.refit < 1 or plan.min_train < 1:
        raise UsageError(_("A walk-forward needs at least 1 bar between two fits and 1 row to learn from"))
    model.checked_params(plan.kind, plan.params)
    found = np.full((len(bars), 3), np.nan)
    features = catalogue.select(names=plan.features or None)
    try:
        dataset = build({bars.symbol: bars}, features, plan.label_kind, plan.label_params)
    except NoDataError:
        return Walked(found, ())
    values = catalogue.compute(bars, features)
    ends = np.searchsorted(bars.time, dataset.end)
    known = dataset.row + int(dataset.label["horizon"])
    begins = range(plan.refit, len(bars), plan.refit)
    fits: list[Fit] = []
    for count, begin in enumerate(begins):
        progress(count, len(begins), bars.symbol)
        rows = np.flatnonzero(known < begin)
        if rows.size < plan.min_train:
            continue
        fitted = _fitted(dataset, rows, ends, plan)
        if fitted is not None:
            judged = slice(begin, begin + plan.refit)
            found[judged] = fitted.probabilities(values[judged])
            fits.append(Fit(begin, rows.size, int(ends[rows].max())))
    progress(len(begins), len(begins), bars.symbol)
    return Walked(found, tuple(fits))


def walk_forward_probabilities(bars: Bars, plan: WalkForwardPlan, progress: Progress = silent) -> FloatArray:
    """The probabilities of `walk`, float64 (n, 3)."""
    return walk(bars, plan, progress).probabilities


def _fitted(dataset: Dataset, rows: IntArray, ends: IntArray, plan: WalkForwardPlan) -> model.SignalModel | None:
    """The model of these rows, weighted by how far they overlap each other alone; None where too little is defined to learn."""
    weights = np.zeros(len(dataset))
    weights[rows] = uniqueness(dataset.row[rows], ends[rows])
    known = replace(dataset, weights=weights)
    options: dict[str, Any] = {"select_k": plan.select_k, "calibrate": plan.calibrate, "balance": plan.balance, "seed": plan.seed}
    try:
        return model.fit(known, rows, plan.kind, plan.params, **options)
    except NoDataError:
        return None
