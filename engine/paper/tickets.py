"""From what a person asks for to an order of the engine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.backtest.orders import LEVELS, LIMIT, MARKET, STOP, STOP_LIMIT, Order, Tick, on_tick, placed
from engine.domain import Market
from engine.errors import UsageError
from engine.i18n import _
from engine.paper.risk import expected_price, held_stop

if TYPE_CHECKING:
    from engine.backtest.positions import Book
    from engine.domain import Instrument

BRACKET = "bracket"
KINDS = (MARKET, LIMIT, STOP, STOP_LIMIT, BRACKET)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is asked for. side: +1 buy, -1 sell. kind: one of KINDS; a bracket is an entry with a stop and a target, at the market
    or at its limit or trigger. quantity: units; 0 closes all of a position. bars: how many bars it lives, 0 until cancelled.
    """

    symbol: str
    side: int
    quantity: int
    kind: str = MARKET
    limit: float = math.nan
    trigger: float = math.nan
    stop: float = math.nan
    target: float = math.nan
    bars: int = 0


def order_of(ticket: Ticket, book: Book, instrument: Instrument, last: float, tag: str) -> Order:
    """The order that a ticket becomes, its levels on the tick. An order against a position only closes.

    book: that of the symbol. last: the newest close. Raises UsageError for what no exchange would take, or makes no sense.
    """
    if instrument.market is Market.INDEX:
        raise UsageError(
            _("{symbol} is an index, which is not traded itself").format(symbol=ticket.symbol),
            _("Trade a fund that follows it, such as BOVA11, or its future."),
        )
    kind = _kind(ticket)
    units = book.position.units
    closing = units * ticket.side < 0
    _check_quantity(ticket, book, closing=closing)
    levels = not (math.isnan(ticket.stop) and math.isnan(ticket.target))
    if closing and levels:
        raise UsageError(
            _("An order that closes a position has no stop and no target"),
            _("Place a stop or a limit order for the position itself."),
        )
    if units and levels:
        raise UsageError(
            _("The position in {symbol} has its own stop and target").format(symbol=ticket.symbol),
            _("Leave out the stop and the target when adding to a position."),
        )
    for name in LEVELS:
        value = getattr(ticket, name)
        if not math.isnan(value) and not (math.isfinite(value) and value > 0):
            raise UsageError(_("{name} must be a price above 0").format(name=name))
    order = Order(
        kind,
        ticket.side,
        ticket.quantity,
        limit=ticket.limit,
        trigger=ticket.trigger,
        stop=ticket.stop,
        target=ticket.target,
        expires=ticket.bars,
        reduce_only=closing,
        tag=tag,
    )
    order = placed(order, book.terms.tick)
    _check_trigger(order, last)
    _check_levels(order, expected_price(order, last))
    if not closing:
        _check_held_stop(order, expected_price(order, last), held_stop(book))
    return order


def _kind(ticket: Ticket) -> str:
    if ticket.side not in (1, -1) or ticket.bars < 0:
        raise UsageError(_("An order needs a side, a quantity and a life that are not negative"))
    if ticket.kind not in KINDS:
        raise UsageError(
            _("There is no order {name}").format(name=ticket.kind), _("Choose one of: {words}.").format(words=", ".join(KINDS))
        )
    if ticket.kind != BRACKET:
        return ticket.kind
    if math.isnan(ticket.stop) or math.isnan(ticket.target):
        raise UsageError(_("A bracket needs a stop and a target"), _("Give both."))
    limited, triggered = not math.isnan(ticket.limit), not math.isnan(ticket.trigger)
    return (STOP_LIMIT if triggered else LIMIT) if limited else (STOP if triggered else MARKET)


def _check_quantity(ticket: Ticket, book: Book, *, closing: bool) -> None:
    quantity, held = ticket.quantity, abs(book.position.units)
    if quantity < 0 or (quantity == 0 and not closing):
        raise UsageError(_("The quantity must be 1 or more, not {value}").format(value=quantity))
    if quantity % book.step and not (closing and quantity == held):
        raise UsageError(
            _("{symbol} is traded in lots of {lot}; {value} is not a multiple").format(
                symbol=ticket.symbol, lot=book.step, value=quantity
            ),
            _("Set orders.fractional and open a new account to trade single shares."),
        )


def check_tick(ticket: Ticket, tick: Tick) -> None:
    """Raises UsageError for a price that no exchange takes, since it lies between two ticks; a tick of 0 allows every price."""
    for name in LEVELS:
        value = getattr(ticket, name)
        if not (math.isfinite(value) and value > 0):
            continue
        below, above = on_tick(value, False, tick), on_tick(value, True, tick)
        if above > below:
            raise UsageError(
                _("The {name} {value} is not on the tick of {tick}").format(
                    name=name, value=f"{value:.10g}", tick=f"{tick[0] / tick[1]:.10g}"
                ),
                _("The nearest prices are {below} and {above}.").format(below=f"{below:.10g}", above=f"{above:.10g}"),
            )


def _check_trigger(order: Order, last: float) -> None:
    """A stop order waits for a price that has not come yet."""
    if order.kind not in (STOP, STOP_LIMIT) or (order.trigger - last) * order.side >= 0:
        return
    words = {"trigger": f"{order.trigger:.10g}", "last": f"{last:.10g}"}
    if order.side > 0:
        raise UsageError(
            _("A stop order to buy at {trigger} would fill at once, since the last price is {last}").format(**words),
            _("Use a market order, or a trigger above the last price."),
        )
    raise UsageError(
        _("A stop order to sell at {trigger} would fill at once, since the last price is {last}").format(**words),
        _("Use a market order, or a trigger below the last price."),
    )


def _check_levels(order: Order, price: float) -> None:
    """A stop lies on the losing side of the expected price, a target on the winning side."""
    if (order.stop - price) * order.side >= 0:
        raise UsageError(
            _("The stop {stop} is on the wrong side of the expected price {price}").format(
                stop=f"{order.stop:.10g}", price=f"{price:.10g}"
            )
        )
    if (order.target - price) * order.side <= 0:
        raise UsageError(
            _("The target {target} is on the wrong side of the expected price {price}").format(
                target=f"{order.target:.10g}", price=f"{price:.10g}"
            )
        )


def _check_held_stop(order: Order, price: float, stop: float) -> None:
    """What is added to a position is dealt before its stop (NaN: there is none) and not beyond it."""
    if math.isnan(stop) or (price - stop) * order.side > 0:
        return
    words = {"price": f"{price:.10g}", "stop": f"{stop:.10g}"}
    hint = _("Choose a price on the other side of the stop, or move the stop first.")
    if order.side > 0:
        raise UsageError(_("At {price} it would be bought below the stop of the position, {stop}").format(**words), hint)
    raise UsageError(_("At {price} it would be sold above the stop of the position, {stop}").format(**words), hint)
