"""The direction of an index: today's signal, its evaluation, the analysis."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.i18n import _
from tui.commands.common import add, desk_of, is_json, parse_day, parse_number, symbols
from tui.output import console, demo_banner, narrate, print_json, progress_bar

#: Exit code of a gate that was not met.
NOT_MET = 4
#: The actions that an option belongs to; those that are not named belong to each.
GOES_WITH = {
    "--price": ("signal",),
    "--as-of": ("signal",),
    "--from": ("evaluate", "report"),
    "--to": ("report",),
    "--out": ("report",),
    "--details": ("evaluate",),
    "--at": ("signal", "evaluate"),
    "--gate": ("signal", "evaluate"),
}
#: What an option is called once it is read, where that is not its own name.
NAMES = {"--at": "times", "--as-of": "day", "--from": "from_"}


def add_commands(commands: Any, common: Any) -> None:
    parser = add(
        *(commands, common, "direction", _("whether the index closes higher at its next session: the signal, what it is worth, the analysis")),
        "pregao direction --at 11:00 --price 158250",
    )  # fmt: skip
    _add_options(parser, "signal", None)
    actions = parser.add_subparsers(title=_("actions"), metavar="ACTION", dest="action", parser_class=type(parser))
    for name, summary, example in (
        (
            "signal",
            _("what is said of the next session, or of a past one; without an action this is done"),
            "pregao direction signal --at open --as-of 2025-03-12",
        ),
        (
            "evaluate",
            _("what every decision time was worth on sessions that its models knew nothing of"),
            "pregao direction evaluate --at 10:45 11:00 --details",
        ),
        (
            "report",
            _("the written analysis of the data, the columns and the models, with plots"),
            "pregao direction report --out analysis.html --from 2023-12-13",
        ),
    ):
        _add_options(add(actions, common, name, summary, example), name, argparse.SUPPRESS)
    parser.set_defaults(symbol="", gate=False, details=False, action="signal", run=run_direction)


def _add_options(parser: argparse.ArgumentParser, action: str, default: str | None) -> None:
    """Every option of the command, those of other actions hidden: given all the same, they are refused by name."""
    several = {"action": "extend", "nargs": "+"} if action == "evaluate" else {"action": "append"}
    settings: dict[str, dict[str, Any]] = {
        "--symbol": {"metavar": "SYMBOL"},
        "--at": {"metavar": "TIME", **several},
        "--price": {"metavar": "X"},
        "--as-of": {"metavar": "DATE"},
        "--from": {"metavar": "DATE"},
        "--to": {"metavar": "DATE"},
        "--out": {"metavar": "FILE"},
        "--details": {"action": "store_true"},
        "--gate": {"action": "store_true"},
    }
    one = _("close, preopen, open or HH:MM (default: close)")
    many = _("one or more of close, preopen, open and HH:MM (default: all)")
    words = {
        "--symbol": _("default: the index in the settings"),
        "--at": many if action == "evaluate" else one,
        "--price": _("the index or BOVA11 now, for open and HH:MM"),
        "--as-of": _("a past session (for close the one after which it is asked)"),
        "--from": _("the first session judged, YYYY-MM-DD") if action == "evaluate" else _("the first session, YYYY-MM-DD"),
        "--to": _("the last session"),
        "--out": _("the file to write, .md or .html"),
        "--details": _("also by year and regime, against each baseline, and every gate in full"),
        "--gate": _("exit with code 4 when the gate is not met"),
    }
    for option, held in settings.items():
        shown = action in GOES_WITH.get(option, (action,))
        told, name = words[option] if shown else argparse.SUPPRESS, NAMES.get(option, option.removeprefix("--"))
        parser.add_argument(option, dest=name, default=default, help=told, **held)


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
            _show(arguments, found)
    if not arguments.gate:
        return 0
    gates = [found["gate"]] if arguments.action == "signal" else [item["gate"] for item in found["decision_times"]]
    return 0 if all(gate is not None and gate["verdict"] == "met" for gate in gates) else NOT_MET


def _params(arguments: argparse.Namespace) -> dict[str, Any]:
    """What is asked as the parameters of a job. Raises UsageError for options that do not go with the action."""
    action = arguments.action
    for option, actions in GOES_WITH.items():
        value = getattr(arguments, NAMES.get(option, option.removeprefix("--")))
        if value and action not in actions:
            raise UsageError(_("{option} goes with {actions}").format(option=option, actions=", ".join(actions)))
    times = [part.strip() for text in arguments.times or () for part in text.split(",") if part.strip()]
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


def _show(arguments: argparse.Namespace, found: dict[str, Any]) -> None:
    from tui.reports import direction as direction_report

    action = arguments.action
    demo_banner(found["demo"])
    if action == "report":
        console().print(_("Written: {path}").format(path=found["file"]), markup=False)
    elif action == "evaluate":
        console().print(direction_report.evaluation_report(found, details=arguments.details))
    else:
        console().print(direction_report.signal_report(found))
