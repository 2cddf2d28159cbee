"""Doing the steps of a daily run in order, each recorded when it is done, so that a killed run is completed.

A run is keyed by its target session and decision time; `--as-of` makes it a replay, which sees the past as it was
known then. Steps take protocols (sources, predictors), so that other rooms plug in without a new order.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine import __version__, strategies
from engine.daily.changes import COMPARED, NAMED, Changes, changed
from engine.daily.lock import RunLock, hold_run
from engine.daily.report import Report, notes_of, status_of
from engine.daily.step import Findings, Outcome, Step, teller
from engine.daily.steps import STEPS
from engine.errors import PregaoError
from engine.ml.day import identities
from engine.ml.direction.times import CLOSE
from engine.notifications.delivery import send_waiting
from engine.store.anomalies import with_state
from engine.store.bars import live_cut
from engine.store.directions import newest_evaluation
from engine.store.imports import revised_since
from engine.store.ledger import Run, StepRecord, begin_run, end_run, finish_step, newest_snapshot, read_signals, read_step
from engine.store.watchlists import read_watchlist

if TYPE_CHECKING:
    from engine.daily.plan import Plan

log = logging.getLogger(__name__)

#: Steps whose detail says what was brought in; what that changes is seen in the snapshot of the store.
BRINGING = ("fetch", "import")


def run_daily(plan: Plan) -> Report:
    """Do every step that is not done yet and return the report of the whole run.

    What the run has just imported is seen by all its steps from "check" on.
    Raises NoDataError when the store holds no bar to work on and BusyError while another run is under way; other errors of a step
    end the run as failed.
    """
    with hold_run(plan.desk) as lock:
        return _run(plan, lock)


def _run(plan: Plan, lock: RunLock) -> Report:
    store = plan.desk.store
    watchlist = read_watchlist(store, plan.desk.settings.daily.watchlist)
    before_it = newest_snapshot(store, plan.decision_time)
    run = _begin(plan, watchlist)
    findings, changes = Findings(watched=watchlist, named=bool(watchlist)), Changes()
    records, idle = findings.records, True
    steps = tuple(step for step in STEPS if step.later or plan.decision_time == CLOSE)
    for position, step in enumerate(steps):
        lock.renew()
        if step.name == "check" and not plan.replay:
            plan = replace(plan, cut=live_cut(store, plan.cut.time, plan.desk.now()))
        plan.progress(position, len(steps), step.name)
        details = [record.detail for record in records if record.name not in BRINGING]
        inputs = _digest(run.inputs, store.snapshot(), details, step.reads(plan))
        earlier = read_step(store, run.id, step.name)
        known = earlier is not None and earlier.status != "failed"
        if earlier is not None and earlier.status == "done" and not step.always and earlier.inputs == inputs:
            records.append(earlier)
            step.recall(plan, findings, earlier.detail)
            continue
        began = time.perf_counter()
        try:
            before = _items(plan, step, earlier) if earlier is not None and known and earlier.inputs != inputs else None
            outcome = step.work(plan, findings)
            if before is not None:
                outcome = _compared(step, before, outcome, changes)
            record = StepRecord(step.name, outcome.status, time.perf_counter() - began, inputs, outcome.detail)
            finish_step(store, run.id, position, record, outcome.signals, outcome.tell if plan.notify else None)
        except PregaoError as error:
            failed = StepRecord(step.name, "failed", time.perf_counter() - began, inputs, error.as_dict())
            _fail(plan, run.id, position, failed, error)
            raise
        if outcome.signals is not None:
            findings.signals = read_signals(store, run.id)
        records.append(record)
        idle = idle and step.always
    plan.progress(len(steps), len(steps), "")
    if before_it is not None and not plan.replay:
        changes.revised = revised_since(store, before_it, NAMED)
    status = status_of(records)
    end_run(store, run.id, status, store.snapshot(), plan.desk.now())
    stale = next((tuple(record.detail["stale"]) for record in records if record.name == "check"), ())
    anomalies = tuple(with_state(store, findings.anomalies))
    return Report(
        *(run.id, plan.session, status, tuple(records), tuple(findings.signals), stale, plan.desk.workspace.demo, anomalies),
        directions=tuple(findings.directions),
        changes=changes,
        notes=(*lock.notes, *notes_of(plan, status, idle=idle)),
    )


def _begin(plan: Plan, watchlist: list[str]) -> Run:
    """Record that the run has begun; its inputs are a digest of all that decides its result but the data."""
    store, settings = plan.desk.store, plan.desk.settings
    chosen = settings.model_dump(mode="json", exclude={"secrets", "general", "notifications"})
    code = strategies.digest(settings.daily.strategy, plan.desk.workspace.strategies)
    models = identities(plan.predictors)
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
        inputs=_digest(__version__, chosen, watchlist, code, models, newest_evaluation(store)),
    )
    begin_run(store, run)
    return run


def _items(plan: Plan, step: Step, earlier: StepRecord) -> list[dict[str, Any]]:
    """What the step had found before it is done again."""
    if step.name not in COMPARED:
        return []
    return read_signals(plan.desk.store, plan.run_id) if step.name == "signals" else list(earlier.detail[step.name])


def _compared(step: Step, before: list[dict[str, Any]], outcome: Outcome, changes: Changes) -> Outcome:
    """The outcome of a step that was done before, with what is no longer as it was under "changed"."""
    if step.always:
        return outcome
    if not outcome.idle:
        changes.steps.append(step.name)
    if step.name not in COMPARED:
        return outcome
    after = outcome.detail.get(step.name, ()) if outcome.signals is None else [item.as_dict() for item in outcome.signals]
    found = changes.items[step.name] = changed(step.name, before, after)
    return replace(outcome, detail={**outcome.detail, "changed": found})


def _fail(plan: Plan, run_id: str, position: int, record: StepRecord, error: PregaoError) -> None:
    """Record that a step has failed, say so and send it; a store that takes nothing any more leaves the error as it is."""
    log.warning("step %s failed: %s", record.name, error.message)
    store, say = plan.desk.store, teller(plan)
    try:
        finish_step(
            *(store, run_id, position, record),
            tell=(lambda connection: say.failure(connection, record.name, error)) if plan.notify else None,
        )
        end_run(store, run_id, "failed", store.snapshot(), plan.desk.now())
        if plan.notify:
            send_waiting(plan.desk, 0.0)
    except PregaoError as second:
        log.warning("the failure of %s cannot be recorded or told: %s", record.name, second.message)


def _digest(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
