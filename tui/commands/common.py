"""What the commands share: opening the desk, reading dates, periods and timeframes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any

from engine.domain import SAO_PAULO, TIMEFRAMES
from engine.errors import UsageError
from engine.i18n import _
from tui.output import narrate

if TYPE_CHECKING:
    from engine.desk import Desk


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


def parse_day(text: str, option: str) -> date:
    """A date as YYYY-MM-DD (or dd/mm/yyyy). Raises UsageError naming the option."""
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=SAO_PAULO).date()
        except ValueError:
            continue
    raise UsageError(_("{option}: {text} is not a date").format(option=option, text=text), _("Write it as 2025-06-30."))


def period(arguments: argparse.Namespace) -> tuple[int | None, int | None]:
    """`--from` and `--to` as the first and last instant of those days in Sao Paulo, UTC seconds."""
    return day_bounds(arguments.from_ or "", arguments.to or "")


def day_bounds(first: str, last: str) -> tuple[int | None, int | None]:
    """The first and last instant of a period of days, UTC seconds; an empty day leaves that end open."""
    start = parse_day(first, "--from") if first else None
    end = parse_day(last, "--to") if last else None
    if start and end and start > end:
        raise UsageError(_("--from {start} is after --to {end}").format(start=start, end=end))
    low = None if start is None else _midnight(start)
    high = None if end is None else _midnight(end + timedelta(days=1)) - 1
    return low, high


def parse_number(text: str, option: str) -> float:
    """A number with a decimal point or comma, no grouping. Raises UsageError naming the option."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise UsageError(_("{option}: {text} is not a number").format(option=option, text=text or "''"))
    return value


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), SAO_PAULO).astimezone(UTC).timestamp())


def timeframe(text: str) -> str:
    """One of the known timeframes. Raises UsageError listing them."""
    if text not in TIMEFRAMES:
        raise UsageError(
            _("There is no timeframe {text}").format(text=text), _("Accepted: {list}.").format(list=", ".join(TIMEFRAMES))
        )
    return text


def symbols(words: list[str]) -> list[str]:
    """The symbols as B3 writes them, each once. Raises UsageError for what cannot be one."""
    from engine.market.instruments import normalise_symbol

    found = list(dict.fromkeys(normalise_symbol(part) for word in words for part in word.split(",") if part.strip()))
    if words and not found:
        raise UsageError(_("Name at least one symbol"))
    return found


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
