"""The steps that judge each symbol: models, signals and anomalies; and the direction of the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from engine import strategies
from engine.daily.step import Findings, Outcome, teller
from engine.domain import Bars, Signal
from engine.errors import NoDataError
from engine.features.regime import REGIMES
from engine.ml.anomalies import KINDS
from engine.ml.anomaly_measures import LEAST
from engine.ml.anomaly_watch import scan
from engine.ml.day import ask, keep, prepare, second_opinion, watch
from engine.signals import rules_of
from engine.store.anomalies import record
from engine.store.ledger import read_signals
from engine.strategies.manager import judged_signal

if TYPE_CHECKING:
    from engine.daily.plan import Plan
    from engine.workspace import Workspace

#: A live run keeps the anomalies of so many sessions, so that a day without a run is made up for.
RECENT = 5


def judge_regimes(plan: Plan, findings: Findings) -> Outcome:
    """The regime of every fresh symbol at the session, and those that it changed."""
    rules = rules_of(plan.desk.settings)
    found: dict[str, str] = {}
    changed: dict[str, list[str]] = {}
    for symbol in findings.fresh:
        newest = [str(REGIMES[code]) for code in rules.regimes(findings.bars[symbol])[-2:]]
        found[symbol] = newest[-1]
        if newest[0] != newest[-1]:
            changed[symbol] = newest
    return Outcome("done", {**Counter(found.values()), "changed": changed, "symbols": found})


def prepare_features(plan: Plan, findings: Findings) -> Outcome:
    """Compute what the models look at, once for predictions and drift; a model that is refused is said by the predictions."""
    bars = [findings.bars[symbol] for symbol in findings.fresh]
    return Outcome("done", prepare(plan.predictors, bars), idle=not plan.predictors)


def predict(plan: Plan, findings: Findings) -> Outcome:
    """Ask every model about every fresh symbol; one that is refused stops neither the others nor the signals."""
    bars = {symbol: findings.bars[symbol] for symbol in findings.fresh}
    findings.predictions = ask(plan.predictors, bars)
    if not plan.replay:
        keep(plan.desk.store, findings.predictions, bars, plan.desk.now())
    refused = any("error" in said for said in findings.predictions.values())
    return Outcome("partial" if refused else "done", findings.predictions, idle=not plan.predictors)


def watch_models(plan: Plan, findings: Findings) -> Outcome:
    """How far each live model has drifted."""
    bars = {symbol: findings.bars[symbol] for symbol in findings.fresh}
    recorded_at = None if plan.replay else plan.desk.now()
    findings.drift = watch(plan.predictors, findings.predictions, plan.desk.store, bars, plan.session, recorded_at)
    return Outcome("done", findings.drift, idle=not findings.drift)


def _refuse_unproved(name: str, workspace: Workspace, series: Sequence[Bars]) -> None:
    """Raises GateError for a strategy of the user that sees the future, or about which nothing could be proved.

    Each content of its file is checked once on the made random walk and once on the same bars of `series`.
    """
    own = strategies.user.files(workspace.strategies).get(name)
    if own is not None:
        from engine.backtest.proofs import require_proof

        require_proof(own, workspace.cache, series)


def find_signals(plan: Plan, findings: Findings) -> Outcome:
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
    return Outcome("done", detail, tuple(found), lambda connection: teller(plan).signals(connection, signals))


def find_anomalies(plan: Plan, findings: Findings) -> Outcome:
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
    return Outcome("done", detail, tell=lambda connection: teller(plan).anomalies(connection, findings.anomalies))


def say_directions(plan: Plan, findings: Findings) -> Outcome:
    """What is said of the index: after the close of the next session, later of the target session."""
    from engine.ml.direction.day import say

    said = say(plan.desk, plan.decision_time, plan.session, replay=plan.replay)
    findings.directions = said.directions
    tell = partial(teller(plan).directions, found=said.directions)
    return Outcome(said.status, said.detail, tell=tell, idle=not said.directions)


def recall_signals(plan: Plan, findings: Findings, detail: Mapping[str, Any]) -> None:  # noqa: ARG001 - they have a table
    """The signals of the run as recorded."""
    findings.signals = read_signals(plan.desk.store, plan.run_id)


def recall_anomalies(plan: Plan, findings: Findings, detail: Mapping[str, Any]) -> None:  # noqa: ARG001
    """The anomalies of the session as recorded."""
    findings.anomalies = list(detail["anomalies"])


def recall_directions(plan: Plan, findings: Findings, detail: Mapping[str, Any]) -> None:  # noqa: ARG001
    """What was said of the index as recorded."""
    findings.directions = list(detail["directions"])


def recall_predictions(plan: Plan, findings: Findings, detail: Mapping[str, Any]) -> None:  # noqa: ARG001
    """What the models said as recorded."""
    findings.predictions = dict(detail)


def recall_drift(plan: Plan, findings: Findings, detail: Mapping[str, Any]) -> None:  # noqa: ARG001
    """How far the models had drifted as recorded."""
    findings.drift = dict(detail)
