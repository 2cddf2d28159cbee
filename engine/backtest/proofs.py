"""Proofs of many subjects: all built-ins, on two processes, and the files of the user, each content checked once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import __version__
from engine.backtest.columns import Violation
from engine.backtest.lookahead import Checked, StartUp, cuts_of, glance
from engine.backtest.subjects import built_ins, examine, load_subjects, random_walk, strategy_subject
from engine.domain import BAR_ARRAYS, Bars, iso, silent
from engine.errors import GateError
from engine.i18n import _
from engine.strategies import user
from engine.whole_file import write_whole

if TYPE_CHECKING:
    from engine.backtest.subjects import Subject
    from engine.domain import Progress
    from engine.strategies.base import Strategy

CACHE_FILE = "lookahead.json"
#: Contents that the cache keeps, and of each the bars on which it was checked.
KEPT, KEPT_DATA = 100, 20
PROCESSES = 2
#: A sample to prove on: so many series, their newest bars, a step of its end, and fewer bars than these prove nothing.
SAMPLES, SAMPLE_BARS, SAMPLE_STEP, LEAST = 3, 1_000, 250, 2
#: A strategy is looked at on so many of the newest bars, for so many seconds at most; fewer where it is proved on other bars.
GLANCED_BARS, GLANCE, GLANCE_PROVED = 5_000, 1.0, 0.25


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known against a strategy. leak: how it sees the future, in a sentence; notice: what a reader of its figures must
    be told. Both are empty for one that is proved.
    """

    leak: str = ""
    notice: str = ""


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


def proved(path: Path, cache_folder: Path, series: Sequence[Bars] = ()) -> tuple[Checked, ...]:
    """The checks of everything that the file holds, on the made random walk and then on each of `series`, up to the first on
    which it fails; from the cache where this version checked the same content on the same bars before. A cache that is
    missing or damaged is made anew; one that cannot be written is done without.

    Raises FileError for a file that cannot be checked.
    """
    code = user.digest(path)
    known = recorded(code, cache_folder)
    found: list[Checked] = []
    for bars in (random_walk(), *series):
        kept = known.get(digest(bars))
        if kept is None:
            kept = prove(load_subjects(path), bars)
            remember(code, bars, kept, cache_folder)
        found += kept
        if any(checked.passed is False for checked in kept):
            break
    return tuple(found)


def prove(subjects: Sequence[Subject], bars: Bars, progress: Progress = silent) -> tuple[Checked, ...]:
    """The proof of each of the subjects on the bars; errors as of `examine`."""
    cuts = cuts_of(bars)
    return tuple(examine(subject, bars, cuts, progress) for subject in subjects)


def require_proof(path: Path, cache_folder: Path, series: Iterable[Bars] = ()) -> None:
    """Let a strategy of the user pass that was proved to see no future: on the made random walk, on a sample of `series`, or by
    `pregao lookahead` on any bars before.

    Raises GateError with the first value that sees the future, or because no bars gave anything to prove it on; and FileError.
    """
    code = user.digest(path)
    known = [checked for kept in recorded(code, cache_folder).values() for checked in kept]
    sample = sample_of(series)
    found = known if _leak(known) else [*known, *proved(path, cache_folder, sample)]
    if (leak := _leak(found)) is not None:
        raise GateError(explain(leak), _("`pregao lookahead {path}` shows the check.").format(path=path))
    if not any(checked.passed for checked in found):
        places = ", ".join([_("a made random walk"), *(bars.symbol for bars in sample)])
        raise GateError(
            _("Nothing could be proved about {name}: it says nothing on {places}").format(name=path.stem, places=places),
            _("Prove it on bars on which it does: `pregao lookahead --strategy {name} --symbol SYMBOL`.").format(name=path.stem),
        )


