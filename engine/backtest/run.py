"""A backtest on stored bars, with the costs, the cash rate and the trials that belong to it, recorded as a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.backtest import index
from engine.backtest.engine import BacktestConfig, BacktestResult, backtest
from engine.backtest.events import events as events_between
from engine.backtest.execution import Execution
from engine.domain import Bars, Instrument, PriceBase
from engine.market.costs import CostModel, b3_costs, no_costs, rate_notes
from engine.store.bars import list_series, longer_series, read_bars, read_instrument
from engine.store.events import adjusted
from engine.store.ledger import read_trials, record_backtest, trial_key
from engine.store.values import cash_return

if TYPE_CHECKING:
    from pathlib import Path

    from engine.domain import FloatArray
    from engine.market.adjust import EventArrays
    from engine.settings_model import Costs, Settings
    from engine.store.database import Store
    from engine.strategies.base import Strategy


@dataclass(frozen=True, slots=True)
class Inputs:
    """What strategies are tested on, read once. bars, raw, events: as in `Pair`.

    risk_free: float64, return of cash over each bar, None where it is not known for all of them. idle_cash: whether settled
    cash earns it. fractional: bars of the fractional market, None where they are not stored or not asked for. index: daily bars
    of the IBOV, None where they are not stored or are what is tested. start, end: UTC seconds.
    """

    bars: Bars
    raw: Bars | None
    events: EventArrays | None
    instrument: Instrument
    costs: CostModel
    b3_fees: bool
    config: BacktestConfig
    risk_free: FloatArray | None
    idle_cash: bool
    fractional: Bars | None
    index: Bars | None
    start: int | None
    end: int | None
    notes: tuple[str, ...] = ()


def run_backtest(
    store: Store,
    settings: Settings,
    symbol: str,
    strategy: Strategy,
    *,
    now: int,
    timeframe: str = "1d",
    start: int | None = None,
    end: int | None = None,
    capital: float | None = None,
    costs: str | None = None,
    execution: Execution | None = None,
    proofs: Path | None = None,
) -> BacktestResult:
    """Trade `strategy` on the stored bars of `symbol` and record it as a trial.

    Signals are computed on the adjusted series and filled on the raw one where both are stored for the same bars; else
    one series serves both and the result says so. start, end: UTC seconds. capital, costs ("b3" or "none"), execution:
    None takes the settings. proofs: the folder of what was proved of a user's strategies, see `vouched`.
    Raises NoDataError and UsageError.
    """
    inputs = read_inputs(
        *(store, settings, symbol), timeframe=timeframe, start=start, end=end, capital=capital, costs=costs, execution=execution
    )
    result = judged(vouched(inputs, trade(inputs, strategy), proofs), read_trials(store, symbol, timeframe))
    record(store, result, now)
    return result


def read_inputs(
    store: Store,
    settings: Settings,
    symbol: str,
    *,
    timeframe: str,
    start: int | None,
    end: int | None,
    capital: float | None,
    costs: str | None,
    execution: Execution | None = None,
) -> Inputs:
    """The stored bars of `symbol` and all that belongs to a test on them; arguments and errors as in `run_backtest`."""
    chosen = settings.backtest
    config = BacktestConfig(
        capital=capital or chosen.capital,
        sizing=chosen.sizing,
        fraction=chosen.fraction,
        risk=chosen.risk,
        allow_short=chosen.allow_short,
        execution=Execution(**settings.orders.model_dump()) if execution is None else execution,
        futures_margin=chosen.futures_margin,
    )
    pair = read_pair(store, symbol, timeframe, (start, end))
    bars, raw = pair.bars, pair.raw
    instrument = index.as_unit(read_instrument(store, symbol))
    traded = bars if raw is None else raw
    charges = settings.costs if costs is None else settings.costs.model_copy(update={"schedule": costs})
    cash = cash_return(store, bars.session)
    window = slice(0 if start is None else int(np.searchsorted(bars.time, start)), None)
    known = None if cash is None or np.isnan(cash[1][window]).any() else cash[1]
    model = cost_model(charges, traded, instrument)
    return Inputs(
        bars=bars,
        raw=raw,
        events=pair.events,
        instrument=instrument,
        costs=model,
        b3_fees=charges.schedule == "b3",
        config=config,
        risk_free=known,
        idle_cash=chosen.idle_cash == "cdi",
        fractional=fractional_bars(store, traded) if config.execution.fractional else None,
        index=None if symbol == index.SYMBOL else index.read_index(store, (start, end)),
        start=start,
        end=end,
        notes=longer_series(store, traded),
    )


def trade(inputs: Inputs, strategy: Strategy, warm_up: int = 0) -> BacktestResult:
    """`strategy` on these inputs, scored from the first bar after `warm_up` bars and its own; not yet judged or recorded."""
    result = backtest(
        inputs.bars,
        strategy,
        inputs.config,
        instrument=inputs.instrument,
        costs=inputs.costs,
        raw=inputs.raw,
        events=inputs.events,
        risk_free=inputs.risk_free,
        idle_cash=inputs.idle_cash,
        fractional=inputs.fractional,
        start=inputs.start,
        end=inputs.end,
        warm_up=warm_up,
    )
    fees = rate_notes(result.session, inputs.instrument.market) if inputs.b3_fees else ()
    levels = None if inputs.index is None else index.index_levels(inputs.index, result.session)
    return replace(result, remarks=(*inputs.notes, *fees), index=levels)


def vouched(inputs: Inputs, result: BacktestResult, proofs: Path | None, strategy: Strategy | None = None) -> BacktestResult:
    """The result with what is known against its strategy, or against the one that its strategy wraps: that it sees the future,
    or that this is not proved. proofs: the folder where proofs are kept, None for nowhere; see `engine.backtest.proofs.standing`.
    """
    from engine.backtest.proofs import standing

    decided = inputs.bars.take(np.searchsorted(inputs.bars.time, result.bars.time))
    found = standing(strategy or result.strategy, decided, proofs)
    return replace(result, leak=found.leak, doubt=found.notice)


def judged(result: BacktestResult, tried: Mapping[tuple[str, str], float]) -> BacktestResult:
    """The result with the trials of its series, those of `read_trials`; itself counts once, whether it is among them or not."""
    own = trial_key(result.strategy.name, result.tried)
    others = [value for key, value in tried.items() if key != own]
    return replace(result, trials=len(others) + 1, other_sharpes=np.array(others, dtype=np.float64))


def record(store: Store, result: BacktestResult, now: int) -> None:
    """Record the result as a trial at the instant `now`, UTC seconds."""
    record_backtest(
        store,
        now=now,
        symbol=result.bars.symbol,
        timeframe=result.bars.timeframe,
        strategy=result.strategy.name,
        params=result.tried,
        start=int(result.time[0]),
        end=int(result.time[-1]),
        snapshot=store.snapshot(),
        order_hash=result.order_hash,
        result={"metrics": _defined(result.metrics), "verdict": result.verdict.as_dict()},
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """bars: the series of the signals. raw: that of the fills with the same bars, None for the same series. events: what is known
    to have happened on those bars, None where nothing is stored about it.
    """

    bars: Bars
    raw: Bars | None = None
    events: EventArrays | None = None


def read_pair(store: Store, symbol: str, timeframe: str, covering: tuple[int | None, int | None] = (None, None)) -> Pair:
    """The bars for signals and those for fills, with the stored events of the symbol.

    Where an adjusted and a raw series are stored, both, cut to the bars that both have; on the dates of stored events these are
    taken, on others what the jumps between the two series say. Where only one answers and it is raw, signals get its bars adjusted
    by the stored events inside them. Of several series the one that covers the asked time best.
    Raises NoDataError, and FileError for a stored payment that cannot be.
    """
    known = [item for item in list_series(store, [symbol]) if item.timeframe == timeframe]
    if {PriceBase.ADJUSTED, PriceBase.RAW} - {item.price_base for item in known}:
        return _alone(store, read_bars(store, symbol, timeframe, covering=covering))
    bars = read_bars(store, symbol, timeframe, price_base=PriceBase.ADJUSTED)
    raw = read_bars(store, symbol, timeframe, price_base=PriceBase.RAW)
    _common, left, right = np.intersect1d(bars.time, raw.time, return_indices=True)
    if left.size < max(len(bars), len(raw)) // 2:
        return _alone(store, bars if len(bars) >= len(raw) else raw)
    bars, raw = bars.take(left), raw.take(right)
    _adjusted, stored = adjusted(store, raw)
    if stored is None:
        return Pair(bars, raw)
    split, dividend = events_between(raw.close, bars.close)
    here = stored.present
    return Pair(
        bars, raw, replace(stored, split=np.where(here, stored.split, split), dividend=np.where(here, stored.dividend, dividend))
    )


def _alone(store: Store, bars: Bars) -> Pair:
    found, events = adjusted(store, bars)
    return Pair(found) if events is None else Pair(found, bars, events)


def fractional_bars(store: Store, bars: Bars) -> Bars | None:
    """The finished bars of the fractional market of the same share, as traded; None where they are not stored."""
    symbol = f"{bars.symbol}F"
    stored = any(item.timeframe == bars.timeframe and item.price_base is PriceBase.RAW for item in list_series(store, [symbol]))
    if not stored:
        return None
    found = read_bars(store, symbol, bars.timeframe, price_base=PriceBase.RAW)
    return found.take(~found.provisional)


def cost_model(costs: Costs, bars: Bars, instrument: Instrument) -> CostModel:
    """The costs of the settings on these bars: B3's dated fees with brokerage, ISS and borrowing, or nothing but slippage.

    Raises UsageError as `b3_costs` does.
    """
    if costs.schedule == "none":
        return replace(no_costs(len(bars)), slippage=costs.slippage)
    return b3_costs(
        bars.session,
        instrument.market,
        brokerage=costs.brokerage,
        iss=costs.iss,
        slippage=costs.slippage,
        borrow=costs.borrow,
        contract_fee=costs.contract_fee,
    )


def _defined(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items() if value == value}
