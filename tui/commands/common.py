"""What the commands share: opening the desk, reading dates, periods and timeframes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.i18n import _
from engine.market.asked import day_bounds, parse_day, symbols, timeframe
from tui.output import narrate

if TYPE_CHECKING:
    from engine.desk import Desk

__all__ = [
    "add",
    "add_period",
    "add_timeframe",
    "day_bounds",
    "desk_of",
    "is_json",
    "parse_day",
    "parse_number",
    "period",
    "symbols",
    "timeframe",
]


@contextmanager
def desk_of(arguments: argparse.Namespace) -> Iterator[Desk]:
    """The open desk of the workspace that the command line names; with `--demo` the invented market is up to date."""
    from engine.desk import open_desk
    from engine.settings import secrets_notice
    from tui.cli import find

    workspace = find(arguments)
    desk = open_desk(workspace)
    narrate(secrets_notice(workspace), quiet=is_json(arguments))
    try:
        if workspace.demo:
            from engine.ingestion.demo_market import refresh_demo

            refresh_demo(desk.store, desk.calendar, desk.now())
        yield desk
    finally:
        desk.close()


def is_json(arguments: argparse.Namespace) -> bool:
    return bool(getattr(arguments, "json", False))


def period(arguments: argparse.Namespace) -> tuple[int | None, int | None]:
    """`--from` and `--to` as the first and last instant of those days in Sao Paulo, UTC seconds."""
    for option, text in (("--from", arguments.from_), ("--to", arguments.to)):
        if text is not None:
            parse_day(text, option)
    return day_bounds(arguments.from_ or "", arguments.to or "")


def parse_number(text: str, option: str) -> float:
    """A number with a decimal point or comma, no grouping. Raises UsageError naming the option."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise UsageError(_("{option}: {text} is not a number").format(option=option, text=text or "''"))
    return value


def add_period(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="from_", metavar="DATE", help=_("first day, YYYY-MM-DD"))
    parser.add_argument("--to", metavar="DATE", help=_("last day, YYYY-MM-DD"))


def add_timeframe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeframe", default="1d", metavar="TF", help=_("1m, 5m, 15m, 30m, 60m, 1d or 1w (default 1d)"))


def add(commands: Any, common: Any, name: str, summary: str, example: str) -> Any:
    """A command's parser, with its example below the options."""
    return commands.add_parser(
        name, parents=[common], help=summary, description=summary, epilog=_("Example: {example}").format(example=example)
    )
