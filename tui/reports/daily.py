"""The daily run and the history of runs as Rich text. Text from outside goes in as plain text, never as markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from engine.domain import iso
from engine.i18n import _
from tui.format import instant, number
from tui.names import status_name, step_name
from tui.reports.daily_steps import adjust_notes, changed_lines, check_notes, step_summary
from tui.reports.filter import rejected_lines
from tui.reports.signals import signals_report
from tui.reports.table import plain_table

if TYPE_CHECKING:
    from engine.daily import Report

#: A day of so few symbols shows every HOLD with its reason too.
SMALL_DESK = 20


def daily_report(report: Report) -> RenderableType:
    """The day on one page: what was done, what is stale, what the strategy says and why."""
    style = {"done": "green"}.get(report.status, "red")
    head = Text.assemble((_("Daily run {id}: ").format(id=report.run_id), "bold"), (status_name(report.status), f"bold {style}"))
    steps = plain_table(_("Step"), _("Status"), _("Seconds"), _("What"), right=(_("Seconds"),))
    for step in report.steps:
        summary = Text(step_summary(step.name, step.detail))
        steps.add_row(step_name(step.name), status_name(step.status), number(step.seconds), summary)
    lines: list[RenderableType] = [head, steps]
    lines += [Text(line, style="yellow") for line in report.notes]
    lines += [Text(line, style="yellow") for step in report.steps for line in _notes(step.name, step.detail)]
    lines += [Text(line, style="yellow") for line in changed_lines(report.changes.as_dict())]
    lines += rejected_lines(next((step.detail.get("rejected", ()) for step in report.steps if step.name == "signals"), ()))
    calls = [signal for signal in report.signals if signal["action"] != "HOLD" or len(report.signals) <= SMALL_DESK]
    if calls:
        lines.append(signals_report(calls))
    elif report.signals:
        lines.append(Text(_("No BUY or SELL today; `--json` gives the reason for every HOLD.")))
    if report.anomalies:
        from tui.reports.anomalies import anomalies_table

        lines.append(anomalies_table(report.anomalies))
    return Group(*lines)


def run_text(run: Mapping[str, Any]) -> Text:
    """A stored run with what each of its steps did and how long it took, and why it is not done where it is not."""
    text = Text()
    text.append(f"{run['id']}: {status_name(run['status'])}\n\n", style="bold")
    for step in run["steps"]:
        seconds = _("{seconds} s").format(seconds=number(step["seconds"]))
        text.append(f"{step_name(step['name'])}: {status_name(step['status'])}, {seconds}\n", style="bold")
        if step["status"] == "failed":
            text.append(f"  {step['detail'].get('message', '')}\n  {step['detail'].get('hint') or ''}\n")
            continue
        text.append(f"  {step_summary(step['name'], step['detail'])}\n")
        for line in _notes(step["name"], step["detail"]):
            text.append(f"  ! {line}\n")
    return text


def _notes(name: str, detail: Mapping[str, Any]) -> list[str]:
    """What is to be known of a step besides what it did."""
    return check_notes(detail) if name == "check" else adjust_notes(detail) if name == "adjust" else []


def runs_table(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The newest runs with the time each took."""
    heads = (_("Run"), _("Status"), _("Started"), _("Seconds"), _("Steps"))
    table = plain_table(*heads, right=(heads[3],))
    for run in found:
        seconds = sum(step["seconds"] for step in run["steps"])
        table.add_row(
            run["id"],
            status_name(run["status"]),
            instant(iso(run["started_at"])),
            number(seconds),
            _steps(run["steps"]),
        )
    return table


def _steps(steps: Sequence[Mapping[str, Any]]) -> str:
    """What was not done and why, else how many steps were."""
    odd = [step for step in steps if step["status"] != "done"]
    if not odd:
        return _("{count} done").format(count=len(steps))
    said = []
    for step in odd:
        why = step["detail"].get("message", "") if step["status"] == "failed" else step_summary(step["name"], step["detail"])
        said.append(f"{step_name(step['name'])} {status_name(step['status'])}: {why}")
    return "; ".join(said)
