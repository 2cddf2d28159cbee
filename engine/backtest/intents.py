"""How signals become orders on a book, and how the orders that close a position are made and kept up to date."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from engine.backtest.orders import LIMIT, MARKET, SIGNALLED, STOP, STOP_LIMIT, Order, placed, trigger_on_tick
from engine.backtest.positions import Bar, Book

#: The group of a stop and a target of which one cancels the other.
BRACKET = "bracket"


class Intent(NamedTuple):
    """What a strategy decided at the close of a bar, all in prices of that bar; NaN where it says nothing.

    action: +1 or -1. stop, target: levels of the position. limit, trigger: levels of the entry order. weight: the fraction of the
    equity to invest, 0 for an order that only closes. close, atr: of the bar.
    """

    action: int
    stop: float = math.nan
    target: float = math.nan
    limit: float = math.nan
    trigger: float = math.nan
    weight: float = math.nan
    strength: float = 0.0
    close: float = math.nan
    atr: float = math.nan


def heed(book: Book, bar: Bar, intent: Intent, *, allow_short: bool) -> bool:
    """Turn a decision into orders for `bar`, the one after it; False if the entry lacks the ATR that its level needs.

    A decision in the direction of the position is ignored. An opposite one closes the position at the market and replaces
    every order that waits to open, as does any decision without a position.
    """
    side = intent.action
    if book.position.units * side > 0:
        return True
    if book.position.units:
        book.exits = [order for order in book.exits if order.tag != "signal"]
        book.exits.insert(0, Order(MARKET, side, reduce_only=True, tag="signal"))
    book.entries = []
    if (side < 0 and not allow_short) or intent.weight == 0.0:
        return True
    levels = entry_levels(book, intent)
    if levels is None:
        return False
    kind, limit, trigger = levels
    order = Order(
        kind,
        side,
        limit=limit / bar.split - bar.dividend,
        trigger=trigger / bar.split - bar.dividend,
        stop=intent.stop / bar.split - bar.dividend,
        target=intent.target / bar.split - bar.dividend,
        weight=intent.weight,
        strength=intent.strength,
        expires=0 if kind == MARKET else book.execution.entry_bars,
        tag=SIGNALLED,
    )
    book.entries = [placed(order, book.terms.tick)]
    return True


def entry_levels(book: Book, intent: Intent) -> tuple[str, float, float] | None:
    """Kind, limit and trigger of the entry order: the strategy's own levels, else those of the execution; None without an ATR."""
    limited, triggered = not math.isnan(intent.limit), not math.isnan(intent.trigger)
    if limited or triggered:
        return (STOP_LIMIT if limited and triggered else LIMIT if limited else STOP), intent.limit, intent.trigger
    execution, side = book.execution, intent.action
    if execution.entry == MARKET:
        return MARKET, math.nan, math.nan
    if math.isnan(intent.atr):
        return None
    away = side * execution.entry_atr * intent.atr
    if execution.entry == LIMIT:
        return LIMIT, intent.close - away, math.nan
    trigger = intent.close + away
    if execution.entry == STOP:
        return STOP, math.nan, trigger
    return STOP_LIMIT, trigger + side * execution.limit_atr * intent.atr, trigger


def bracket(book: Book, order: Order, bar: Bar, *, fresh: bool) -> list[Order]:
    """The orders that close a position to which `order` has just added: its stop and target, a trailing stop, a partial exit.

    fresh: the position is new; else its orders stay and only the size of the partial exit grows with it.
    """
    position, side = book.position, book.position.side
    exits = [held for held in book.exits if held.tag != "partial"]
    grown = fresh or len(exits) < len(book.exits)
    if fresh and not math.isnan(order.stop):
        exits.append(Order(STOP, -side, trigger=order.stop, reduce_only=True, group=BRACKET, tag="stop"))
    if fresh and not math.isnan(order.target):
        exits.append(Order(LIMIT, -side, limit=order.target, reduce_only=True, group=BRACKET, tag="target"))
    risk = (position.price - position.stop) * side
    units = math.floor(book.execution.partial * abs(position.units) / book.step + 1e-9) * book.step
    if grown and units > 0 and risk > 0:
        level = (position.price + side * book.execution.partial_r * risk) / position.scale
        partial = Order(LIMIT, -side, units, limit=level, reduce_only=True, tag="partial")
        exits.append(placed(partial, book.terms.tick))
    if fresh:
        trail(book, bar, exits)
    return exits


def follow(book: Book, bar: Bar) -> None:
    """Before a bar: move the trailing stop of a position and close one that was held long enough at the open.

    A position that is being closed at the market already is left alone.
    """
    execution, position = book.execution, book.position
    if not position.units or any(order.kind == MARKET and not order.quantity for order in book.exits):
        return
    if execution.trail_percent or execution.trail_atr:
        trail(book, bar, book.exits)
    if execution.time_exit and position.age >= execution.time_exit:
        book.exits.insert(0, Order(MARKET, -position.side, reduce_only=True, tag="time"))


def trail(book: Book, bar: Bar, exits: list[Order]) -> None:
    """Put the trailing stop among `exits` at its level from the best price seen up to the bar before; it never loosens."""
    execution, position, side = book.execution, book.position, book.position.side
    best = (position.highest if side > 0 else position.lowest) / position.scale
    levels = []
    if execution.trail_percent:
        levels.append(best * (1.0 - side * execution.trail_percent))
    if execution.trail_atr and not math.isnan(bar.atr):
        levels.append(best - side * execution.trail_atr * bar.atr / bar.split)
    if not levels:
        return
    level = trigger_on_tick(max(levels) if side > 0 else min(levels), -side, book.terms.tick)
    for place, order in enumerate(exits):
        if order.tag == "trailing" and order.kind == STOP:
            if (level - order.trigger) * side > 0:
                exits[place] = replace(order, trigger=level)
            return
    exits.append(Order(STOP, -side, trigger=level, reduce_only=True, tag="trailing"))
