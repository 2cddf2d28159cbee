"""A backtest: the decisions of a strategy on one series, traded, with its baselines."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.backtest import kernel
from engine.backtest.events import events as events_between
from engine.backtest.execution import Execution
from engine.backtest.result import BacktestResult
from engine.backtest.simulation import Simulation
from engine.domain import Bars, Instrument, PriceBase
from engine.errors import NoDataError, UsageError
from engine.i18n import _
from engine.market.adjust import EventArrays

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray
    from engine.market.costs import CostModel
    from engine.strategies.base import Decisions, Strategy

__all__ = ["BacktestConfig", "BacktestResult", "backtest"]

SIZINGS = ("fraction", "risk")
#: From this many bars on, a process that has not imported numba yet gains by doing so.
COMPILE_FROM = 50_000


@dataclass(frozen=True, slots=True)
class BacktestConfig:
    """How orders are sized and placed. capital: R$ at the start. sizing: "fraction" invests `fraction` of the equity in each
    trade; "risk" loses `risk` of the equity if the stop is filled at its level; a strategy that gives a size overrules both.
    allow_short: a SELL while flat opens a short; it always closes a long. execution: the orders that signals lead to.
    futures_margin: the cash that a futures position needs, a fraction of its notional.
    Raises UsageError for a value that makes no sense.
    """

    capital: float = 100_000.0
    sizing: str = "fraction"
    fraction: float = 1.0
    risk: float = 0.02
    allow_short: bool = True
    execution: Execution = field(default_factory=Execution)
    futures_margin: float = 0.2

    def __post_init__(self) -> None:
        if not (math.isfinite(self.capital) and self.capital > 0):
            raise UsageError(_("The capital must be more than 0, not {value}").format(value=self.capital))
        if self.sizing not in SIZINGS:
            raise UsageError(
                _("There is no sizing {name}").format(name=self.sizing),
                _("Choose one of: {words}.").format(words=", ".join(SIZINGS)),
            )
        for name, value in (("fraction", self.fraction), ("risk", self.risk), ("futures_margin", self.futures_margin)):
            if not 0 < value <= 1:
                raise UsageError(_("{name} must be more than 0 and at most 1, not {value}").format(name=name, value=value))

    @property
    def size(self) -> float:
        """The figure that the sizing uses."""
        return self.fraction if self.sizing == "fraction" else self.risk


def backtest(
    bars: Bars,
    strategy: Strategy,
    config: BacktestConfig | None = None,
    *,
    instrument: Instrument,
    costs: CostModel,
    raw: Bars | None = None,
    events: EventArrays | None = None,
    risk_free: FloatArray | None = None,
    idle_cash: bool | FloatArray = False,
    fractional: Bars | None = None,
    start: int | None = None,
    end: int | None = None,
    compiled: bool | None = None,
    trials: int = 1,
    warm_up: int = 0,
) -> BacktestResult:
    """Trade `strategy` on `bars` and return what happened.

    bars: the series of the signals, n bars. raw: the same bars as traded, for fills, lots, costs and stops; None trades
    `bars` themselves. events: those of the n bars that are filled; None reads them from the jumps between the two series.
    costs: arrays of length n. risk_free: float64, length n, return of cash over each bar, or None. idle_cash: what settled
    cash earns: True for `risk_free` where it is known, an array like it, or False for nothing. fractional: bars of the
    fractional market, for an execution that trades there.
    start, end: UTC seconds, both included; the window begins where the strategy has had its warm-up, on bars before the
    start where there are any, and nothing after the end is looked at. Provisional bars are left out.
    compiled: True or False to choose the kernel, None for the faster one in this process; results are equal.
    trials: parameter sets tried until this one was chosen, for the verdict. warm_up: bars before the window at least, so that
    strategies can be scored from the same bar on; never fewer than the strategy's own.
    Raises NoDataError for too few bars or an empty window, UsageError for arrays or series that do not fit each other.
    """
    config = config or BacktestConfig()
    _check(bars, instrument, costs, raw, events, (risk_free, idle_cash), trials)
    final = ~bars.provisional if raw is None else ~(bars.provisional | raw.provisional)
    stop_at = bars.time.size if end is None else int(np.searchsorted(bars.time, end, side="right"))
    left_out = stop_at - int(np.count_nonzero(final[:stop_at]))
    rows: slice | BoolArray = slice(0, stop_at)
    if left_out:
        rows = final.copy()
        rows[stop_at:] = False
    bars = bars.take(rows)
    prices = bars if raw is None else raw.take(rows)
    asked = 0 if start is None else int(np.searchsorted(bars.time, start))
    needed = max(strategy.warm_up, warm_up)
    first, last = max(asked, needed), len(bars) - 1
    if last <= first:
        raise NoDataError(
            _("{symbol} has {count} finished bars of {timeframe} in this period; the strategy {strategy} needs {needed}").format(
                symbol=bars.symbol,
                count=max(len(bars) - asked, 0),
                timeframe=bars.timeframe,
                strategy=strategy.name,
                needed=max(needed - asked, 0) + 2,
            ),
            _("Import more history or choose a longer period."),
        )
    simulation = Simulation(
        bars=prices,
        decisions=_on_prices(strategy.decide(bars), None if raw is None else prices.close / bars.close),
        instrument=instrument if raw is not None or bars.price_base is not PriceBase.ADJUSTED else replace(instrument, tick=0.0),
        events=_events(prices, bars, events, rows),
        costs=replace(costs, fee=costs.fee[rows], fee_day_trade=costs.fee_day_trade[rows]),
        config=config,
        rate=_rate(idle_cash, risk_free, rows),
        first=first,
        last=last,
        fast=kernel.is_compiled() or len(bars) >= COMPILE_FROM if compiled is None else compiled,
        fractional=fractional,
    )
    return BacktestResult(
        bars=prices,
        price_base=bars.price_base,
        raw_fills=raw is not None,
        strategy=strategy,
        config=config,
        instrument=instrument,
        first=first,
        last=last,
        asked_start=first if start is None else asked,
        provisional_left_out=left_out,
        risk_free=None if risk_free is None else risk_free[rows][first:],
        simulation=simulation,
        outcome=simulation.run(),
        trials=trials,
    )


def _on_prices(decisions: Decisions, factor: FloatArray | None) -> Decisions:
    """The decisions with their levels in the prices of the fills, `factor` times those of the signals."""
    if factor is None:
        return decisions
    levels = {name: getattr(decisions, name) for name in ("stop", "target", "limit", "trigger")}
    return replace(decisions, **{name: level * factor for name, level in levels.items() if level is not None})


def _events(prices: Bars, bars: Bars, events: EventArrays | None, rows: slice | BoolArray) -> EventArrays:
    """The events of the bars that are kept; where they are not known and there are two series, those read from the jumps."""
    if events is not None:
        kept = np.zeros(events.pay.size, dtype=np.bool_)
        kept[rows] = True
        return events.keep(kept)
    n = len(bars)
    split, dividend = (np.ones(n), np.zeros(n)) if prices is bars else events_between(prices.close, bars.close)
    return EventArrays(split, dividend, np.arange(n))


def _rate(idle_cash: bool | FloatArray, risk_free: FloatArray | None, rows: slice | BoolArray) -> FloatArray | None:
    """What cash earns over each of the bars that are kept, None for nothing."""
    rate = (risk_free if idle_cash else None) if isinstance(idle_cash, bool) else idle_cash
    return None if rate is None else rate[rows]


def _check(
    bars: Bars,
    instrument: Instrument,
    costs: CostModel,
    raw: Bars | None,
    events: EventArrays | None,
    cash: tuple[FloatArray | bool | None, ...],
    trials: int,
) -> None:
    n = len(bars)
    sizes = {costs.fee.size, costs.fee_day_trade.size, *(series.size for series in cash if isinstance(series, np.ndarray))}
    if sizes != {n}:
        raise UsageError(_("The costs and the CDI series must have one value for each of the {count} bars").format(count=n))
    if instrument.lot < 1 or not instrument.point_value > 0 or not instrument.tick >= 0:
        raise UsageError(_("{symbol} has an impossible lot, tick or point value").format(symbol=instrument.symbol))
    if trials < 1:
        raise UsageError(_("The number of trials must be at least 1, not {trials}").format(trials=trials))
    if events is not None and events.pay.size != n:
        raise UsageError(_("The events must have one value for each of the {count} bars").format(count=n))
    if raw is not None and not np.array_equal(raw.time, bars.time):
        raise UsageError(
            _("The raw and the adjusted series of {symbol} do not have the same bars").format(symbol=bars.symbol),
            _("Import both for the same dates, or test one series alone."),
        )
