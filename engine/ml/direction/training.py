"""A training judged, doubted and kept: the evaluation of each decision time, its trial in the ledger, its canaries, its gate.

Nothing is promoted by hand: the model of a decision time may be used while no canary of its newest evaluation failed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import Progress, day_number, jsonable, silent
from engine.errors import NoDataError
from engine.ml.direction import canaries, evaluate, models, suited
from engine.ml.direction.evaluate import ALWAYS_UP, SEED_MODEL, Emit, TimeEvaluation, unheard
from engine.ml.direction.features import columns
from engine.ml.direction.gate import Gate, gate
from engine.ml.direction.openings import opening_caveat
from engine.ml.direction.times import ALL, OTHER_MARKETS, DecisionTime
from engine.store.directions import StoredEvaluation, Trial, count_trials, record_evaluation, record_trials

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.domain import BoolArray, FloatArray, IntArray
    from engine.ml.direction.canaries import Canary, Columns
    from engine.ml.direction.data import IndexData
    from engine.ml.direction.suited import LeftOut

#: Sessions and the step between fits of the walks through spoilt data: coarse, as a spoilt path shows itself at once.
WALKED, COARSE = 504, 126
#: Digits of a fingerprint, of a configuration or of data, and the decimals of the values that are taken into it.
DIGITS, FINGERPRINT_DECIMALS = 12, 9


def train(
    desk: Desk,
    data: IndexData,
    times: Sequence[DecisionTime] = ALL,
    *,
    start: date = evaluate.FIRST_JUDGED,
    declared: bool = False,
    progress: Progress = silent,
    emit: Emit = unheard,
) -> dict[str, Any]:
    """Evaluate each decision time on the data's sessions from `start` on, keep it in the store, and return the JSON form of all.

    Each decision time is kept when it is done, so that a cancelled evaluation loses only the one it was at; `progress` may raise to
    cancel. emit: told ("decision_time", its figures). declared: the data were made with a known predictability.
    Raises NoDataError when no decision time can be judged.
    """
    snapshot = desk.store.snapshot()
    done: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    for at, time in enumerate(times):
        used, left_out = suited.for_evaluation(data, time)
        try:
            judged = evaluate.judge(
                used,
                time,
                start=start,
                refit=desk.settings.direction.refit,
                progress=_share(progress, at, len(times), time.title),
            )
        except NoDataError as error:
            skipped[time.text] = error.message
            continue
        figures = _kept(desk, used, judged, start, snapshot, left_out, declared=declared)
        emit("decision_time", figures)
        done.append(figures)
    progress(len(times), len(times))
    if not done:
        raise evaluate.nothing_judged(data.symbol, skipped)
    ages = [age.as_dict() for age in data.ages]
    caveats = [caveat for time in times if time.text not in skipped and (caveat := opening_caveat(data, time))]
    return {
        "symbol": data.symbol, "refit": desk.settings.direction.refit, "series": ages, "notices": [*data.notices, *caveats],
        "skipped": skipped, "decision_times": done,
    }  # fmt: skip


def configuration(kind: str, features: Sequence[str], refit: int, seed: int = models.SEED) -> str:
    """The name of a configuration: the same for the same model, columns, settings, step and seed, and for no other."""
    settings = {
        "features": list(features), "forest": models.FOREST, "boosted": models.BOOSTED, "trees": models.BOOSTED_TREES,
        "strength": [models.WEAK, models.STRONG], "range": models.EVENING_RANGE, "depth": models.SEED_DEPTH, "leaf": models.SEED_LEAF,
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:DIGITS]
    return f"{kind} refit={refit} seed={seed} {digest}"


def fingerprint(data: IndexData, X: FloatArray, last: int) -> str:
    """The rows X of a decision time and the outcomes up to the target session `last`: the same while nothing of it is revised."""
    rows = data.session <= last
    found = hashlib.sha256()
    for values in (data.session[rows], data.label[rows], np.round(X[rows], FINGERPRINT_DECIMALS)):
        found.update(np.nan_to_num(values.astype(np.float64), nan=np.finfo(np.float64).max).tobytes())
    return found.hexdigest()[:DIGITS]


def judged_gate(
    desk: Desk,
    symbol: str,
    time: str,
    session: IntArray,
    hits: BoolArray,
    label: FloatArray,
    baselines: Mapping[str, BoolArray] | None = None,
    rate: float | None = None,
    *,
    behind: int = 0,
) -> Gate:
    """The gate over the newest sessions of a history, with what the ledger says of how often its window was tried.

    session: int64 (r,), oldest first; hits: bool (r,); label: float64 (r,), the outcomes; baselines: bool (r,), right or not, by name.
    rate: share of up sessions before the window (None: that of the history). behind: sessions that came after the newest of them, up
    to the one asked about.
    """
    settings = desk.settings.direction
    window = min(settings.window, hits.size)
    before = label[: label.size - window]
    if rate is None:
        rate = float(before.mean()) if before.size else 0.5
    tried = count_trials(desk.store, symbol, time, int(session[-window]), int(session[-1])) if window else 0
    return gate(
        int(hits[hits.size - window :].sum()),
        window,
        configurations=max(tried, 1),
        no_skill=max(rate, 1 - rate),
        history=hits[: hits.size - window],
        baselines={name: int(right[hits.size - window :].sum()) for name, right in (baselines or {}).items()},
        window=settings.window,
        threshold=settings.threshold,
        sessions=session[session.size - window :],
        behind=behind,
    )


def _kept(
    desk: Desk,
    data: IndexData,
    judged: TimeEvaluation,
    start: date,
    snapshot: int,
    left_out: Sequence[LeftOut],
    *,
    declared: bool,
) -> dict[str, Any]:
    """Count, judge and record one decision time; its figures with gate, canaries and promotion."""
    store, symbol, time, refit = desk.store, data.symbol, judged.time.text, desk.settings.direction.refit
    name = configuration(judged.model, judged.features, refit)
    first, last = int(judged.session[0]), int(judged.session[-1])
    up = judged.label > 0.5
    right = {baseline: call == up for baseline, call in judged.calls.items()}
    trials = [Trial(symbol, time, name, first, last, judged.hits.size, int(judged.hits.sum()))]
    if SEED_MODEL in right:
        seed_name = configuration(models.SEED_TREE, (), refit)
        trials.append(Trial(symbol, time, seed_name, first, last, up.size, int(right[SEED_MODEL].sum())))
    record_trials(store, trials, desk.now())
    behind = int(np.count_nonzero(data.bars.session > last))
    verdict = judged_gate(desk, symbol, time, judged.session, judged.hits, judged.label, right, behind=behind)
    checks = _checks(data, judged, start, refit, verdict.configurations, declared=declared)
    promoted = all(check.passed for check in checks)
    figures: dict[str, Any] = jsonable(
        {
            **judged.figures,
            "configuration": name,
            "data": fingerprint(data, columns(data, judged.time)[1], last),
            "series_used": [age.as_dict() for age in data.ages] if judged.time.name in OTHER_MARKETS else [],
            "series_left_out": [item.as_dict() for item in left_out],
            "gate": verdict.as_dict(),
            "canaries": [check.as_dict() for check in checks],
            "promoted": promoted,
        }
    )
    history = {
        "session": judged.session, "probability": judged.probability, "label": judged.label.astype(np.int64), "climate": judged.climate,
        "calls": {baseline: call.astype(np.int64) for baseline, call in judged.calls.items() if baseline != ALWAYS_UP},
    }  # fmt: skip
    kept = StoredEvaluation(
        0, symbol, time, name, desk.now(), snapshot, figures, history, tuple(check.as_dict() for check in checks), promoted
    )
    record_evaluation(store, kept)
    return figures


def _checks(
    data: IndexData, judged: TimeEvaluation, start: date, refit: int, configurations: int, *, declared: bool
) -> tuple[Canary, ...]:
    """The canaries of one decision time, on the same path from data to probabilities as the evaluation's."""
    time, kind = judged.time, judged.model
    names, values = columns(data, time)
    first = day_number(start)
    steps = evaluate.folds(data, time, values, models.LEAST_ROWS[kind], first, refit)
    rows = np.concatenate([fold.test for fold in steps])
    claimed, trained_until = np.full(len(data), np.nan), np.zeros(len(data), dtype=np.int64)
    claimed[rows] = judged.probability
    for fold in steps:
        trained_until[fold.test] = data.session[fold.train[-1]]
    repeated = [steps[0], steps[-1]] if len(steps) > 1 else [steps[0]]
    again = np.full(len(data), np.nan)
    again[np.concatenate([fold.test for fold in repeated])] = evaluate.out_of_sample(data, kind, names, values, repeated)[0]
    begin = int(data.session[rows[-min(WALKED, rows.size)]])

    def walk(given: IndexData, asked: Columns) -> FloatArray:
        asked_names, X = asked(given, time)
        found = np.full(len(given), np.nan)
        coarse = evaluate.folds(given, time, X, models.LEAST_ROWS[kind], begin, COARSE)
        if coarse:
            found[np.concatenate([fold.test for fold in coarse])] = evaluate.out_of_sample(given, kind, asked_names, X, coarse)[0]
        return found

    return canaries.run(
        data, time, claimed, again=again, walk=walk, trained_until=trained_until, configurations=configurations, declared=declared
    )


def _share(progress: Progress, at: int, parts: int, title: str) -> Progress:
    """The progress of one of several parts as that of the whole."""

    def report(done: int, total: int | None, note: str = "") -> None:
        progress(at if total is None else at * total + done, None if total is None else parts * total, note or title)

    return report
