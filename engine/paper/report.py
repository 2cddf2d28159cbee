"""The paper account in its JSON form: how it stands, and everything that was done to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.backtest.kernel import TRADE
from engine.backtest.money import Account, equity
from engine.backtest.result import EXIT_REASONS
from engine.domain import Trade, from_day_number, iso, jsonable
from engine.errors import UsageError
from engine.i18n import _
from engine.paper.legs import Legs
from engine.paper.replay import newest_session, symbols_of
from engine.paper.risk import free_cash, held_stop, position_risk, usage
from engine.paper.state import State, number_of
from engine.paper.taxes import taxes
from engine.paper.terms import LIVE, Terms, terms_of
from engine.paper.words import reason_text
from engine.paper.work import Work
from engine.store import paper

if TYPE_CHECKING:
    from engine.backtest.orders import Order
    from engine.backtest.positions import Book
    from engine.desk import Desk
    from engine.store.paper import StoredAccount, StoredEvent, StoredFill, StoredOrder

FIELDS = TRADE.names or ()
#: Days after which the newest bar of a symbol is long past.
STALE_DAYS = 10
LEVELS = ("limit", "trigger", "stop", "target")


def status(desk: Desk) -> dict[str, Any]:
    """How the open account stands at the close of the newest session that it has replayed; without one, as it would be opened."""
    with desk.store.read() as connection:
        stored = paper.read_account(connection)
        if stored is None:
            return _unopened(desk)
        work = Work(desk, connection, stored, Legs(desk.store, Terms(**stored.terms)))
        orders, openings = list(work.waiting.values()), work.openings()
        fills = paper.list_fills(connection, stored.id)
        sessions = paper.list_events(connection, stored.id, ("session",))
    state, account, limits = work.state, work.account, desk.settings.paper
    behind = _behind(desk, stored) if work.terms.live else 0
    taxed = taxes(desk, fills, sessions, stored.session)
    worth = equity(account)
    found = {
        "account": stored.id,
        "mode": work.terms.mode,
        "timeframe": work.terms.timeframe,
        "opened_at": iso(stored.opened_at),
        "session": from_day_number(stored.session).isoformat(),
        "behind": behind,
        "initial_capital": work.terms.capital,
        "cash": round(account.cash, 2),
        "buying_power": round(free_cash(account, openings), 2),
        "reserved": round(sum(opening.cash for opening in openings), 2),
        "receivable": round(account.receivable, 2),
        "interest": round(account.interest, 2),
        "equity": round(worth, 2),
        "total_return": worth / work.terms.capital - 1.0,
        "after_tax_equity": round(worth - taxed["tax"], 2),
        "positions": [_position(book, worth) for book in account.books.values() if book.position.units],
        "orders": [*map(order_dict, orders), *_own_orders(account)],
        "risk": {
            "kill_switch": stored.kill_switch,
            "blocked": state.blocked,
            **usage(account, openings, (state.before, state.last), limits),
        },
        "taxes": taxed,
        "notices": _notices(work, behind, sessions),
        "demo": desk.workspace.demo,
    }
    plain: dict[str, Any] = jsonable(found)
    return plain


def _unopened(desk: Desk) -> dict[str, Any]:
    terms = terms_of(desk.settings, LIVE)
    account = Account(cash=terms.capital)
    return {
        **{"account": None, "mode": terms.mode, "timeframe": terms.timeframe, "opened_at": None, "session": None, "behind": 0},
        **{"initial_capital": terms.capital, "cash": terms.capital, "buying_power": terms.capital},
        **{"reserved": 0.0, "receivable": 0.0},
        **{"interest": 0.0, "equity": terms.capital, "total_return": 0.0, "after_tax_equity": terms.capital},
        "positions": [],
        "orders": [],
        "risk": {
            "kill_switch": False,
            "blocked": False,
            **usage(account, [], (terms.capital, terms.capital), desk.settings.paper),
        },
        "taxes": None,
        "notices": [_("No paper account is open: the first order opens one.")],
        "demo": desk.workspace.demo,
    }


def _behind(desk: Desk, stored: StoredAccount) -> int:
    """Closed sessions that the account has not replayed."""
    sessions = desk.calendar.sessions
    return int(((sessions > stored.session) & (sessions <= newest_session(desk))).sum())


def _notices(work: Work, behind: int, sessions: Sequence[StoredEvent]) -> list[str]:
    said = []
    if not work.terms.live:
        said.append(
            _("The account walks through the past; `pregao paper replay` goes on, `pregao paper reset` begins a live one.")
        )
    elif behind:
        said.append(
            _(
                "Closed sessions that are not replayed yet: {count}; `pregao --run-daily` or `pregao paper replay` goes on."
            ).format(count=behind)
        )
    if work.state.loss is not None:
        said.append(reason_text(work.state.loss) + ".")
    if work.terms.live:
        said += _old_bars(work)
    adjusted = [
        book.symbol for book in work.account.books.values() if (book.position.units or book.entries) and book.terms.tick[0] == 0
    ]
    if adjusted:
        said.append(
            _("Only adjusted prices are stored, so fills are not at prices of the day: {symbols}").format(
                symbols=", ".join(adjusted)
            )
        )
    if sessions and sessions[-1].payload["no_quantity"]:
        names = ", ".join(sessions[-1].payload["no_quantity"])
        said.append(_("The quantity of the newest bar is not known, so nothing was filled: {symbols}").format(symbols=names))
    return said


def _old_bars(work: Work) -> list[str]:
    """Symbols with a position or an order that cannot go on, since their newest bar is long past."""
    books = (book.symbol for book in work.account.books.values() if book.position.units)
    old = []
    for symbol in sorted({*books, *(row.symbol for row in work.waiting.values())}):
        newest = int(work.legs[symbol].bars.session[-1])
        if newest < work.session - STALE_DAYS:
            old.append(f"{symbol} ({from_day_number(newest).isoformat()})")
    if not old:
        return []
    hint = _("Import newer files, or walk through the past with `pregao paper reset --from DATE`.")
    return [_("The newest bar is long past, so nothing can be filled: {symbols}.").format(symbols=", ".join(old)) + " " + hint]


def _position(book: Book, worth: float) -> dict[str, Any]:
    position, point = book.position, book.terms.point_value
    average = position.price / position.scale
    value = abs(position.units) * book.last * point
    pnl = position.flow + book.worth(book.last) + position.income - position.borrowed
    stop = held_stop(book)
    targets = [order.limit for order in book.exits if order.tag == "target"]
    return {
        "symbol": book.symbol,
        "side": "long" if position.units > 0 else "short",
        "quantity": abs(position.units),
        "average_price": average,
        "last_price": book.last,
        "value": round(value, 2),
        "share": value / worth if worth > 0 else math.nan,
        "costs": round(position.costs, 2),
        "income": round(position.income - position.borrowed, 2),
        "pnl": round(pnl, 2),
        "return": pnl / (average * abs(position.units) * point),
        "stop": stop,
        "target": targets[0] if targets else math.nan,
        "risk": position_risk(book, stop) / worth if worth > 0 else math.nan,
        "opened_at": iso(position.entry),
        "bars": position.age,
    }


def order_dict(row: StoredOrder) -> dict[str, Any]:
    """A stored order in its JSON form; quantity null closes all of a position."""
    order = row.order
    found = {
        "id": str(row.number),
        "symbol": row.symbol,
        "side": "buy" if order["side"] > 0 else "sell",
        "type": order["kind"],
        "quantity": order["quantity"] or None,
        "filled": row.filled,
        "average_price": row.value / row.filled if row.filled else None,
        **{name: order[name] for name in LEVELS},
        "bars": order["expires"] or None,
        "closes": order["reduce_only"],
        "origin": row.origin,
        "signal": row.signal,
        "state": row.state,
        "placed_at": iso(row.placed_at),
        "reasons": [reason_text({"stop": order["stop"] is not None, **reason}) for reason in row.reasons],
        "rules": [reason["rule"] for reason in row.reasons],
    }
    plain: dict[str, Any] = jsonable(found)
    return plain


def _own_orders(account: Account) -> list[dict[str, Any]]:
    """The stops and targets of positions, which nobody placed by themselves."""
    return [
        _own_order(book.symbol, order)
        for book in account.books.values()
        for order in book.exits
        if book.position.units and number_of(order.tag) is None
    ]


def _own_order(symbol: str, order: Order) -> dict[str, Any]:
    found = {
        "id": f"{symbol}-{order.tag}",
        "symbol": symbol,
        "side": "buy" if order.side > 0 else "sell",
        "type": order.kind,
        "quantity": order.quantity or None,
        "filled": 0,
        "average_price": None,
        **{name: getattr(order, name) for name in LEVELS},
        "bars": None,
        "closes": True,
        "origin": "position",
        "signal": None,
        "state": paper.WAITING,
        "placed_at": None,
        "reasons": [],
        "rules": [],
    }
    plain: dict[str, Any] = jsonable(found)
    return plain


def history(desk: Desk, number: int | None) -> dict[str, Any]:
    """{"account", "accounts", "events", "orders", "fills", "trades", "equity"} of an account, oldest first; events without sessions."""
    with desk.store.read() as connection:
        stored = paper.read_account(connection, number)
        accounts = paper.list_accounts(connection)
        if stored is None and number is not None:
            raise unknown_account(number)
        if stored is None:
            return {
                **{"account": None, "accounts": [_account(item) for item in accounts], "events": [], "orders": []},
                **{"fills": [], "trades": [], "equity": [], "demo": desk.workspace.demo},
            }
        events = paper.list_events(connection, stored.id)
        orders = paper.list_orders(connection, stored.id)
        fills = paper.list_fills(connection, stored.id)
    sessions = [event for event in events if event.kind == "session"]
    return {
        "account": stored.id,
        "accounts": [_account(item) for item in accounts],
        "events": [
            {"id": event.id, "at": iso(event.at), "kind": event.kind, "detail": dict(event.payload)}
            for event in events
            if event.kind != "session"
        ],
        "orders": [order_dict(row) for row in orders],
        "fills": [fill_dict(fill) for fill in fills],
        "trades": [trade_dict(item) for event in sessions for item in event.payload["trades"]],
        "equity": [{"session": event.payload["session"], **_money(event.payload)} for event in sessions],
        "demo": desk.workspace.demo,
    }


def unknown_account(number: int) -> UsageError:
    """The error for an account that does not exist."""
    return UsageError(
        _("There is no paper account {id}").format(id=number), _("`pregao paper history --json` lists them under accounts.")
    )


def _account(stored: StoredAccount) -> dict[str, Any]:
    state = State.of(stored.state)
    return {
        "account": stored.id,
        "mode": stored.terms["mode"],
        "opened_at": iso(stored.opened_at),
        "closed_at": None if stored.closed_at is None else iso(stored.closed_at),
        "session": from_day_number(stored.session).isoformat(),
        "symbols": symbols_of(stored),
        "equity": round(state.last, 2),
    }


def _money(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(payload[name], 2) for name in ("cash", "equity")}


def fill_dict(fill: StoredFill) -> dict[str, Any]:
    """A stored fill in its JSON form."""
    return {
        "order": None if fill.number is None else str(fill.number),
        "symbol": fill.symbol,
        "time": iso(fill.time),
        "session": from_day_number(fill.session).isoformat(),
        "side": "buy" if fill.side > 0 else "sell",
        "quantity": fill.quantity,
        "price": fill.price,
        "costs": round(fill.costs, 2),
        "reason": fill.reason,
    }


def trade_dict(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A closed part of a position in the form of every trade, with its symbol."""
    row = dict(zip(FIELDS, kept["row"]))
    value = row["entry_price"] * row["quantity"] * kept["point_value"]
    trade = Trade(
        side=int(row["side"]),
        quantity=int(row["quantity"]),
        entry_index=-1,
        entry_time=int(row["entry"]),
        entry_price=row["entry_price"],
        exit_index=-1,
        exit_time=int(row["exit"]),
        exit_price=row["exit_price"],
        exit_reason=EXIT_REASONS[int(row["reason"])],
        costs=round(row["costs"], 2),
        pnl=round(row["pnl"], 2),
        return_=row["pnl"] / value,
        mae=row["mae"],
        mfe=row["mfe"],
        ambiguous=bool(row["ambiguous"]),
    )
    return {"symbol": kept["symbol"], **trade.as_dict()}
