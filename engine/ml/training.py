"""Training a classifier of signals: fold after fold forward in time, then once on everything, with a report of what it is worth.

Each fold chooses its columns, scale, parameters, calibration and threshold on its training rows and is judged on the test rows
that follow. The figures of the report are of these out-of-fold answers alone; the final model, which saw every row, is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import iso, silent
from engine.errors import GateError, NoDataError, UsageError
from engine.i18n import _
from engine.ml import dataset as datasets
from engine.ml import drift, importance, model, threshold, tuning
from engine.ml.checkpoints import search_key
from engine.ml.scores import CLASSES, frequencies, last_known, scores
from engine.ml.splits import Fold, walk_forward
from engine.ml.verdict import judge

if TYPE_CHECKING:
    from engine.domain import Bars, FloatArray, IntArray, Progress
    from engine.features.catalogue import Feature
    from engine.ml.checkpoints import Checkpoints
    from engine.ml.dataset import Dataset

Emit = Callable[[str, dict[str, Any]], None]
#: Bars of the look-ahead proof that every training begins with: the longest look-back of the catalogue and some more.
PROVED_BARS = 320
PERTURBATIONS = 16


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What to train. symbols: those of one model, pooled. kind: the family. features: names, none means the whole catalogue.

    label, label_params: as in `labels.make`. folds: of the walk-forward. trials: of the search in each fold and for the final
    model, 0 for `params` over the defaults as they are. select_k: columns that a model keeps. balance: every class
    counts the same while a model learns. embargo: seconds between
    training and test beyond the label's end. start: rows from this instant on (UTC seconds; earlier bars only warm up).
    """

    symbols: tuple[str, ...]
    kind: str = model.FOREST
    features: tuple[str, ...] = ()
    label: str = "fixed"
    label_params: Mapping[str, Any] = field(default_factory=dict)
    folds: int = 5
    trials: int = 0
    select_k: int = model.SELECTED
    balance: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)
    embargo: int = 0
    start: int | None = None
    seed: int = model.SEED


