"""The look-ahead proof: what is computed for a bar must not depend on a later bar.

`check` takes any callable that turns bars into columns of their length, so that features, strategies, regimes, labels and
models all pass through it. Two tests decide:

prefix        the data are cut after every bar, not after a sample of them; on each cut every value must equal the one of the
              full run (so the value at t, cut at t, is the one that a backtest trades on);
perturbation  all bars after t are replaced by noise, at many t; the values up to t must not change.

A label of horizon h is known at t + h: on a cut its last h values must be undefined (NaN) or already final.
NaN equals NaN. The comparison is exact unless a relative tolerance is given; whole numbers, truth values and texts are
always compared exactly. What each prefix costs is one computation on it, so the proof is O(n x cost of a run): that is the
price of leaving no bar out. Method: freqtrade's look-ahead and recursive analyses, over every cut instead of twenty.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backtest.columns import Columns, Compute, Violation, columns_of, compare, fits, full_columns, same_columns, telling
from engine.domain import BAR_ARRAYS, silent
from engine.errors import PregaoError, UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.domain import Bars, Progress

#: Future perturbations of one check, spread evenly over the bars.
PERTURBATIONS = 64
#: The start-up sweep begins with so many bars and doubles them.
SHORTEST_START = 32
#: A value has settled once more history changes it by no more than this fraction.
SETTLED = 1e-6
REPORT_EVERY = 250
#: Bars at which a glance cuts, half of them where the full run says something, and the futures that it replaces.
GLANCES, GLANCED_FUTURES = 384, 16


@dataclass(frozen=True, slots=True)
class StartUp:
    """How far a value is from the one with all history when only `bars` bars end at it, as a fraction of it, the worst
    column; None while a column is not defined on so few bars.
    """

    bars: int
    column: str
    difference: float | None

    def as_dict(self) -> dict[str, Any]:
        return {"bars": self.bars, "column": self.column, "difference": self.difference}


@dataclass(frozen=True, slots=True)
class Checked:
    """What the proof found. bars: length of the series; values: bars at which some column says something (is defined and not
    0; with none there was nothing to prove); prefixes, perturbations: cuts that were computed and compared, up to the first
    violation. start_up and lag (figures of a strategy on time and one bar late) inform, they do not decide.
    """

    name: str
    kind: str
    bars: int
    values: int
    prefixes: int
    perturbations: int
    first_violation: Violation | None = None
    start_up: tuple[StartUp, ...] = ()
    lag: Mapping[str, float] | None = None

    @property
    def passed(self) -> bool | None:
        """False when a value depends on a later bar, True when none does, None when there was no value: nothing was proved."""
        if self.first_violation is not None:
            return False
        return True if self.values and self.prefixes + self.perturbations else None

    @property
    def settled_after(self) -> int | None:
        """The shortest history of the sweep from which on no value changes by more than a millionth; None if there is none."""
        found = None
        for step in reversed(self.start_up):
            if step.difference is None or step.difference > SETTLED:
                break
            found = step.bars
        return found

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the blueprint."""
        return {
            "name": self.name,
            "kind": self.kind,
            "bars": self.bars,
            "values": self.values,
            "prefixes": self.prefixes,
            "perturbations": self.perturbations,
            "passed": self.passed,
            "first_violation": None if self.first_violation is None else self.first_violation.as_dict(),
            "settled_after": self.settled_after,
            "start_up": [step.as_dict() for step in self.start_up],
            "lag": None if self.lag is None else dict(self.lag),
        }


