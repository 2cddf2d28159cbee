"""The open account inside one write transaction: what is done to it, what is recorded of it and what is said are one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.backtest.account import new_book
from engine.backtest.money import Account
from engine.backtest.orders import MARKET, Order
from engine.domain import from_day_number, iso, jsonable
from engine.paper.ending import ending
from engine.paper.legs import Legs
from engine.paper.risk import Opening, expected_price
from engine.paper.state import CANCELLED, PLACED, Command, Ended, State, due_commands, execute, number_of, order_of, tag_of
from engine.paper.terms import LIVE, Terms, terms_of
from engine.paper.words import refusal_message
from engine.store import outbox, paper
from engine.store.paper import REFUSED, WAITING, StoredAccount, StoredOrder

if TYPE_CHECKING:
    from sqlalchemy import Connection, NestedTransaction

    from engine.backtest.execution import Execution
    from engine.backtest.positions import Book
    from engine.desk import Desk

    Mark = tuple[NestedTransaction, dict[str, Any], dict[int, StoredOrder]]


class Work:
    """The open account. `save` must be the last thing; `working` does that."""

    def __init__(self, desk: Desk, connection: Connection, stored: StoredAccount, legs: Legs) -> None:
        self.desk, self.connection, self.stored, self.legs = desk, connection, stored, legs
        self.terms = Terms(**stored.terms)
        self.state = State.of(stored.state)
        self.session = stored.session

    @property
    def account(self) -> Account:
        return self.state.account

    @cached_property
    def waiting(self) -> dict[int, StoredOrder]:
        """The orders that wait, by number."""
        return {order.number: order for order in paper.list_orders(self.connection, self.stored.id, WAITING)}

    def instant(self) -> int:
        """The instant of the account (UTC seconds), never before anything that it has already done."""
        close = self.desk.calendar.close_instant(self.session)
        return max(self.state.clock, close, self.desk.now() if self.terms.live else close)

    def event(self, at: int, kind: str, payload: Mapping[str, Any]) -> int:
        """Record what was done; its id."""
        self.state.clock = max(self.state.clock, at)
        return paper.add_event(self.connection, self.stored.id, at, self.session, kind, payload)

    def tell(self, key: str, symbol: str, said: tuple[str, str], **facts: Any) -> None:
        """A message in the same transaction; an account that walks through the past says nothing."""
        if self.terms.live:
            title, text = said
            tone = "warning" if facts.get("refused") else "neutral"
            payload = {
                "kind": "paper",
                "demo": self.desk.workspace.demo,
                "title": title,
                "text": text,
                "tone": tone,
                "symbol": symbol,
            }
            outbox.enqueue(
                *(self.connection, outbox.ANY, "paper", f"paper-{self.stored.id}-{key}"), payload | facts, self.desk.now()
            )

    def book(self, symbol: str) -> Book:
        """The book of a symbol, a new one where there is none; the account does not have that yet."""
        return self.account.books.get(symbol) or self.new_book(symbol)

    def new_book(self, symbol: str) -> Book:
        return new_book(self.legs[symbol], self.terms.execution, self.terms.config)

    def openings(self) -> list[Opening]:
        """The waiting orders that open, with what they may still deal, as the risk rules see them."""
        left = {order.tag: order for book in self.account.books.values() for order in book.entries}
        found = []
        for row in self.waiting.values():
            order = left.get(tag_of(row.number)) or order_of(row.order)
            if not order.reduce_only:
                found.append(self.opening(row.symbol, order, self.last_price(row.symbol, row.placed_at)))
        return found

    def opening(self, symbol: str, order: Order, last: float) -> Opening:
        """An order that opens, as the risk rules see it. last: the newest close, R$ or points."""
        leaving = any(
            row.symbol == symbol and row.order["reduce_only"] and row.order["kind"] == MARKET for row in self.waiting.values()
        )
        return Opening(self.book(symbol), order, expected_price(order, last), self.fee(symbol), last, leaving)

    def last_price(self, symbol: str, instant: int) -> float:
        """The newest close by `instant`, R$ or points."""
        book = self.account.books.get(symbol)
        if book is not None and book.position.units:
            return book.last
        known = self.legs.known(symbol, instant)
        return float(known.close[-1] if len(known) else self.legs[symbol].bars.close[0])

    def fee(self, symbol: str) -> float:
        """The newest fee of a side, a fraction of the value."""
        return float(self.legs[symbol].costs.fee[-1])

    def add(
        self,
        symbol: str,
        order: Order,
        number: int,
        *,
        at: int,
        origin: str,
        signal: str | None,
        execution: Execution | None,
        reasons: Sequence[Mapping[str, Any]],
    ) -> StoredOrder:
        """Record an order: refused where there are reasons, else waiting and given to the account."""
        state = REFUSED if reasons else WAITING
        plain = jsonable(asdict(order))
        row = StoredOrder(number, symbol, origin, signal, state, at, at, 0, 0.0, plain, tuple(reasons))
        paper.add_order(self.connection, self.stored.id, row)
        payload = {"number": number, "symbol": symbol, "origin": origin, "order": plain}
        if reasons:
            self.event(at, REFUSED, payload | {"reasons": list(reasons)})
            self.tell(f"refused-{number}", symbol, refusal_message(symbol, reasons), refused=True)
            return row
        self.waiting[number] = row
        carried = None if execution is None else asdict(execution)
        found = self.event(at, PLACED, payload | {"execution": carried})
        self.state.commands.append(Command(found, at, PLACED, symbol, tag_of(number), order, execution))
        self.settle()
        return self.waiting.get(number, row)

    def take_back(self, symbol: str, tag: str, why: str) -> None:
        """Cancel the orders of a tag before the next bar."""
        at = self.instant()
        found = self.event(at, CANCELLED, {"symbol": symbol, "tag": tag, "why": why})
        self.state.commands.append(Command(found, at, CANCELLED, symbol, tag, why=why))
        self.settle()
        row = self.waiting.get(number_of(tag) or 0)
        if row is not None:
            self.change(replace(row, reasons=({"rule": "cancelling"},)))

    def settle(self) -> None:
        """Carry out the commands that no bar of a session to come can precede."""
        following = self.desk.calendar.next_session(self.session)
        for command in due_commands(self.state.commands, self.desk.calendar.open_instant(following)):
            self.end(execute(self.account, command, self.new_book), command.at)
            self.state.commands.remove(command)

    def end(self, ended: Iterable[Ended], at: int) -> None:
        """Record what became of orders that no longer wait."""
        for item in ended:
            row = self.waiting.get(number_of(item.tag) or 0)
            if row is None:
                continue
            state, reasons = ending(row, item.why, self.state.loss)
            self.change(replace(row, state=state, changed_at=at, reasons=reasons))
            if state == REFUSED or item.why == "daily_loss":
                self.tell(f"ended-{row.number}", row.symbol, refusal_message(row.symbol, reasons), refused=True)

    def change(self, row: StoredOrder) -> None:
        """Keep what has become of an order."""
        paper.change_order(self.connection, self.stored.id, row)
        self.waiting[row.number] = row
        if row.state != WAITING:
            del self.waiting[row.number]

    def mark(self) -> Mark:
        """Where the account stands, for `back_to`."""
        return self.connection.begin_nested(), self.state.as_dict(), dict(self.waiting)

    def back_to(self, mark: Mark) -> None:
        """Undo everything since a mark, as if it had never been."""
        nested, state, waiting = mark
        nested.rollback()
        self.state, self.waiting = State.of(state), waiting

    def save(self) -> None:
        """Keep the state of the account."""
        paper.save_state(self.connection, self.stored.id, self.session, self.state.as_dict())


@contextmanager
def working(desk: Desk, legs: Legs | None = None) -> Iterator[Work]:
    """The open account in a transaction of its own, opened by the settings where there is none; saved at the end."""
    with desk.store.write() as connection:
        stored = paper.read_account(connection) or open_account(desk, connection, LIVE, None)
        work = Work(desk, connection, stored, legs or Legs(desk.store, Terms(**stored.terms)))
        yield work
        work.save()


@contextmanager
def rehearsing(desk: Desk) -> Iterator[Work]:
    """The same as `working`, of which nothing is kept: for what would come of something."""
    with desk.store.rehearse() as connection:
        stored = paper.read_account(connection) or open_account(desk, connection, LIVE, None)
        yield Work(desk, connection, stored, Legs(desk.store, Terms(**stored.terms)))


def open_account(desk: Desk, connection: Connection, mode: str, session: int | None) -> StoredAccount:
    """A new account by the settings of now. session: the newest one that it takes for over; None for the last one that has closed."""
    terms, now = terms_of(desk.settings, mode), desk.now()
    before = desk.calendar.last_closed_session(now) if session is None else session
    at = now if mode == LIVE else desk.calendar.close_instant(before)
    state = State(Account(cash=terms.capital), terms.capital, terms.capital, at)
    made = paper.make_account(connection, opened_at=at, session=before, terms=terms.as_dict(), state=state.as_dict())
    payload = {"capital": terms.capital, "mode": mode, "session": from_day_number(before).isoformat(), "at": iso(at)}
    paper.add_event(connection, made.id, at, before, "opened", payload)
    return made
