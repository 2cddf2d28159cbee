"""One session of an account, bar by bar: the engine of the backtest, with what becomes of each order and the limit on a day's loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.backtest.account import advance
from engine.backtest.intents import follow
from engine.backtest.kernel import EVENT
from engine.backtest.money import Account, equity, night
from engine.backtest.orders import fill_price, less_dividend, placed, split_units
from engine.backtest.positions import Bar, Book
from engine.backtest.sizing import portions
from engine.paper.risk import Opening, expected_price, most_units
from engine.paper.state import CANCELLED, PLACED, REDUCED, Ended, State, cancel, due_commands, execute, number_of, reduce

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.backtest.engine import BacktestConfig
    from engine.backtest.orders import Order
    from engine.backtest.positions import Fill
    from engine.settings_model import Paper


@dataclass(slots=True)
class Played:
    """What a session did. fills: in the order in which they were dealt, rows are openings of bars (UTC seconds). trades: closed
    parts as (symbol, row of `kernel.TRADE`). ended: orders that no longer wait. changed: what the rules did to orders, as (instant,
    CANCELLED or REDUCED, what is kept of it). splits, dividends: what events did to positions, for the tax. bars: those of symbols with a position
    or an order, as (opening, open, high, low, close, quantity, split, dividend). no_quantity: symbols whose bar did not say how
    much was dealt, so that nothing was filled.
    """

    fills: list[Fill] = field(default_factory=list)
    trades: list[tuple[str, tuple[float, ...]]] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    changed: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
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
    limits: Paper,
    filled: Mapping[str, int],
    last_price: Callable[[str, int], float],
) -> Played:
    """Trade the bars of one session, by symbol, and change the state to its close.

    rate: what cash earned over the night before. limits: the rules of now; beyond their loss of a session no order that opens goes
    on waiting, one that was placed during the session neither. filled: units that each waiting order (by tag) has dealt before. last_price: the newest close of a symbol by an instant.
    """
    account, done = state.account, Played()
    interest = account.interest
    night(account, rate)
    done.interest = account.interest - interest
    dealt = dict(filled)
    state.before, state.blocked, state.lost, state.limit = state.last, False, 0.0, 0.0
    instants = sorted({bar.row for own in bars.values() for bar in own})
    at = {symbol: {bar.row: bar for bar in own} for symbol, own in bars.items()}
    for instant in instants:
        for command in due_commands(state.commands, instant):
            done.ended += execute(account, command, book_of)
            state.commands.remove(command)
            if state.blocked and command.kind == PLACED:
                _take_back_entries(account, instant, done, "daily_loss")
        items = [(book, at[symbol][instant]) for symbol, book in account.books.items() if instant in at.get(symbol, {})]
        _judge_again(account, items, instant, limits, last_price, dealt, done)
        before = [(book, bar, book.position.units, _own(book)) for book, bar in items]
        advance(account, [(book, bar, None) for book, bar in items], config)
        for book, bar, units, orders in before:
            _collect(account, book, bar, units, orders, dealt, done)
        change = equity(account) / state.before - 1.0 if state.before > 0 else 0.0
        if change <= -limits.daily_loss:
            state.blocked, state.lost, state.limit = True, max(state.lost, -change), limits.daily_loss
            _take_back_entries(account, instant + 1, done, "daily_loss")
    state.last = equity(account)
    if state.blocked:
        _take_back_placed(state, max(instants, default=0) + 1, done)
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
    now: dict[str, int] = {}
    for fill in fills:
        dealt[fill.tag] = dealt.get(fill.tag, 0) + fill.quantity
        now[fill.tag] = now.get(fill.tag, 0) + fill.quantity
    left = {order.tag for order in _own(book)}
    for order in orders:
        if order.tag in left:
            continue
        if _outlived(book, order, bar, now.get(order.tag, 0)):
            why = "expired"
        elif dealt.get(order.tag):
            why = "done"
        else:
            why = "closed" if order.reduce_only else "ruined" if account.ruined else "cash"
        done.ended.append(Ended(order.tag, why))
    book.fills, book.trades = [], []


def _outlived(book: Book, order: Order, bar: Bar, dealt: int) -> bool:
    """Whether an order is gone because its last bar is over: its price did not come, or the bar did not take all of it.

    dealt: its units of this bar. What goes with its position or ends for want of cash is not outlived.
    """
    order = of_day(order, bar, book)
    if order.expires != 1 or (order.reduce_only and not book.position.units) or 0 < order.quantity <= dealt:
        return False
    price = fill_price(order, bar.open, bar.high, bar.low, bar.close)
    if price is None:
        return True
    wanted = order.quantity or abs(book.position.units) + dealt
    return dealt >= sum(units for units, _price, _symbol in portions(book, bar, order, wanted, price))


def of_day(order: Order, bar: Bar, book: Book) -> Order:
    """An order as a corporate event of the bar leaves it, before any bar fills it."""
    if order.reduce_only or (bar.split == 1.0 and bar.dividend == 0.0):
        return split_units(order, bar.split) if bar.split != 1.0 else order
    return placed(less_dividend(split_units(order, bar.split), bar.dividend), book.terms.tick)


def _judge_again(
    account: Account,
    items: Sequence[tuple[Book, Bar]],
    instant: int,
    limits: Paper,
    last_price: Callable[[str, int], float],
    dealt: Mapping[str, int],
    done: Played,
) -> None:
    """Reduce the entries that this instant fills to what the rules allow at the price that came, in the order of the symbols.

    A stop of a position that the open closes vouches for nothing: exits are dealt first.
    """
    came = {book.symbol: bar for book, bar in items}
    openings: dict[str, Opening] = {}
    filling: list[str] = []
    for book in account.books.values():
        for order in book.entries:
            price = _price_before_events(book, order, came[book.symbol]) if book.symbol in came else None
            if price is not None:
                filling.append(order.tag)
                openings[order.tag] = Opening(book, order, price, leaving=_leaves_at_open(book, came[book.symbol]))
            else:
                last = last_price(book.symbol, instant)
                openings[order.tag] = Opening(book, order, expected_price(order, last), last=last)
    for tag in filling:
        opening = openings[tag]
        others = [other for name, other in openings.items() if name != tag]
        units = most_units(account, opening, others, limits)
        if units < opening.units:
            book = opening.book
            kept = {"symbol": book.symbol, "tag": tag, "quantity": units, "price": opening.price, "filled": dealt.get(tag, 0)}
            done.changed.append((instant, REDUCED, kept))
            done.ended += reduce(book, tag, units)
            openings[tag] = replace(opening, order=replace(opening.order, quantity=units))


def _leaves_at_open(book: Book, bar: Bar) -> bool:
    """Whether the open of a bar fills an order that closes: one at the market, a time exit, a stop or limit that it has passed."""
    if not book.position.units:
        return False
    position = replace(book.position, age=book.position.age + 1, scale=book.position.scale * bar.split)
    after = replace(book, position=position, exits=[of_day(order, bar, book) for order in book.exits])
    follow(after, bar)
    return any(fill_price(order, bar.open, bar.high, bar.low, bar.close) == bar.open for order in after.exits)


def _price_before_events(book: Book, order: Order, bar: Bar) -> float | None:
    """The price at which a bar fills an entry, None where it does not; in prices of before an event of the bar, like the order itself."""
    price = fill_price(of_day(order, bar, book), bar.open, bar.high, bar.low, bar.close)
    return None if price is None else (price + bar.dividend) * bar.split


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


def _take_back_placed(state: State, at: int, done: Played) -> None:
    """End the orders to open that were placed too late for a bar of the session which has lost too much."""
    for command in list(state.commands):
        if command.order is not None and not command.order.reduce_only:
            state.commands.remove(command)
            done.ended.append(Ended(command.tag, "daily_loss"))
            kept = {"symbol": command.symbol, "tag": command.tag, "why": "daily_loss"}
            done.changed.append((max(at, command.at), CANCELLED, kept))


def _take_back(book: Book, tag: str, at: int, done: Played, why: str) -> None:
    done.ended += cancel(book, tag, why)
    done.changed.append((at, CANCELLED, {"symbol": book.symbol, "tag": tag, "why": why}))