def check(
    name: str,
    kind: str,
    compute: Compute,
    bars: Bars,
    *,
    horizon: int = 0,
    tolerance: float = 0.0,
    warm_up: int = 0,
    cuts: Sequence[Bars] = (),
    perturbations: int = PERTURBATIONS,
    seed: int = 0,
    progress: Progress = silent,
) -> Checked:
    """Prove on `bars` that `compute` sees no future, or find the first value that does.

    Anything that turns bars into columns of their length can be asked: a feature, a label with its horizon, the answers of
    a model. What was done before the call is not seen: a model must be fitted on bars before these, or inside `compute`.

        check("range", "feature", lambda bars: {"range": bars.high - bars.low}, bars)
        check("rises", "label", lambda bars: {"rises": rises_within(bars.close, 5)}, bars, horizon=5)
        check("direction", "model", lambda bars: {"up": model.probability(features(bars))}, bars, tolerance=1e-9)

    compute: bars of length n to columns of length n (floats, whole numbers, truth values or texts); it is called on every
    prefix and gets read-only arrays. kind: "strategy", "indicator", "feature", "regime", "label", "model" or "function",
    only repeated. horizon: bars after t that the value at t may use. tolerance: relative, of two floats; 0 is exact.
    warm_up: on at most so many bars `compute` may fail, as it is never asked there. cuts: `cuts_of(bars)` where several
    checks share them. seed: of the noise.
    Raises UsageError when there are fewer than two bars, when `compute` fails or writes to its input, and when its columns
    are not of the length of the bars, not always the same or of another type. Another length on a prefix alone is a violation.
    """
    n = len(bars)
    if n < 2 or horizon < 0 or not 0 <= tolerance < 1:
        raise UsageError(
            _("A look-ahead check needs at least 2 bars, a horizon of 0 or more and a tolerance of at least 0 and below 1")
        )
    bars = _read_only(bars)
    full = full_columns(name, compute, bars)
    found = compare(full, same_columns(name, full, compute, bars), n, 0, tolerance, bars, "repeat")
    prefixes = replaced = 0
    for seen, part in enumerate(cuts or cuts_of(bars), start=1) if found is None else ():
        if seen % REPORT_EVERY == 0:
            progress(seen, n, name)
        columns = _on_prefix(name, full, compute, part, warm_up)
        if columns is None:
            continue
        prefixes += 1
        found = compare(full, columns, seen, horizon, tolerance, bars, "prefix")
        if found is not None:
            break
    for seen, other in _futures(bars, perturbations, seed) if found is None else ():
        columns = same_columns(name, full, compute, other)
        replaced += 1
        found = compare(full, columns, seen, horizon, tolerance, bars, "perturbation")
        if found is not None:
            break
    start_up = _start_up(full, compute, bars, horizon) if found is None else ()
    progress(n, n, name)
    return Checked(name, kind, n, _values(full), prefixes, replaced, found, start_up)


