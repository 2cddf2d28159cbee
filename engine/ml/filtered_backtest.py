"""A backtest with a model's filter, beside the same strategy without it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backtest.run import Inputs, judged, read_inputs, record, trade, vouched
from engine.errors import NoDataError
from engine.i18n import _, ngettext
from engine.ml.effect import strategy_effect
from engine.ml.filtering import MLEnhancedStrategy, Rejection
from engine.store.ledger import read_trials
from engine.strategies.base import percent

if TYPE_CHECKING:
    from pathlib import Path

    from engine.backtest.execution import Execution
    from engine.backtest.result import BacktestResult
    from engine.domain import Bars
    from engine.settings_model import Settings
    from engine.store.database import Store


@dataclass(frozen=True)
class FilteredBacktest:
    """result: with the filter; base: without it, on the same window. signals: of the base strategy in the window; rejections:
    those of them that were not taken. unjudged: share of the window's bars (0 to 1) that no model could judge. effect: as of
    `strategy_effect` on the judged part, None where there is none.
    """

    result: BacktestResult
    base: BacktestResult
    signals: int
    rejections: tuple[Rejection, ...]
    unjudged: float
    effect: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        """The entry "filter" of a backtest's JSON."""
        params = self.result.strategy.params
        return {
            "model": params["ml_model"],
            "threshold": params["ml_threshold"],
            "signals": self.signals,
            "rejected": len(self.rejections),
            "unjudged": self.unjudged,
            "rejections": [item.as_dict() for item in self.rejections],
            "effect": self.effect,
        }


def run_filtered(
    store: Store,
    settings: Settings,
    symbol: str,
    strategy: MLEnhancedStrategy,
    *,
    now: int,
    timeframe: str = "1d",
    start: int | None = None,
    end: int | None = None,
    capital: float | None = None,
    costs: str | None = None,
    execution: Execution | None = None,
    proofs: Path | None = None,
) -> FilteredBacktest:
    """Trade the filtered strategy and its base on the stored bars of `symbol`, and record each as a trial.

    Arguments and errors as in `engine.backtest.run.run_backtest`. A notice tells how much of the window no model could judge.
    """
    inputs = read_inputs(
        *(store, settings, symbol), timeframe=timeframe, start=start, end=end, capital=capital, costs=costs, execution=execution
    )
    base, result = (vouched(inputs, trade(inputs, one), proofs, strategy.base) for one in (strategy.base, strategy))
    bars = _decided(inputs, result)
    first = int(result.time[0])
    rejections = tuple(item for item in strategy.rejections(bars) if item.time >= first)
    probabilities = strategy.probabilities(bars)
    window = bars.time >= first
    unjudged = float(np.isnan(probabilities[window]).any(axis=1).mean())
    given = int(np.count_nonzero(strategy.base.decide(bars).action[window]))
    for one in (base, result):
        record(store, one, now)
    tried = read_trials(store, symbol, timeframe)
    result = judged(replace(result, remarks=(*_said(rejections, given, unjudged), *result.remarks)), tried)
    return FilteredBacktest(
        result, judged(base, tried), given, rejections, unjudged, _effect(inputs, bars, strategy, probabilities)
    )


def _decided(inputs: Inputs, result: BacktestResult) -> Bars:
    """The bars that the strategy was asked about: those of the signals, as far as they were traded."""
    return inputs.bars.take(np.searchsorted(inputs.bars.time, result.bars.time))


def _effect(inputs: Inputs, bars: Bars, strategy: MLEnhancedStrategy, probabilities: Any) -> dict[str, Any] | None:
    first = 0 if inputs.start is None else int(np.searchsorted(bars.time, inputs.start))
    judged_from = np.full((len(inputs.bars), 3), np.nan)
    judged_from[np.searchsorted(inputs.bars.time, bars.time[first:])] = probabilities[first:]
    try:
        return strategy_effect(inputs.bars, strategy.base, judged_from, strategy.threshold, inputs)
    except NoDataError:
        return None


def _said(rejections: tuple[Rejection, ...], given: int, unjudged: float) -> list[str]:
    found = [
        ngettext(
            "The model confirmed {taken} of {count} signal of the base strategy.",
            "The model confirmed {taken} of {count} signals of the base strategy.",
            given,
        ).format(taken=given - len(rejections), count=given)
    ]
    if unjudged:
        found.append(
            _(
                "For {share} of the bars of the window no model had been trained on earlier bars alone;"
                " no signal was taken there."
            ).format(share=percent(unjudged))
        )
    return found
