"""The daily run: an ordered list of small steps, each recorded when it is done, so that a killed run is completed.

A run is keyed by its target session and decision time; `--as-of` makes it a replay, which sees the past as it was
known then. Steps take protocols (sources, predictors), so that other rooms plug in without a new order.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import __version__, strategies
from engine.domain import Bars, Signal, from_day_number
from engine.errors import FileError, NoDataError, PregaoError
from engine.i18n import _
from engine.ml.anomalies import KINDS
from engine.ml.anomaly_measures import LEAST
from engine.ml.anomaly_watch import scan
from engine.ml.day import ask, keep, second_opinion, watch
from engine.ml.direction.times import CLOSE
from engine.notifications.day import Teller
from engine.notifications.delivery import tell_and_send
from engine.paper.day import paper_day
from engine.signals import rules_of
from engine.store.anomalies import record, with_state
from engine.store.bars import read_many, symbols_with_bars
from engine.store.directions import newest_evaluation
from engine.store.events import adjusted
from engine.store.ledger import Run, StepRecord, begin_run, end_run, finish_step, read_signals, read_step
from engine.store.watchlists import read_watchlist
from engine.strategies.manager import judged_signal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.daily_plan import Plan
    from engine.workspace import Workspace

log = logging.getLogger(__name__)

#: A symbol without a bar for so many sessions has ended or is suspended; it is said, and not waited for.
ENDED_AFTER = 20
#: A live run keeps the anomalies of so many sessions, so that a day without a run is made up for.
RECENT = 5


@dataclass
class Findings:
    """What the steps of one run hand to one another."""

    watched: list[str] = field(default_factory=list)
    named: bool = False
    bars: dict[str, Bars] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=list)
    signals: list[dict[str, Any]] = field(default_factory=list)
    anomalies: list[dict[str, Any]] = field(default_factory=list)
    directions: list[dict[str, Any]] = field(default_factory=list)
    predictions: dict[str, dict[str, Any]] = field(default_factory=dict)
    drift: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: list[StepRecord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended; `signals` and the messages that `tell` writes are recorded together with it."""

    status: str
    detail: dict[str, Any]
    signals: tuple[Signal, ...] | None = None
    tell: Callable[[Connection], None] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `always` steps run again in every call; the others only when what they read has changed. `later` steps are those
    of every decision time.
    """

    name: str
    work: Callable[[Plan, Findings], Outcome]
    always: bool = False
    later: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The whole run, as shown, as printed by `--json` and as sent."""

    run_id: str
    session: int
    status: str
    steps: tuple[StepRecord, ...]
    signals: tuple[dict[str, Any], ...]
    stale: tuple[str, ...] = ()
    demo: bool = False
    anomalies: tuple[dict[str, Any], ...] = ()
    directions: tuple[dict[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the blueprint."""
        return {
            "run_id": self.run_id,
            "session": from_day_number(self.session).isoformat(),
            "status": self.status,
            "demo": self.demo,
            "steps": [step.as_dict() for step in self.steps],
            "signals": list(self.signals),
            "anomalies": list(self.anomalies),
            "directions": list(self.directions),
        }


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
    status = _status(records)
    end_run(store, run.id, status, store.snapshot(), plan.desk.now())
    stale = next((tuple(record.detail["stale"]) for record in records if record.name == "freshness"), ())
    anomalies = tuple(with_state(store, findings.anomalies))
    return Report(
        *(run.id, plan.session, status, tuple(records), tuple(findings.signals), stale, plan.desk.workspace.demo, anomalies),
        directions=tuple(findings.directions),
    )


def _status(records: Sequence[StepRecord]) -> str:
    """stale when nothing (or not all that was named) is fresh, partial when a source was refused, else done."""
    statuses = {record.status for record in records}
    return next((status for status in ("stale", "partial") if status in statuses), "done")


def _digest(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _collect(plan: Plan, _findings: Findings) -> Outcome:
    """Bring in what the sources have; a refused file does not stop the others."""
    collected: dict[str, Any] = {}
    refused = 0
    for source in plan.sources:
        try:
            reports = [report.as_dict() for report in source.collect(from_day_number(plan.session), plan.progress)]
        except PregaoError as error:
            refused += 1
            collected[source.name] = {"error": error.as_dict()}
            continue
        refused += sum(report["error"] is not None for report in reports)
        collected[source.name] = {
            "files": len(reports),
            "written": sum(report["written"] for report in reports),
            "unchanged": sum(report["unchanged"] for report in reports),
            "errors": [{"path": report["path"], **report["error"]} for report in reports if report["error"]],
        }
    return Outcome("partial" if refused else "done", collected)


def _check_freshness(plan: Plan, findings: Findings) -> Outcome:
    """Compare the newest bar of every watched symbol with the target session."""
    store, calendar = plan.desk.store, plan.desk.calendar
    symbols = findings.watched or symbols_with_bars(store)
    if not symbols:
        raise NoDataError(
            _("There are no bars yet."),
            _("Import a file with `pregao import FILE`, or look at the demo with `pregao --demo --run-daily`."),
        )
    findings.bars = read_many(store, symbols, "1d", cut=plan.cut)
    stale: dict[str, int] = {}
    ended: dict[str, str] = {}
    for symbol, bars in findings.bars.items():
        newest = int(bars.session[-1])
        behind = int(np.searchsorted(calendar.sessions, plan.session) - np.searchsorted(calendar.sessions, newest))
        if behind > ENDED_AFTER and not findings.named:
            ended[symbol] = from_day_number(newest).isoformat()
        elif behind > 0:
            stale[symbol] = behind
    missing = [symbol for symbol in symbols if symbol not in findings.bars]
    findings.fresh = [symbol for symbol in findings.bars if symbol not in stale and symbol not in ended]
    impossible = _adjust(plan, findings)
    newest_all = max((int(bars.session[-1]) for bars in findings.bars.values()), default=None)
    detail = {
        "session": from_day_number(plan.session).isoformat(),
        "newest": None if newest_all is None else from_day_number(newest_all).isoformat(),
        "watched": len(symbols),
        "fresh": len(findings.fresh),
        "stale": stale,
        "ended": ended,
        "missing": missing if findings.named else [],
    }
    if impossible:
        detail["impossible_events"] = impossible
    blocked = not findings.fresh or (findings.named and (stale or missing))
    return Outcome("stale" if blocked else "partial" if impossible else "done", detail)


def _adjust(plan: Plan, findings: Findings) -> dict[str, str]:
    """Take the events known by then out of the prices; a symbol with one that cannot be is no longer fresh: symbol and reason."""
    impossible: dict[str, str] = {}
    for symbol in findings.fresh:
        try:
            findings.bars[symbol], _events = adjusted(plan.desk.store, findings.bars[symbol], plan.cut)
        except FileError as error:
            impossible[symbol] = error.message
    findings.fresh = [symbol for symbol in findings.fresh if symbol not in impossible]
    return impossible


def _refuse_unproved(name: str, workspace: Workspace, series: Sequence[Bars]) -> None:
    """Raises GateError for a strategy of the user that sees the future, or about which nothing could be proved.

    Each content of its file is checked once on the made random walk and once on the same bars of `series`.
    """
    own = strategies.user.files(workspace.strategies).get(name)
    if own is not None:
        from engine.backtest.proofs import require_proof

        require_proof(own, workspace.cache, series)


def _find_signals(plan: Plan, findings: Findings) -> Outcome:
    """Ask the strategy about every fresh symbol; symbols with too short a history are said.

    A strategy of the user that sees the future, or about which nothing could be proved, is refused: GateError.
    """
    name, rules = plan.desk.settings.daily.strategy, rules_of(plan.desk.settings)
    strategy = strategies.chosen(name, folder=plan.desk.workspace.strategies)
    _refuse_unproved(name, plan.desk.workspace, [findings.bars[symbol] for symbol in findings.fresh])
    valid_until = plan.desk.calendar.close_instant(plan.desk.calendar.next_session(plan.session))
    found: list[Signal] = []
    short: list[str] = []
    for count, symbol in enumerate(findings.fresh):
        plan.progress(count, len(findings.fresh), symbol)
        try:
            signal = judged_signal(findings.bars[symbol], strategy, valid_until, rules)
        except NoDataError:
            short.append(symbol)
            continue
        asked = plan.desk.settings.daily.model_filter
        found.append(second_opinion(signal, findings.predictions, findings.drift) if asked else signal)
    actions = [str(signal.action) for signal in found]
    detail: dict[str, Any] = {"strategy": name, "params": {} if strategy is None else strategy.params}
    detail |= {action: actions.count(action) for action in ("BUY", "SELL", "HOLD")}
    detail["too_short"] = short
    detail["rejected"] = [
        {"symbol": signal.symbol, **signal.filter} for signal in found if signal.filter and signal.filter["state"] == "rejected"
    ]
    signals = [signal.as_dict() for signal in found]
    return Outcome("done", detail, tuple(found), lambda connection: _teller(plan).signals(connection, signals))


def _find_anomalies(plan: Plan, findings: Findings) -> Outcome:
    """Look for anomalies of the session in every fresh symbol; a live run keeps them, with those of the sessions just before."""
    store, settings = plan.desk.store, plan.desk.settings.anomalies
    scans = []
    for count, symbol in enumerate(findings.fresh):
        plan.progress(count, len(findings.fresh), symbol)
        scans.append(scan(store, findings.bars[symbol], settings, lookback=RECENT, known_at=plan.cut.known_at))
    if not plan.replay:
        record(store, scans, plan.desk.now())
    found = [item.as_dict() for one in scans for item in one.found if item.session == plan.session]
    findings.anomalies = sorted(found, key=lambda item: -item["score"])
    kinds = [item["kind"] for item in found]
    detail: dict[str, Any] = {kind: kinds.count(kind) for kind in KINDS}
    detail["too_short"] = [symbol for symbol in findings.fresh if len(findings.bars[symbol]) <= LEAST]
    detail |= {"anomalies": findings.anomalies}
    return Outcome("done", detail, tell=lambda connection: _teller(plan).anomalies(connection, findings.anomalies))


def _predict(plan: Plan, findings: Findings) -> Outcome:
    """Ask every model about every fresh symbol; one that is refused stops neither the others nor the signals."""
    bars = {symbol: findings.bars[symbol] for symbol in findings.fresh}
    findings.predictions = ask(plan.predictors, bars)
    if not plan.replay:
        keep(plan.desk.store, findings.predictions, bars, plan.desk.now())
    refused = any("error" in said for said in findings.predictions.values())
    return Outcome("partial" if refused else "done", findings.predictions)


def _watch_models(plan: Plan, findings: Findings) -> Outcome:
    """How far each live model has drifted."""
    bars = {symbol: findings.bars[symbol] for symbol in findings.fresh}
    recorded_at = None if plan.replay else plan.desk.now()
    findings.drift = watch(plan.predictors, findings.predictions, plan.desk.store, bars, plan.session, recorded_at)
    return Outcome("done", findings.drift)


def _say_directions(plan: Plan, findings: Findings) -> Outcome:
    """What is said of the index: after the close of the next session, later of the target session."""
    from engine.ml.direction.day import say

    said = say(plan.desk, plan.decision_time, plan.session, replay=plan.replay)
    findings.directions = said.directions
    tell = partial(_teller(plan).directions, found=said.directions)
    return Outcome(said.status, said.detail, tell=tell)


def _trade_paper(plan: Plan, findings: Findings) -> Outcome:
    """Take the paper account through the session that has closed, and follow the signals where the settings say so."""
    if plan.replay:
        return Outcome("done", {"account": None})
    detail = paper_day(plan.desk, plan.session, findings.signals)
    return Outcome("done", detail)


def _teller(plan: Plan) -> Teller:
    return Teller(plan.run_id, plan.desk.now(), plan.desk.workspace.demo)


def _notify(plan: Plan, findings: Findings) -> Outcome:
    """Say what is left to say of the day, and send what waits."""
    if not plan.notify:
        return Outcome("done", {"channels": {}, "wrong": {}})
    report = {
        "run_id": plan.run_id,
        "session": from_day_number(plan.session).isoformat(),
        "status": _status(findings.records),
        "demo": plan.desk.workspace.demo,
        "steps": [record.as_dict() for record in findings.records],
        **{name: getattr(findings, name) for name in ("signals", "anomalies", "directions")},
    }
    paper = next((record.detail for record in findings.records if record.name == "paper"), {})
    bars = [findings.bars[symbol] for symbol in findings.fresh]
    return Outcome(*tell_and_send(plan.desk, _teller(plan), report, bars, paper, whole_day=plan.decision_time == CLOSE))


STEPS: tuple[Step, ...] = (
    Step("import", _collect, always=True, later=True),
    Step("freshness", _check_freshness, always=True),
    Step("predictions", _predict),
    Step("drift", _watch_models),
    Step("signals", _find_signals),
    Step("anomalies", _find_anomalies),
    Step("directions", _say_directions, later=True),
    Step("paper", _trade_paper),
    Step("notifications", _notify, always=True, later=True),
)
