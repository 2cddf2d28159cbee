"""What a model's filter did to a strategy: both on the same out-of-sample bars, with the same costs and warm-up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backtest.evidence import INSUFFICIENT, MIN_TRADES
from engine.backtest.evidence.bootstrap import DRAWS, SEED, block_length, resampled_rows
from engine.backtest.metrics import bars_per_year, equity_metrics, json_ready, returns_of, trade_metrics
from engine.backtest.run import Inputs, cost_model, trade
from engine.domain import Instrument, Verdict, iso
from engine.errors import NoDataError, UsageError
from engine.i18n import _, mark
from engine.ml.filtering import MLEnhancedStrategy, accepted
from engine.strategies.base import percent

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult
    from engine.domain import Bars, FloatArray, IntArray
    from engine.ml.filtering import Probabilities
    from engine.strategies.base import Strategy

BETTER = mark("better than the base strategy")
WORSE = mark("worse than the base strategy")
ALIKE = mark("no better than the base strategy")
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Judged:
    """The bars of one symbol and what models that had not learnt from them say: float64 (n, 3), NaN rows where none does.

    inputs: costs, instrument and the like of `engine.backtest.run`; None takes the bars themselves, the costs of a share as
    delivered and no interest on cash.
    """

    bars: Bars
    probabilities: FloatArray
    inputs: Inputs | None = None


def strategy_effect(
    bars: Bars, strategy: Strategy, probabilities: FloatArray, threshold: float, inputs: Inputs | None = None
) -> dict[str, Any]:
    """`pooled_effect` of one symbol."""
    return pooled_effect([Judged(bars, probabilities, inputs)], strategy, threshold)


def pooled_effect(
    parts: Sequence[Judged], strategy: Strategy, threshold: float, *, draws: int = DRAWS, seed: int = SEED
) -> dict[str, Any]:
    """The strategy and the same with the filter, over the bars from the first to the last that is judged; symbols count alike.

    {"base", "filtered": figures of the equity and the trades, "signals": {"given", "accepted"} in that period, "difference":
    {"mean_return": filtered less base a year, "low", "high": its 95 % interval by a stationary bootstrap of the pairs, "level",
    "draws", "block"}, "hold": the return of never trading, "period": {"start", "end"}, "verdict"}; undefined is None.
    Raises NoDataError when no bar is judged or too few are for a backtest, UsageError for probabilities of another length.
    """
    given = taken = 0
    traded: list[tuple[BacktestResult, BacktestResult]] = []
    for part in parts:
        if part.probabilities.shape != (len(part.bars), 3):
            raise UsageError(_("Every bar of {symbol} needs three probabilities").format(symbol=part.bars.symbol))
        rows = np.flatnonzero(~np.isnan(part.probabilities).any(axis=1))
        if not rows.size:
            continue
        window = slice(int(rows[0]), int(rows[-1]) + 1)
        action = strategy.decide(part.bars).action[window]
        given += int(np.count_nonzero(action))
        taken += int(np.count_nonzero(accepted(action, part.probabilities[window], threshold)))
        inputs = part.inputs or plain_inputs(part.bars)
        inputs = replace(inputs, start=int(part.bars.time[rows[0]]), end=int(part.bars.time[rows[-1]]))
        filtered = MLEnhancedStrategy(strategy, known_at(part.bars.time, part.probabilities), threshold)
        traded.append((trade(inputs, strategy), trade(inputs, filtered)))
    if not traded:
        raise NoDataError(_("No bar was judged by a model that had not learnt from it"), _("Take a longer period."))
    time, session, base = _together([pair[0] for pair in traded])
    filtered_returns = _together([pair[1] for pair in traded])[2]
    periods = bars_per_year(session, traded[0][0].bars.timeframe)
    before, after = (
        _figures(returns, session, periods, [pair[at] for pair in traded]) for at, returns in enumerate((base, filtered_returns))
    )
    difference = _difference(filtered_returns - base, periods, draws, seed)
    hold = float(np.mean([_cash(pair[0]) for pair in traded]))
    return {
        "base": json_ready(before),
        "filtered": json_ready(after),
        "signals": {"given": given, "accepted": taken},
        "difference": json_ready(difference),
        "hold": hold,
        "period": {"start": iso(int(time[0])), "end": iso(int(time[-1]))},
        "verdict": _verdict(before, after, difference, hold, (given, taken)).as_dict(),
    }


def plain_inputs(bars: Bars) -> Inputs:
    """Inputs of a share whose bars alone are known: its own prices, B3's fees and the other costs as delivered, idle cash unpaid."""
    from engine.backtest.engine import BacktestConfig
    from engine.settings_model import Costs

    instrument = Instrument(bars.symbol)
    return Inputs(
        bars=bars,
        raw=None,
        events=None,
        instrument=instrument,
        costs=cost_model(Costs(), bars, instrument),
        b3_fees=True,
        config=BacktestConfig(),
        risk_free=None,
        idle_cash=False,
        fractional=None,
        index=None,
        start=None,
        end=None,
    )


