"""The paper account as stored: its state, orders, fills and everything that was done to it, which is only ever added to.

Every function works inside the transaction of its caller, so that what is done and what is recorded of it are one. Times are UTC
seconds, sessions are days since 1970-01-01.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.domain import jsonable

if TYPE_CHECKING:
    from sqlalchemy import Connection

WAITING, FILLED, CANCELLED, EXPIRED, REFUSED = STATES = ("waiting", "filled", "cancelled", "expired", "refused")


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """One account. session: the newest one replayed. terms: what it was opened with; state: as of the close of that session."""

    id: int
    opened_at: int
    closed_at: int | None
    session: int
    kill_switch: bool
    terms: Mapping[str, Any]
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """One order. signal: key of the signal it follows. filled, value: units and R$ dealt. reasons: why it ended or was refused."""

    number: int
    symbol: str
    origin: str
    signal: str | None
    state: str
    placed_at: int
    changed_at: int
    filled: int
    value: float
    order: Mapping[str, Any]
    reasons: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class StoredFill:
    """One fill. number: its order, None where a stop, a target or the account itself dealt. time: opening of the bar."""

    seq: int
    number: int | None
    symbol: str
    session: int
    time: int
    side: int
    quantity: int
    price: float
    costs: float
    reason: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One thing that was done or happened."""

    id: int
    at: int
    session: int
    kind: str
    payload: Mapping[str, Any]


_ACCOUNT = "SELECT id, opened_at, closed_at, session, kill_switch, terms, state FROM paper_accounts"
_ORDER = 'SELECT number, symbol, origin, signal, state, placed_at, changed_at, filled, value, "order", reasons FROM paper_orders'


def make_account(
    connection: Connection, *, opened_at: int, session: int, terms: Mapping[str, Any], state: Mapping[str, Any]
) -> StoredAccount:
    """A new account that has replayed `session`."""
    made = connection.exec_driver_sql(
        "INSERT INTO paper_accounts (opened_at, session, kill_switch, terms, state) VALUES (?, ?, 0, ?, ?)",
        (opened_at, session, _text(terms), _text(state)),
    )
    return StoredAccount(int(made.lastrowid), opened_at, None, session, False, dict(terms), dict(state))


def read_account(connection: Connection, number: int | None = None) -> StoredAccount | None:
    """The account of this id, or the open one; None where there is none."""
    where, arguments = ("closed_at IS NULL", ()) if number is None else ("id = ?", (number,))
    row = connection.exec_driver_sql(f"{_ACCOUNT} WHERE {where} ORDER BY id DESC LIMIT 1", arguments).first()
    return None if row is None else _account(row)


def list_accounts(connection: Connection) -> list[StoredAccount]:
    """Every account, the newest first."""
    rows = connection.exec_driver_sql(f"{_ACCOUNT} ORDER BY id DESC")
    return [_account(row) for row in rows]


def save_state(connection: Connection, account: int, session: int, state: Mapping[str, Any]) -> None:
    """Replace the state of an account and the newest session that it has replayed."""
    connection.exec_driver_sql("UPDATE paper_accounts SET session = ?, state = ? WHERE id = ?", (session, _text(state), account))


def set_kill_switch(connection: Connection, account: int, on: bool) -> None:
    """Turn the kill switch on or off."""
    connection.exec_driver_sql("UPDATE paper_accounts SET kill_switch = ? WHERE id = ?", (on, account))


def close_account(connection: Connection, account: int, now: int) -> None:
    """Close an account; it and its history stay."""
    connection.exec_driver_sql("UPDATE paper_accounts SET closed_at = ? WHERE id = ?", (now, account))


def next_number(connection: Connection, account: int) -> int:
    """The number of the next order."""
    found = connection.exec_driver_sql("SELECT coalesce(max(number), 0) FROM paper_orders WHERE account_id = ?", (account,))
    return int(found.scalar_one()) + 1


def add_order(connection: Connection, account: int, order: StoredOrder) -> None:
    """Keep a new order."""
    connection.exec_driver_sql(
        "INSERT INTO paper_orders (account_id, number, symbol, origin, signal, state, placed_at, changed_at, filled, value,"
        ' "order", reasons) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
        (
            *(account, order.number, order.symbol, order.origin, order.signal, order.state, order.placed_at, order.changed_at),
            *(order.filled, order.value, _text(order.order), _text(order.reasons)),
        ),
    )


def change_order(connection: Connection, account: int, order: StoredOrder) -> None:
    """Keep what has become of an order."""
    connection.exec_driver_sql(
        "UPDATE paper_orders SET state = ?, changed_at = ?, filled = ?, value = ?, reasons = ?"
        " WHERE account_id = ? AND number = ?",
        (order.state, order.changed_at, order.filled, order.value, _text(order.reasons), account, order.number),
    )


def list_orders(connection: Connection, account: int, state: str | None = None) -> list[StoredOrder]:
    """The orders of an account (in one state), by number."""
    rows = connection.exec_driver_sql(
        f"{_ORDER} WHERE account_id = ?1 AND (?2 IS NULL OR state = ?2) ORDER BY number", (account, state)
    )
    return [_order(row) for row in rows]


def add_fills(connection: Connection, account: int, fills: Iterable[StoredFill]) -> None:
    """Keep new fills."""
    rows = [
        (account, f.seq, f.number, f.symbol, f.session, f.time, f.side, f.quantity, f.price, f.costs, f.reason) for f in fills
    ]
    if rows:
        connection.exec_driver_sql(
            "INSERT INTO paper_fills (account_id, seq, number, symbol, session, time, side, quantity, price, costs, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def list_fills(connection: Connection, account: int) -> list[StoredFill]:
    """Every fill of an account in order."""
    rows = connection.exec_driver_sql(
        "SELECT seq, number, symbol, session, time, side, quantity, price, costs, reason FROM paper_fills"
        " WHERE account_id = ? ORDER BY seq",
        (account,),
    )
    return [StoredFill(*row) for row in rows]


def add_event(connection: Connection, account: int, at: int, session: int, kind: str, payload: Mapping[str, Any]) -> int:
    """Keep an event; its id."""
    made = connection.exec_driver_sql(
        "INSERT INTO paper_events (account_id, at, session, kind, payload) VALUES (?, ?, ?, ?, ?)",
        (account, at, session, kind, _text(payload)),
    )
    return int(made.lastrowid)


def list_events(connection: Connection, account: int, kinds: Sequence[str] = (), after: int = 0) -> list[StoredEvent]:
    """The events of an account after the id `after` (of these kinds), in order."""
    rows = connection.exec_driver_sql(
        "SELECT id, at, session, kind, payload FROM paper_events WHERE account_id = ? AND id > ? ORDER BY id", (account, after)
    )
    wanted = set(kinds)
    return [_event(row) for row in rows if not wanted or row[3] in wanted]


def _account(row: Any) -> StoredAccount:
    return StoredAccount(row[0], row[1], row[2], row[3], bool(row[4]), json.loads(row[5]), json.loads(row[6]))


def _order(row: Any) -> StoredOrder:
    names = ("number", "symbol", "origin", "signal", "state", "placed_at", "changed_at", "filled", "value")
    return StoredOrder(**dict(zip(names, row)), order=json.loads(row[9]), reasons=json.loads(row[10]))


def _event(row: Any) -> StoredEvent:
    return StoredEvent(row[0], row[1], row[2], row[3], json.loads(row[4]))


def _text(value: Any) -> str:
    return json.dumps(jsonable(value), ensure_ascii=False, allow_nan=False)
