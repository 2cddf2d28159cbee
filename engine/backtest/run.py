"""A backtest on stored bars, with the costs, the cash rate and the trials that belong to it, recorded as a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.backtest.engine import BacktestConfig, BacktestResult, backtest
from engine.domain import Bars, Instrument, PriceBase
from engine.market.costs import CostModel, b3_costs, no_costs, rate_notes
from engine.store.bars import list_series, read_bars, read_instrument
from engine.store.ledger import count_trials, record_backtest
from engine.store.values import cash_return

if TYPE_CHECKING:
    from engine.settings_model import Costs, Settings
    from engine.store.database import Store
    from engine.strategies.base import Strategy


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
) -> BacktestResult:
    """Trade `strategy` on the stored bars of `symbol` and record it as a trial.

    Signals are computed on the adjusted series and filled on the raw one where both are stored for the same bars; else
    one series serves both and the result says so. start, end: UTC seconds. capital, costs ("b3" or "none"): None takes
    the settings. Raises NoDataError and UsageError.
    """
    chosen = settings.backtest
    config = BacktestConfig(capital or chosen.capital, chosen.sizing, chosen.fraction, chosen.risk, chosen.allow_short)
    bars, raw = read_pair(store, symbol, timeframe)
    instrument = read_instrument(store, symbol)
    traded = bars if raw is None else raw
    charges = settings.costs if costs is None else settings.costs.model_copy(update={"schedule": costs})
    cash = cash_return(store, bars.session)
    window = slice(0 if start is None else int(np.searchsorted(bars.time, start)), None)
    known = None if cash is None or np.isnan(cash[1][window]).any() else cash[1]
    result = backtest(
        bars,
        strategy,
        config,
        instrument=instrument,
        costs=cost_model(charges, traded, instrument),
        raw=raw,
        risk_free=known,
        start=start,
        end=end,
        trials=count_trials(store, symbol, timeframe, strategy.name, strategy.params),
    )
    if charges.schedule == "b3":
        result = replace(result, remarks=rate_notes(result.session, instrument.market))
    record_backtest(
        store,
        now=now,
        symbol=symbol,
        timeframe=timeframe,
        strategy=strategy.name,
        params=strategy.params,
        start=int(result.time[0]),
        end=int(result.time[-1]),
        snapshot=store.snapshot(),
        order_hash=result.order_hash,
        result={"metrics": _defined(result.metrics), "verdict": result.verdict.as_dict()},
    )
    return result


def read_pair(store: Store, symbol: str, timeframe: str) -> tuple[Bars, Bars | None]:
    """The bars for signals and, where they are another stored series, those for fills: (adjusted, raw), cut to the bars
    that both have; with one price base only, (bars, None). Raises NoDataError.
    """
    known = [item for item in list_series(store, [symbol]) if item.timeframe == timeframe]
    if {PriceBase.ADJUSTED, PriceBase.RAW} - {item.price_base for item in known}:
        return read_bars(store, symbol, timeframe), None
    adjusted = read_bars(store, symbol, timeframe, price_base=PriceBase.ADJUSTED)
    raw = read_bars(store, symbol, timeframe, price_base=PriceBase.RAW)
    _common, left, right = np.intersect1d(adjusted.time, raw.time, return_indices=True)
    if left.size < max(len(adjusted), len(raw)) // 2:
        return (adjusted, None) if len(adjusted) >= len(raw) else (raw, None)
    return adjusted.take(left), raw.take(right)


def cost_model(costs: Costs, bars: Bars, instrument: Instrument) -> CostModel:
    """The costs of the settings on these bars: B3's dated fees with brokerage and ISS, or none; slippage in both."""
    if costs.schedule == "none":
        return replace(no_costs(len(bars)), slippage=costs.slippage)
    return b3_costs(bars.session, instrument.market, brokerage=costs.brokerage, iss=costs.iss, slippage=costs.slippage)


def _defined(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items() if value == value}