@dataclass(frozen=True, slots=True, eq=False)
class OutOfFold:
    """The answers of the folds on their test rows, r rows in time order.

    symbol: int64 (r,), places in the plan's symbols; row: int64 (r,), bar indices; probabilities: float64 (r, 3), SELL, HOLD,
    BUY, NaN where no selected feature was defined; threshold: float64 (r,), that of the fold.
    """

    symbol: IntArray
    row: IntArray
    probabilities: FloatArray
    threshold: FloatArray

    def sure(self, code: int, bars: int) -> FloatArray:
        """What one symbol's folds said bar by bar, float64 (bars, 3), NaN where none was asked.

        Where the highest probability is below the fold's own threshold, HOLD is certain, so that no signal is taken there.
        """
        mine = self.symbol == code
        p = self.probabilities[mine]
        unsure = p.max(axis=1, initial=0.0) < self.threshold[mine]
        result = np.full((bars, 3), np.nan)
        result[self.row[mine]] = np.where(unsure[:, None], (0.0, 1.0, 0.0), p)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What came of a plan: the model of all rows, the report as JSON, the out-of-fold answers and the rows it is all about."""

    model: model.SignalModel
    report: dict[str, Any]
    oof: OutOfFold
    dataset: Dataset


#: From the out-of-fold answers to "strategy_effect" of the report; NoDataError where there is none.
Effect = Callable[[OutOfFold], dict[str, Any]]


def unheard(kind: str, payload: dict[str, Any]) -> None:
    """The emit of a caller that does not want to know."""


def train(
    bars_by_symbol: Mapping[str, Bars],
    plan: TrainingPlan,
    *,
    progress: Progress = silent,
    emit: Emit = unheard,
    effect: Effect | None = None,
    checkpoints: Checkpoints | None = None,
) -> Training:
    """Train as planned; the same bars and plan give the same report, and the same model.

    progress counts the fits of all folds and may raise to cancel: then nothing is returned. checkpoints: where the searches that
    were finished are kept until the training comes to its end, so that the same one goes on behind them, with the same result. emit: told "kept"
    ({"fold", "trials"}) first for each search taken over, "trial" ({"fold", "number", "value", "params", "best"}) after each other
    trial, fold None for the final model, and "fold" (an entry of the report's folds and "of") after each fold. effect: where it raises NoDataError, the verdict says why the effect is not known.
    Raises UsageError for a plan that makes no sense, NoDataError when there are too few rows, GateError with the first value of a
    feature that depends on a later bar.
    """
    from engine.features.catalogue import select

    params = model.checked_params(plan.kind, plan.params)
    features = select(names=plan.features or None)
    chosen = {symbol: _bars(bars_by_symbol, symbol) for symbol in plan.symbols}
    if not chosen:
        raise UsageError(_("Name at least one symbol to train on"))
    if plan.trials < 0:
        raise UsageError(_("The number of trials cannot be {count}").format(count=plan.trials))
    progress(0, None, _("features and labels"))
    table = datasets.build(chosen, features, plan.label, plan.label_params)
    if plan.start is not None:
        table = _since(table, plan.start)
    folds = walk_forward(table.start, table.end, plan.folds, embargo=plan.embargo)
    progress(0, None, _("look-ahead proof of the features"))
    refuse_leaks(features, next(iter(chosen.values())))
    run = _Run(plan, params, table, progress, emit, checkpoints)
    run.take_over(folds)
    done = [run.fold(fold) for fold in folds]
    final = run.final()
    progress(run.total, run.total, _("report"))
    oof = OutOfFold(
        symbol=np.concatenate([table.symbol[fold.test] for fold in folds]),
        row=np.concatenate([table.row[fold.test] for fold in folds]),
        probabilities=np.concatenate([item.probabilities for item in done]),
        threshold=np.concatenate([np.full(fold.test.size, item.threshold) for fold, item in zip(folds, done)]),
    )
    report = {"model_id": None, "timeframe": next(iter(chosen.values())).timeframe, **_report(run, done, final)}
    report["strategy_effect"], unknown = _effect(effect, oof)
    verdict = judge(
        report["metrics"],
        report["baselines"],
        report["strategy_effect"],
        unknown,
        sum(item["unsplit"] for item in report["folds"]),
    )
    if checkpoints is not None:
        checkpoints.forget(list(run.keys.values()))
    return Training(final.model, {**report, "verdict": verdict.as_dict()}, oof, table)


def _effect(effect: Effect | None, oof: OutOfFold) -> tuple[dict[str, Any] | None, str]:
    """The effect on a strategy, or None and, where it was asked for, why there is none."""
    try:
        return (None if effect is None else effect(oof)), ""
    except NoDataError as error:
        return None, error.message


def refuse_leaks(features: Sequence[Feature], bars: Bars) -> None:
    """The look-ahead proof of all features on the newest bars. Raises GateError with the first value that sees the future."""
    from engine.backtest.lookahead import check
    from engine.backtest.proofs import explain
    from engine.features.catalogue import compute

    def columns(part: Bars) -> dict[str, FloatArray]:
        values = compute(part, features)
        return {feature.name: values[:, at] for at, feature in enumerate(features)}

    checked = check("features", "feature", columns, bars.take(slice(-PROVED_BARS, None)), perturbations=PERTURBATIONS)
    if checked.passed is False:
        raise GateError(
            explain(checked), _("A model that learns from it looks good in training and fails in trading; leave the feature out.")
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Done:
    """What one fold came to."""

    fold: Fold
    entry: dict[str, Any]
    model: model.SignalModel
    probabilities: FloatArray
    prior: FloatArray
    threshold: float
    importance: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Final:
    """The model of all rows, the trials that led to it, and the threshold chosen on its held-out rows."""

    model: model.SignalModel
    trials: int
    threshold: threshold.Threshold


class _Run:
    """The folds of one training, one after the other, and how many fits of all have been done."""

    def __init__(
        self,
        plan: TrainingPlan,
        params: Mapping[str, Any],
        table: Dataset,
        progress: Progress,
        emit: Emit,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.plan, self.params, self.table, self.progress, self.emit = plan, params, table, progress, emit
        self.checkpoints = checkpoints
        self.keys: dict[int | None, str] = {}
        self.kept: dict[int | None, tuning.Tuned] = {}
        self.done = 0
        self.total = (plan.folds + 1) * (plan.trials + 1)
        self.known = last_known(table.y, table.start, table.end, table.symbol)

    def take_over(self, folds: Sequence[Fold]) -> None:
        """Take over the searches that were finished before, say which, and begin behind them."""
        plan = self.plan
        if self.checkpoints is None or not plan.trials:
            return
        asked = {
            "kind": plan.kind,
            "trials": plan.trials,
            "select_k": plan.select_k,
            "balance": plan.balance,
            "seed": plan.seed,
            "params": self.params,
        }
        for number, rows in [*((fold.number, fold.train) for fold in folds), (None, np.arange(len(self.table)))]:
            self.keys[number] = search_key(self.table, rows, asked)
            found = self.checkpoints.read(self.keys[number])
            if found is not None:
                self.kept[number] = found
                self.done += len(found.trials)
                self.emit("kept", {"fold": number, "trials": len(found.trials)})

    def parameters(self, rows: IntArray, fold: int | None) -> tuple[Mapping[str, Any], int]:
        """The parameters for these training rows, searched for inside them or as planned, and the trials that took."""
        plan = self.plan
        if not plan.trials:
            return self.params, 0
        where = (
            _("the model of all rows") if fold is None else _("fold {number} of {count}").format(number=fold, count=plan.folds)
        )

        def told(trial: tuning.Trial) -> None:
            self.done += 1
            payload = {"number": trial.number, "value": trial.value, "params": dict(trial.params), "best": trial.best}
            self.emit("trial", {"fold": fold, **payload})
            self.progress(self.done, self.total, _("{where}, trial {number}").format(where=where, number=trial.number))

        if fold in self.kept:
            return self.kept[fold].params, len(self.kept[fold].trials)
        found = tuning.tune(
            *(self.table, rows, plan.kind, plan.trials),
            select_k=plan.select_k,
            balance=plan.balance,
            seed=plan.seed,
            params=self.params,
            on_trial=told,
        )
        if self.checkpoints is not None:
            self.checkpoints.keep(self.keys[fold], found)
        return found.params, len(found.trials)

    def fold(self, fold: Fold) -> _Done:
        """Learn from the training rows and judge the test rows."""
        plan, table = self.plan, self.table
        name = _("fold {number} of {count}").format(number=fold.number, count=plan.folds)
        self.progress(self.done, self.total, name)
        params, trials = self.parameters(fold.train, fold.number)
        fitted, at = self._fitted(fold.train, params)
        X, y = table.X[fold.test], table.y[fold.test]
        p, prior = fitted.model.probabilities(X), frequencies(table.y[fold.train])
        figures = scores(
            *(y, p, table.weights[fold.test]),
            time=table.start[fold.test],
            prior=prior,
            known=self.known[fold.test],
            seed=plan.seed,
        )
        entry = {
            "fold": fold.number,
            "train_rows": int(fold.train.size),
            "test_rows": int(fold.test.size),
            "train_start": iso(int(table.start[fold.train].min())),
            "train_end": iso(int(table.end[fold.train].max())),
            "test_start": iso(int(table.start[fold.test].min())),
            "test_end": iso(int(table.start[fold.test].max())),
            "params": dict(params),
            "trials": trials,
            "selected": [table.features[column] for column in fitted.model.selected],
            "threshold": at.value,
            "unsplit": bool((p == p[0]).all()),
            "metrics": {name: value for name, value in figures.items() if name != "calibration"},
        }
        self.done += 1
        self.emit("fold", {**entry, "of": plan.folds})
        self.progress(self.done, self.total, name)
        worth = importance.permutation(fitted.model, X, y, seed=plan.seed + fold.number)
        return _Done(fold, entry, fitted.model, p, prior, at.value, worth)

    def final(self) -> _Final:
        """Learn from every row."""
        table = self.table
        every = np.arange(len(table))
        params, trials = self.parameters(every, None)
        self.progress(self.done, self.total, _("the model of all rows"))
        found, at = self._fitted(every, params)
        return _Final(found.model, trials, at)

    def _fitted(self, rows: IntArray, params: Mapping[str, Any]) -> tuple[model.Fitted, threshold.Threshold]:
        """A model of these rows, and the threshold chosen on those of them that were held out."""
        plan, table = self.plan, self.table
        options: dict[str, Any] = {"select_k": plan.select_k, "balance": plan.balance, "seed": plan.seed}
        found = model.fit_with_evidence(table, rows, plan.kind, params, **options)
        return found, threshold.choose(table.y[found.held_out], found.probabilities, table.weights[found.held_out])


def _report(run: _Run, done: Sequence[_Done], final: _Final) -> dict[str, Any]:
    """The report as JSON but for what is not known in here: the timeframe, the effect on a strategy and the verdict."""
    plan, table = run.plan, run.table
    rows = np.concatenate([item.fold.test for item in done])
    figures = scores(
        *(table.y[rows], np.concatenate([item.probabilities for item in done]), table.weights[rows]),
        time=table.start[rows],
        prior=np.concatenate([np.tile(item.prior, (item.fold.test.size, 1)) for item in done]),
        known=run.known[rows],
        seed=plan.seed,
    )
    calibration, baselines = figures.pop("calibration"), figures.pop("baselines")
    return {
        "model": plan.kind,
        "symbols": list(plan.symbols),
        "features": list(table.features),
        "schema": final.model.schema,
        "selected": [table.features[column] for column in final.model.selected],
        "label": dict(table.label),
        "params": dict(final.model.params),
        "rows": len(table),
        "effective_rows": float(table.weights.sum()),
        "classes": dict(zip(CLASSES, frequencies(table.y).tolist())),
        "period": {"start": iso(int(table.start.min())), "end": iso(int(table.end.max()))},
        "search": {
            "trials": final.trials + sum(item.entry["trials"] for item in done),
            "space": tuning.space_of(plan.kind) if plan.trials else None,
        },
        "folds": [item.entry for item in done],
        "metrics": figures,
        "baselines": baselines,
        "importance": importance.summary(
            table.features, [item.importance for item in done], [item.model.selected for item in done]
        ),
        "calibration": calibration,
        "reference": drift.reference(table, [table.features[column] for column in final.model.selected]),
        "threshold": final.threshold.value,
        "threshold_choice": {
            "reason": final.threshold.reason,
            "default": threshold.DEFAULT,
            "evidence": list(final.threshold.evidence),
        },
    }


def _bars(bars_by_symbol: Mapping[str, Bars], symbol: str) -> Bars:
    if symbol not in bars_by_symbol or not len(bars_by_symbol[symbol]):
        raise NoDataError(_("There are no bars of {symbol}").format(symbol=symbol))
    return bars_by_symbol[symbol]


def _since(table: Dataset, start: int) -> Dataset:
    """The rows that begin at `start` or later."""
    rows = table.start >= start
    if not rows.any():
        raise NoDataError(_("No bar with a label begins in this period"), _("Choose a longer period."))
    names = ("X", "y", "start", "end", "symbol", "row", "weights")
    return replace(table, **{name: getattr(table, name)[rows] for name in names})
