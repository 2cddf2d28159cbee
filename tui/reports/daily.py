"""The daily run and the history of runs as Rich text. Text from outside goes in as plain text, never as markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from engine.domain import iso
from engine.i18n import _
from tui.format import DASH, day, instant, number
from tui.names import anomaly_name, status_name, step_name, steps_line
from tui.reports.filter import drift_summary, predictions_summary, rejected_lines
from tui.reports.signals import signals_report
from tui.reports.table import more, plain_table

if TYPE_CHECKING:
    from engine.daily import Report

LISTED = 12
#: A day of so few symbols shows every HOLD with its reason too.
SMALL_DESK = 20


def daily_report(report: Report) -> RenderableType:
    """The day on one page: what was done, what is stale, what the strategy says and why."""
    style = {"done": "green"}.get(report.status, "red")
    head = Text.assemble((_("Daily run {id}: ").format(id=report.run_id), "bold"), (status_name(report.status), f"bold {style}"))
    steps = plain_table(_("Step"), _("Status"), _("Seconds"), _("What"), right=(_("Seconds"),))
    for step in report.steps:
        summary = Text(_step_summary(step.name, step.detail))
        steps.add_row(step_name(step.name), status_name(step.status), number(step.seconds), summary)
    lines: list[RenderableType] = [head, steps]
    freshness = next(step.detail for step in report.steps if step.name == "freshness")
    lines += [Text(line, style="yellow") for line in _freshness_notes(freshness)]
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
    """A stored run with what each of its steps did, and why it is not done where it is not."""
    text = Text()
    text.append(f"{run['id']}: {status_name(run['status'])}\n\n", style="bold")
    for step in run["steps"]:
        text.append(f"{step_name(step['name'])}: {status_name(step['status'])}\n", style="bold")
        if step["status"] == "failed":
            text.append(f"  {step['detail'].get('message', '')}\n  {step['detail'].get('hint') or ''}\n")
            continue
        text.append(f"  {_step_summary(step['name'], step['detail'])}\n")
        for line in _freshness_notes(step["detail"]) if step["name"] == "freshness" else ():
            text.append(f"  ! {line}\n")
    return text


def _step_summary(name: str, detail: Mapping[str, Any]) -> str:
    if name == "import":
        parts = []
        for source, facts in detail.items():
            if "error" in facts:
                parts.append(f"{source}: {facts['error']['message']}")
                continue
            parts.append(
                _("{source}: {files} files, {written} bars written").format(
                    source=source, **{k: facts[k] for k in ("files", "written")}
                )
            )
            parts += [f"{error['path']}: {error['message']}" for error in facts["errors"]]
        return "; ".join(parts) or _("nothing to import")
    if name == "freshness":
        return _("{fresh} of {watched} symbols have the bar of {session}").format(
            fresh=detail["fresh"], watched=detail["watched"], session=day(detail["session"])
        )
    if name == "signals":
        return _("{strategy}: {buy} BUY, {sell} SELL, {hold} HOLD").format(
            strategy=detail["strategy"], buy=detail["BUY"], sell=detail["SELL"], hold=detail["HOLD"]
        )
    if name == "anomalies":
        listed = ", ".join(f"{item['symbol']} {anomaly_name(item['kind'])}" for item in detail["anomalies"][:LISTED])
        return listed + more(len(detail["anomalies"]), LISTED) if listed else _("none")
    if name == "directions":
        from tui.reports.direction import step_line

        return step_line(detail)
    if name == "paper":
        from tui.reports.paper import day_line

        return day_line(detail)
    if name == "notifications":
        from tui.reports.notify import step_line as messages_line

        return messages_line(detail)
    return drift_summary(detail) if name == "drift" else predictions_summary(detail)


def _freshness_notes(detail: Mapping[str, Any]) -> list[str]:
    notes = []
    if detail["newest"] is None or detail["newest"] < detail["session"]:
        newest = DASH if detail["newest"] is None else day(detail["newest"])
        notes.append(
            _("Stale: the newest bar is of {newest}, the last closed session is {session}. Import newer files.").format(
                newest=newest, session=day(detail["session"])
            )
        )
    elif detail["stale"]:
        listed = ", ".join(f"{symbol} (-{behind})" for symbol, behind in list(detail["stale"].items())[:LISTED])
        notes.append(_("Behind, so without a signal: {symbols}").format(symbols=listed + more(len(detail["stale"]), LISTED)))
    if detail["ended"] and detail["fresh"]:
        notes.append(
            _("Ended or suspended: {symbols}").format(
                symbols=", ".join(list(detail["ended"])[:LISTED]) + more(len(detail["ended"]), LISTED)
            )
        )
    if detail["missing"]:
        notes.append(_("Watched, but without bars: {symbols}").format(symbols=", ".join(detail["missing"])))
    return notes


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
            steps_line(run["steps"]),
        )
    return table
