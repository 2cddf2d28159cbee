"""What an order would cost, lose and take of the risk rules, before it is placed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from engine.backtest.money import equity
from engine.backtest.positions import order_cost
from engine.domain import from_day_number, jsonable
from engine.paper.following import session_of
from engine.paper.report import order_dict
from engine.paper.risk import measures
from engine.paper.state import order_of
from engine.paper.words import hint_of
from engine.store.paper import REFUSED

if TYPE_CHECKING:
    from engine.paper.work import Work
    from engine.store.paper import StoredOrder


def outlook(work: Work, row: StoredOrder) -> dict[str, Any]:
    """What a new order means for the account that it was just recorded in.

    Returns {"order" (as in `status`), "refused", "hint", "price" (expected, R$ or points), "units", "last", "value", "costs", "cash" (what it
    needs of it), "loss" (at its stop), "gain" (at its target), all R$, "share" (of the equity that the loss is), "limits" (see
    `engine.paper.risk.measures`; empty for an order that closes), "session" (the first one in which it is tried, ISO date; null where
    the account goes on by bars of less than a day)}. Undefined is null. units, value: of all the position where it closes all of it.
    """
    work.waiting.pop(row.number, None)
    order, book, at = order_of(row.order), work.book(row.symbol), work.instant()
    last, worth, point = work.last_price(row.symbol, at), equity(work.account), book.terms.point_value
    opening = work.opening(row.symbol, order, last)
    units = order.quantity or (abs(book.position.units) if order.reduce_only else 0)
    value = units * opening.price * point
    costs = order_cost(book.terms, opening.fee, value, units)
    loss = units * (opening.price - order.stop) * order.side * point
    daily = work.terms.timeframe == "1d"
    following = work.desk.calendar.next_session(session_of(work, at))
    found = {
        "order": order_dict(row),
        "refused": row.state == REFUSED,
        "hint": hint_of(row.reasons) if row.reasons else "",
        "price": opening.price,
        "last": last,
        "units": units,
        "value": value,
        "costs": costs,
        "cash": math.nan if order.reduce_only else opening.cash,
        "loss": loss,
        "gain": units * (order.target - opening.price) * order.side * point,
        "share": loss / worth if worth > 0 else math.nan,
        "limits": []
        if order.reduce_only or worth <= 0
        else measures(work.account, opening, work.openings(), work.desk.settings.paper),
        "session": from_day_number(following).isoformat() if daily else None,
    }
    plain: dict[str, Any] = jsonable(found)
    return plain