def sample_of(series: Iterable[Bars]) -> list[Bars]:
    """A few of the series to prove on, the longest first and of equals the most traded, each cut to its newest SAMPLE_BARS.

    They end at a whole number of SAMPLE_STEP bars, so that one more bar a day does not make another sample every day.
    """
    ranked = sorted(series, key=lambda bars: (-min(len(bars), SAMPLE_BARS), -_traded(bars), bars.symbol))
    stops = [len(bars) - len(bars) % SAMPLE_STEP if len(bars) >= SAMPLE_STEP else len(bars) for bars in ranked[:SAMPLES]]
    return [bars.take(slice(max(stop - SAMPLE_BARS, 0), stop)) for bars, stop in zip(ranked, stops) if stop >= LEAST]


def standing(strategy: Strategy, bars: Bars, cache_folder: Path | None) -> Standing:
    """Whether the figures of a strategy on `bars` can be had without the future; only a user's own raises the question.

    What is known of its file decides; then it is looked at on these very bars, shortly, and a leak is remembered. cache_folder:
    where proofs are kept, None for nowhere. Raises the errors of its file.
    """
    if not strategy.code:
        return Standing()
    known = {} if cache_folder is None else recorded(strategy.code, cache_folder)
    found = [checked for kept in known.values() for checked in kept]
    passed = any(checked.passed for checked in found)
    leak = _leak(found)
    if leak is None and len(bars) >= LEAST and digest(bars) not in known:
        subject, newest = strategy_subject(strategy), bars.take(slice(-GLANCED_BARS, None))
        looked = glance(
            *(subject.name, subject.kind, subject.compute, newest),
            tolerance=subject.tolerance,
            warm_up=subject.warm_up,
            seconds=GLANCE_PROVED if passed else GLANCE,
        )
        leak = _leak([looked])
        if leak is not None and cache_folder is not None:
            remember(strategy.code, newest, (looked,), cache_folder)
    if leak is not None:
        text = _("{name} sees the future: nobody could have traded these signals.").format(name=strategy.name)
        return Standing(explain(leak), text)
    if passed:
        return Standing()
    text = _("It is not proved that {name} does not see the future: `pregao lookahead --strategy {name}` proves it.")
    return Standing("", text.format(name=strategy.name))


def recorded(code: str, cache_folder: Path) -> dict[str, tuple[Checked, ...]]:
    """The checks that this version made of a file by the digest of the bars, newest last. code: SHA-256 of the file's content."""
    entry = _read(cache_folder / CACHE_FILE).get(f"{code} {__version__}")
    try:
        return {data: tuple(_checked(item) for item in kept) for data, kept in entry.items()} if entry else {}
    except (TypeError, KeyError, AttributeError):
        return {}


def remember(code: str, bars: Bars, found: Sequence[Checked], cache_folder: Path) -> None:
    """Keep the checks of a file on these bars; a folder that cannot be written is done without."""
    file, key = cache_folder / CACHE_FILE, f"{code} {__version__}"
    known = _read(file)
    entry = known.pop(key, None)
    kept = dict(entry) if isinstance(entry, dict) else {}
    kept.pop(digest(bars), None)
    kept = dict(list(kept.items())[1 - KEPT_DATA :]) | {digest(bars): [asdict(item) for item in found]}
    _write(file, dict(list(known.items())[1 - KEPT :]) | {key: kept})


def digest(bars: Bars) -> str:
    """What the bars are, in 16 characters: symbol, timeframe and every array."""
    content = hashlib.sha256(f"{bars.symbol} {bars.timeframe}".encode())
    for name in BAR_ARRAYS:
        content.update(np.ascontiguousarray(getattr(bars, name)).tobytes())
    return content.hexdigest()[:16]


def _traded(bars: Bars) -> float:
    return float(np.nansum(bars.turnover[-SAMPLE_BARS:]))


def _leak(found: Sequence[Checked]) -> Checked | None:
    return next((checked for checked in found if checked.passed is False), None)


def explain(checked: Checked) -> str:
    """What was found, in one sentence: the column, the bar and the amount of the first violation."""
    violation = checked.first_violation
    if violation is None and checked.passed is None:
        return _("{name} says nothing on these bars, so nothing was proved.").format(name=checked.name)
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
    elif violation.test == "length":
        text = _(
            "{name} sees the future: of the first {seen} bars, up to {time}, the column {column} has {found} values, not {expected}."
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
    with suppress(OSError):
        write_whole(file, json.dumps(known).encode())
