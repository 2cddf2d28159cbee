"""One session of an account, bar by bar: the engine of the backtest, with what becomes of each order and the limit on a day's loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.backtest.account import advance
from engine.backtest.kernel import EVENT
from engine.backtest.money import Account, equity, night
from engine.backtest.orders import fill_price
from engine.backtest.positions import Bar, Book
from engine.paper.state import PLACED, Ended, State, cancel, due_commands, execute, number_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.backtest.engine import BacktestConfig
    from engine.backtest.orders import Order
    from engine.backtest.positions import Fill


@dataclass(slots=True)
class Played:
    """What a session did. fills: in the order in which they were dealt, rows are openings of bars (UTC seconds). trades: closed
    parts as (symbol, row of `kernel.TRADE`). ended: orders that no longer wait. cancelled: those that the rules took back, as
    (instant, symbol, tag, why). splits, dividends: what events did to positions, for the tax. bars: those of symbols with a position
    or an order, as (opening, open, high, low, close, quantity, split, dividend). no_quantity: symbols whose bar did not say how
    much was dealt, so that nothing was filled.
    """

    fills: list[Fill] = field(default_factory=list)
    trades: list[tuple[str, tuple[float, ...]]] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    cancelled: list[tuple[int, str, str, str]] = field(default_factory=list)
    splits: list[dict[str, Any]] = field(default_factory=list)
    dividends: list[dict[str, Any]] = field(default_factory=list)
    bars: dict[str, list[list[float]]] = field(default_factory=dict)
    no_quantity: list[str] = field(default_factory=list)
    interest: float = 0.0


def play(
    state: State,
    bars: Mapping[str, Sequence[Bar]],
    config: BacktestConfig,
    book_of: Callable[[str], Book],
    *,
    rate: float,
    daily_loss: float,
    filled: Mapping[str, int],
) -> Played:
    """Trade the bars of one session, by symbol, and change the state to its close.

    rate: what cash earned over the night before. daily_loss: the fraction of the equity of the close before that a session may
    lose; beyond it no order that opens goes on waiting. filled: units that each waiting order (by tag) has dealt before.
    """
    account, done = state.account, Played()
    interest = account.interest
    night(account, rate)
    done.interest = account.interest - interest
    dealt = dict(filled)
    state.before, state.blocked = state.last, False
    instants = sorted({bar.row for own in bars.values() for bar in own})
    at = {symbol: {bar.row: bar for bar in own} for symbol, own in bars.items()}
    for instant in instants:
        for command in due_commands(state.commands, instant):
            done.ended += execute(account, command, book_of)
            state.commands.remove(command)
            if state.blocked and command.kind == PLACED:
                _take_back_entries(account, instant, done, "daily_loss")
        items = [(book, at[symbol][instant]) for symbol, book in account.books.items() if instant in at.get(symbol, {})]
        before = [(book, bar, book.position.units, _own(book)) for book, bar in items]
        advance(account, [(book, bar, None) for book, bar in items], config)
        for book, bar, units, orders in before:
            _collect(account, book, bar, units, orders, dealt, done)
        if state.before > 0 and equity(account) / state.before - 1.0 <= -daily_loss:
            state.blocked = True
            _take_back_entries(account, instant + 1, done, "daily_loss")
    state.last = equity(account)
    return done


def _own(book: Book) -> list[Order]:
    """The orders of a book that a person or a signal has placed."""
    return [order for order in (*book.entries, *book.exits) if number_of(order.tag) is not None]


def _collect(
    account: Account, book: Book, bar: Bar, units: int, orders: Sequence[Order], dealt: dict[str, int], done: Played
) -> None:
    """What one bar did to a book; what is kept elsewhere from here on is taken out of it."""
    fills = book.fills
    if units or orders:
        row = [bar.row, bar.open, bar.high, bar.low, bar.close, bar.quantity, bar.split, bar.dividend]
        done.bars.setdefault(book.symbol, []).append(row)
        _note_events(book, bar, units, done)
    if book.no_quantity_in == bar.row and book.symbol not in done.no_quantity:
        done.no_quantity.append(book.symbol)
    done.fills += fills
    done.trades += [(book.symbol, trade) for trade in book.trades]
    for fill in fills:
        dealt[fill.tag] = dealt.get(fill.tag, 0) + fill.quantity
    left = {order.tag for order in _own(book)}
    for order in orders:
        if order.tag not in left:
            done.ended.append(Ended(order.tag, "done" if dealt.get(order.tag) else _why(account, order, bar)))
    book.fills, book.trades = [], []


def _why(account: Account, order: Order, bar: Bar) -> str:
    """Why an order that dealt nothing is gone: its position is, its life is over, or it could not be paid."""
    if order.reduce_only:
        return "closed"
    if order.expires == 1 and fill_price(order, bar.open, bar.high, bar.low, bar.close) is None:
        return "expired"
    return "ruined" if account.ruined else "cash"


def _note_events(book: Book, bar: Bar, units: int, done: Played) -> None:
    vanished = any(fill.reason == EVENT for fill in book.fills)
    if bar.split != 1.0 and units and not vanished:
        price = bar.open * book.terms.point_value
        done.splits.append({"symbol": book.symbol, "factor": bar.split, "price": price})
    if bar.dividend and units:
        held = math.floor(abs(units) * bar.split + 1e-6) * (1 if units > 0 else -1)
        done.dividends.append({"symbol": book.symbol, "amount": held * bar.dividend * book.terms.point_value})


def _take_back_entries(account: Account, at: int, done: Played, why: str) -> None:
    for book in account.books.values():
        for order in list(book.entries):
            _take_back(book, order.tag, at, done, why)


def _take_back(book: Book, tag: str, at: int, done: Played, why: str) -> None:
    done.ended += cancel(book, tag, why)
    done.cancelled.append((at, book.symbol, tag, why))
