"""The paper account in the daily run: the session that has closed, then the orders of the day's signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.paper.account import PaperAccount
from engine.paper.report import trade_dict
from engine.paper.terms import LIVE
from engine.store import paper

if TYPE_CHECKING:
    from engine.desk import Desk


def paper_day(desk: Desk, session: int, signals: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Replay up to `session` and, where the settings say so, follow the signals (JSON form). Doing it again changes nothing.

    Returns {"account", "session", "sessions", "fills", "waiting_for", "followed", "summary"}; account is null where none is open
    or the open one walks through the past, which the daily run leaves alone. summary: see `day_summary`.
    """
    account, follows = PaperAccount(desk), desk.settings.paper.follow
    stored = _live(desk)
    if stored is None and (not follows or _open(desk)):
        return {"account": None}
    done = account.replay_to(session)
    followed = account.follow(signals) if follows else []
    stored = _live(desk)
    return {"account": None if stored is None else stored.id, **done, "followed": followed, "summary": day_summary(desk)}


def day_summary(desk: Desk) -> dict[str, Any] | None:
    """The newest session of the open account: {"session", "pnl" (R$), "return", "trades" (closed), "win_rate", "equity", "drawdown", "top"}.

    drawdown: below its highest equity at a close, `top` (R$), a fraction <= 0. None before the first session.
    """
    with desk.store.read() as connection:
        stored = paper.read_account(connection)
        events = [] if stored is None else paper.list_events(connection, stored.id, ("session",))
    if stored is None or not events:
        return None
    capital = float(stored.terms["capital"])
    curve = [capital, *(event.payload["equity"] for event in events)]
    trades = [trade_dict(item) for item in events[-1].payload["trades"]]
    return {
        "session": events[-1].payload["session"],
        "pnl": round(curve[-1] - curve[-2], 2),
        "return": curve[-1] / curve[-2] - 1.0 if curve[-2] > 0 else None,
        "trades": len(trades),
        "win_rate": sum(trade["pnl"] > 0 for trade in trades) / len(trades) if trades else None,
        "equity": round(curve[-1], 2),
        "drawdown": curve[-1] / max(curve) - 1.0,
        "top": round(max(curve), 2),
    }


def practising(desk: Desk) -> int | None:
    """The number of the open account where it walks through the past, which the daily run leaves alone; else None."""
    found = _open(desk)
    return None if found is None or found.terms["mode"] == LIVE else found.id


def _open(desk: Desk) -> paper.StoredAccount | None:
    with desk.store.read() as connection:
        return paper.read_account(connection)


def _live(desk: Desk) -> paper.StoredAccount | None:
    found = _open(desk)
    return found if found is not None and found.terms["mode"] == LIVE else None
