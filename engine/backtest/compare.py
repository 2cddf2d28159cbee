"""Strategies against each other on one series: the same bars, costs and warm-up, each one a trial that the verdicts count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.backtest.evidence import MIN_TRADES
from engine.backtest.metrics import json_ready
from engine.backtest.run import judged, read_inputs, record, trade, vouched
from engine.domain import Progress, from_day_number, iso, silent
from engine.errors import UsageError
from engine.i18n import _, ngettext
from engine.store.ledger import read_trials, trial_key

if TYPE_CHECKING:
    from pathlib import Path

    from engine.backtest.execution import Execution
    from engine.backtest.result import BacktestResult
    from engine.settings_model import Settings
    from engine.store.database import Store
    from engine.strategies.base import Strategy


@dataclass(frozen=True)
class Comparison:
    """The results of all strategies, best first by `rank`; they share bars, window, costs, capital and baselines."""

    ranking: tuple[BacktestResult, ...]

    @property
    def notices(self) -> tuple[str, ...]:
        """How it was ranked and from where it was scored, then what is to be known of every result alike."""
        first = self.ranking[0]
        slowest = max((result.strategy for result in self.ranking), key=lambda strategy: strategy.warm_up)
        few = sum(not has_enough(result) for result in self.ranking)
        said = [
            _("Ranked by the Sharpe ratio over the CDI, then by return.")
            if first.risk_free is not None
            else _("Ranked by the Sharpe ratio over 0, for no CDI is known, then by return.")
        ]
        if few:
            said.append(
                ngettext(
                    "{count} strategy with fewer than {least} closed trades stands below the others.",
                    "{count} strategies with fewer than {least} closed trades stand below the others.",
                    few,
                ).format(count=few, least=MIN_TRADES)
            )
        said.append(
            _("All are scored from {date}, the first bar after the {bars} that {strategy} needs.").format(
                date=from_day_number(int(first.session[0])).isoformat(), bars=slowest.warm_up, strategy=slowest.name
            )
            if first.first == slowest.warm_up
            else _("All are scored from {date}.").format(date=from_day_number(int(first.session[0])).isoformat())
        )
        said.append(
            _("The best of several looks better than it is: the verdicts count {trials} trials.").format(trials=first.trials)
        )
        shared = [text for text in first.notices if all(text in result.notices for result in self.ranking[1:])]
        doubts = [result.doubt for result in self.ranking if result.doubt and result.doubt not in shared]
        return (*doubts, *said, *shared)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the blueprint."""
        first = self.ranking[0]
        return {
            "symbol": first.bars.symbol,
            "timeframe": first.bars.timeframe,
            "price_base": str(first.price_base),
            "period": {"start": iso(int(first.time[0])), "end": iso(int(first.time[-1]))},
            "trials": first.trials,
            "ranking": [
                {
                    "strategy": result.strategy.name,
                    "params": result.strategy.params,
                    "enough_trades": has_enough(result),
                    "metrics": json_ready(result.full_metrics),
                    "verdict": result.verdict.as_dict(),
                    "order_hash": result.order_hash,
                }
                for result in self.ranking
            ],
            "baselines": {name: json_ready(figures) for name, figures in first.baselines.items()},
            "notices": list(self.notices),
        }


def compare(
    store: Store,
    settings: Settings,
    symbol: str,
    strategies: Sequence[Strategy],
    *,
    now: int,
    timeframe: str = "1d",
    start: int | None = None,
    end: int | None = None,
    capital: float | None = None,
    costs: str | None = None,
    execution: Execution | None = None,
    progress: Progress = silent,
    proofs: Path | None = None,
) -> Comparison:
    """Trade every strategy on the stored bars of `symbol`, scored from the same bar on, and record each as a trial.

    The first scored bar is that of the strategy with the longest warm-up. All strategies of the comparison count as trials
    in the verdict of each. Other arguments and errors as in `run_backtest`; `progress` counts strategies. Raises UsageError
    for no strategy at all or one that is given twice.
    """
    keys = {trial_key(strategy.name, strategy.params) for strategy in strategies}
    if not strategies or len(keys) < len(strategies):
        raise UsageError(_("A comparison takes different strategies, at least one"))
    inputs = read_inputs(
        *(store, settings, symbol), timeframe=timeframe, start=start, end=end, capital=capital, costs=costs, execution=execution
    )
    slowest_first = sorted(strategies, key=lambda strategy: -strategy.warm_up)
    warm_up = slowest_first[0].warm_up
    results = []
    for count, strategy in enumerate(slowest_first):
        progress(count, len(slowest_first), strategy.name)
        results.append(vouched(inputs, trade(inputs, strategy, warm_up), proofs))
    tried = read_trials(store, symbol, timeframe)
    for result in results:
        per_bar = result.metrics["sharpe_ratio"] / math.sqrt(result.periods)
        tried[trial_key(result.strategy.name, result.tried)] = per_bar
    found = tuple(sorted((judged(result, tried) for result in results), key=rank))
    for result in found:
        record(store, result, now)
    return Comparison(found)


def has_enough(result: BacktestResult) -> bool:
    """Whether the result has closed trades enough for its ratios to mean something."""
    return result.metrics["trades"] >= MIN_TRADES


def rank(result: BacktestResult) -> tuple[bool, bool, bool, float, float, str]:
    """The place of a result, least first: those that do not see the future, those with enough trades, then by Sharpe ratio
    (undefined last), return and name.
    """
    ratio = result.metrics["sharpe_ratio"]
    undefined = math.isnan(ratio)
    return (
        bool(result.leak),
        not has_enough(result),
        undefined,
        0.0 if undefined else -ratio,
        -result.metrics["total_return"],
        result.strategy.name,
    )
