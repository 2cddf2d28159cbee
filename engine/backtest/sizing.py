"""How many units an order deals: what it asks for or the sizing gives, as far as cash, lots and the quantity of the bar allow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.backtest.money import Account, buying_power, equity
from engine.backtest.orders import Order, dealt_price, fill_price
from engine.backtest.positions import FRACTIONAL_SUFFIX, Bar, Book, order_cost

if TYPE_CHECKING:
    from engine.backtest.engine import BacktestConfig

#: Share of a lot by which a computed size may miss a whole one.
ROUNDING = 1e-9


def payable(account: Account, book: Book, bar: Bar, order: Order, price: float, fill: float, config: BacktestConfig) -> int:
    """Units that the order asks for or the sizing gives, as far as the cash covers them."""
    terms, free = book.terms, buying_power(account)
    value = fill * terms.point_value
    if value <= 0.0 or free <= 0.0:
        return 0
    if order.quantity:
        wanted = float(order.quantity)
    elif not math.isnan(order.weight):
        wanted = order.weight * equity(account) / value
    elif config.sizing == "fraction":
        wanted = config.size * equity(account) / value
    elif (fill - order.stop) * order.side > 0.0:
        wanted = config.size * equity(account) / (abs(fill - order.stop) * terms.point_value)
    else:
        return 0
    covered = (free - terms.brokerage) / (value * (terms.margin + bar.fee) + terms.contract_fee)
    step = book.step
    units = math.floor(min(wanted, covered) / step + ROUNDING) * step
    while units > 0:
        needed = 0.0
        for part, raw, _symbol in portions(book, bar, order, units, price):
            notional = part * (dealt_price(order, raw, terms.slippage, terms.tick) * terms.point_value)
            needed += notional * terms.margin + order_cost(terms, bar.fee, notional, part)
        if needed <= free:
            break
        units -= step
    return units


def portions(book: Book, bar: Bar, order: Order, units: int, price: float) -> list[tuple[int, float, str]]:
    """What this bar fills of `units`: (units, price before slippage, symbol), whole lots apart from the fractional market."""
    if not book.execution.fractional:
        part = _capped(book, units, bar.quantity, book.terms.lot)
        return [(part, price, book.symbol)] if part else []
    found = []
    even = _capped(book, units // book.terms.lot * book.terms.lot, bar.quantity, book.terms.lot)
    if even:
        found.append((even, price, book.symbol))
    odd = units % book.terms.lot
    if not odd:
        return found
    at: float | None = price
    quantity = bar.quantity
    if book.terms.own_fractional:
        at, quantity = (None, 0.0) if bar.odd is None else (fill_price(order, *bar.odd[:4]), bar.odd[4])
    part = _capped(book, odd, quantity, 1)
    if part and at is not None:
        found.append((part, at, book.symbol + FRACTIONAL_SUFFIX))
    return found


def _capped(book: Book, units: int, quantity: float, lot: int) -> int:
    """As many of `units` as the cap on the quantity of a bar allows; none where that quantity is not known."""
    if not book.execution.volume_cap:
        return units
    if math.isnan(quantity):
        return 0
    most = book.execution.volume_cap * quantity + ROUNDING
    return units if units <= most else math.floor(most / lot) * lot
