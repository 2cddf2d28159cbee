"""What the look-ahead proof is asked about: what is built in, and a file of the user."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine import strategies
from engine.backtest.columns import Columns, Compute
from engine.backtest.engine import backtest
from engine.backtest.lookahead import Checked, check
from engine.domain import Bars, Instrument, PriceBase, silent
from engine.errors import FileError, NoDataError, UsageError
from engine.features import catalogue, indicators
from engine.features.regime import regimes
from engine.i18n import _
from engine.market.costs import no_costs
from engine.strategies import user
from engine.strategies.base import Decisions, Strategy

if TYPE_CHECKING:
    from engine.domain import Progress
    from engine.features.catalogue import Feature

#: Bars of a check unless another number is asked for.
BARS = 5_000
#: The code of a user may multiply matrices or transform whole series, whose rounding depends on their length.
USER_TOLERANCE = 1e-9
#: The period of every indicator that has no default of its own.
PERIOD = 14
DECISIONS = tuple(field.name for field in fields(Decisions))
LAG_METRICS = ("total_return", "sharpe_ratio", "max_drawdown", "trades")


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to check. warm_up: bars on which it may fail; tolerance: relative, 0 is exact; horizon: of a label, in bars.

    path: the file of the user that holds it, None for what is built in.
    """

    name: str
    kind: str
    compute: Compute
    warm_up: int = 0
    tolerance: float = 0.0
    strategy: Strategy | None = None
    horizon: int = 0
    path: Path | None = None


def examine(subject: Subject, bars: Bars, cuts: Sequence[Bars] = (), progress: Progress = silent) -> Checked:
    """The proof for one subject and, for a strategy, what one bar of delay costs it; cuts: `cuts_of(bars)` or nothing.

    Raises UsageError for too few bars, and for what cannot be checked; that of a file is a FileError.
    """
    try:
        checked = check(
            subject.name,
            subject.kind,
            subject.compute,
            bars,
            horizon=subject.horizon,
            tolerance=subject.tolerance,
            warm_up=subject.warm_up,
            cuts=cuts,
            progress=progress,
        )
    except UsageError as error:
        if subject.path is None or len(bars) < 2:
            raise
        raise FileError(f"{subject.path}: {error.message}", error.hint) from error
    if subject.strategy is None or checked.passed is False:
        return checked
    return replace(checked, lag=lag(subject.strategy, bars))


def built_ins() -> list[Subject]:
    """Every indicator, the regime, then every strategy at its defaults."""
    regime = Subject("regime", "regime", lambda bars: {"regime": regimes(bars)})
    return [*indicator_subjects(), regime, *(strategy_subject(strategies.get(name)) for name in strategies.names())]


def feature_subjects() -> list[Subject]:
    """Every feature of the catalogue, each by itself."""
    return [feature_subject(feature) for feature in catalogue.FEATURES]


def feature_subject(feature: Feature) -> Subject:
    """A feature as one column of its name."""
    return Subject(feature.name, "feature", lambda bars: {feature.name: feature.compute(bars)})


def strategy_subject(strategy: Strategy, path: Path | None = None) -> Subject:
    """A strategy with its parameters: one column for each of its decisions. path: the file, where it is the user's."""

    def compute(bars: Bars) -> Columns:
        decisions = strategy.decide(bars)
        unsaid = np.full(len(bars), np.nan)
        columns = {name: getattr(decisions, name) for name in DECISIONS}
        return {name: unsaid if values is None else values for name, values in columns.items()}

    tolerance = USER_TOLERANCE if strategy.code else 0.0
    return Subject(strategy.name, "strategy", compute, strategy.warm_up, tolerance, strategy, path=path)


def indicator_subjects() -> list[Subject]:
    """Every public function of `engine.features.indicators` that takes series, on the prices or the close."""
    found = []
    for name, function in sorted(vars(indicators).items()):
        if inspect.isfunction(function) and function.__module__ == indicators.__name__ and not name.startswith("_"):
            parameters = inspect.signature(function).parameters.values()
            series = [parameter.name for parameter in parameters if parameter.annotation == "FloatArray"]
            if series:
                required = [item.name for item in parameters if item.name not in series and item.default is item.empty]
                found.append(Subject(name, "indicator", _indicator(name, function, series, required)))
    return found