def known_at(time: IntArray, probabilities: FloatArray) -> Probabilities:
    """The probabilities of these instants as a function of bars, NaN for bars of other instants."""

    def look_up(bars: Bars) -> FloatArray:
        place = np.minimum(np.searchsorted(time, bars.time), time.size - 1)
        return np.where((time[place] == bars.time)[:, None], probabilities[place], np.nan)

    return look_up


def _together(results: Sequence[BacktestResult]) -> tuple[IntArray, IntArray, FloatArray]:
    """The instants at which any was traded, their sessions, and the mean return of those that were, float64."""
    time, first, place = np.unique(np.concatenate([result.time for result in results]), return_index=True, return_inverse=True)
    session = np.concatenate([result.session for result in results])[first]
    returns = np.concatenate([returns_of(result.equity) for result in results])
    return time, session, np.bincount(place, returns) / np.bincount(place)


def _figures(returns: FloatArray, session: IntArray, periods: float, results: Sequence[BacktestResult]) -> dict[str, Any]:
    capital = results[0].config.capital
    equity = capital * np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    trades = np.concatenate([result.outcome.trades for result in results])
    return {**equity_metrics(equity, session, periods), **trade_metrics(trades, results[0].instrument.point_value)}


def _cash(result: BacktestResult) -> float:
    """What the account would have earned without an order."""
    rate = result.simulation.rate
    return 0.0 if rate is None else float(np.prod(1.0 + np.nan_to_num(rate[result.first : result.last + 1])) - 1.0)


def _difference(difference: FloatArray, periods: float, draws: int, seed: int) -> dict[str, Any]:
    block = block_length(difference)
    mean = float(difference.mean()) * periods
    found = {"mean_return": mean, "low": math.nan, "high": math.nan, "level": LEVEL, "draws": draws, "block": block}
    if math.isnan(block):
        return found
    drawn = [difference[rows].mean(axis=1) for rows in resampled_rows(difference.size, draws, block, seed)]
    low, high = np.quantile(np.concatenate(drawn), ((1 - LEVEL) / 2, (1 + LEVEL) / 2)) * periods
    return {**found, "low": float(low), "high": float(high)}


def _verdict(
    base: dict[str, Any], filtered: dict[str, Any], difference: dict[str, Any], hold: float, signals: tuple[int, int]
) -> Verdict:
    given, taken = signals
    reasons = [_("The model took {taken} of {given} signals.").format(taken=taken, given=given)]
    words = {"base": percent(base["total_return"]), "filtered": percent(filtered["total_return"])}
    reasons.append(_("In all, the base strategy returned {base} and the filtered one {filtered}, net of costs.").format(**words))
    if filtered["total_return"] <= hold:
        reasons.append(
            _("Always HOLD would have returned {hold}, no less than the filtered strategy.").format(hold=percent(hold))
        )
    low, high = difference["low"], difference["high"]
    if math.isnan(low):
        return Verdict(ALIKE if taken == given else INSUFFICIENT, tuple(reasons))
    reasons.append(
        _("The filter changes the return by {mean} a year ({level} interval {low} to {high}).").format(
            mean=percent(difference["mean_return"]), level=percent(LEVEL, 0), low=percent(low), high=percent(high)
        )
    )
    if filtered["trades"] < MIN_TRADES:
        reasons.append(
            _("It closed {trades} trades; fewer than {least} say little.").format(trades=filtered["trades"], least=MIN_TRADES)
        )
        return Verdict(INSUFFICIENT, tuple(reasons))
    return Verdict(BETTER if low > 0 else WORSE if high < 0 else ALIKE, tuple(reasons))
