"""What commands print: data on stdout, narration on stderr, one JSON object and nothing else with `--json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engine.domain import jsonable
from engine.errors import PregaoError
from engine.i18n import _

if TYPE_CHECKING:
    from rich.console import Console

    from engine.domain import Progress


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    json.dump(jsonable(value), sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def plain(text: str) -> str:
    """One line of text with its control characters spelt out, so that no file name can steer the terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def print_error(error: PregaoError, as_json: bool) -> None:
    """The one sentence of an error on stderr, or its JSON form."""
    if as_json:
        json.dump({"error": error.as_dict()}, sys.stderr, ensure_ascii=False)
        sys.stderr.write("\n")
        return
    sys.stderr.write(f"pregao: {plain(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"        {plain(error.hint)}\n")


def console() -> Console:
    """The console for data. Without a terminal it is wide enough that no row is cut."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 160)


def narrate(message: str, *, quiet: bool = False) -> None:
    """One line for the person at the terminal, on stderr; nothing for an empty one."""
    if message and not quiet:
        sys.stderr.write(f"{plain(message)}\n")


@contextmanager
def progress_bar(description: str, *, quiet: bool = False) -> Iterator[Progress]:
    """A progress bar on stderr; silent with `quiet` or when stderr is no terminal."""
    from engine.domain import silent

    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=None)

        def report(done: int, total: int | None, note: str = "") -> None:
            bar.update(task, completed=done, total=total, description=f"{description} {note}".strip())

        yield report


def demo_banner(demo: bool) -> None:
    """Say above every report of the demo market that nothing in it is real."""
    if demo:
        console().print(_("DEMO - invented companies and prices, nothing here is real"), style="bold reverse", markup=False)
