"""What is done to the paper account from the app, each with what is said of it. They write, so they run in a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.i18n import _, ngettext
from tui.messages import Said
from tui.paper.names import result_name
from tui.paper.text import order_line
from tui.quick_format import day

if TYPE_CHECKING:
    from engine.paper.account import PaperAccount
    from engine.paper.tickets import Ticket
    from engine.store.paper import StoredOrder

Deed = Callable[["PaperAccount"], Said]
#: Sessions that are replayed between two looks at whether to go on.
AT_ONCE = 20


def place(ticket: Ticket) -> Deed:
    """Place an order."""
    return lambda account: _placed(account.place(ticket))


def close(symbol: str) -> Deed:
    """Close a position at the next open."""
    return lambda account: _placed(account.close(symbol))


def cancel(name: str) -> Deed:
    """Take an order back."""

    def deed(account: PaperAccount) -> Said:
        account.cancel([name])
        return Said(_("Order {id} is taken back.").format(id=name))

    return deed


def kill_switch(on: bool) -> Deed:
    """Turn the kill switch on or off."""

    def deed(account: PaperAccount) -> Said:
        cancelled = account.kill_switch(on)
        if not on:
            return Said(_("The kill switch is off."))
        return Said(_("The kill switch is on: nothing opens."), "warning", cancelled_text(cancelled))

    return deed


def reset() -> Deed:
    """Begin a new account."""

    def deed(account: PaperAccount) -> Said:
        account.reset()
        return Said(_("Paper account {id} is open.").format(id=account.status()["account"]))

    return deed


def follow(signal: Mapping[str, Any]) -> Deed:
    """Follow one signal in its JSON form."""

    def deed(account: PaperAccount) -> Said:
        (done,) = account.follow([signal])
        if done["order"] is None:
            return Said(f"{done['symbol']}: {result_name(done['result'])}", "warning")
        rows = account.history()["orders"]
        return _said(next(row for row in rows if row["id"] == str(done["order"])))

    return deed


def replay(going: Callable[[], bool], progress: Callable[[str], None], most: int = AT_ONCE) -> Deed:
    """Replay `most` sessions, again and again up to the newest closed one while `going` says so.

    progress: is told the session that was reached.
    """

    def deed(account: PaperAccount) -> Said:
        sessions = fills = 0
        while True:
            done = account.replay_to(most=most)
            sessions, fills = sessions + done["sessions"], fills + done["fills"]
            if done["sessions"] < most or not going():
                break
            progress(day(done["session"]))
        text = ngettext("{count} session replayed", "{count} sessions replayed", sessions).format(count=sessions)
        text += ", " + ngettext("{count} fill", "{count} fills", fills).format(count=fills) + "."
        if done["waiting_for"]:
            missing = _("Bars are missing of: {symbols}").format(symbols=", ".join(done["waiting_for"]))
            return Said(text, "warning", missing)
        return Said(text)

    return deed


def cancelled_text(ids: Sequence[str]) -> str:
    """The orders that the kill switch has cancelled."""
    return _("Cancelled: {ids}").format(ids=", ".join(ids)) if ids else _("No order waited to open a position.")


def _placed(row: StoredOrder) -> Said:
    from engine.paper.report import order_dict

    return _said(order_dict(row))


def _said(order: Mapping[str, Any]) -> Said:
    """What has become of a new order."""
    facts = {"id": order["id"], "order": order_line(order)}
    if order["state"] == "refused":
        reasons = "; ".join(order["reasons"])
        return Said(_("Order {id} is refused and recorded: {order}").format(**facts), "error", reasons)
    return Said(_("Order {id} is placed: {order}.").format(**facts))
