"""The direction of an index, for a command in its own process and for a job in another one: said, evaluated, written up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.domain import Progress, silent

if TYPE_CHECKING:
    from engine.desk import Desk

    Emit = Callable[[str, dict[str, Any]], None]


def say(desk: Desk, symbol: str, at: str, price: float | None = None, as_of: date | None = None) -> dict[str, Any]:
    """What is said of a symbol at a decision time, in its JSON form; recorded, when it is neither late nor of the past.

    symbol: empty for the one of the settings. Raises UsageError and NoDataError as `engine.ml.direction.signal.direction`.
    """
    from engine.ml.direction import signal, times

    said = signal.direction(desk, symbol or signal.default_symbol(desk), times.parse(at), price=price, as_of=as_of)
    if as_of is None:
        signal.keep(desk, said)
    return said.as_dict()


def evaluate(
    desk: Desk,
    symbol: str,
    at: Sequence[str] = (),
    start: date | None = None,
    progress: Progress = silent,
    emit: Emit | None = None,
) -> dict[str, Any]:
    """Evaluate decision times (none named: all) on the stored history and keep the evaluations; the JSON form of all.

    start: the first session that is judged, if enough come before it. Raises UsageError for a time that is none, and NoDataError.
    """
    from engine.ml.direction import data, signal, times, training
    from engine.ml.direction.evaluate import FIRST_JUDGED, unheard

    asked = [times.parse(text) for text in at] or list(times.ALL)
    loaded = data.load(desk.store, desk.calendar, symbol or signal.default_symbol(desk))
    found = training.train(desk, loaded, asked, start=start or FIRST_JUDGED, progress=progress, emit=emit or unheard)
    return {**found, "demo": desk.workspace.demo}


def write_up(
    desk: Desk,
    symbol: str,
    path: Path,
    start: date | None = None,
    end: date | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the analysis of the sessions from `start` to `end` as Markdown (.md) or HTML (.html, .htm).

    {"symbol", "file", "sessions"}. Raises UsageError for another ending, NoDataError, and FileError.
    """
    from engine.ml.direction import report, signal

    return report.write(desk, symbol or signal.default_symbol(desk), path, start=start, end=end, progress=progress)
