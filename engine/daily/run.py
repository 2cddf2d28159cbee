"""Doing the steps of a daily run in order, each recorded when it is done, so that a killed run is completed.

A run is keyed by its target session and decision time; `--as-of` makes it a replay, which sees the past as it was
known then. Steps take protocols (sources, predictors), so that other rooms plug in without a new order.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from engine import __version__, strategies
from engine.daily.report import Report, status_of
from engine.daily.step import Findings
from engine.daily.steps import STEPS
from engine.errors import PregaoError
from engine.ml.direction.times import CLOSE
from engine.store.anomalies import with_state
from engine.store.directions import newest_evaluation
from engine.store.ledger import Run, StepRecord, begin_run, end_run, finish_step, read_signals, read_step
from engine.store.watchlists import read_watchlist

if TYPE_CHECKING:
    from engine.daily.plan import Plan

log = logging.getLogger(__name__)


def run_daily(plan: Plan) -> Report:
    """Do every step that is not done yet and return the report of the whole run.

    Raises NoDataError when the store holds no bar to work on; other errors of a step end the run as failed.
    """
    store = plan.desk.store
    watchlist = read_watchlist(store, plan.desk.settings.daily.watchlist)
    code = strategies.digest(plan.desk.settings.daily.strategy, plan.desk.workspace.strategies)
    settings = plan.desk.settings.model_dump(mode="json", exclude={"secrets", "general", "notifications"})
    models = [predictor.name for predictor in plan.predictors]
    context = _digest(__version__, settings, watchlist, code, models, newest_evaluation(store))
    run = Run(
        id=plan.run_id,
        session=plan.session,
        decision_time=plan.decision_time,
        replay=plan.replay,
        status="running",
        started_at=plan.desk.now(),
        finished_at=None,
        snapshot=store.snapshot(),
        code_version=__version__,
        inputs=context,
    )
    begin_run(store, run)
    findings = Findings(watched=watchlist, named=bool(watchlist))
    records = findings.records
    steps = tuple(step for step in STEPS if step.later or plan.decision_time == CLOSE)
    for position, step in enumerate(steps):
        plan.progress(position, len(steps), step.name)
        inputs = _digest(context, store.snapshot(), [record.detail for record in records[1:]])
        earlier = read_step(store, run.id, step.name)
        if earlier is not None and not step.always and earlier.inputs == inputs and earlier.status != "failed":
            records.append(earlier)
            if step.name == "signals":
                findings.signals = read_signals(store, run.id)
            if step.name in ("anomalies", "directions"):
                setattr(findings, step.name, earlier.detail[step.name])
            if step.name in ("predictions", "drift"):
                setattr(findings, step.name, earlier.detail)
            continue
        began = time.perf_counter()
        try:
            outcome = step.work(plan, findings)
        except PregaoError as error:
            log.warning("step %s failed: %s", step.name, error.message)
            finish_step(
                store, run.id, position, StepRecord(step.name, "failed", time.perf_counter() - began, inputs, error.as_dict())
            )
            end_run(store, run.id, "failed", store.snapshot(), plan.desk.now())
            raise
        record = StepRecord(step.name, outcome.status, time.perf_counter() - began, inputs, outcome.detail)
        finish_step(store, run.id, position, record, outcome.signals, outcome.tell if plan.notify else None)
        if outcome.signals is not None:
            findings.signals = read_signals(store, run.id)
        records.append(record)
    plan.progress(len(steps), len(steps), "")
    status = status_of(records)
    end_run(store, run.id, status, store.snapshot(), plan.desk.now())
    stale = next((tuple(record.detail["stale"]) for record in records if record.name == "freshness"), ())
    anomalies = tuple(with_state(store, findings.anomalies))
    return Report(
        *(run.id, plan.session, status, tuple(records), tuple(findings.signals), stale, plan.desk.workspace.demo, anomalies),
        directions=tuple(findings.directions),
    )


def _digest(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
