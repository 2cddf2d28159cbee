"""The account goes on from session to session: each is one transaction, so that a kill leaves it before a session or after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backtest.positions import ENTRY
from engine.backtest.result import EXIT_REASONS
from engine.domain import from_day_number
from engine.paper.ending import cut
from engine.paper.legs import DAY, Legs
from engine.paper.session import Played, play
from engine.paper.state import REDUCED, number_of, tag_of
from engine.paper.terms import Terms
from engine.paper.words import fill_message
from engine.paper.work import Work, working
from engine.store import paper
from engine.store.bars import list_series
from engine.store.paper import StoredAccount, StoredFill
from engine.store.series import SESSION_SHIFT
from engine.store.values import cash_return

if TYPE_CHECKING:
    from engine.desk import Desk

#: A live account waits so many sessions for the bar of a symbol that it holds or has an order of; then it takes it for suspended, if
#: the market went on: other symbols have bars.
PATIENCE = 5


def newest_session(desk: Desk) -> int:
    """The newest session whose bars are to be expected."""
    return desk.calendar.last_closed_session(desk.now(), desk.settings.daily.close_delay_minutes * 60)


def replay(desk: Desk, until: int, most: int | None = None) -> dict[str, Any]:
    """Replay the sessions up to `until` that the open account has not replayed yet, as far as their bars are stored.

    most: so many of them at most.

    Returns {"sessions", "session", "fills", "waiting_for"}: how many were replayed, the newest one (ISO date), how many fills
    they brought, and symbols whose bar of the next session is missing. Replaying again changes nothing. A session after the newest
    stored bar of all is not replayed, whatever the clock says.
    """
    with desk.store.read() as connection:
        stored = paper.read_account(connection)
    if stored is None:
        return {"sessions": 0, "session": None, "fills": 0, "waiting_for": []}
    done = fills = 0
    missing: list[str] = []
    legs = Legs(desk.store, Terms(**stored.terms))
    session, newest = stored.session, _newest_stored(desk, stored.terms["timeframe"])
    while session < until and (most is None or done < most):
        with working(desk, legs) as work:
            session = work.session
            if work.stored.id != stored.id or session >= until:
                break
            following = desk.calendar.next_session(session)
            missing = _missing(work, following, until, newest)
            if missing or following > newest:
                break
            fills += _replay_session(work, following)
            done, session = done + 1, following
    return {
        "sessions": done,
        "session": from_day_number(session).isoformat(),
        "fills": fills,
        "waiting_for": missing,
    }


def _newest_stored(desk: Desk, timeframe: str) -> int:
    """The session of the newest bar of any symbol, -1 without bars."""
    lasts = (item.last for item in list_series(desk.store) if item.timeframe == timeframe)
    return max(((last - SESSION_SHIFT) // DAY for last in lasts), default=-1)


def _missing(work: Work, session: int, until: int, newest: int) -> list[str]:
    """The symbols that matter in a session and whose bars may still come. newest: the session of the newest bar of all."""
    late = int(np.count_nonzero((work.desk.calendar.sessions > session) & (work.desk.calendar.sessions <= until)))
    if work.terms.live and late >= PATIENCE and session <= newest:
        return []
    return [
        symbol
        for symbol in _symbols(work, session)
        if not work.legs.bars(symbol, session) and work.legs.ends_before(symbol, session)
    ]


def _symbols(work: Work, session: int) -> list[str]:
    """The symbols with a position, an order or a payment on its way, and those of orders placed before the session."""
    opening = work.desk.calendar.open_instant(session)
    found = {book.symbol for book in work.account.books.values() if book.position.units or book.entries or book.exits or book.due}
    return sorted(found | {command.symbol for command in work.state.commands if command.at <= opening})


def _replay_session(work: Work, session: int) -> int:
    """Play one session, record it and count its fills."""
    close = work.desk.calendar.close_instant(session)
    symbols = set(_symbols(work, session)) | {command.symbol for command in work.state.commands if command.at < close}
    rate = _rate(work, session)
    played = play(
        work.state,
        {symbol: work.legs.bars(symbol, session) for symbol in sorted(symbols)},
        work.terms.config,
        work.new_book,
        rate=rate,
        limits=work.desk.settings.paper,
        filled={tag_of(number): row.filled for number, row in work.waiting.items() if row.filled},
        last_price=work.last_price,
    )
    work.session = session
    for at, kind, kept in played.changed:
        work.event(at, kind, kept)
        row = work.waiting.get(number_of(kept["tag"]) or 0)
        if kind == REDUCED and row is not None:
            work.change(replace(row, reasons=(cut(row, kept),)))
    _record_fills(work, played)
    work.end(played.ended, close)
    work.event(close, "session", _facts(work, played, rate))
    return len(played.fills)


def _rate(work: Work, session: int) -> float:
    """What settled cash earned over the night before the session."""
    if work.terms.idle_cash != "cdi":
        return 0.0
    found = cash_return(work.desk.store, np.array([session], dtype=np.int64))
    return 0.0 if found is None or np.isnan(found[1][0]) else float(found[1][0])


def _record_fills(work: Work, played: Played) -> None:
    before = len(paper.list_fills(work.connection, work.stored.id))
    kept = []
    for seq, fill in enumerate(played.fills, start=before + 1):
        number = number_of(fill.tag)
        reason = "entry" if fill.reason == ENTRY else EXIT_REASONS[fill.reason]
        row = StoredFill(
            *(seq, number, fill.symbol, work.session, fill.bar, fill.side, fill.quantity, fill.price, fill.costs, reason)
        )
        kept.append(row)
        order = work.waiting.get(number or 0)
        if order is not None:
            work.change(
                replace(
                    order,
                    filled=order.filled + fill.quantity,
                    value=order.value + fill.quantity * fill.price,
                    changed_at=fill.bar,
                )
            )
        facts = {"side": fill.side, "quantity": fill.quantity, "price": fill.price, "reason": reason}
        said = fill_message(fill.symbol, fill.side, fill.quantity, fill.price, reason)
        work.tell(f"fill-{seq}", fill.symbol, said, **facts)
    paper.add_fills(work.connection, work.stored.id, kept)


def _facts(work: Work, played: Played, rate: float) -> dict[str, Any]:
    """What is kept of a session."""
    state = work.state
    trades = []
    for symbol, trade in played.trades:
        trades.append({"symbol": symbol, "row": list(trade), "point_value": work.account.books[symbol].terms.point_value})
    return {
        "session": from_day_number(work.session).isoformat(),
        "cash": state.account.cash,
        "equity": state.last,
        "rate": rate,
        "interest": played.interest,
        "blocked": state.blocked,
        "bars": played.bars,
        "trades": trades,
        "splits": played.splits,
        "dividends": played.dividends,
        "no_quantity": played.no_quantity,
    }


def symbols_of(stored: StoredAccount) -> list[str]:
    """The symbols that an account has ever had a book of."""
    return sorted(stored.state["account"]["books"])
