"""The steps that act on what was found: the paper account, the feed, the summary and the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.daily.feed import write_day
from engine.daily.report import status_of
from engine.daily.step import Findings, Outcome, teller
from engine.domain import from_day_number
from engine.errors import FileError
from engine.ml.direction.times import CLOSE
from engine.notifications.delivery import send_waiting, tell_rest
from engine.paper.day import paper_day, practising

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.daily.plan import Plan


def trade_paper(plan: Plan, findings: Findings) -> Outcome:
    """Take the paper account through the session that has closed, and follow the signals where the settings say so."""
    if plan.replay:
        return Outcome("done", {"account": None})
    findings.paper = paper_day(plan.desk, plan.session, findings.signals)
    day = findings.paper
    idle = day["account"] is None or not (day["sessions"] or any(item["order"] is not None for item in day["followed"]))
    return Outcome("done", day, idle=idle)


def which_account(plan: Plan) -> int | None:
    """The account that practises on the past and is left alone: to open one asks for the step again."""
    return practising(plan.desk)


def recall_paper(plan: Plan, findings: Findings, detail: Mapping[str, Any]) -> None:  # noqa: ARG001
    """The day of the paper account as recorded."""
    findings.paper = dict(detail)


def feed(plan: Plan, findings: Findings) -> Outcome:
    """Write the day as files for dashboards; a folder that cannot be written makes the run partial and stops nothing."""
    if plan.replay:
        return Outcome("done", {"files": []})
    try:
        paths = write_day(plan.desk, _said(plan, findings))
    except FileError as error:
        return Outcome("partial", {"files": [], "error": error.as_dict()})
    return Outcome("done", {"files": [path.name for path in paths]})


def summarise(plan: Plan, findings: Findings) -> Outcome:
    """Write what is left to say of the day as messages: the summary, prices that crossed a limit, drawdowns."""
    if not plan.notify:
        return Outcome("done", {"wrong": {}})
    bars = [findings.bars[symbol] for symbol in findings.fresh]
    whole_day = plan.decision_time == CLOSE
    wrong = tell_rest(plan.desk, teller(plan), _said(plan, findings), bars, findings.paper, whole_day=whole_day)
    return Outcome("partial" if wrong else "done", {"wrong": wrong})


def notify(plan: Plan, findings: Findings) -> Outcome:  # noqa: ARG001 - what waits is in the store
    """Send what waits."""
    if not plan.notify:
        return Outcome("done", {"channels": {}, "wrong": {}})
    return Outcome(*send_waiting(plan.desk, plan.desk.settings.notifications.patience_seconds))


def _said(plan: Plan, findings: Findings) -> dict[str, Any]:
    """The report of the run so far, in its JSON form."""
    return {
        "run_id": plan.run_id,
        "session": from_day_number(plan.session).isoformat(),
        "status": status_of(findings.records),
        "demo": plan.desk.workspace.demo,
        "steps": [record.as_dict() for record in findings.records],
        **{name: getattr(findings, name) for name in ("signals", "anomalies", "directions")},
        "paper": findings.paper,
    }
