"""Judging the direction at every decision time on sessions that its models knew nothing of.

An expanding walk-forward: a model learns from the target sessions that had closed before the decision about the first of the
next `refit` sessions, judges these, and is fitted anew. Every answer that is counted is out of sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import Progress, day_number, from_day_number, silent
from engine.errors import NoDataError, UsageError
from engine.features.regime import REGIMES, regimes
from engine.i18n import _
from engine.ml.direction import figures, models
from engine.ml.direction.data import IndexData
from engine.ml.direction.features import columns, seed_columns
from engine.ml.direction.gate import WINDOW, gate
from engine.ml.direction.lacking import lacking
from engine.ml.direction.times import ALL, CLOSE, DecisionTime
from engine.ml.scores import calibration

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray, IntArray

Emit = Callable[[str, dict[str, Any]], None]
REFIT = 21
#: Target sessions before this are not learnt from: few of the other markets are stored, and prices were of another time.
FIRST_LEARNT = date(2005, 6, 1)
FIRST_JUDGED = date(2015, 1, 2)
THREADS = 2
#: Baselines that need no model; "skill" is being surely better than each of them.
ALWAYS_UP, MAJORITY, MOMENTUM, SEED_MODEL = "always_up", "majority", "momentum", "requirement"
NAIVE = (ALWAYS_UP, MAJORITY, MOMENTUM)


def unheard(kind: str, payload: dict[str, Any]) -> None:
    """The `emit` of a caller that does not listen."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One step: int64 indices of the target sessions learnt from and of those judged, in time order."""

    train: IntArray
    test: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class TimeEvaluation:
    """One decision time on r judged target sessions, oldest first.

    session: int64 (r,). probability, label: float64 (r,), out of sample, and the outcome. climate: float64 (r,), the share of
    higher closes in what the model had learnt from. band: float64 (r,), the half-width about one half inside which it abstained,
    chosen on earlier answers, NaN where none reached the target. calls: bool (r,) by baseline, True for up. figures: the JSON of the blueprint.
    """

    time: DecisionTime
    model: str
    features: tuple[str, ...]
    session: IntArray
    probability: FloatArray
    label: FloatArray
    climate: FloatArray
    band: FloatArray
    calls: dict[str, BoolArray]
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def hits(self) -> BoolArray:
        """Whether each call was right, bool (r,), abstained ones included."""
        found: BoolArray = (self.probability >= 0.5) == (self.label > 0.5)
        return found

    def as_dict(self) -> dict[str, Any]:
        return self.figures


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What every decision time was worth on one symbol. skipped: decision times that cannot be judged, with the reason."""

    symbol: str
    refit: int
    series: tuple[dict[str, Any], ...]
    notices: tuple[str, ...]
    times: tuple[TimeEvaluation, ...]
    skipped: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the blueprint."""
        return {
            "symbol": self.symbol,
            "refit": self.refit,
            "series": list(self.series),
            "notices": list(self.notices),
            "skipped": dict(self.skipped),
            "decision_times": [item.as_dict() for item in self.times],
        }


def evaluate(
    data: IndexData,
    times: Sequence[DecisionTime] = ALL,
    *,
    start: date = FIRST_JUDGED,
    refit: int = REFIT,
    configurations: int = 1,
    seed: int = models.SEED,
    progress: Progress = silent,
    emit: Emit = unheard,
) -> Evaluation:
    """Judge each decision time on the target sessions from `start` on, out of sample.

    refit: sessions between two fits. configurations: how many were ever evaluated on this window, this one included; the gate
    discounts it. progress counts fits, and may raise to cancel. emit: told ("decision_time", its figures) as each is done.
    A decision time without enough sessions is skipped with its reason. Raises UsageError for an impossible `refit`, NoDataError
    when no decision time can be judged.
    """
    plans: list[_Plan] = []
    skipped: dict[str, str] = {}
    for time in times:
        try:
            plans.append(_plan(data, time, start, refit))
        except NoDataError as error:
            skipped[time.text] = error.message
    if not plans:
        raise nothing_judged(data.symbol, skipped)
    total, done, found = sum(len(plan.steps) for plan in plans), 0, []
    for plan in plans:
        judged = _judge(data, plan, configurations, seed, _counted(progress, done, total, plan.time.title))
        done += len(plan.steps)
        found.append(judged)
        emit("decision_time", judged.as_dict())
    progress(total, total)
    series = tuple(age.as_dict() for age in data.ages)
    return Evaluation(data.symbol, refit, series, data.notices, tuple(found), skipped)