def glance(
    name: str,
    kind: str,
    compute: Compute,
    bars: Bars,
    *,
    tolerance: float = 0.0,
    warm_up: int = 0,
    seconds: float = 1.0,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Checked:
    """A sample of `check` that ends after `seconds`: it may find a leak, and is no proof when it does not.

    It cuts at bars where the full run says something and at others, in the order of a draw by `seed`, then replaces futures.
    Arguments and errors as in `check`; prefixes and perturbations of the answer count what there was time for.
    """
    end, n = clock() + seconds, len(bars)
    if n < 2:
        raise UsageError(_("A look-ahead check needs at least 2 bars"))
    bars = _read_only(bars)
    full = full_columns(name, compute, bars)
    found = compare(full, same_columns(name, full, compute, bars), n, 0, tolerance, bars, "repeat")
    random = np.random.default_rng(seed)
    said, every = np.flatnonzero(_said(full)), np.arange(n)
    drawn = [random.permutation(rows)[: GLANCES // 2] for rows in (said, every)]
    prefixes = replaced = 0
    for seen in random.permutation(np.unique(np.concatenate(drawn))) + 1 if found is None else ():
        if clock() > end:
            break
        columns = _on_prefix(name, full, compute, bars.take(slice(0, int(seen))), warm_up)
        if columns is None:
            continue
        prefixes += 1
        found = compare(full, columns, int(seen), 0, tolerance, bars, "prefix")
        if found is not None:
            break
    for seen, other in _futures(bars, GLANCED_FUTURES, seed) if found is None else ():
        if clock() > end:
            break
        replaced += 1
        found = compare(full, same_columns(name, full, compute, other), seen, 0, tolerance, bars, "perturbation")
        if found is not None:
            break
    return Checked(name, kind, n, _values(full), prefixes, replaced, found)


def _on_prefix(name: str, full: Columns, compute: Compute, part: Bars, warm_up: int) -> dict[str, NDArray[Any]] | None:
    """The columns on a prefix; None on one of at most `warm_up` bars on which `compute` fails or gives another length."""
    if len(part) > warm_up:
        return same_columns(name, full, compute, part)
    try:
        columns = same_columns(name, full, compute, part)
    except PregaoError:
        return None
    return columns if fits(columns, len(part)) else None


def _said(full: Columns) -> NDArray[np.bool_]:
    """True at bars at which some column says something."""
    return np.asarray(np.any([telling(column) for column in full.values()], axis=0))


def _values(full: Columns) -> int:
    return int(np.count_nonzero(_said(full)))


def cuts_of(bars: Bars) -> list[Bars]:
    """Every prefix of the bars, from the first bar alone to all of them, as read-only views."""
    own = _read_only(bars)
    return [own.take(slice(0, seen)) for seen in range(1, len(bars) + 1)]


def _read_only(bars: Bars) -> Bars:
    """The same bars whose arrays refuse to be written to."""
    own = bars.take(slice(None))
    for name in BAR_ARRAYS:
        getattr(own, name).flags.writeable = False
    return own


def _futures(bars: Bars, count: int, seed: int) -> Iterator[tuple[int, Bars]]:
    """At `count` bars spread evenly: how many bars are as they are, and the bars with noise after them."""
    futures = _noise(bars, seed)
    for at, seen in enumerate(np.unique(np.linspace(1, len(bars) - 1, count).astype(int))):
        yield int(seen), _spliced(bars, futures[at % len(futures)], int(seen))


def _noise(bars: Bars, seed: int) -> tuple[Bars, Bars]:
    """Two other markets at the same times: one far dearer with known volumes, one far cheaper without any."""
    random = np.random.default_rng(seed)
    n = len(bars)
    level = float(np.median(bars.close))
    made = []
    for factor in (4.0, 0.25):
        close = factor * level * np.exp(random.normal(0, 0.05, n))
        opening = close * np.exp(random.normal(0, 0.02, n))
        high = np.maximum(opening, close) * np.exp(np.abs(random.normal(0, 0.02, n)))
        low = np.minimum(opening, close) * np.exp(-np.abs(random.normal(0, 0.02, n)))
        volume = random.lognormal(12, 1.0, n) if factor > 1 else np.full(n, np.nan)
        made.append(replace(bars, open=opening, high=high, low=low, close=close, quantity=volume, turnover=volume * close))
    return made[0], made[1]


def _spliced(bars: Bars, future: Bars, seen: int) -> Bars:
    """The first `seen` bars as they are, then those of `future`."""
    names = ("open", "high", "low", "close", "quantity", "turnover")
    spliced: dict[str, Any] = {name: np.concatenate((getattr(bars, name)[:seen], getattr(future, name)[seen:])) for name in names}
    return _read_only(replace(bars, **spliced))


def _start_up(full: Columns, compute: Compute, bars: Bars, horizon: int) -> tuple[StartUp, ...]:
    """How the last value of each number column that says something depends on how many bars come before it."""
    ends: dict[int, list[str]] = {}
    for column, values in full.items():
        if values.dtype.kind in "biuf":
            said = np.flatnonzero(telling(values))
            if said.size:
                ends.setdefault(int(said[-1]), []).append(column)
    steps = []
    length = SHORTEST_START
    while length < min(ends, default=0) + 1:
        worst: tuple[float, str] = (-1.0, "")
        for end, columns in ends.items():
            stop = min(end + 1 + horizon, len(bars))
            own = bars.take(slice(end + 1 - length, stop))
            try:
                part = columns_of("", compute, own)
            except PregaoError:
                part = {}
            part = part if fits(part, len(own)) else {}
            for column in columns:
                worst = max(worst, (_distance(full[column][end], part[column][length - 1]) if column in part else np.inf, column))
        steps.append(StartUp(length, worst[1], worst[0] if np.isfinite(worst[0]) else None))
        length *= 2
    return tuple(steps)


def _distance(whole: Any, short: Any) -> float:
    """|short - whole| as a fraction of |whole|, which is not 0; infinite where `short` is undefined."""
    distance = abs(float(short) - float(whole)) / abs(float(whole))
    return distance if distance == distance else float("inf")
