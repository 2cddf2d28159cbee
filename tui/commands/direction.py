"""The direction of an index: today's signal, its evaluation, the analysis."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, desk_of, is_json, parse_day, parse_number, symbols
from tui.output import console, demo_banner, narrate, print_json, progress_bar

ACTIONS = ("signal", "evaluate", "report")
#: Exit code of a gate that was not met.
NOT_MET = 4


def add_commands(commands: Any, common: Any) -> None:
    summary = _("whether the index closes higher at its next session: the signal, what it is worth, the analysis")
    parser = add(commands, common, "direction", summary, "pregao direction --at 11:00 --price 158250")
    parser.add_argument("action", nargs="?", choices=ACTIONS, default=ACTIONS[0], help=_("default: signal"))
    parser.add_argument("--symbol", metavar="SYMBOL", default="", help=_("default: the index in the settings"))
    parser.add_argument(
        "--at",
        dest="times",
        action="append",
        default=[],
        metavar="TIME",
        help=_("close, preopen, open or HH:MM; evaluate takes several (default: close; evaluate: all)"),
    )
    parser.add_argument("--price", metavar="X", help=_("with signal: the index or BOVA11 now, for open and HH:MM"))
    parser.add_argument(
        "--as-of", dest="day", metavar="DATE", help=_("with signal: a past session (for close the one after which it is asked)")
    )
    parser.add_argument("--gate", action="store_true", help=_("exit with code 4 when the gate is not met"))
    parser.add_argument("--from", dest="from_", metavar="DATE", help=_("with evaluate and report: the first session, YYYY-MM-DD"))
    parser.add_argument("--to", metavar="DATE", help=_("with report: the last session"))
    parser.add_argument("--out", metavar="FILE", help=_("with report: the file to write, .md or .html"))
    parser.set_defaults(run=run_direction)


def run_direction(arguments: argparse.Namespace) -> int:
    """`pregao direction`: the work of a job of the kind "direction", in this process."""
    from engine.jobs.kinds import direction_job

    params = _params(arguments)
    quiet = is_json(arguments)
    with desk_of(arguments) as desk:
        with progress_bar(_("Direction"), quiet=quiet) as progress:
            found = direction_job(desk, params, progress, lambda _kind, figures: narrate(_done(figures), quiet=quiet))
        found = {**found, "demo": desk.workspace.demo}
        if quiet:
            print_json(found)
        else:
            _show(arguments.action, found)
    if not arguments.gate:
        return 0
    gates = [found["gate"]] if arguments.action == "signal" else [item["gate"] for item in found["decision_times"]]
    return 0 if all(gate is not None and gate["verdict"] == "met" for gate in gates) else NOT_MET


def _params(arguments: argparse.Namespace) -> dict[str, Any]:
    """What is asked as the parameters of a job. Raises UsageError for options that do not go with the action."""
    action = arguments.action
    goes_with = {
        "--price": (arguments.price, ("signal",)),
        "--as-of": (arguments.day, ("signal",)),
        "--from": (arguments.from_, ("evaluate", "report")),
        "--to": (arguments.to, ("report",)),
        "--out": (arguments.out, ("report",)),
        "--at": (arguments.times, ("signal", "evaluate")),
        "--gate": (arguments.gate, ("signal", "evaluate")),
    }
    for option, (value, actions) in goes_with.items():
        if value and action not in actions:
            raise UsageError(_("{option} goes with {actions}").format(option=option, actions=", ".join(actions)))
    times = [part.strip() for text in arguments.times for part in text.split(",") if part.strip()]
    if action == "signal" and len(times) > 1:
        raise UsageError(_("--at takes one decision time"))
    if action == "report" and not arguments.out:
        raise UsageError(_("Name the file to write with --out"), _("For example: --out analysis.html"))
    for option, text in (("--as-of", arguments.day), ("--from", arguments.from_), ("--to", arguments.to)):
        if text is not None:
            parse_day(text, option)
    return {
        "do": action,
        "symbol": symbols([arguments.symbol])[0] if arguments.symbol else None,
        "at": times[0] if action == "signal" and times else None,
        "times": times or None if action == "evaluate" else None,
        "price": None if arguments.price is None else parse_number(arguments.price, "--price"),
        "as_of": arguments.day,
        "from": arguments.from_,
        "to": arguments.to,
        "out": None if arguments.out is None else str(Path(arguments.out)),
    }


def _done(figures: dict[str, Any]) -> str:
    from tui.reports.direction import figures_line

    return figures_line(figures)


def _show(action: str, found: dict[str, Any]) -> None:
    from tui.reports import direction as direction_report

    demo_banner(found["demo"])
    if action == "report":
        console().print(_("Written: {path}").format(path=found["file"]), markup=False)
    elif action == "evaluate":
        console().print(direction_report.evaluation_report(found))
    else:
        console().print(direction_report.signal_report(found))
