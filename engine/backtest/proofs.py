"""Proofs of many subjects: all built-ins, on two processes, and the files of the user, each content checked once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.backtest.lookahead import Checked, StartUp, Violation, cuts_of
from engine.backtest.subjects import built_ins, examine, load_subjects, random_walk
from engine.domain import Bars, iso, silent
from engine.errors import GateError
from engine.i18n import _
from engine.strategies import user

if TYPE_CHECKING:
    from engine.backtest.subjects import Subject
    from engine.domain import Progress

CACHE_FILE = "lookahead.json"
KEPT = 100
PROCESSES = 2


def prove_built_ins(
    bars: Bars,
    processes: int = PROCESSES,
    subjects: Callable[[], list[Subject]] = built_ins,
    progress: Progress = silent,
) -> list[Checked]:
    """The proof of every indicator and strategy of the engine on `bars`, or of all `subjects`, shared out among this process and others.

    subjects: a function of a module, which every process calls. progress: told of this process' share.
    """
    if processes == 1:
        return _share(bars, 0, 1, subjects, progress)
    with ProcessPoolExecutor(processes - 1, get_context("spawn")) as pool:
        others = [pool.submit(_share, bars, first, processes, subjects) for first in range(1, processes)]
        found = [*_share(bars, 0, processes, subjects, progress), *(checked for share in others for checked in share.result())]
    order = [subject.name for subject in subjects()]
    return sorted(found, key=lambda checked: order.index(checked.name))


def _share(
    bars: Bars, first: int, step: int, subjects: Callable[[], list[Subject]], progress: Progress = silent
) -> list[Checked]:
    cuts, own = cuts_of(bars), subjects()[first::step]
    found = []
    for at, subject in enumerate(own):
        progress(at, len(own), subject.name)
        found.append(examine(subject, bars, cuts))
    return found


def proved(path: Path, cache_folder: Path) -> tuple[Checked, ...]:
    """The check of everything that the file holds, on the made random walk; from the cache when the same content was checked
    before by this version. A cache that is missing or damaged is made anew; one that cannot be written is done without.

    Raises FileError and UsageError for a file that cannot be checked.
    """
    key = f"{hashlib.sha256(user.read(path)).hexdigest()} {__version__}"
    file = cache_folder / CACHE_FILE
    known = _read(file)
    if key in known:
        try:
            return tuple(_checked(item) for item in known[key])
        except (TypeError, KeyError, AttributeError):
            del known[key]
    bars = random_walk()
    cuts = cuts_of(bars)
    found = tuple(examine(subject, bars, cuts) for subject in load_subjects(path))
    _write(file, dict(list(known.items())[1 - KEPT :]) | {key: [asdict(item) for item in found]})
    return found


def require_proof(path: Path, cache_folder: Path) -> None:
    """Let a file pass that sees no future. Raises GateError with the first value that does, and the errors of `proved`."""
    for checked in proved(path, cache_folder):
        if not checked.passed:
            raise GateError(explain(checked), _("`pregao lookahead {path}` shows the check.").format(path=path))


def explain(checked: Checked) -> str:
    """What was found, in one sentence: the column, the bar and the amount of the first violation."""
    violation = checked.first_violation
    if violation is None:
        return _("{name} passes: no value depends on a later bar.").format(name=checked.name)
    facts = {
        "name": checked.name,
        "column": violation.column,
        "time": iso(violation.time),
        "expected": _shown(violation.expected),
        "found": _shown(violation.found),
        "seen": violation.seen,
    }
    if violation.test == "repeat":
        text = _(
            "{name} is not repeatable: the column {column} of the bar {time} is {expected} and then {found} on the same bars."
        )
    elif violation.test == "prefix":
        text = _(
            "{name} sees the future: the column {column} of the bar {time} is {expected} on all bars,"
            " but {found} on the first {seen}, as known then."
        )
    else:
        text = _(
            "{name} sees the future: the column {column} of the bar {time} is {expected}, but {found} when all bars after"
            " the first {seen} are replaced by noise."
        )
    return text.format(**facts)


def _shown(value: float | str | None) -> str:
    return _("undefined") if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _checked(item: dict[str, Any]) -> Checked:
    violation = item["first_violation"]
    return Checked(
        **{
            **item,
            "first_violation": None if violation is None else Violation(**violation),
            "start_up": tuple(StartUp(**step) for step in item["start_up"]),
        }
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(file: Path, known: dict[str, Any]) -> None:
    part = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        part.write_text(json.dumps(known), encoding="utf-8")
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
