"""The daily run and the history of runs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from engine.domain import from_day_number, iso
from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, desk_of, is_json, parse_day
from tui.output import console, demo_banner, narrate, print_json, progress_bar


def add_commands(commands: Any, common: Any) -> None:
    parser = add(commands, common, "runs", _("the history of daily runs, or one of them with its steps"), "pregao runs --limit 5")
    parser.add_argument("run_id", nargs="?", default="", metavar="RUN", help=_("only this one, such as 2025-06-30-close"))
    parser.add_argument("--limit", type=int, default=20, help=_("only the newest so many"))
    parser.set_defaults(run=run_runs)


def run_daily(arguments: argparse.Namespace) -> int:
    """`pregao --run-daily`: exit code 0 done, 1 partly refused or failed, 3 no or stale data."""
    from engine.daily import run_daily
    from engine.jobs.work import plan_day

    as_of = parse_day(arguments.as_of, "--as-of") if arguments.as_of is not None else None
    with desk_of(arguments) as desk:
        with progress_bar(_("Daily run"), quiet=is_json(arguments)) as progress:
            report = run_daily(plan_day(desk, as_of, progress, arguments.at or "", notify=not arguments.no_notify))
        if is_json(arguments):
            print_json(report.as_dict())
        else:
            from tui.reports.daily import daily_report

            demo_banner(desk.workspace.demo)
            console().print(daily_report(report))
        return {"done": 0, "stale": 3}.get(report.status, 1)


def run_runs(arguments: argparse.Namespace) -> int:
    """`pregao runs`: the newest runs, or one of them."""
    from engine.store.ledger import list_runs
    from engine.store.run_locks import UNFINISHED, with_states

    if arguments.limit < 1:
        raise UsageError(_("--limit takes a number from 1 up"))
    with desk_of(arguments) as desk:
        found = with_states(desk.store, list_runs(desk.store, arguments.limit, arguments.run_id), desk.now())
        if arguments.run_id and not found:
            raise UsageError(_("There is no run {id}").format(id=arguments.run_id), _("`pregao runs` lists the newest."))
        if is_json(arguments):
            print_json({"runs": [_listed(run) for run in found], "demo": desk.workspace.demo})
            return 0
        if not found:
            narrate(_("There was no daily run yet: start one with `pregao --run-daily`."))
            return 0
        from tui.reports.daily import run_text, runs_table

        demo_banner(desk.workspace.demo)
        console().print(run_text(found[0]) if arguments.run_id else runs_table(found))
        if any(run["status"] == UNFINISHED for run in found):
            narrate(
                _(
                    "The process of a run that ended without finishing is gone; the next `pregao --run-daily` of its session completes it."
                )
            )
        return 0


def _listed(run: Mapping[str, Any]) -> dict[str, Any]:
    """A stored run in its JSON form."""
    times = {key: None if run[key] is None else iso(run[key]) for key in ("started_at", "finished_at")}
    return {**run, "session": from_day_number(run["session"]).isoformat(), **times}
