"""What a symbol brings to a simulation, and the simulation of one symbol with every type of order.

`engine.backtest.kernel` does the same faster for market orders with a stop and a target; on those the two agree to the cent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.backtest.intents import Intent, follow, heed
from engine.backtest.kernel import Run
from engine.backtest.matching import begin, finish, trade
from engine.backtest.money import Account, equity, night
from engine.backtest.positions import Bar, Book, Terms, trade_array
from engine.backtest.simulation import tick_ratio
from engine.domain import Bars, Instrument, Market

if TYPE_CHECKING:
    from engine.backtest.engine import BacktestConfig
    from engine.backtest.execution import Execution
    from engine.domain import FloatArray, IntArray
    from engine.market.costs import CostModel
    from engine.strategies.base import Decisions


@dataclass(frozen=True, slots=True)
class Leg:
    """One symbol of a simulation: n bars, at whose prices orders are filled, and all that belongs to them.

    instrument: tick 0 for prices that are not rounded; a market of futures is settled in cash and needs margin. decisions: with
    levels in the prices of `bars`. split, dividend: float64, units after over units before and R$ per unit on each ex bar.
    pay: int64, the bar at which the dividend of each bar arrives as cash. atr: float64, ATR(14) of the bars, NaN before its
    first. fractional: the bars of the fractional market, matched by their time; None fills what is below a lot at the price of
    the lots.
    """

    instrument: Instrument
    bars: Bars
    decisions: Decisions
    split: FloatArray
    dividend: FloatArray
    pay: IntArray
    costs: CostModel
    atr: FloatArray
    fractional: Bars | None = None


def run_single(
    leg: Leg,
    *,
    first: int,
    last: int,
    capital: float,
    config: BacktestConfig,
    rate: FloatArray,
    execution: Execution,
    favourable: bool = False,
    opening: int = 0,
) -> Run:
    """Trade the bars first..last (inclusive) of one symbol; the same arrays and figures as `kernel.run`.

    rate: float64, length n, the return of cash over the night before each bar; only that of the first bar of a session counts.
    opening: an order (+1, -1, 0) due at the open of `first`, without levels. Decisions before `first` are not traded.
    favourable: where a bar leaves open what came first, take what is better for the trader.
    """
    book = new_book(leg, execution, config)
    account = Account(cash=capital, books={book.symbol: book})
    curve, position = np.empty(last - first + 2), np.empty(last - first + 1, dtype=np.int64)
    curve[0] = capital
    rates = rate.tolist()
    actions = leg.decisions.action.tolist()
    intent = Intent(opening) if opening else None
    session = None
    for bar in feed(leg, first, last):
        t = bar.row
        if bar.session != session:
            session = bar.session
            night(account, rates[t])
        if book.position.units or book.entries or book.due or intent:
            step(account, book, bar, intent, config, favourable=favourable)
        curve[t - first + 1] = equity(account) if book.position.units else account.cash + account.receivable
        position[t - first] = book.position.units
        intent = intent_at(leg, t) if actions[t] and t < last else None
    return Run(
        curve, position, trade_array(book), book.held, account.rejected, account.interest, tuple(book.fills), book.no_quantity
    )


def step(
    account: Account, book: Book, bar: Bar, intent: Intent | None, config: BacktestConfig, *, favourable: bool = False
) -> None:
    """One bar of an account with one symbol: events, the decision of the bar before, orders, the close."""
    advance(account, ((book, bar, intent),), config, favourable=favourable)


def advance(
    account: Account, items: Sequence[tuple[Book, Bar, Intent | None]], config: BacktestConfig, *, favourable: bool = False
) -> None:
    """One instant of an account: the books that have a bar at it, in the order of their symbols, as in `step`."""
    for book, bar, _intent in items:
        begin(account, book, bar)
    for book, bar, intent in items:
        prepare(account, book, bar, intent, config)
    trade(account, [(book, bar) for book, bar, _intent in items], config, favourable=favourable)
    for book, bar, _intent in items:
        finish(account, book, bar)


def prepare(account: Account, book: Book, bar: Bar, intent: Intent | None, config: BacktestConfig) -> None:
    """The orders for a bar: what keeps up with the position, then the decision of the bar before."""
    follow(book, bar)
    if intent is not None and not account.ruined and not heed(book, bar, intent, allow_short=config.allow_short):
        account.rejected += 1


def new_book(leg: Leg, execution: Execution, config: BacktestConfig) -> Book:
    """An empty book on the terms of a leg."""
    instrument, costs = leg.instrument, leg.costs
    future = instrument.market is Market.FUTURE
    terms = Terms(
        lot=instrument.lot,
        tick=tick_ratio(instrument.tick),
        point_value=float(instrument.point_value),
        future=future,
        margin=config.futures_margin if future else 1.0,
        slippage=float(costs.slippage),
        brokerage=float(costs.brokerage),
        contract_fee=float(costs.contract_fee),
        borrow=costs.borrow_per_session,
        own_fractional=leg.fractional is not None,
    )
    return Book(instrument.symbol, terms, execution)


def feed(leg: Leg, first: int, last: int) -> Iterator[Bar]:
    """The bars first..last (inclusive) of a leg, one by one."""
    bars, costs, rows = leg.bars, leg.costs, slice(first, last + 1)
    arrays = (
        bars.session, bars.open, bars.high, bars.low, bars.close, bars.quantity,
        leg.split, leg.dividend, leg.pay, costs.fee, costs.fee_day_trade,
    )  # fmt: skip
    before = np.concatenate(([np.nan], leg.atr[:-1]))[rows]
    odd = [None] * before.size if leg.fractional is None else odd_bars(leg.bars, leg.fractional)[rows]
    return map(Bar, range(first, last + 1), *(array[rows].tolist() for array in arrays), before.tolist(), odd)


def odd_bars(bars: Bars, fractional: Bars) -> list[tuple[float, float, float, float, float] | None]:
    """Open, high, low, close and quantity of the fractional market at the time of each bar, None where it has no bar."""
    known = dict(
        zip(
            fractional.time.tolist(),
            zip(*(getattr(fractional, name).tolist() for name in ("open", "high", "low", "close", "quantity"))),
        )
    )
    return [known.get(time) for time in bars.time.tolist()]


def intent_at(leg: Leg, t: int) -> Intent:
    """The decision at the close of bar t, which is not HOLD."""
    decisions = leg.decisions

    def level(array: FloatArray | None) -> float:
        return float("nan") if array is None else float(array[t])

    return Intent(
        action=int(decisions.action[t]),
        stop=float(decisions.stop[t]),
        target=float(decisions.target[t]),
        limit=level(decisions.limit),
        trigger=level(decisions.trigger),
        weight=level(decisions.size),
        strength=float(np.nan_to_num(decisions.strength[t])),
        close=float(leg.bars.close[t]),
        atr=float(leg.atr[t]),
    )
