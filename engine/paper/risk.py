"""The risk rules of the paper account: what an order may not do, and how much of each limit is used."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.backtest.money import Account, buying_power, equity
from engine.backtest.orders import LIMIT, STOP, STOP_LIMIT, Order
from engine.backtest.positions import Book, order_cost

if TYPE_CHECKING:
    from engine.settings_model import Paper

#: Share of a lot, or of a limit, by which a computed number of units may miss a whole one.
ROUNDING = 1e-9
#: By how much a measure may pass its limit through rounding.
SLACK = {"max_positions": 0.0, "risk_per_trade": 1e-9, "exposure": 1e-9, "cash": 0.005}


@dataclass(frozen=True, slots=True)
class Opening:
    """An order that opens, as the rules see it. order: with what it may still deal. price: the worst that it is expected at. fee:
    share of the value. last: the newest close, at which a short that is sold below it is worth more. leaving: the position is closed
    before, so that its stop protects nothing of what this order deals.
    """

    book: Book
    order: Order
    price: float
    fee: float = 0.0
    last: float = 0.0
    leaving: bool = False

    @property
    def units(self) -> int:
        """What it may still deal."""
        return self.order.quantity

    @property
    def value(self) -> float:
        """R$ at the worse price for the exposure."""
        price = self.price if self.order.side > 0 else max(self.price, self.last)
        return self.units * price * self.book.terms.point_value

    @property
    def stop(self) -> float:
        """The stop that will protect what it deals, NaN for none: that of the position that it adds to, else its own. A stop of the
        position that the price has reached protects nothing."""
        if self.leaving or not self.book.position.units:
            return self.order.stop
        stop = held_stop(self.book)
        return stop if (self.price - stop) * self.order.side > 0 else math.nan

    @property
    def loss(self) -> float:
        """R$ that a unit is expected to lose at the stop; without one, all of its value. Never negative."""
        point = self.book.terms.point_value
        return self.price * point if math.isnan(self.stop) else max((self.price - self.stop) * self.order.side, 0.0) * point

    @property
    def cash(self) -> float:
        """What it takes of the cash, with its costs."""
        terms = self.book.terms
        return self.value * terms.margin + order_cost(terms, self.fee, self.value, self.units)


def expected_price(order: Order, last: float) -> float:
    """The worst price at which the rules take an order to fill: its limit, the newest close, or of trigger and close the worse."""
    if order.kind in (LIMIT, STOP_LIMIT):
        return order.limit
    if order.kind == STOP:
        return max(order.trigger, last) if order.side > 0 else min(order.trigger, last)
    return last


def held_stop(book: Book) -> float:
    """The stop that protects all of a position for as long as it is held, NaN without one: its own, or a plain one that stays."""
    side = book.position.side
    levels = [order.trigger for order in book.exits if _lasting(order)]
    return (max(levels) if side > 0 else min(levels)) if levels and book.position.units else math.nan


def _lasting(order: Order) -> bool:
    """Whether an order that closes is a stop for all of the position which neither a limit nor the time can take away."""
    return order.kind == STOP and order.quantity == 0 and (order.expires == 0 or order.tag == "stop")


def position_risk(book: Book, stop: float) -> float:
    """R$ that the position loses at `stop` from its average price; all of its value without one. Never negative."""
    position, point = book.position, book.terms.point_value
    average = position.price / position.scale
    if math.isnan(stop):
        return abs(position.units) * book.last * point
    return max((average - stop) * position.units, 0.0) * point


def order_risk(opening: Opening) -> float:
    """R$ that the position is expected to lose at its stop once the order is filled; without a stop, all of its value."""
    return _held_risk(opening) + opening.units * opening.loss


def _held_risk(opening: Opening) -> float:
    return position_risk(opening.book, held_stop(opening.book)) if opening.book.position.units else 0.0


def exposed(account: Account) -> float:
    """The value of all positions, R$, shorts counted as positive."""
    return sum(
        abs(book.position.units) * book.last * book.terms.point_value for book in account.books.values() if book.position.units
    )


def free_cash(account: Account, waiting: Sequence[Opening]) -> float:
    """R$ that a new order may take: what no position needs as cover and no waiting order has reserved. Never negative."""
    return max(buying_power(account) - sum(other.cash for other in waiting), 0.0)


def most_units(account: Account, opening: Opening, waiting: Sequence[Opening], limits: Paper) -> int:
    """The units of an order, at most as many whole lots as the risk rule and the exposure allow at its price.

    waiting: the other orders that wait to open; they count as if they were filled. An account without equity is left to the engine.
    """
    worth, step = equity(account), opening.book.step
    if worth <= 0:
        return opening.units
    room = limits.exposure * worth - exposed(account) - sum(other.value for other in waiting)
    most = room / (opening.price * opening.book.terms.point_value)
    if opening.loss > 0:
        most = min(most, (limits.risk_per_trade * worth - _held_risk(opening)) / opening.loss)
    if opening.units <= most * (1.0 + ROUNDING):
        return opening.units
    return max(math.floor(most / step + ROUNDING) * step, 0)


def refusals(
    account: Account,
    opening: Opening,
    waiting: Sequence[Opening],
    limits: Paper,
    *,
    loss: Mapping[str, Any] | None,
    killed: bool,
) -> list[dict[str, Any]]:
    """Every rule that an order which opens breaks, as in `measures`.

    waiting: the other orders that wait to open; they count as if they were filled. loss: the reason where the newest session lost
    too much.
    """
    worth = equity(account)
    found: list[dict[str, Any]] = []
    if killed:
        found.append({"rule": "kill_switch"})
    if account.ruined or worth <= 0:
        return [*found, {"rule": "ruined"}]
    if loss is not None:
        found.append(dict(loss))
    if any(other.book.symbol == opening.book.symbol for other in waiting):
        found.append({"rule": "already_waiting"})
    return found + [
        item for item in measures(account, opening, waiting, limits) if item["value"] > item["limit"] + SLACK[item["rule"]]
    ]


def measures(account: Account, opening: Opening, waiting: Sequence[Opening], limits: Paper) -> list[dict[str, Any]]:
    """What an order which opens would take of each limit, with what is held and waits: [{"rule", "value", "limit"}].

    Fractions of the equity, which must be above 0, but for the counts of "max_positions" and the R$ of "cash". "risk_per_trade" has
    "stop", whether one bounds the loss.
    """
    worth = equity(account)
    held = {book.symbol for book in account.books.values() if book.position.units}
    symbols = held | {other.book.symbol for other in waiting} | {opening.book.symbol}
    exposure = (exposed(account) + sum(one.value for one in (*waiting, opening))) / worth
    risk = {"value": order_risk(opening) / worth, "limit": limits.risk_per_trade, "stop": not math.isnan(opening.stop)}
    return [
        {"rule": "max_positions", "value": len(symbols), "limit": limits.max_positions},
        {"rule": "risk_per_trade", **risk},
        {"rule": "exposure", "value": exposure, "limit": limits.exposure},
        {"rule": "cash", "value": opening.cash, "limit": free_cash(account, waiting)},
    ]


def usage(account: Account, waiting: Sequence[Opening], state: tuple[float, float], limits: Paper) -> dict[str, Any]:
    """How much of each limit is used, fractions of the equity but for `positions`. state: equity at the close before and now."""
    worth = equity(account)
    books = [book for book in account.books.values() if book.position.units]
    symbols = {book.symbol for book in books} | {other.book.symbol for other in waiting}
    risks = [position_risk(book, held_stop(book)) / worth for book in books] if worth > 0 else []
    before, last = state
    return {
        "risk_per_trade": max(risks, default=0.0),
        "risk_at_stops": sum(risks),
        "daily_loss": max(1.0 - last / before, 0.0) if before > 0 else 0.0,
        "positions": len(symbols),
        "exposure": (exposed(account) + sum(other.value for other in waiting)) / worth if worth > 0 else math.inf,
        "limits": {
            "risk_per_trade": limits.risk_per_trade,
            "daily_loss": limits.daily_loss,
            "positions": limits.max_positions,
            "exposure": limits.exposure,
        },
    }
