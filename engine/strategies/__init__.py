"""The strategies, by name: those built in and, where a folder is given, those of the user's files in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.errors import UsageError
from engine.i18n import _
from engine.strategies import user
from engine.strategies.base import Decisions, Strategy, checked_params, did_you_mean
from engine.strategies.breakout import Breakout
from engine.strategies.dynamic_position_sizing import DynamicPositionSizing
from engine.strategies.macd_crossover import MacdCrossover
from engine.strategies.mean_reversion import MeanReversion
from engine.strategies.rsi_divergence import RsiDivergence
from engine.strategies.trend_following import TrendFollowing

__all__ = ["AUTO", "Decisions", "Strategy", "chosen", "create", "digest", "file_of", "get", "names", "strategy_class"]

#: The name that leaves the choice of a strategy to the manager; it is no strategy itself.
AUTO = "auto"

_STRATEGIES: Mapping[str, type[Strategy]] = {
    strategy.name: strategy
    for strategy in (Breakout, DynamicPositionSizing, MacdCrossover, MeanReversion, RsiDivergence, TrendFollowing)
}


def names(folder: Path | None = None) -> tuple[str, ...]:
    """The names of all strategies, in alphabetical order, with those of the files in `folder`; no file is run."""
    return tuple(sorted({*_STRATEGIES, *user.files(folder)}))


def strategy_class(name: str, folder: Path | None = None) -> type[Strategy]:
    """The strategy of that name with its ranges.

    Raises UsageError with the name that was probably meant, or when a file has the name of a built-in strategy; FileError
    when the user's file is no strategy.
    """
    own = user.files(folder)
    if name in own:
        if name in (AUTO, *_STRATEGIES):
            raise UsageError(
                _("{path} has the name of a built-in strategy").format(path=own[name]), _("Give the file another name.")
            )
        return user.load(own[name])
    if name == AUTO:
        raise UsageError(
            _("auto chooses a strategy for a signal; here one strategy must be named"),
            _("Choose one of: {words}.").format(words=", ".join(names(folder))),
        )
    if name not in _STRATEGIES:
        raise UsageError(_("There is no strategy {name}").format(name=name), did_you_mean(name, dict.fromkeys(names(folder))))
    return _STRATEGIES[name]


def get(name: str, params: Mapping[str, object] | None = None, folder: Path | None = None) -> Strategy:
    """The strategy of that name with these parameters; a text such as "9" is read as the parameter's type.

    Raises UsageError for an unknown name or parameter and for a value outside its range, FileError as `strategy_class` does.
    """
    strategy = strategy_class(name, folder)
    return strategy(**checked_params(strategy, params or {}))


def chosen(name: str, params: Mapping[str, object] | None = None, folder: Path | None = None) -> Strategy | None:
    """`get`, or None for "auto": the manager chooses. Raises UsageError for "auto" with parameters."""
    if name != AUTO or AUTO in user.files(folder):
        return get(name, params, folder)
    if params:
        raise UsageError(_("auto takes no parameters, as it chooses the strategy"), _("Name a strategy, or leave them out."))
    return None


def create(folder: Path, name: str) -> Path:
    """Write a new strategy of the user from the template and return its file. Raises UsageError and FileError."""
    return user.create(folder, name, {AUTO, *_STRATEGIES})


def file_of(name: str, folder: Path | None = None) -> Path | None:
    """The file of a user's strategy; None for those built in."""
    return user.files(folder).get(name)


def digest(name: str, folder: Path | None = None) -> str:
    """What the code of a user's strategy is, so that a change of it is noticed; empty for those built in."""
    path = file_of(name, folder)
    return user.digest(path) if path is not None else ""
