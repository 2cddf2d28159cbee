"""A job as one row of a table, as one line of the strip, and as a page to read."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from engine.domain import iso
from engine.i18n import _
from tui.names import kind_name, status_name
from tui.quick_format import day, money, percent

STYLES = {"done": "up", "failed": "down", "lost": "down", "cancelled": "dim"}


def share(job: Any) -> float | None:
    """How much is done, as a fraction; None when it cannot be known."""
    return job.done / job.total if job.total else None


def job_cell(job: Any, key: str) -> str | tuple[str, str]:
    """One cell of the table of jobs."""
    if key == "status":
        return status_name(job.status), STYLES.get(job.status, "accent")
    if key == "done":
        part = share(job)
        return "" if part is None else f"{part:.0%}"
    if key == "created":
        created = iso(job.created_at)
        return f"{day(created)} {created[11:16]}"
    if key == "note":
        return _came_of(job)
    return kind_name(job.kind) if key == "kind" else str(job.id)


def _came_of(job: Any) -> str:
    """Why it failed, else what it said last."""
    return str(job.error["message"]) if job.error and job.error.get("message") else str(job.note)


def job_text(job: Any, events: list[Any]) -> Text:
    """Everything about one job."""
    text = Text()
    text.append(f"{kind_name(job.kind)} {job.id}: {status_name(job.status)}\n", style="bold")
    text.append(f"{_came_of(job)}\n")
    if job.error and job.error.get("hint"):
        text.append(f"{job.error['hint']}\n")
    result = job.result or {}
    for item in result.get("files", []):
        text.append(f"\n{item['path']}\n", style="bold")
        if item["error"]:
            text.append(f"  {item['error']['message']}\n", style="red")
            continue
        text.append(
            "  "
            + _("{rows} rows, {written} written, {unchanged} unchanged, {revised} revised, {rejected} rejected").format(
                **{key: item[key] for key in ("rows", "written", "unchanged", "revised")}, rejected=len(item["rejected"])
            )
            + "\n"
        )
        for line in (*item["notices"], *item["revisions"]):
            text.append(f"  {line}\n", style="dim")
        for row in item["rejected"][:20]:
            text.append("  " + _("line {line}: {reason}").format(**row) + "\n")
    ranked = sorted(result.get("results", []), key=lambda item: -(item["metrics"]["total_return"] or 0))
    for item in ranked:
        metrics = item["metrics"]
        hold, label = item["baselines"]["buy_and_hold"]["total_return"], item["verdict"]["label"]
        text.append(f"\n{item['symbol']:<10}", style="bold")
        text.append(f"{percent(metrics['total_return']):>10} ({_('buy & hold')} {percent(hold)})  ")
        text.append(
            _("{trades} trades, {equity}, {verdict}").format(
                trades=metrics["trades"], equity=money(metrics["final_equity"]), verdict=_(label)
            )
        )
    for event in events[-20:]:
        text.append(f"\n{iso(event.at)[11:19]} {event.kind}", style="dim")
    return text
