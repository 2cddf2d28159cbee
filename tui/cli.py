"""The `pregao` command: parses the line, then imports only what that command needs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from engine import __version__
from engine.errors import PregaoError, UsageError
from engine.i18n import _, set_language

if TYPE_CHECKING:
    from engine.workspace import Workspace


class Parser(argparse.ArgumentParser):
    """Raises our errors, so that wrong usage is one sentence, and JSON where JSON was asked for; options in full only."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, _("See `{prog} --help`.").format(prog=self.prog))


def build_parser() -> Parser:
    """The whole command line."""
    from tui.commands import (
        anomalies,
        backtest,
        bot,
        daily,
        data,
        direction,
        features,
        jobs,
        lookahead,
        models,
        notify,
        paper,
        research,
        schedule,
        strategies,
        train,
    )
    from tui.usage import translate_argparse

    translate_argparse()
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help=_("print one JSON object"))
    common.add_argument("--home", metavar="FOLDER", help=_("the workspace: config/, data/ and models/ are in this folder"))
    common.add_argument("--demo", action="store_true", help=_("use the demo market: invented companies, stored apart"))

    parser = Parser(
        prog="pregao",
        parents=[common],
        description=_("A trading desk in the terminal for B3, the Brazilian exchange."),
        epilog=_("Example: pregao import PETR4.csv && pregao backtest PETR4 --strategy trend_following"),
    )
    shown = _("show program's version number and exit")
    parser.add_argument("--version", action="version", version=f"pregao {__version__}", help=shown)
    parser.add_argument("--run-daily", action="store_true", help=_("import, check, compute and report the day, then exit"))
    parser.add_argument("--as-of", metavar="DATE", help=_("with --run-daily: replay a past session (YYYY-MM-DD)"))
    parser.add_argument("--at", metavar="TIME", help=_("with --run-daily: close, preopen, open or HH:MM (default: close)"))
    parser.add_argument("--no-notify", action="store_true", help=_("with --run-daily: send no messages"))
    commands = parser.add_subparsers(title=_("commands"), metavar="COMMAND", dest="command", parser_class=Parser)
    for family in (
        data,
        research,
        anomalies,
        features,
        backtest,
        strategies,
        lookahead,
        daily,
        schedule,
        jobs,
        train,
        models,
        direction,
        notify,
        paper,
        bot,
    ):
        family.add_commands(commands, common)
    return parser


def find(arguments: argparse.Namespace) -> Workspace:
    """The workspace that the line and the environment name."""
    from engine.workspace import find_workspace

    demo = getattr(arguments, "demo", False) or _demo_by_environment()
    return find_workspace(getattr(arguments, "home", None), demo=demo)


def _demo_by_environment() -> bool:
    return os.environ.get("PREGAO_DEMO", "") not in ("", "0")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage, 3 no or stale data, 4 a gate not met."""
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except PregaoError as error:
        from tui.output import print_error

        print_error(error, as_json)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception:  # noqa: BLE001 - the last barrier: a defect of ours is one sentence too, with its traceback in the log
        return _report_defect(as_json)


def _run(words: list[str]) -> int:
    from engine.settings import peek
    from engine.workspace import find_workspace

    set_language(peek(find_workspace(_named_home(words)), "general", "language", "auto"))
    if not [word for word in words if word != "--demo"] and sys.stdout.isatty() and sys.stdin.isatty():
        return open_app(find_workspace(demo=bool(words) or _demo_by_environment()))
    parser = build_parser()
    arguments = parser.parse_args(words)
    if arguments.run_daily:
        if arguments.command:
            parser.error(_("--run-daily takes no command"))
        from tui.commands.daily import run_daily

        return run_daily(arguments)
    if arguments.as_of is not None or arguments.at is not None or arguments.no_notify:
        parser.error(_("--as-of, --at and --no-notify go with --run-daily"))
    if not arguments.command:
        if sys.stdout.isatty() and sys.stdin.isatty():
            return open_app(find(arguments))
        if getattr(arguments, "json", False):
            parser.error(_("--json needs a command"))
        parser.print_help()
        return 0
    code = arguments.run(arguments)
    return int(code or 0)


def open_app(workspace: Workspace) -> int:
    """The app itself; nothing but the standard library and Textual is imported before its first frame."""
    from engine.settings import read_toml
    from tui.actions import checked_keymap

    keymap = read_toml(workspace.settings_file).get("keys", {})
    checked = checked_keymap(keymap if isinstance(keymap, dict) else {})
    from tui.app import run

    return run(workspace, checked)


def _named_home(words: list[str]) -> str | None:
    for at, word in enumerate(words):
        if word == "--home" and at + 1 < len(words):
            return words[at + 1]
        if word.startswith("--home="):
            return word.partition("=")[2]
    return None


def _report_defect(as_json: bool) -> int:
    import logging

    from tui.output import print_error

    kept = any(isinstance(handler, logging.FileHandler) for handler in logging.getLogger().handlers)
    if kept:
        logging.getLogger("pregao").exception("defect")
    where = _("The details are in data/logs/pregao.log of the workspace.") if kept else _("It happened before the log was open.")
    kind = sys.exc_info()[0]
    print_error(
        PregaoError(_("Pregão failed by a defect of its own ({kind})").format(kind=kind.__name__ if kind else "?"), where),
        as_json,
    )
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
