"""How the orders of an account are filled, bar by bar: every type of order, several symbols.

A bar is three steps: `begin` (dividends that arrive, corporate events), `trade` (orders), `finish` (the close); before the first
bar of each session comes `money.night`. Orders are put into `Book.entries` and `Book.exits` before `trade`: by hand with `submit`, or
from the signals of a strategy by `engine.backtest.intents`. Where only market orders with a stop and a target are used, the
results are those of `kernel.simulate`.

Within a bar: first everything the open fills, exits before entries, entries by strength and then by symbol; then entries
touched within the bar, which use no cash freed within it; then exits touched within the bar. Where a bar touches a stop and
a limit that both close, the stop is taken (or, if asked for, the limit) and what is left of the position is marked ambiguous; on
the bar of an entry within the bar only what certainly came after the entry counts for the trader, and all that may have come
after it against him. Stops that a bar fills in part go on as market orders, limits rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.backtest import kernel
from engine.backtest.intents import bracket
from engine.backtest.money import Account, equity, move
from engine.backtest.orders import (
    LIMIT,
    MARKET,
    STOP,
    STOP_LIMIT,
    Order,
    after_fill,
    dealt_price,
    fill_price,
    less_dividend,
    placed,
    rested,
    split_units,
)
from engine.backtest.positions import REASONS, Bar, Book, add, relabel, remove
from engine.backtest.sizing import payable, portions

if TYPE_CHECKING:
    from engine.backtest.engine import BacktestConfig


def begin(account: Account, book: Book, bar: Bar) -> None:
    """The start of a bar: dividends due become cash, corporate events change units, levels and what is owed.

    A position that a reverse split would leave without a whole unit is closed at the open, at a price per unit of before.
    Orders that wait to open move with the event, a dividend included; those of a position with splits alone.
    """
    if book.due:
        for arrives, amount in book.due:
            if arrives <= bar.row:
                account.cash += amount
                account.receivable -= amount
        book.due = [item for item in book.due if item[0] > bar.row]
    if book.entries and (bar.split != 1.0 or bar.dividend != 0.0):
        book.entries = [
            placed(less_dividend(split_units(order, bar.split), bar.dividend), book.terms.tick) for order in book.entries
        ]
    position, terms = book.position, book.terms
    if position.units == 0:
        return
    book.held_in = bar.row
    position.age += 1
    vanished = False
    if bar.split != 1.0:
        vanished = _split(account, book, bar)
    if bar.dividend != 0.0:
        amount = position.units * bar.dividend * terms.point_value
        position.income += amount
        if bar.pay <= bar.row:
            account.cash += amount
        else:
            account.receivable += amount
            book.due.append((bar.pay, amount))
    if vanished:
        order = Order(MARKET, -position.side, reduce_only=True, tag="event")
        _close(account, book, bar, order, abs(position.units), bar.open * bar.split, book.symbol)


def trade(account: Account, items: Sequence[tuple[Book, Bar]], config: BacktestConfig, *, favourable: bool = False) -> None:
    """Fill the orders of the books that have a bar at this instant; `config` sizes those without a quantity.

    items: in the order of their symbols. favourable: take what is better for the trader where a bar leaves it open.
    """
    for book, bar in items:
        if _closable_now(book):
            _exits_at_open(account, book, bar)
    waiting = [item for item in items if item[0].entries]
    if waiting:
        _entries(account, waiting, config, at_open=True)
        for book, bar in waiting:
            if book.position.entry == bar.row:
                _exits_at_open(account, book, bar)
        _entries(account, waiting, config, at_open=False)
    for book, bar in items:
        if _closable_now(book):
            _exits_within(account, book, bar, favourable)


def finish(account: Account, book: Book, bar: Bar) -> None:
    """The close of a bar: what was seen, the newest price, the life of the orders that still wait."""
    position = book.position
    if position.units:
        high, low = (bar.high, bar.low) if book.came_in is None else book.came_in[1:]
        position.lowest = min(position.lowest, low * position.scale)
        position.highest = max(position.highest, high * position.scale)
        if any(order.expires or order.kind == STOP_LIMIT for order in book.exits):
            book.exits = _older(book.exits, bar)
        if account.ruined and not any(order.tag == "liquidation" for order in book.exits):
            book.exits.insert(0, Order(MARKET, -position.side, reduce_only=True, tag="liquidation"))
    if book.entries:
        book.entries = _older(book.entries, bar)
    if book.held_in == bar.row:
        book.held += 1
    book.came_in = None
    book.last = bar.close


def _older(orders: list[Order], bar: Bar) -> list[Order]:
    return [left for order in orders if (left := rested(order, bar.high, bar.low)) is not None]


def _split(account: Account, book: Book, bar: Bar) -> bool:
    """Change the units by a split; True, and nothing else, where not one would be left."""
    position = book.position
    exact = position.units * bar.split
    units = math.floor(abs(exact) + 1e-6) * position.side
    if abs(exact) + 1e-6 < 1.0:
        return True
    if book.terms.future:
        position.mark /= bar.split
    else:
        fraction = (exact - units) * bar.open * book.terms.point_value
        position.income += fraction
        account.cash += fraction
    position.units = units
    position.scale *= bar.split
    for part in position.opened:
        part.units *= bar.split
    book.exits = [split_units(order, bar.split) for order in book.exits]
    return False


def _entries(account: Account, items: Sequence[tuple[Book, Bar]], config: BacktestConfig, *, at_open: bool) -> None:
    found = []
    for book, bar in items:
        for order in book.entries:
            price = fill_price(order, bar.open, bar.high, bar.low, bar.close)
            if price is not None and (price == bar.open) is at_open:
                found.append((-order.strength, book.symbol, abs(price - bar.open), book, bar, order, price))
    for _strength, _symbol, _distance, book, bar, order, price in sorted(found, key=lambda item: item[:3]):
        if any(other is order for other in book.entries):
            _enter(account, book, bar, order, price, config)


def _enter(account: Account, book: Book, bar: Bar, order: Order, price: float, config: BacktestConfig) -> None:
    """Fill an order that may open a position: first what it closes of an opposite one, then what can be paid."""
    _note_quantity(book, bar)
    if book.position.units * order.side < 0:
        if order.quantity == 0:
            return
        left = _turn(account, book, bar, order, price)
        if left is None:
            return
        order = left
    if account.ruined:
        book.entries = after_fill(book.entries, order, 0, None)
        return
    terms = book.terms
    fill = dealt_price(order, price, terms.slippage, terms.tick)
    units = payable(account, book, bar, order, price, fill, config)
    if units <= 0:
        account.rejected += not order.rest
        book.entries = after_fill(book.entries, order, 0, None)
        return
    first = book.position.units == 0
    done = 0
    for part, raw, symbol in portions(book, bar, order, units, price):
        dealt = dealt_price(order, raw, terms.slippage, terms.tick)
        move(account, add(book, bar, order, part, raw, dealt, symbol=symbol, stop=order.stop), terms.future)
        done += part
    if done == 0 and order.kind != STOP:
        return
    book.entries = after_fill(book.entries, order, done, _remainder(order, units - done) if done < units else None)
    if done == 0:
        return
    if first and price != bar.open:
        book.came_in = _certain(order, price, bar)
    book.exits = bracket(book, order, bar, fresh=first)


def _turn(account: Account, book: Book, bar: Bar, order: Order, price: float) -> Order | None:
    """Close the opposite position with an order that has a quantity; what is left of it to open, or None if that is nothing yet."""
    closing = _closable(book, order)
    done = _leave(account, book, bar, order, closing, price)
    left = order.quantity - done
    rest = replace(order, quantity=left) if left and closing else None
    account.rejected += closing == 0
    if done or not closing:
        book.entries = after_fill(book.entries, order, done, rest)
    return rest if done and not book.position.units else None


def _certain(order: Order, price: float, bar: Bar) -> tuple[float, float, float]:
    """The price of an entry within the bar, and the high and low that certainly came after it."""
    fell = (order.side > 0) is (order.kind == LIMIT)
    if order.kind == STOP_LIMIT and price == order.limit != order.trigger:
        return price, max(price, bar.close), min(price, bar.close)
    return (price, max(price, bar.close), bar.low) if fell else (price, bar.high, min(price, bar.close))


def _remainder(order: Order, units: int) -> Order:
    """What an order becomes that a bar filled in part: a stop was triggered and goes on at the market, a limit rests."""
    if order.kind in (MARKET, STOP):
        return replace(order, kind=MARKET, trigger=math.nan, quantity=units, expires=0, rest=True)
    return replace(order, kind=LIMIT, trigger=math.nan, quantity=units, rest=True)


def _ruin(account: Account, book: Book, reached: float) -> Order | None:
    """A stop where the loss of this short or future would leave no equity, if the price `reached` is there or beyond."""
    position, terms = book.position, book.terms
    if position.units > 0 and not terms.future:
        return None
    others = equity(account) - book.worth(book.last)
    level = position.mark - others / (position.units * terms.point_value)
    if level <= 0.0 or (reached - level) * position.side > 0.0:
        return None
    return Order(STOP, -position.side, trigger=level, reduce_only=True, tag="liquidation")


def _nearest_stop(item: tuple[Order, float]) -> tuple[float, bool, bool]:
    order = item[0]
    return order.trigger * order.side, order.tag != "liquidation", order.tag != "stop"


def _nearest_limit(item: tuple[Order, float]) -> float:
    return -item[0].limit * item[0].side


def _closable_now(book: Book) -> bool:
    """Whether there is an order that closes, or a position that can ruin the account."""
    units = book.position.units
    return units < 0 or (units > 0 and (bool(book.exits) or book.terms.future))


def _touched(orders: list[Order], open_: float, high: float, low: float, close: float) -> list[tuple[Order, float]]:
    return [(order, price) for order in orders if (price := fill_price(order, open_, high, low, close)) is not None]


def _sorted(touched: list[tuple[Order, float]]) -> tuple[list[tuple[Order, float]], list[tuple[Order, float]]]:
    """Stops and limits among orders that only close, the nearest to the price first."""
    stops = [item for item in touched if item[0].kind in (STOP, STOP_LIMIT)]
    limits = [item for item in touched if item[0].kind == LIMIT]
    return sorted(stops, key=_nearest_stop), sorted(limits, key=_nearest_limit)


def _exits_at_open(account: Account, book: Book, bar: Bar) -> None:
    """Close what the open closes: orders at the market, stops that it has passed, limits that it has reached."""
    touched = [item for item in _touched(book.exits, bar.open, bar.high, bar.low, bar.close) if item[1] == bar.open]
    ruin = _ruin(account, book, bar.open)
    if ruin is not None:
        touched.append((ruin, bar.open))
    if not touched:
        return
    stops, limits = _sorted(touched)
    _exit_all(account, book, bar, [item for item in touched if item[0].kind == MARKET] + stops + limits)


def _exits_within(account: Account, book: Book, bar: Bar, favourable: bool) -> None:
    """Close what the rest of the bar closes, the stops first or, if `favourable`, the limits."""
    orders = [order for order in book.exits if order.kind != MARKET]
    ruin = _ruin(account, book, bar.low if book.position.units > 0 else bar.high)
    if ruin is not None:
        orders.append(ruin)
    if book.came_in is None:
        touched = _touched(orders, bar.open, bar.high, bar.low, bar.close)
        touched = [item for item in touched if item[1] != bar.open]
        if not touched:
            return
        stops, limits = _sorted(touched)
        unsure = bool(stops and limits)
    else:
        price, high, low = book.came_in
        may_stops, may_limits = _sorted(_touched(orders, price, bar.high, bar.low, bar.close))
        must_stops, must_limits = _sorted(_touched(orders, price, high, low, bar.close))
        stops, limits = (must_stops, may_limits) if favourable else (may_stops, must_limits)
        unsure = bool(may_stops and may_limits) or may_stops != must_stops or may_limits != must_limits
    book.position.ambiguous |= unsure
    _exit_all(account, book, bar, limits + stops if favourable else stops + limits)


def _exit_all(account: Account, book: Book, bar: Bar, touched: list[tuple[Order, float]]) -> None:
    """Fill orders that close, one after the other, as long as there is a position and none of them has cancelled the next."""
    for order, price in touched:
        known = order.tag == "liquidation" or any(other is order for other in book.exits)
        if known and book.position.units * order.side < 0:
            _exit(account, book, bar, order, price)


def _exit(account: Account, book: Book, bar: Bar, order: Order, price: float) -> None:
    """Fill an order of `book.exits` (or the liquidation, which is none of them) and keep what is left of it.

    Where all of the position has to go and this bar does not take it, the other orders are cancelled.
    """
    _note_quantity(book, bar)
    wanted = _closable(book, order)
    account.rejected += wanted == 0
    done = _leave(account, book, bar, order, wanted, price)
    if not book.position.units:
        return
    rest = None
    if done < wanted:
        rest = replace(_remainder(order, wanted - done), quantity=wanted - done if order.quantity else 0)
    if rest is not None and rest.kind == MARKET and rest.quantity == 0:
        book.exits = [rest]
    elif done or rest is None or order.kind == STOP:
        book.exits = after_fill(book.exits, order, done, rest)


def _closable(book: Book, order: Order) -> int:
    """Units of the position that the order closes: all of it, odd lots included, or whole lots."""
    held = abs(book.position.units)
    wanted = min(order.quantity or held, held)
    return wanted if wanted == held else wanted // book.step * book.step


def _leave(account: Account, book: Book, bar: Bar, order: Order, wanted: int, price: float) -> int:
    """Close `wanted` units or as many as this bar takes; returns how many. A liquidation is not held up by the quantity."""
    forced = order.tag == "liquidation"
    parts = [(wanted, price, book.symbol)] if forced else portions(book, bar, order, wanted, price)
    for units, raw, symbol in parts:
        _close(account, book, bar, order, units, raw, symbol)
    return sum(units for units, _raw, _symbol in parts)


def _note_quantity(book: Book, bar: Bar) -> None:
    if book.execution.volume_cap and math.isnan(bar.quantity) and book.no_quantity_in != bar.row:
        book.no_quantity += 1
        book.no_quantity_in = bar.row


def _close(account: Account, book: Book, bar: Bar, order: Order, units: int, raw: float, symbol: str) -> None:
    """Close `units` at the price `raw` before slippage; an account that this leaves without equity is ruined."""
    terms, position = book.terms, book.position
    reason = REASONS.get(order.tag, kernel.SIGNAL)
    fill = dealt_price(order, raw, terms.slippage, terms.tick)
    seen = fill if position.entry == bar.row or reason == kernel.EVENT else bar.open
    move(account, remove(book, bar, units, raw, fill, symbol=symbol, reason=reason, seen=seen, tag=order.tag), terms.future)
    if not book.position.units:
        book.entries = [other for other in book.entries if not other.rest]
    if reason == kernel.LIQUIDATION or equity(account) <= 0.0:
        account.ruined = True
        relabel(book, kernel.LIQUIDATION)


def submit(book: Book, order: Order) -> None:
    """Place an order by hand, on the tick, to be tried from the next bar on. Without a position, one that only reduces waits."""
    (book.exits if order.reduce_only else book.entries).append(placed(order, book.terms.tick))
