"""The proof that a paper account is what the backtester says: its orders, replayed on the bars that are stored now.

The account went from session to session, its state written and read in between; here `engine.backtest.portfolio` trades the same
orders in one go from the beginning. A difference with changed bars is the doing of the data; one without is a defect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.backtest.execution import Execution
from engine.backtest.money import Account, equity, night
from engine.backtest.portfolio import run_portfolio
from engine.backtest.positions import ENTRY
from engine.backtest.result import EXIT_REASONS
from engine.domain import iso, jsonable
from engine.paper.legs import Legs
from engine.paper.report import unknown_account
from engine.paper.state import CANCELLED, PLACED, REDUCED, Command, due_commands, execute, order_of, tag_of
from engine.paper.terms import Terms
from engine.store import paper

if TYPE_CHECKING:
    from engine.backtest.positions import Fill
    from engine.desk import Desk
    from engine.store.paper import StoredAccount, StoredEvent, StoredFill

CENT = 0.005
#: Opening of the bar, symbol, side, quantity, price, costs and reason of a fill.
Dealt = tuple[int, str, int, int, float, float, str]


def reconcile(desk: Desk, number: int | None = None) -> dict[str, Any]:
    """Trade the orders of an account (None: the open one) through the backtester and compare the fills.

    Returns {"account", "same", "sessions", "fills", "replayed_fills", "differences", "changed_bars", "cash", "replayed_cash", "equity",
    "replayed_equity", "cause"}: same means the same fills in the same order, to the cent, and the same money. differences:
    [{"in" ("account" or "backtest"), "symbol", "time", "side", "quantity", "price", "costs", "reason"}], the first ones. changed_bars: [{"symbol", "time"}] whose stored values are no longer those
    that the account saw. cause: null, "data" or "defect". Raises UsageError for an account that does not exist.
    """
    with desk.store.read() as connection:
        stored = paper.read_account(connection, number)
        if stored is None and number is not None:
            raise unknown_account(number)
        if stored is None:
            return _nothing()
        fills = paper.list_fills(connection, stored.id)
        events = paper.list_events(connection, stored.id)
    sessions = [event for event in events if event.kind == "session"]
    terms = Terms(**stored.terms)
    legs = Legs(desk.store, terms)
    again = _Again(terms, events, sessions)
    replayed = _through_the_backtester(desk, stored, legs, again)
    kept = sorted(_kept(fill) for fill in fills)
    cash, worth = again.account.cash, equity(again.account)
    booked = stored.state["account"]["cash"], stored.state["last"]
    differences = _differences(kept, sorted(replayed))
    same = not differences and abs(cash - booked[0]) < CENT and abs(worth - booked[1]) < CENT
    changed = [] if same else _changed(legs, sessions)
    found = {
        "account": stored.id,
        "same": same,
        "sessions": len(sessions),
        "fills": len(kept),
        "replayed_fills": len(replayed),
        "differences": differences[:20],
        "changed_bars": changed[:20],
        "cash": round(booked[0], 2),
        "replayed_cash": round(cash, 2),
        "equity": round(booked[1], 2),
        "replayed_equity": round(worth, 2),
        "cause": None if same else "data" if changed else "defect",
    }
    plain: dict[str, Any] = jsonable(found)
    return plain


class _Again:
    """What the backtester is told at each instant: the nights without bars, and the commands of the history."""

    def __init__(self, terms: Terms, events: Sequence[StoredEvent], sessions: Sequence[StoredEvent]) -> None:
        self.account = Account(cash=terms.capital)
        self.commands = [_command(event) for event in events if event.kind in (PLACED, CANCELLED, REDUCED)]
        self.rates: dict[int, float] = {event.session: event.payload["rate"] for event in sessions}
        self._nights = sorted(self.rates)

    @property
    def symbols(self) -> list[str]:
        return sorted({command.symbol for command in self.commands})

    def before(self, account: Account, session: int, instant: int) -> None:
        """Called before each instant; the night before `session` itself is the backtester's.

        An order of a symbol without a bar in these sessions, of which `account` has no book, can fill nothing.
        """
        self.account = account
        self.sleep(session)
        if self._nights and self._nights[0] == session:
            self._nights.pop(0)
        for command in due_commands(self.commands, instant):
            if command.symbol in account.books:
                execute(account, command, account.books.__getitem__)
            self.commands.remove(command)

    def sleep(self, session: int) -> None:
        """The nights before the sessions that come before `session`."""
        while self._nights and self._nights[0] < session:
            night(self.account, self.rates[self._nights.pop(0)])


def _through_the_backtester(desk: Desk, stored: StoredAccount, legs: Legs, again: _Again) -> list[Dealt]:
    """The fills of the same orders on the bars that are stored now."""
    opening = min(again.rates, default=stored.session)
    found: list[Dealt] = []
    symbols = [symbol for symbol in again.symbols if any(legs.bars(symbol, session) for session in again.rates)]
    if symbols:
        terms = Terms(**stored.terms)
        run = run_portfolio(
            [legs[symbol] for symbol in symbols],
            capital=terms.capital,
            config=terms.config,
            execution=terms.execution,
            rate=again.rates,
            start=desk.calendar.open_instant(opening),
            end=desk.calendar.close_instant(stored.session),
            before=again.before,
        )
        for leg in run.legs:
            time = legs[leg.symbol].bars.time
            found += [_rounded(fill.symbol, int(time[fill.bar]), fill) for fill in leg.fills]
    again.sleep(stored.session + 1)
    return found


def _command(event: StoredEvent) -> Command:
    payload = event.payload
    if event.kind == CANCELLED:
        return Command(event.id, event.at, CANCELLED, payload["symbol"], payload["tag"])
    if event.kind == REDUCED:
        return Command(event.id, event.at, REDUCED, payload["symbol"], payload["tag"], quantity=payload["quantity"])
    execution = payload["execution"]
    return Command(
        *(event.id, event.at, PLACED, payload["symbol"], tag_of(payload["number"]), order_of(payload["order"])),
        execution=None if execution is None else Execution(**execution),
    )


def _rounded(symbol: str, time: int, fill: Fill) -> Dealt:
    reason = "entry" if fill.reason == ENTRY else EXIT_REASONS[fill.reason]
    return time, symbol, fill.side, fill.quantity, round(fill.price, 6), round(fill.costs, 2), reason


def _kept(fill: StoredFill) -> Dealt:
    return fill.time, fill.symbol, fill.side, fill.quantity, round(fill.price, 6), round(fill.costs, 2), fill.reason


def _differences(kept: Sequence[Dealt], replayed: Sequence[Dealt]) -> list[dict[str, Any]]:
    """Fills of one side that the other does not have, in order of time."""
    missing, extra = Counter(kept) - Counter(replayed), Counter(replayed) - Counter(kept)
    found = [(dealt, "account") for dealt in missing.elements()] + [(dealt, "backtest") for dealt in extra.elements()]
    return [{"in": where, **_words(dealt)} for dealt, where in sorted(found)]


def _words(dealt: Dealt) -> dict[str, Any]:
    time, symbol, side, quantity, price, costs, reason = dealt
    words = {"symbol": symbol, "time": iso(time), "side": "buy" if side > 0 else "sell", "quantity": quantity}
    return words | {"price": price, "costs": costs, "reason": reason}


def _changed(legs: Legs, sessions: Sequence[StoredEvent]) -> list[dict[str, Any]]:
    """Bars that are no longer stored as the account saw them."""
    found = []
    for event in sessions:
        for symbol, rows in event.payload["bars"].items():
            now = [
                [bar.row, bar.open, bar.high, bar.low, bar.close, bar.quantity, bar.split, bar.dividend]
                for bar in legs.bars(symbol, event.session)
            ]
            seen = {row[0]: row for row in rows}
            known = {row[0]: row for row in jsonable(now)}
            found += [{"symbol": symbol, "time": iso(time)} for time, row in sorted(seen.items()) if known.get(time) != row]
    return found


def _nothing() -> dict[str, Any]:
    return {
        **{"account": None, "same": True, "sessions": 0, "fills": 0, "replayed_fills": 0, "differences": [], "changed_bars": []},
        **{"cash": None, "replayed_cash": None, "equity": None, "replayed_equity": None, "cause": None},
    }
