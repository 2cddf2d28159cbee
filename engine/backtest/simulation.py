"""One way to trade one series, ready to run: by the fast kernel where its orders suffice, else by the general account."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from engine.backtest import kernel
from engine.backtest.execution import ATR_PERIOD, Execution
from engine.domain import Bars, Instrument, Market
from engine.strategies.base import Decisions

if TYPE_CHECKING:
    from engine.backtest.account import Leg
    from engine.backtest.engine import BacktestConfig
    from engine.backtest.kernel import Run
    from engine.domain import FloatArray
    from engine.market.adjust import EventArrays
    from engine.market.costs import CostModel

MAX_TICK_DENOMINATOR = 1_000_000


@dataclass(frozen=True, slots=True)
class Simulation:
    """Decisions on a series of n bars with all that trading them takes.

    bars: prices of the fills. decisions: with levels in those prices. instrument: its tick is 0 where prices are not rounded.
    events, costs: arrays of length n. rate: float64, length n, what settled cash earns over each bar, None for nothing.
    first, last: the window, both bars included. fast: whether the kernel is compiled. opening: an order (+1, -1, 0) due at
    the first open. fractional: the bars of the fractional market, None where they are not known.
    """

    bars: Bars
    decisions: Decisions
    instrument: Instrument
    events: EventArrays
    costs: CostModel
    config: BacktestConfig
    rate: FloatArray | None
    first: int
    last: int
    fast: bool
    opening: int = 0
    fractional: Bars | None = None

    @property
    def simple(self) -> bool:
        """Whether the kernel can trade it: shares, market orders, a stop and a target of the strategy's own."""
        levels = (self.decisions.limit, self.decisions.trigger)
        given = any(level is not None and not np.isnan(level).all() for level in levels)
        return self.config.execution.simple and self.instrument.market is not Market.FUTURE and not given

    def holding(self) -> Simulation:
        """Buying at the first open of the window for all the money, with the same costs and lots, and keeping."""
        n = len(self.bars)
        nothing = np.full(n, np.nan)
        config = replace(self.config, sizing="fraction", fraction=1.0, execution=Execution())
        decisions = Decisions(np.zeros(n, dtype=np.int8), nothing, nothing, nothing)
        return replace(self, decisions=decisions, config=config, opening=1)

    def run(self, *, favourable: bool = False) -> Run:
        """What happens; favourable: where a bar touches stop and target, the target is taken."""
        return self._by_kernel(favourable) if self.simple else self._by_account(favourable)

    def _by_kernel(self, favourable: bool) -> Run:
        bars, decisions, costs, config, instrument = self.bars, self.decisions, self.costs, self.config, self.instrument
        arrays = (
            *(bars.open, bars.high, bars.low, bars.close, bars.session),
            *(decisions.action, decisions.stop, decisions.target),
            *(self.events.split, self.events.dividend, costs.fee, costs.fee_day_trade),
        )
        sizing = kernel.RISK if config.sizing == "risk" else kernel.FRACTION
        scalars = (
            *(self.first, self.last, self.opening, float(config.capital), sizing, config.size, config.allow_short),
            *(instrument.lot, float(instrument.point_value), *tick_ratio(instrument.tick)),
            *(float(costs.slippage), float(costs.brokerage)),
        )
        return kernel.run(
            arrays,
            scalars,
            fast=self.fast,
            weight=decisions.size,
            rate=self.rate,
            pay=self.events.pay,
            borrow=costs.borrow_per_session,
            favourable=favourable,
        )

    def _by_account(self, favourable: bool) -> Run:
        from engine.backtest.account import run_single

        return run_single(
            self.leg(),
            first=self.first,
            last=self.last,
            capital=float(self.config.capital),
            config=self.config,
            rate=np.zeros(len(self.bars)) if self.rate is None else self.rate,
            execution=self.config.execution,
            opening=self.opening,
            favourable=favourable,
        )

    def leg(self) -> Leg:
        """The series as the account takes it."""
        from engine.backtest.account import Leg
        from engine.features.indicators import atr

        bars, events = self.bars, self.events
        return Leg(
            instrument=self.instrument,
            bars=bars,
            decisions=self.decisions,
            split=events.split,
            dividend=events.dividend,
            pay=events.pay,
            costs=self.costs,
            atr=atr(bars.high, bars.low, bars.close, ATR_PERIOD),
            fractional=self.fractional,
        )


@lru_cache(maxsize=64)
def tick_ratio(tick: float) -> tuple[int, int]:
    """The tick as numerator and denominator, so that prices land exactly on it; (0, 1) for none."""
    ratio = Fraction(tick).limit_denominator(MAX_TICK_DENOMINATOR)
    return ratio.numerator, ratio.denominator
