"""A backtest: the decisions of a strategy on one series, traded by the kernel, with its baselines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from engine.backtest import kernel
from engine.backtest.events import events as events_between
from engine.backtest.result import BacktestResult
from engine.domain import Bars, Instrument, PriceBase
from engine.errors import NoDataError, UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.domain import BoolArray, FloatArray
    from engine.market.adjust import EventArrays
    from engine.market.costs import CostModel
    from engine.strategies.base import Strategy

__all__ = ["BacktestConfig", "BacktestResult", "backtest"]

SIZINGS = {"fraction": kernel.FRACTION, "risk": kernel.RISK}
#: From this many bars on, a process that has not imported numba yet gains by doing so.
COMPILE_FROM = 50_000
MAX_TICK_DENOMINATOR = 1_000_000


@dataclass(frozen=True, slots=True)
class BacktestConfig:
    """How orders are sized. capital: R$ at the start. sizing: "fraction" invests `fraction` of the equity in each trade;
    "risk" loses `risk` of the equity if the stop is filled at its level; a strategy that gives a size overrules both.
    allow_short: a SELL while flat opens a short; it always closes a long. Raises UsageError for a value that makes no sense.
    """

    capital: float = 100_000.0
    sizing: str = "fraction"
    fraction: float = 1.0
    risk: float = 0.02
    allow_short: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.capital) and self.capital > 0):
            raise UsageError(_("The capital must be more than 0, not {value}").format(value=self.capital))
        if self.sizing not in SIZINGS:
            raise UsageError(
                _("There is no sizing {name}").format(name=self.sizing),
                _("Choose one of: {words}.").format(words=", ".join(SIZINGS)),
            )
        for name, value in (("fraction", self.fraction), ("risk", self.risk)):
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
    start: int | None = None,
    end: int | None = None,
    compiled: bool | None = None,
    trials: int = 1,
    warm_up: int = 0,
) -> BacktestResult:
    """Trade `strategy` on `bars` and return what happened.

    bars: the series of the signals, n bars. raw: the same bars as traded, for fills, lots, costs and stops; None trades
    `bars` themselves. events: those of the n bars that are filled; None reads them from the jumps between the two series.
    costs: arrays of length n. risk_free: float64, length n, return of cash over each bar, or None.
    start, end: UTC seconds, both included; the window begins where the strategy has had its warm-up, on bars before the
    start where there are any, and nothing after the end is looked at. Provisional bars are left out.
    compiled: True or False to choose the kernel, None for the faster one in this process; results are equal.
    trials: parameter sets tried until this one was chosen, for the verdict. warm_up: bars before the window at least, so that
    strategies can be scored from the same bar on; never fewer than the strategy's own.
    Raises NoDataError for too few bars or an empty window, UsageError for arrays or series that do not fit each other.
    """
    config = config or BacktestConfig()
    _check(bars, instrument, costs, raw, events, risk_free, trials)
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
    decisions = strategy.decide(bars)
    stop, target = decisions.stop, decisions.target
    split, dividend = np.ones(len(bars)), np.zeros(len(bars))
    if raw is not None:
        factor = prices.close / bars.close
        stop, target = stop * factor, target * factor
    if events is not None:
        kept = np.zeros(events.pay.size, dtype=np.bool_)
        kept[rows] = True
        left = events.keep(kept)
        split, dividend = left.split, left.dividend
    elif raw is not None:
        split, dividend = events_between(prices.close, bars.close)
    columns = (split, dividend, costs.fee[rows], costs.fee_day_trade[rows])
    rounded = raw is not None or bars.price_base is not PriceBase.ADJUSTED
    fast = kernel.is_compiled() or len(bars) >= COMPILE_FROM if compiled is None else compiled
    quotes = (prices.open, prices.high, prices.low, prices.close, prices.session)
    window = (first, last)
    market = (
        *(config.allow_short, instrument.lot, float(instrument.point_value)),
        *_tick(instrument.tick if rounded else 0.0),
        *(float(costs.slippage), float(costs.brokerage)),
    )
    capital = float(config.capital)
    nothing = np.full(len(bars), np.nan)
    still = np.zeros(len(bars), dtype=np.int8)
    own = (
        (*quotes, decisions.action, stop, target, *columns),
        (*window, 0, capital, SIZINGS[config.sizing], config.size, *market),
    )
    hold = ((*quotes, still, nothing, nothing, *columns), (*window, 1, capital, kernel.FRACTION, 1.0, *market))
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
        split=split,
        dividend=dividend,
        risk_free=None if risk_free is None else risk_free[rows][first:],
        outcome=kernel.run(*own, fast=fast, weight=decisions.size),
        hold_inputs=hold,
        fast=fast,
        trials=trials,
    )


@lru_cache(maxsize=64)
def _tick(tick: float) -> tuple[int, int]:
    ratio = Fraction(tick).limit_denominator(MAX_TICK_DENOMINATOR)
    return ratio.numerator, ratio.denominator


def _check(
    bars: Bars,
    instrument: Instrument,
    costs: CostModel,
    raw: Bars | None,
    events: EventArrays | None,
    risk_free: FloatArray | None,
    trials: int,
) -> None:
    n = len(bars)
    if costs.fee.size != n or costs.fee_day_trade.size != n or (risk_free is not None and risk_free.size != n):
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
