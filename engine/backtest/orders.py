"""Orders, and the one rule by which a bar of prices fills them.

What is assumed where a bar does not say: the price moves through every level between the open and the high or low; an order
whose level is touched is filled there (the quantity in front of it is not known); a level already passed by the open is filled
at the open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.errors import UsageError
from engine.i18n import _

MARKET, LIMIT, STOP, STOP_LIMIT = KINDS = ("market", "limit", "stop", "stop_limit")
#: The tick as numerator and denominator; numerator 0 means that prices are not rounded.
Tick = tuple[int, int]
#: Tag of an entry that a signal has placed.
SIGNALLED = "entry"
LEVELS = ("limit", "trigger", "stop", "target")


@dataclass(frozen=True, slots=True)
class Order:
    """An order to buy (side +1) or sell (-1) one symbol.

    quantity: units; 0 is all of the position for an order that only reduces, else as many as the sizing gives when it fills.
    limit: the worst price of a limit or stop-limit order. trigger: the price at which a stop or stop-limit order wakes up.
    stop, target: levels that become two orders, of which one cancels the other, when this one opens a position; NaN for none.
    weight: the fraction of the equity to invest, NaN for the sizing of the account. strength: who comes first for the cash.
    expires: bars it still lives, 0 until it is cancelled. reduce_only: never opens or turns a position.
    group: orders of one group share their quantity: what fills of one is taken off the others. tag: what it is for.
    rest: what waits of an order after a part of it was filled; that of an entry goes with the position.
    Raises UsageError for an order that no exchange would take.
    """

    kind: str
    side: int
    quantity: int = 0
    limit: float = math.nan
    trigger: float = math.nan
    stop: float = math.nan
    target: float = math.nan
    weight: float = math.nan
    strength: float = 0.0
    expires: int = 0
    reduce_only: bool = False
    group: str = ""
    tag: str = ""
    rest: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(
                _("There is no order {name}").format(name=self.kind), _("Choose one of: {words}.").format(words=", ".join(KINDS))
            )
        if self.side not in (1, -1) or self.quantity < 0 or self.expires < 0:
            raise UsageError(_("An order needs a side, a quantity and a life that are not negative"))
        if math.isnan(self.limit) == (self.kind in (LIMIT, STOP_LIMIT)) or math.isnan(self.trigger) == (
            self.kind in (STOP, STOP_LIMIT)
        ):
            raise UsageError(
                _("The prices of the {name} order do not belong to it").format(name=self.kind),
                _("A limit order has a limit, a stop order a trigger, a stop-limit order both, a market order neither."),
            )


def fill_price(order: Order, open_: float, high: float, low: float, close: float) -> float | None:
    """The price at which this bar fills `order`, before slippage, or None. It is the open exactly where the open fills it.

    A stop-limit order that the open triggers rests as a limit for the whole bar. One triggered within the bar fills at the
    trigger where its limit allows that; with its limit on the other side of the trigger only where the close proves that
    the price came back to it, since the low or high of the bar may lie before the trigger.
    """
    side, kind = order.side, order.kind
    if kind == MARKET:
        return open_
    if kind != LIMIT:
        trigger = order.trigger
        if (open_ - trigger) * side < 0:
            if ((high if side > 0 else low) - trigger) * side < 0:
                return None
            if kind == STOP or (order.limit - trigger) * side >= 0:
                return trigger
            return order.limit if (order.limit - close) * side >= 0 else None
        if kind == STOP:
            return open_
    if (order.limit - open_) * side >= 0:
        return open_
    return order.limit if (order.limit - (low if side > 0 else high)) * side >= 0 else None


def rested(order: Order, high: float, low: float) -> Order | None:
    """What is left of an order that a bar did not fill: a triggered stop-limit is a limit now, a life has one bar less."""
    if order.kind == STOP_LIMIT and ((high if order.side > 0 else low) - order.trigger) * order.side >= 0:
        order = replace(order, kind=LIMIT, trigger=math.nan)
    if order.expires == 1:
        return None
    return replace(order, expires=order.expires - 1) if order.expires else order


def on_tick(price: float, up: bool, tick: Tick) -> float:
    """`price` moved to the next tick above or below; as it is without a tick. A millionth of a tick is taken for rounding."""
    numerator, denominator = tick
    if numerator == 0 or math.isnan(price):
        return price
    ticks = price * denominator / numerator
    return (math.ceil(ticks - 1e-6) if up else math.floor(ticks + 1e-6)) * numerator / denominator


def limit_on_tick(price: float, side: int, tick: Tick) -> float:
    """A limit moved to the tick at which it is harder to fill: a buyer's down, a seller's up."""
    return on_tick(price, side < 0, tick)


def trigger_on_tick(price: float, side: int, tick: Tick) -> float:
    """A trigger moved to the tick at which it costs more: a buyer's up, a seller's down."""
    return on_tick(price, side > 0, tick)


def placed(order: Order, tick: Tick) -> Order:
    """The order with all its levels on the tick."""
    if tick[0] == 0:
        return order
    return replace(
        order,
        limit=limit_on_tick(order.limit, order.side, tick),
        trigger=trigger_on_tick(order.trigger, order.side, tick),
        stop=trigger_on_tick(order.stop, -order.side, tick),
        target=limit_on_tick(order.target, -order.side, tick),
    )


def split_units(order: Order, split: float) -> Order:
    """The order after an event that makes `split` units of one: levels divided, quantity multiplied (at least 1)."""
    levels = {name: getattr(order, name) / split for name in LEVELS}
    quantity = max(math.floor(order.quantity * split + 1e-6), 1) if order.quantity else 0
    return replace(order, quantity=quantity, **levels)


def less_dividend(order: Order, dividend: float) -> Order:
    """The order with its levels lower by a dividend, for one that waits over an ex date."""
    return replace(order, **{name: getattr(order, name) - dividend for name in LEVELS})


def dealt_price(order: Order, price: float, slippage: float, tick: Tick) -> float:
    """The price paid or got where `fill_price` says `price`: with slippage but for a limit order, on the tick against the
    trader. A stop-limit order slips to its limit at most.
    """
    side = order.side
    if order.kind != LIMIT:
        price *= 1.0 + side * slippage
        if order.kind == STOP_LIMIT and (price - order.limit) * side > 0:
            price = order.limit
    return on_tick(price, side > 0, tick)


def after_fill(orders: list[Order], order: Order, filled: int, rest: Order | None) -> list[Order]:
    """The orders that remain when `filled` units of `order` were dealt and `rest` of it still waits (None: it is done).

    What filled is taken off the others of its group; those without a quantity of their own go when it is done.
    """
    remaining: list[Order] = []
    for other in orders:
        if other is order:
            if rest is not None:
                remaining.append(rest)
        elif not order.group or other.group != order.group:
            remaining.append(other)
        elif other.quantity > filled:
            remaining.append(replace(other, quantity=other.quantity - filled))
        elif other.quantity == 0 and rest is not None:
            remaining.append(other)
    return remaining
