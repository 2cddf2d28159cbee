"""The strategies, by name."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import UsageError
from engine.i18n import _
from engine.strategies.base import Decisions, Strategy, checked_params, did_you_mean
from engine.strategies.breakout import Breakout
from engine.strategies.dynamic_position_sizing import DynamicPositionSizing
from engine.strategies.macd_crossover import MacdCrossover
from engine.strategies.mean_reversion import MeanReversion
from engine.strategies.rsi_divergence import RsiDivergence
from engine.strategies.trend_following import TrendFollowing

__all__ = ["Decisions", "Strategy", "get", "names", "strategy_class"]

_STRATEGIES: Mapping[str, type[Strategy]] = {
    strategy.name: strategy
    for strategy in (Breakout, DynamicPositionSizing, MacdCrossover, MeanReversion, RsiDivergence, TrendFollowing)
}


def names() -> tuple[str, ...]:
    """The names of all strategies, in alphabetical order."""
    return tuple(sorted(_STRATEGIES))


def strategy_class(name: str) -> type[Strategy]:
    """The strategy of that name with its ranges; raises UsageError with the name that was probably meant."""
    if name not in _STRATEGIES:
        raise UsageError(_("There is no strategy {name}").format(name=name), did_you_mean(name, _STRATEGIES))
    return _STRATEGIES[name]


def get(name: str, params: Mapping[str, object] | None = None) -> Strategy:
    """The strategy of that name with these parameters; a text such as "9" is read as the parameter's type.

    Raises UsageError for an unknown name or parameter, and for a value outside its range.
    """
    strategy = strategy_class(name)
    return strategy(**checked_params(strategy, params or {}))
