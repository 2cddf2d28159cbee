"""The jobs of the workspace: what runs in the background, what came of it, and how to stop it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from engine.errors import PregaoError, UsageError
from engine.i18n import _
from tui.commands.common import add, is_json
from tui.output import console, demo_banner, narrate, print_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engine.jobs.client import JobClient
    from engine.store.job_ledger import Job


def add_commands(commands: Any, common: Any) -> None:
    parser = add(commands, common, "jobs", _("the work in the background: list, show or cancel it"), "pregao jobs show 3")
    parser.add_argument("action", nargs="?", choices=("list", "show", "cancel"), default="list")
    parser.add_argument("id", nargs="?", type=int, metavar="ID", help=_("with show and cancel: the number of the job"))
    parser.add_argument("--limit", type=int, default=20, help=_("only the newest so many"))
    parser.set_defaults(run=run_jobs)


def run_jobs(arguments: argparse.Namespace) -> int:
    """`pregao jobs [list | show ID | cancel ID]`; jobs whose process is gone are marked first."""
    from engine.jobs.client import JobClient
    from tui.cli import find

    workspace = find(arguments)
    if arguments.action == "list" and arguments.id is not None:
        raise UsageError(_("list takes no number"), _("Did you mean `pregao jobs show {id}`?").format(id=arguments.id))
    if arguments.action != "list" and arguments.id is None:
        raise UsageError(_("Name the number of the job"), _("`pregao jobs` lists them."))
    if arguments.limit < 1:
        raise UsageError(_("--limit takes a number from 1 up"))
    client = JobClient(workspace)
    client.reap()
    if arguments.action == "list":
        return _list(client.jobs(arguments.limit), is_json(arguments), workspace.demo)
    if arguments.action == "show":
        return _show(client, arguments.id, is_json(arguments), workspace.demo)
    return _cancel(client, arguments.id, is_json(arguments), workspace.demo)


def _list(found: list[Job], as_json: bool, demo: bool) -> int:
    if as_json:
        print_json({"jobs": [job.as_dict() for job in found], "demo": demo})
        return 0
    if not found:
        narrate(_("No job was started yet."))
        return 0
    demo_banner(demo)
    console().print(_table(found))
    return 0


def _show(client: JobClient, job_id: int, as_json: bool, demo: bool) -> int:
    job, events = client.job(job_id), client.events(job_id)
    if as_json:
        whole = {**job.as_dict(), "result": job.result, "events": [event.as_dict() for event in events]}
        print_json({"jobs": [whole], "demo": demo})
        return 0
    demo_banner(demo)
    console().print(_table([job]))
    if job.error is not None:
        narrate(str(job.error["message"]))
        if job.error.get("hint"):
            narrate(f"  {job.error['hint']}")
    for event in events:
        narrate(_event_line(event.kind, event.payload))
    return 0


def _event_line(kind: str, payload: dict[str, Any]) -> str:
    about = payload.get("path") or payload.get("symbol") or ""
    error = payload.get("error")
    if error:
        return f"{kind} {about}: {error['message']}"
    if kind == "file":
        return _("{path}: {written} written, {unchanged} unchanged").format(**payload)
    return f"{kind} {about}"


def _cancel(client: JobClient, job_id: int, as_json: bool, demo: bool) -> int:
    if not client.cancel(job_id):
        raise PregaoError(_("Job {id} has ended already").format(id=job_id))
    if as_json:
        print_json({"jobs": [client.job(job_id).as_dict()], "demo": demo})
    else:
        narrate(_("Job {id} was asked to stop.").format(id=job_id))
    return 0


def _table(found: list[Job]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from engine.domain import iso
    from tui.format import DASH, instant
    from tui.names import kind_name, status_name

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in (_("Job"), _("Kind"), _("Status"), _("Created"), _("Finished"), _("Done"), _("Note")):
        table.add_column(name, overflow="fold")
    for job in found:
        table.add_row(
            str(job.id),
            Text(kind_name(job.kind)),
            status_name(job.status),
            instant(iso(job.created_at)),
            DASH if job.finished_at is None else instant(iso(job.finished_at)),
            DASH if not job.total else f"{job.done / job.total:.0%}",
            Text(job.error["message"] if job.error else job.note),
        )
    return table
