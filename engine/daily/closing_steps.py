"""The steps that act on what was found: the paper account and the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.daily.report import status_of
from engine.daily.step import Findings, Outcome, teller
from engine.domain import from_day_number
from engine.ml.direction.times import CLOSE
from engine.notifications.delivery import tell_and_send
from engine.paper.day import paper_day

if TYPE_CHECKING:
    from engine.daily.plan import Plan


def trade_paper(plan: Plan, findings: Findings) -> Outcome:
    """Take the paper account through the session that has closed, and follow the signals where the settings say so."""
    if plan.replay:
        return Outcome("done", {"account": None})
    detail = paper_day(plan.desk, plan.session, findings.signals)
    return Outcome("done", detail)


def notify(plan: Plan, findings: Findings) -> Outcome:
    """Say what is left to say of the day, and send what waits."""
    if not plan.notify:
        return Outcome("done", {"channels": {}, "wrong": {}})
    report = {
        "run_id": plan.run_id,
        "session": from_day_number(plan.session).isoformat(),
        "status": status_of(findings.records),
        "demo": plan.desk.workspace.demo,
        "steps": [record.as_dict() for record in findings.records],
        **{name: getattr(findings, name) for name in ("signals", "anomalies", "directions")},
    }
    paper = next((record.detail for record in findings.records if record.name == "paper"), {})
    bars = [findings.bars[symbol] for symbol in findings.fresh]
    return Outcome(*tell_and_send(plan.desk, teller(plan), report, bars, paper, whole_day=plan.decision_time == CLOSE))
