"""Letting the system start the daily run every evening."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.i18n import _
from tui.commands.common import is_json
from tui.output import console, narrate, print_json

if TYPE_CHECKING:
    from engine.schedule import Installed


def add_commands(commands: Any, common: Any) -> None:
    summary = _("let the system start the daily run every evening")
    example = _("Example: {example}").format(example="pregao schedule install --time 19:30")
    parser = commands.add_parser("schedule", parents=[common], help=summary, description=summary, epilog=example)
    actions = parser.add_subparsers(metavar="{install,show,remove}", required=True, parser_class=type(parser))
    install = actions.add_parser(
        "install", parents=[common], help=_("install it, in the place of an earlier one of whatever kind")
    )
    install.add_argument("--time", default="19:30", metavar="HH:MM", help=_("when, Sao Paulo's time (default 19:30)"))
    install.add_argument("--dry-run", action="store_true", help=_("only print what would be installed"))
    install.set_defaults(run=run_install)
    shown = actions.add_parser("show", parents=[common], help=_("what is installed"))
    shown.set_defaults(run=run_show)
    removed = actions.add_parser("remove", parents=[common], help=_("take it away"))
    removed.add_argument("--dry-run", action="store_true", help=_("only print what would be taken away"))
    removed.set_defaults(run=run_remove)
    install.add_argument("--kind", default="", metavar="KIND", help=_("systemd, cron or windows (default: what this system has)"))
    for action in (shown, removed):
        action.add_argument("--kind", default="", metavar="KIND", help=_("only systemd, cron or windows (default: all of them)"))


def run_install(arguments: argparse.Namespace) -> int:
    """`pregao schedule install`."""
    from engine.desk import utc_now
    from engine.schedule import install, plan_schedule

    schedule = plan_schedule(_command(arguments), arguments.time, arguments.kind, utc_now())
    found = install(schedule, dry_run=arguments.dry_run)
    if is_json(arguments):
        print_json(found.as_dict())
        return 0
    _print(found)
    narrate(_("Nothing was installed.") if arguments.dry_run else _("The daily run is started every weekday evening."))
    _narrate_notes([found])
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """`pregao schedule show`."""
    _say(arguments, _looked(arguments.kind), _("The daily run is started every weekday evening."))
    return 0


def run_remove(arguments: argparse.Namespace) -> int:
    """`pregao schedule remove`."""
    from engine.schedule import remove

    found = _looked(arguments.kind)
    if not arguments.dry_run:
        found = [remove(item) for item in found]
    _say(arguments, found, _("Nothing was taken away."))
    return 0


def _looked(kind: str) -> list[Installed]:
    """What is on the system: of every kind, or of the one that is named."""
    from engine.schedule import kinds_here, show

    return [show(name, strict=bool(kind)) for name in kinds_here(kind)]


def _command(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The command line that the system is to start: this installation's, with its workspace by name."""
    from tui.cli import find

    beside = Path(sys.executable).with_name("pregao.exe" if sys.platform == "win32" else "pregao")
    program = (str(beside),) if beside.is_file() else (sys.executable, "-c", "from tui.cli import main; raise SystemExit(main())")
    workspace = find(arguments)
    return (*program, "--run-daily", "--home", str(workspace.home), *(("--demo",) if workspace.demo else ()))


def _say(arguments: argparse.Namespace, found: Sequence[Installed], sentence: str) -> None:
    """What each kind has; `sentence` where any of them is installed."""
    there = any(item.installed for item in found)
    if is_json(arguments):
        print_json({"installed": there, "schedules": [item.as_dict() for item in found]})
        return
    for item in found:
        _print(item)
    narrate(sentence if there else _("The daily run is not started by itself."))
    _narrate_notes(found)


def _print(found: Installed) -> None:
    for text in (*(f"{path}\n{text}" for path, text in found.files.items()), *found.lines):
        console().print(text, markup=False, soft_wrap=True)


def _narrate_notes(found: Sequence[Installed]) -> None:
    for item in found:
        for note in item.notes:
            narrate(note)
