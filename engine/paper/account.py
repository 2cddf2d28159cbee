"""The paper account: orders by hand or by signals on stored bars, under the risk rules of the settings.

There is one open account, opened by the first thing that is done to it. Orders are tried from the first bar on that opens after they
were placed. Nothing that happened is ever changed: a new account begins beside the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.backtest.orders import Order
from engine.domain import from_day_number
from engine.errors import UsageError
from engine.i18n import _
from engine.paper import following, preview, reconcile, report
from engine.paper.replay import newest_session, replay
from engine.paper.risk import refusals
from engine.paper.state import number_of, tag_of
from engine.paper.terms import LIVE, REPLAY
from engine.paper.tickets import Ticket, check_tick, order_of
from engine.paper.work import Work, open_account, rehearsing, working
from engine.store import paper

if TYPE_CHECKING:
    from engine.backtest.execution import Execution
    from engine.desk import Desk
    from engine.paper.risk import Opening
    from engine.store.paper import StoredOrder


class PaperAccount:
    """What can be done to the open account of a desk. Every call is one transaction (a replay one for each session)."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def place(
        self, ticket: Ticket, *, origin: str = "hand", signal: str | None = None, execution: Execution | None = None
    ) -> StoredOrder:
        """Record an order; its state is "refused" with the reasons where it breaks a risk rule, else "waiting".

        signal: the key of the signal that it follows, once per account. Raises UsageError for an order that makes no sense,
        NoDataError for a symbol without bars; neither is recorded.
        """
        with working(self.desk) as work:
            return place(work, ticket, origin=origin, signal=signal, execution=execution)

    def preview(self, ticket: Ticket) -> dict[str, Any]:
        """What `place` would do, without doing it; see `engine.paper.preview`. Raises the same errors."""
        with rehearsing(self.desk) as work:
            return preview.outlook(work, place(work, ticket))

    def close(self, symbol: str) -> StoredOrder:
        """Place the order that closes a position at the next open. Raises UsageError without one."""
        with working(self.desk) as work:
            units = work.book(symbol).position.units if symbol in work.account.books else 0
            if not units:
                raise UsageError(
                    _("There is no position in {symbol}").format(symbol=symbol), _("`pregao paper status` lists them.")
                )
            return place(work, Ticket(symbol, -1 if units > 0 else 1, 0))

    def close_all(self) -> list[StoredOrder]:
        """Place an order that closes each position at the next open."""
        with working(self.desk) as work:
            held = {book.symbol: book.position.units for book in work.account.books.values() if book.position.units}
            return [place(work, Ticket(symbol, -1 if units > 0 else 1, 0)) for symbol, units in held.items()]

    def cancel(self, names: Iterable[str]) -> list[str]:
        """Take waiting orders back, by their ids in `status`; the ids. All or none: raises UsageError for one that does not wait."""
        with working(self.desk) as work:
            found = [(name, *_named(work, name)) for name in dict.fromkeys(names)]
            for _name, symbol, tag in found:
                work.take_back(symbol, tag, "by_hand")
            return [name for name, _symbol, _tag in found]

    def follow(self, signals: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Place the orders of signals in their JSON form, each signal once; what was done with each. See `engine.paper.following`."""
        return following.follow(self.desk, signals, place)

    def preview_follow(self, signal: Mapping[str, Any]) -> dict[str, Any]:
        """What `follow` would do with one signal, without doing it: {"result"}, with what `preview` says where an order would be placed."""
        with rehearsing(self.desk) as work:
            result, row = following.follow_one(work, signal, place)
            return {"result": result} | ({} if row is None else preview.outlook(work, row))

    def replay_to(self, session: int | None = None, *, most: int | None = None) -> dict[str, Any]:
        """Replay the sessions up to `session` (days since 1970-01-01; None: the newest closed one), at most so many.

        See `engine.paper.replay`.
        """
        newest = newest_session(self.desk)
        return replay(self.desk, newest if session is None else min(session, newest), most)

    def kill_switch(self, on: bool) -> list[str]:
        """Turn it on (every order that waits to open is cancelled, none is accepted) or off; recorded. The ids of those cancelled."""
        with working(self.desk) as work:
            paper.set_kill_switch(work.connection, work.stored.id, on)
            work.event(work.instant(), "kill_switch", {"on": on})
            rows = [row for row in work.waiting.values() if on and not row.order["reduce_only"]]
            for row in rows:
                work.take_back(row.symbol, tag_of(row.number), "kill_switch")
            return [str(row.number) for row in rows]

    def reset(self, since: int | None = None) -> None:
        """Close the account, with its history kept, and open a new one by the settings of now.

        since: a past session, after which the new account begins; it then goes on with `replay_to` alone. None: it follows the market.
        Raises UsageError for a day that is no closed session.
        """
        calendar, newest = self.desk.calendar, newest_session(self.desk)
        if since is not None and not (int(calendar.sessions[0]) <= since <= newest and calendar.is_session(since)):
            raise UsageError(
                _("{date} is no closed session of B3").format(date=from_day_number(since)),
                _("The newest closed session is {date}.").format(date=from_day_number(newest)),
            )
        with self.desk.store.write() as connection:
            stored = paper.read_account(connection)
            if stored is not None:
                paper.close_account(connection, stored.id, self.desk.now())
                paper.add_event(connection, stored.id, self.desk.now(), stored.session, "closed", {})
            open_account(self.desk, connection, LIVE if since is None else REPLAY, since)

    def status(self) -> dict[str, Any]:
        """The account in its JSON form, with the keys of docs/json.md; changes nothing."""
        return report.status(self.desk)

    def history(self, account: int | None = None) -> dict[str, Any]:
        """Everything that was done to an account (None: the open one), in its JSON form. Raises UsageError for an unknown one."""
        return report.history(self.desk, account)

    def reconcile(self, account: int | None = None) -> dict[str, Any]:
        """Whether the backtester gives the same fills from the history of an account; see `engine.paper.reconcile`."""
        return reconcile.reconcile(self.desk, account)


def place(
    work: Work,
    ticket: Ticket,
    *,
    origin: str = "hand",
    signal: str | None = None,
    execution: Execution | None = None,
) -> StoredOrder:
    """The same as `PaperAccount.place` within a transaction."""
    number, at = paper.next_number(work.connection, work.stored.id), work.instant()
    book, last = work.book(ticket.symbol), work.last_price(ticket.symbol, at)
    if origin == "hand":
        check_tick(ticket, book.terms.tick)
    order = order_of(ticket, book, work.legs[ticket.symbol].instrument, last, tag_of(number))
    opening = work.opening(ticket.symbol, order, last)
    reasons = _closing_refusals(order, opening) if order.reduce_only else _opening_refusals(work, order, opening)
    return work.add(
        ticket.symbol,
        order,
        number,
        at=at,
        origin=origin,
        signal=signal,
        execution=execution or work.terms.execution,
        reasons=reasons,
    )


def _closing_refusals(order: Order, opening: Opening) -> list[dict[str, Any]]:
    held = abs(opening.book.position.units)
    return [{"rule": "more_than_held", "value": order.quantity, "limit": held}] if order.quantity > held else []


def _opening_refusals(work: Work, order: Order, opening: Opening) -> list[dict[str, Any]]:
    short = [{"rule": "short"}] if order.side < 0 and not work.terms.allow_short else []
    return short + refusals(
        work.account,
        opening,
        work.openings(),
        work.desk.settings.paper,
        loss=work.state.loss,
        killed=work.stored.kill_switch,
    )


def _named(work: Work, name: str) -> tuple[str, str]:
    """Symbol and tag of a waiting order by its id: a number, or SYMBOL-stop for an order that belongs to a position."""
    row = work.waiting.get(int(name)) if name.isdecimal() else None
    if row is not None:
        return row.symbol, tag_of(row.number)
    symbol, _dash, tag = name.rpartition("-")
    book = work.account.books.get(symbol)
    if book is not None and any(order.tag == tag for order in book.exits if number_of(order.tag) is None):
        return symbol, tag
    raise UsageError(_("There is no waiting order {id}").format(id=name), _("`pregao paper status` lists them with their ids."))