def judge(
    data: IndexData,
    time: DecisionTime,
    *,
    start: date = FIRST_JUDGED,
    refit: int = REFIT,
    progress: Progress = silent,
) -> TimeEvaluation:
    """One decision time as `evaluate` judges it. Raises NoDataError, with what it lacks, when it cannot be judged."""
    plan = _plan(data, time, start, refit)
    return _judge(data, plan, 1, models.SEED, _counted(progress, 0, len(plan.steps), time.title))


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What is judged of one decision time: the columns with their rows, and the steps of the walk-forward."""

    time: DecisionTime
    kind: str
    names: tuple[str, ...]
    X: FloatArray
    steps: tuple[Fold, ...]


def _plan(data: IndexData, time: DecisionTime, start: date, refit: int) -> _Plan:
    """Raises UsageError for an impossible `refit` and NoDataError for fewer sessions than a window of the gate has."""
    if refit < 1:
        raise UsageError(_("A walk-forward refits after at least 1 session, not {count}").format(count=refit))
    kind, (names, X) = models.kind_of(time), columns(data, time)
    steps = folds(data, time, X, models.LEAST_ROWS[kind], day_number(start), refit)
    if sum(fold.test.size for fold in steps) < WINDOW:
        raise NoDataError(lacking(data, time, X, WINDOW), _("Import a longer history, or judge from an earlier day on."))
    return _Plan(time, kind, names, X, steps)


def nothing_judged(symbol: str, skipped: Mapping[str, str]) -> NoDataError:
    """Why no decision time of a symbol could be judged. skipped: the reason of each, by decision time."""
    hint = _("Import a longer history, or judge from an earlier day on.")
    if len(skipped) == 1:
        return NoDataError(next(iter(skipped.values())), hint)
    return NoDataError(_("There are too few sessions of {symbol} to judge the direction on").format(symbol=symbol), hint)


def _counted(progress: Progress, begun: int, whole: int, title: str) -> Progress:
    """The progress of one decision time as a part of the whole."""

    def report(done: int, total: int | None, note: str = "") -> None:  # noqa: ARG001
        progress(begun + done, whole, note or title)

    return report


def folds(data: IndexData, time: DecisionTime, X: FloatArray, least: int, first: int = 0, refit: int = REFIT) -> tuple[Fold, ...]:
    """The steps of the walk-forward: rows that tell something, learnt from once their session closed before the decision."""
    usable = np.flatnonzero(~np.isnan(data.label) & ~np.isnan(X).all(axis=1) & (data.session >= day_number(FIRST_LEARNT)))
    decisions = data.decisions(time)
    closed = data.closed[usable]
    ready = np.searchsorted(closed, decisions[usable], side="left") >= least
    judged = usable[ready & (data.session[usable] >= first)]
    found = []
    for begin in range(0, judged.size, refit):
        test = judged[begin : begin + refit]
        found.append(Fold(usable[closed < decisions[test[0]]], test))
    return tuple(found)


def out_of_sample(
    data: IndexData,
    kind: str,
    names: tuple[str, ...],
    X: FloatArray,
    steps: Sequence[Fold],
    seed: int = models.SEED,
    progress: Progress = silent,
) -> tuple[FloatArray, FloatArray]:
    """The probability of each judged session and the base rate its model had learnt, float64, both in the order of `steps`."""

    def step(fold: Fold) -> tuple[FloatArray, float]:
        model = models.fit(kind, names, X[fold.train], data.label[fold.train], seed=seed)
        return model.probability(X[fold.test]), model.base_rate

    probabilities, rates = [], []
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for at, (fold, (p, rate)) in enumerate(zip(steps, pool.map(step, steps)), start=1):
                probabilities.append(p)
                rates.append(np.full(fold.test.size, rate))
                progress(at, len(steps))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return np.concatenate(probabilities), np.concatenate(rates)


def _judge(data: IndexData, plan: _Plan, configurations: int, seed: int, progress: Progress) -> TimeEvaluation:
    time, kind, names, X, steps = plan.time, plan.kind, plan.names, plan.X, plan.steps
    rows = np.concatenate([fold.test for fold in steps])
    p, climate = out_of_sample(data, kind, names, X, steps, seed, progress)
    y = data.label[rows]
    calls = {ALWAYS_UP: np.ones(rows.size, dtype=np.bool_), MAJORITY: climate >= 0.5, MOMENTUM: _momentum(data)[rows]}
    if time.name == CLOSE:
        seed_names, seed_X = seed_columns(data)
        calls[SEED_MODEL] = out_of_sample(data, models.SEED_TREE, seed_names, seed_X, steps, seed)[0] >= 0.5
    found = TimeEvaluation(time, kind, names, data.session[rows], p, y, climate, _bands(steps, p, y), calls)
    behind = int(np.count_nonzero(data.bars.session > found.session[-1]))
    found.figures.update(_figures(found, [str(REGIMES[code]) for code in regimes(data.bars)[rows]], configurations, seed, behind))
    return found


def _momentum(data: IndexData) -> BoolArray:
    """Whether the session before the target rose."""
    rose = np.ones(len(data), dtype=np.bool_)
    rose[1:] = data.previous_close[1:] > data.previous_close[:-1]
    return rose


def _bands(steps: Sequence[Fold], p: FloatArray, y: FloatArray) -> FloatArray:
    """The abstention band of each judged session, chosen on the answers of the folds before its own."""
    found, begin = np.zeros(p.size), 0
    for fold in steps:
        end = begin + fold.test.size
        found[begin:end] = models.abstention(p[:begin], y[:begin])
        begin = end
    return found


def _figures(judged: TimeEvaluation, regime: list[str], configurations: int, seed: int, behind: int) -> dict[str, Any]:
    p, y, hits = judged.probability, judged.label, judged.hits
    right = {name: call == (y > 0.5) for name, call in judged.calls.items()}
    overall = figures.share_of(hits)
    gained = figures.differences(hits, right, seed)
    window = min(WINDOW, hits.size)
    before = y[: y.size - window]
    verdict = gate(
        int(hits[-window:].sum()), window, configurations=configurations, history=hits[: hits.size - window],
        no_skill=float(max(before.mean(), 1 - before.mean())) if before.size else 0.5,
        baselines={name: int(item[-window:].sum()) for name, item in right.items()}, sessions=judged.session[-window:], behind=behind,
    )  # fmt: skip
    return {
        "decision_time": judged.time.text,
        "label": judged.time.label,
        "model": judged.model,
        "features": list(judged.features),
        "sessions": overall["n"],
        "first": from_day_number(int(judged.session[0])).isoformat(),
        "last": from_day_number(int(judged.session[-1])).isoformat(),
        "accuracy": overall["accuracy"],
        "interval": overall["interval"],
        **figures.basic(p, y, judged.climate),
        "baselines": {name: {"accuracy": float(item.mean())} for name, item in right.items()},
        "difference_to": gained,
        "verdict": _verdict(gained),
        "by_year": figures.by_group(hits, figures.years(judged.session)),
        "by_regime": figures.by_group(hits, regime),
        "calibration": calibration(y > 0.5, p, np.ones(p.size)),
        "windows_30": figures.windows(hits),
        "selective": figures.selective(p, hits),
        "abstention": _abstention(judged),
        "gate": verdict.as_dict(),
    }


def _abstention(judged: TimeEvaluation) -> dict[str, Any]:
    """What abstaining was worth since a band was first chosen; without one every session is called, and the band is 0.

    {"reached": whether the newest band reached the target on the past, "band", "coverage", "accuracy", "n", "interval"}.
    """
    chosen = ~np.isnan(judged.band)
    counted = chosen if chosen.any() else np.ones(chosen.size, dtype=np.bool_)
    said = counted & models.surely(judged.probability, judged.band)
    return {
        "reached": bool(chosen[-1]),
        "band": float(np.nan_to_num(judged.band[-1])),
        "coverage": float(said.sum() / counted.sum()),
        **figures.share_of(judged.hits[said]),
    }


def _verdict(gained: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """ "skill" where the accuracy is surely above that of every naive baseline, else "no skill", with the reasons."""
    sure = all(gained[name]["interval"][0] > 0 for name in NAIVE)
    reasons = [
        _("Against {baseline}: {difference:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}.").format(
            baseline=name,
            difference=100 * item["difference"],
            low=100 * item["interval"][0],
            high=100 * item["interval"][1],
        )
        for name, item in gained.items()
        if not math.isnan(item["difference"])
    ]
    return {"label": "skill" if sure else "no skill", "reasons": reasons}
