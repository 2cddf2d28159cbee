"""Signals as orders of the paper account: sized by the risk rules, each signal once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.backtest.execution import Execution
from engine.backtest.intents import Intent, entry_levels
from engine.backtest.money import equity
from engine.backtest.orders import MARKET, Order
from engine.errors import NoDataError
from engine.i18n import _
from engine.paper.risk import expected_price, exposed, free_cash
from engine.paper.state import tag_of
from engine.paper.tickets import Ticket
from engine.paper.work import rehearsing, working
from engine.signals import rules_of, valid_until
from engine.store import paper
from engine.store.bars import Cut, read_bars
from engine.store.events import adjusted
from engine.strategies.manager import judged_signal

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.paper.work import Work
    from engine.store.paper import StoredOrder
    from engine.strategies.base import Strategy

#: Share of the free cash that is left for costs and for an open above the newest close.
RESERVE = 0.01
SIDES = {"BUY": 1, "SELL": -1}


def signal_now(desk: Desk, symbol: str, strategy: Strategy | None) -> dict[str, Any]:
    """What `strategy` (None: the one that suits the regime) says of a symbol at the instant of the open account, in its JSON form.

    Nothing is changed: without an account, it is the instant of one that would be opened now.
    Raises NoDataError for too few bars by then.
    """
    with rehearsing(desk) as work:
        at, session, timeframe = work.instant(), work.session, "1d"
    bars, _events = adjusted(desk.store, read_bars(desk.store, symbol, timeframe, cut=Cut(at, at)), Cut(at, at))
    if not len(bars):
        raise NoDataError(_("{symbol} has no finished bar of {timeframe}").format(symbol=symbol, timeframe=timeframe))
    newest = int(bars.session[-1])
    closed = desk.calendar.last_closed_session(at) if work.terms.live else session
    stale = int(((desk.calendar.sessions > newest) & (desk.calendar.sessions <= closed)).sum())
    until = valid_until(desk.calendar, timeframe, int(bars.time[-1]), newest)
    return judged_signal(bars, strategy, until, rules_of(desk.settings), stale_sessions=stale).as_dict()


def follow(desk: Desk, signals: Sequence[Mapping[str, Any]], place: Callable[..., StoredOrder]) -> list[dict[str, Any]]:
    """Place the order of each signal: [{"symbol", "action", "result", "order"}], in the order of their strength.

    result: "placed", "refused" (the order holds the reasons), "known" (it was followed before) or why nothing is to do:
    "hold", "rejected" (by a model), "stale", "held" (in that direction already), "nothing to sell".
    A signal against a position closes it. What an earlier signal of the same strategy and bar has placed is cancelled where the
    strategy says something else now; what another strategy's has placed only where this one wants another action and its order is
    accepted. An entry risks `risk_per_trade` of the equity at its stop and takes an equal share of the exposure at most.
    """
    ranked = sorted(signals, key=lambda signal: (-float(signal["strength"] or 0.0), signal["symbol"]))
    done = []
    for signal in ranked:
        with working(desk) as work:
            result, row = follow_one(work, signal, place)
        order = None if row is None else row.number
        done.append({"symbol": signal["symbol"], "action": signal["action"], "result": result, "order": order})
    return done


def follow_one(work: Work, signal: Mapping[str, Any], place: Callable[..., StoredOrder]) -> tuple[str, StoredOrder | None]:
    """The same for one signal within a transaction: the result, and the order where there is one."""
    symbol, side = signal["symbol"], SIDES.get(signal["action"], 0)
    key = key_of(signal)
    prefix = key.removesuffix(f"{signal['strategy']} {signal['action']}")
    others = [row for row in work.waiting.values() if row.signal and row.signal.startswith(prefix) and row.signal != key]
    outdated = [row for row in others if (row.signal or "").startswith(f"{prefix}{signal['strategy']} ")]
    _drop(work, outdated)
    units = work.account.books[symbol].position.units if symbol in work.account.books else 0
    why = _nothing_to_do(work, signal, side, units)
    if why:
        return why, None
    contradicted = [row for row in others if row not in outdated and not (row.signal or "").endswith(f" {signal['action']}")]
    before = work.mark() if contradicted else None
    _drop(work, contradicted)
    row = _order(work, signal, side, units, place)
    if before is not None and row.state == paper.REFUSED:
        work.back_to(before)
        row = _order(work, signal, side, units, place)
    return "refused" if row.state == paper.REFUSED else "placed", row


def key_of(signal: Mapping[str, Any]) -> str:
    """The name of a signal: it is followed once."""
    return "{symbol} {timeframe} {time} {strategy} {action}".format(**signal)


def _nothing_to_do(work: Work, signal: Mapping[str, Any], side: int, units: int) -> str:
    if not side:
        return "hold"
    if any(row.signal == key_of(signal) for row in paper.list_orders(work.connection, work.stored.id)):
        return "known"
    if (signal.get("filter") or {}).get("state") == "rejected":
        return "rejected"
    if signal["stale_sessions"]:
        return "stale"
    if units * side > 0:
        return "held"
    return "nothing to sell" if side < 0 and not units and not work.terms.allow_short else ""


def _drop(work: Work, rows: Sequence[StoredOrder]) -> None:
    for row in rows:
        work.take_back(row.symbol, tag_of(row.number), "signal")


def _order(work: Work, signal: Mapping[str, Any], side: int, units: int, place: Callable[..., StoredOrder]) -> StoredOrder:
    """Place the order of a signal: one that closes the `units` held, or an entry."""
    key = key_of(signal)
    if units:
        return place(work, Ticket(signal["symbol"], side, 0), origin="signal", signal=key)
    execution = replace(
        Execution(**work.desk.settings.orders.model_dump()),
        volume_cap=work.terms.volume_cap,
        fractional=work.terms.fractional,
    )
    return _enter(work, signal, side, execution, key, place)


def _enter(
    work: Work, signal: Mapping[str, Any], side: int, execution: Execution, key: str, place: Callable[..., StoredOrder]
) -> StoredOrder:
    """Place the entry of a signal, in prices as traded; refused where it comes too late or allows less than a lot."""
    symbol, at = signal["symbol"], work.instant()
    leg, book = work.legs[symbol], work.book(symbol)
    known = work.legs.known(symbol, at)
    last = float(known.close[-1])
    factor = last / signal["price"]
    level = {name: math.nan if signal[name] is None else signal[name] * factor for name in ("stop_loss", "take_profit")}
    intent = Intent(
        side,
        stop=level["stop_loss"],
        target=level["take_profit"],
        weight=math.nan if signal.get("size") is None else signal["size"],
        close=last,
        atr=float(leg.atr[len(known) - 1]),
    )
    levels = entry_levels(replace(book, execution=execution), intent)
    kind, limit, trigger = levels or (MARKET, math.nan, math.nan)
    price = expected_price(Order(kind, side, limit=limit, trigger=trigger), last)
    units = 0 if levels is None else _units(work, symbol, intent, price)
    opening = work.desk.calendar.open_instant(work.desk.calendar.next_session(session_of(work, at)))
    late = opening > int(datetime.fromisoformat(signal["valid_until"]).timestamp())
    if late or not units:
        number = paper.next_number(work.connection, work.stored.id)
        order = Order(kind, side, limit=limit, trigger=trigger, stop=intent.stop, target=intent.target, tag=tag_of(number))
        reasons = [{"rule": "late" if late else "too_small"}]
        return work.add(symbol, order, number, at=at, origin="signal", signal=key, execution=None, reasons=reasons)
    ticket = Ticket(
        symbol, side, units, kind, limit, trigger, _on_side(intent.stop, price, side), _on_side(intent.target, price, -side),
        0 if kind == MARKET else execution.entry_bars,
    )  # fmt: skip
    return place(work, ticket, origin="signal", signal=key, execution=execution)


def session_of(work: Work, at: int) -> int:
    """The newest session that has opened by an instant."""
    calendar = work.desk.calendar
    following = calendar.next_session(calendar.last_closed_session(at))
    return following if calendar.open_instant(following) <= at else calendar.last_closed_session(at)


def _on_side(level: float, price: float, side: int) -> float:
    """A level, or NaN where the entry's own price has passed it."""
    return level if (price - level) * side > 0 else math.nan


def _units(work: Work, symbol: str, intent: Intent, price: float) -> int:
    """As many units as the risk to the stop, an equal share of the exposure, the room left and the free cash allow."""
    limits, account, book = work.desk.settings.paper, work.account, work.book(symbol)
    worth, openings, value = equity(account), work.openings(), price * book.terms.point_value
    risk = abs(price - intent.stop) * book.terms.point_value
    room = limits.exposure * worth - exposed(account) - sum(one.value for one in openings)
    most = [
        limits.risk_per_trade * worth / (value if math.isnan(risk) else max(risk, book.terms.tick[0] / book.terms.tick[1])),
        limits.exposure / limits.max_positions * worth / value,
        room / value,
        free_cash(account, openings) * (1.0 - RESERVE) / (value * book.terms.margin),
    ]
    if not math.isnan(intent.weight):
        most.append(intent.weight * worth / value)
    return max(math.floor(min(most) / book.step + 1e-9) * book.step, 0)