def _indicator(name: str, function: Callable[..., Any], series: Sequence[str], required: Sequence[str]) -> Compute:
    columns = [item if item in Bars.__slots__ else "close" for item in series]
    options = dict.fromkeys(required, PERIOD)

    def compute(bars: Bars) -> Columns:
        result = function(*(getattr(bars, column) for column in columns), **options)
        return {name: result} if isinstance(result, np.ndarray) else {f"{name}_{at}": part for at, part in enumerate(result)}

    return compute


def random_walk(count: int = BARS, seed: int = 1) -> Bars:
    """A made series of `count` daily bars: a random walk from 30.00 with volumes, in prices that belong to no company."""
    random = np.random.default_rng(seed)
    close = 30 * np.exp(np.cumsum(random.normal(0, 0.015, count)))
    opening = np.concatenate(([30.0], close[:-1])) * np.exp(random.normal(0, 0.004, count))
    high = np.maximum(opening, close) * np.exp(np.abs(random.normal(0, 0.006, count)))
    low = np.minimum(opening, close) * np.exp(-np.abs(random.normal(0, 0.006, count)))
    quantity = random.lognormal(10, 0.5, count)
    session = np.arange(count, dtype=np.int64) + 10_000
    no = np.zeros(count, dtype=np.bool_)
    return Bars(
        "RANDOM WALK", "1d", session * 86_400, session, opening, high, low, close, quantity, quantity * close, no, no,
        PriceBase.ADJUSTED, "made",
    )  # fmt: skip


def _one_later(values: NDArray[Any] | None) -> Any:
    if values is None:
        return None
    return np.concatenate((np.full(1, np.nan if values.dtype.kind == "f" else 0, dtype=values.dtype), values[:-1]))


@dataclass(frozen=True)
class _Late(Strategy):
    """Another strategy whose decisions come one bar late."""

    name: ClassVar[str] = "late"

    on_time: Strategy

    def __post_init__(self) -> None:
        """Its only field is no parameter with a range."""

    @property
    def warm_up(self) -> int:
        return self.on_time.warm_up

    def decide(self, bars: Bars) -> Decisions:
        decisions = self.on_time.decide(bars)
        return Decisions(**{name: _one_later(getattr(decisions, name)) for name in DECISIONS})

    def reason(self, bars: Bars, decisions: Decisions, index: int) -> str:
        return self.on_time.reason(bars, decisions, index)

    def context(self, bars: Bars) -> dict[str, float | None]:
        return self.on_time.context(bars)


def lag(strategy: Strategy, bars: Bars) -> dict[str, float] | None:
    """The figures of a strategy without costs, on time and (`_late`) with every signal one bar late; None for too few bars.

    A strategy that lives on seeing the close it trades at loses most of its figures by one bar; a slow one hardly any.
    """
    instrument, costs = Instrument(bars.symbol, lot=1, tick=0.0), no_costs(len(bars))
    try:
        on_time, late = (backtest(bars, one, instrument=instrument, costs=costs).metrics for one in (strategy, _Late(strategy)))
    except NoDataError:
        return None
    found = {name: float(on_time[name]) for name in LAG_METRICS}
    return found | {f"{name}_late": float(late[name]) for name in LAG_METRICS}


def load_subjects(path: Path) -> list[Subject]:
    """What a Python file of the user holds: a strategy at its defaults, by the contract of `engine.strategies.user`, or a
    function `compute(bars)`. The file is run.

    A whole number HORIZON in it makes the columns of `compute` labels that are known so many bars later. Raises FileError
    when the file cannot be read, fails, holds neither, or a strategy that breaks the contract.
    """
    module = user.run(path)
    if user.classes(module):
        return [strategy_subject(user.load(path)(), path)]
    compute = getattr(module, "compute", None)
    if not callable(compute):
        raise FileError(
            _("{path} holds neither a strategy nor a function compute(bars)").format(path=path),
            _("Derive a class from Strategy, or write compute(bars) that returns columns by name."),
        )
    horizon = getattr(module, "HORIZON", 0)
    if not isinstance(horizon, int) or horizon < 0:
        raise FileError(_("HORIZON of {path} must be a whole number of bars, 0 or more").format(path=path))
    asked, kind = user.guarded(compute, path), "label" if horizon else "function"
    return [Subject(path.stem, kind, asked, tolerance=USER_TOLERANCE, horizon=horizon, path=path)]
