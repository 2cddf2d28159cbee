"""A paper account over the made market of the views: what is held, waits, was dealt and was refused, and messages about it."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path
from typing import Any

from engine.desk import Desk, open_desk
from engine.domain import SAO_PAULO
from engine.paper.account import PaperAccount
from engine.paper.tickets import Ticket
from engine.store import outbox
from engine.workspace import Workspace
from tests.desk_maker import END, MORNING, at_desk, sessions
from tests.tui.desk_host import Desks, app_of, until
from tui.views.paper import PaperView

#: How many sessions before the made morning the account was opened.
LIVED = 40


def evening(back: int) -> int:
    """20:00 of the session so many before the last one."""
    return int(datetime.combine(sessions(back + 1, END)[0], time(20), SAO_PAULO).timestamp())


def open_live(home: Path) -> None:
    """A live account without anything in it."""
    at_desk(home, lambda desk: PaperAccount(desk).reset())


def fill_paper(home: Path) -> None:
    """A live account with two positions, orders that wait, one refused and one cancelled; all of its sessions are replayed."""
    clock = [evening(LIVED)]
    desk = open_desk(Workspace(home), lambda: clock[0])
    account = PaperAccount(desk)
    account.reset()
    last = closes(desk)
    for symbol, units, low, high in (("MEAA3", 300, 0.9, 1.3), ("NHAA3", 500, 0.93, 1.02), ("PROV3", 200, 0.8, 1.6)):
        stop, target = round(last[symbol] * low, 2), round(last[symbol] * high, 2)
        account.place(Ticket(symbol, 1, units, stop=stop, target=target))
    clock[0] = evening(LIVED // 2)
    account.replay_to()
    account.place(Ticket("STAL3", 1, 9000))
    cancelled = account.place(Ticket("STAL3", 1, 100, "limit", limit=5.0, stop=4.0))
    account.cancel([str(cancelled.number)])
    clock[0] = MORNING
    account.replay_to()
    account.place(Ticket("STAL3", 1, 100, "limit", limit=5.0, stop=4.0))
    desk.close()


def closes(desk: Desk) -> dict[str, float]:
    """The newest close of each symbol by the clock of the desk."""
    account = PaperAccount(desk)
    symbols = ("MEAA3", "NHAA3", "PROV3", "STAL3")
    return {symbol: account.preview(Ticket(symbol, 1, 100))["last"] for symbol in symbols}


def fill_outbox(home: Path) -> None:
    """A message that was sent, one that waits, and one that is dead."""

    def work(desk: Desk) -> None:
        with desk.store.read() as connection:
            before = outbox.newest(connection)
        for at, (channel, recipient) in enumerate((("telegram", "77"), ("discord", ""), ("webhook", ""))):
            said = {"kind": "paper", "demo": False, "title": f"Fill {at}", "text": f"{at + 1}00 MEAA3 bought", "tone": "neutral"}
            with desk.store.write() as connection:
                outbox.enqueue(
                    connection, channel, "paper", f"made-{at}", said | {"symbol": "MEAA3"}, MORNING, recipient=recipient
                )
        outbox.claim(desk.store, before + 1)
        outbox.mark_sent(desk.store, before + 1, MORNING + 5, "901")
        outbox.claim(desk.store, before + 3)
        outbox.mark_failed(desk.store, before + 3, "HTTP 404: no such hook", None)

    at_desk(home, work)


def status(home: Path) -> dict[str, Any]:
    """The account as the command line tells it."""
    return at_desk(home, lambda desk: PaperAccount(desk).status())  # type: ignore[no-any-return]


def orders(home: Path) -> list[dict[str, Any]]:
    """Every order of the open account, oldest first."""
    return at_desk(home, lambda desk: PaperAccount(desk).history()["orders"])  # type: ignore[no-any-return]


def view(pilot: Desks) -> PaperView:
    return pilot.app.query_one(PaperView)


async def open_paper(pilot: Desks) -> PaperView:
    """The view of the paper account, read."""
    await app_of(pilot).action_show("paper")
    await until(pilot, lambda: view(pilot).account is not None)
    await pilot.pause()
    return view(pilot)
