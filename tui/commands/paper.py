"""The paper account: orders, positions, risk and the proof that it is what the backtester says."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import nan
from typing import TYPE_CHECKING, Any

from engine.errors import GateError, UsageError
from engine.i18n import _
from tui.commands.common import add, desk_of, is_json, parse_day, parse_number, symbols
from tui.output import console, demo_banner, narrate, print_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engine.desk import Desk
    from engine.store.paper import StoredOrder

LEVELS = ("limit", "trigger", "stop", "target")


def add_commands(commands: Any, common: Any) -> None:
    parser = add(
        *(commands, common, "paper", _("the paper account: orders, positions, risk rules, history")),
        "pregao paper order PETR4 buy 100 --stop 29.50 --target 34",
    )
    parser.set_defaults(run=_run_status)
    actions = parser.add_subparsers(title=_("actions"), metavar="ACTION", dest="action", parser_class=type(parser))
    add(actions, common, "status", _("cash, positions, waiting orders and how much of each limit is used"), "pregao paper status")
    order = add(actions, common, "order", _("place an order"), "pregao paper order PETR4 buy 100 --limit 30.10 --stop 29.50")
    order.add_argument("symbol", metavar="SYMBOL")
    order.add_argument("side", choices=("buy", "sell"))
    order.add_argument("quantity", metavar="QUANTITY")
    order.add_argument(
        "--type", metavar="TYPE", help=_("market, limit, stop, stop_limit or bracket (default: by the prices given)")
    )
    order.add_argument("--limit", metavar="PRICE", help=_("the worst price of a limit order"))
    order.add_argument("--trigger", metavar="PRICE", help=_("the price at which a stop order wakes up"))
    order.add_argument("--stop", metavar="PRICE", help=_("the stop of the position that the order opens"))
    order.add_argument("--target", metavar="PRICE", help=_("the target of the position that the order opens"))
    order.add_argument("--bars", type=int, metavar="N", help=_("how many bars it waits (default: until cancelled)"))
    cancel = add(actions, common, "cancel", _("take waiting orders back"), "pregao paper cancel 7 PETR4-target")
    cancel.add_argument("ids", nargs="+", metavar="ID")
    close = add(actions, common, "close", _("close positions at the next open"), "pregao paper close PETR4")
    close.add_argument("symbols", nargs="*", metavar="SYMBOL")
    close.add_argument("--all", action="store_true", help=_("every position"))
    follow = add(actions, common, "follow", _("place the orders of the newest signals"), "pregao paper follow PETR4 VALE3")
    follow.add_argument("symbols", nargs="+", metavar="SYMBOL")
    follow.add_argument("--strategy", metavar="NAME", help=_("the strategy to ask (default: the one of the daily run)"))
    replay = add(
        actions, common, "replay", _("go on through the sessions whose bars are stored"), "pregao paper replay --to 2025-06-30"
    )
    replay.add_argument("--to", metavar="DATE", help=_("last session, YYYY-MM-DD"))
    replay.add_argument("--sessions", type=int, metavar="N", help=_("only so many sessions"))
    risk = add(actions, common, "risk", _("the risk rules, and the kill switch"), "pregao paper risk --kill-switch on")
    risk.add_argument("--kill-switch", choices=("on", "off"), help=_("on: nothing opens, waiting entries are cancelled"))
    for name, summary in (
        ("history", _("everything that was done: orders, fills, trades, equity")),
        ("reconcile", _("prove that the backtester gives the same fills")),
    ):
        shown = add(actions, common, name, summary, f"pregao paper {name}")
        shown.add_argument("--account", type=int, metavar="ID", help=_("an account of before (default: the open one)"))
    reset = add(actions, common, "reset", _("begin a new account; the history of the old one is kept"), "pregao paper reset")
    reset.add_argument("--from", dest="from_", metavar="DATE", help=_("walk through the past from this session on, by `replay`"))
    runs: dict[str, Callable[[argparse.Namespace], int]] = {
        "status": _run_status,
        "order": _run_order,
        "cancel": _run_cancel,
        "close": _run_close,
        "follow": _run_follow,
        "replay": _run_replay,
        "risk": _run_risk,
        "history": _run_history,
        "reconcile": _run_reconcile,
        "reset": _run_reset,
    }
    for name, work in runs.items():
        actions.choices[name].set_defaults(run=work)


def _run_status(arguments: argparse.Namespace) -> int:
    from engine.paper.account import PaperAccount

    with desk_of(arguments) as desk:
        return _answer(desk, arguments, PaperAccount(desk).status(), lambda found: _report().status_report(found))


def _run_order(arguments: argparse.Namespace) -> int:
    from engine.paper.account import PaperAccount
    from engine.paper.tickets import Ticket

    quantity = _whole(arguments.quantity)
    if arguments.bars is not None and arguments.bars < 1:
        raise UsageError(_("--bars takes a number from 1 up"), _("Without it the order waits until it is cancelled."))
    given = {name: getattr(arguments, name) for name in LEVELS}
    prices = {name: nan if text is None else parse_number(text, f"--{name}") for name, text in given.items()}
    kind = arguments.type or _kind_of(given)
    (symbol,) = symbols([arguments.symbol])
    ticket = Ticket(symbol, 1 if arguments.side == "buy" else -1, quantity, kind, **prices, bars=arguments.bars or 0)
    with desk_of(arguments) as desk:
        account = PaperAccount(desk)
        placed = account.place(ticket)
        code = _placed(desk, arguments, [placed], one=True)
        narrate(" ".join(account.status()["notices"]), quiet=is_json(arguments))
        return code


def _whole(text: str) -> int:
    """The quantity of an order."""
    if not text.removeprefix("-").isdecimal():
        raise UsageError(_("The quantity must be a whole number, not {value}").format(value=text))
    if int(text) < 1:
        raise UsageError(_("The quantity must be 1 or more, not {value}").format(value=text))
    return int(text)


def _kind_of(given: dict[str, str | None]) -> str:
    limited, triggered = given["limit"] is not None, given["trigger"] is not None
    return ("stop_limit" if triggered else "limit") if limited else ("stop" if triggered else "market")


def _placed(desk: Desk, arguments: argparse.Namespace, rows: list[StoredOrder], *, one: bool = False) -> int:
    """Show the orders; a refused one is recorded, and fails the gate."""
    from engine.paper.report import order_dict
    from engine.paper.words import all_reasons, hint_of

    refused = [row for row in rows if row.reasons and row.state == "refused"]
    if refused:
        row = refused[0]
        text = _("The order {id} of {symbol} was refused: {reasons}").format(
            id=row.number, symbol=row.symbol, reasons=all_reasons(row.reasons)
        )
        raise GateError(text, hint_of(row.reasons))
    shown = [order_dict(row) for row in rows]
    found = {"order": shown[0]} if one else {"orders": shown}
    return _answer(desk, arguments, found | {"demo": desk.workspace.demo}, lambda _found: _report().orders_table(shown))


def _run_cancel(arguments: argparse.Namespace) -> int:
    from engine.paper.account import PaperAccount

    with desk_of(arguments) as desk:
        done = PaperAccount(desk).cancel(arguments.ids)
        narrate(_("Cancelled: {ids}").format(ids=", ".join(done)), quiet=is_json(arguments))
        return _answer(desk, arguments, {"cancelled": done, "demo": desk.workspace.demo}, None)


def _run_close(arguments: argparse.Namespace) -> int:
    from engine.paper.account import PaperAccount

    wanted = symbols(arguments.symbols)
    if bool(wanted) is arguments.all:
        raise UsageError(_("Name the positions to close, or give --all"))
    with desk_of(arguments) as desk:
        account = PaperAccount(desk)
        rows = account.close_all() if arguments.all else [account.close(symbol) for symbol in wanted]
        if not rows:
            narrate(_("There is no position to close."), quiet=is_json(arguments))
        return _placed(desk, arguments, rows)


def _run_follow(arguments: argparse.Namespace) -> int:
    from engine import strategies
    from engine.paper.account import PaperAccount
    from engine.paper.following import signal_now

    wanted = symbols(arguments.symbols)
    with desk_of(arguments) as desk:
        name = arguments.strategy or desk.settings.daily.strategy
        strategy = strategies.chosen(name, folder=desk.workspace.strategies)
        done = PaperAccount(desk).follow([signal_now(desk, symbol, strategy) for symbol in wanted])
        return _answer(
            *(desk, arguments, {"followed": done, "demo": desk.workspace.demo}),
            lambda found: _report().followed_table(found["followed"]),
        )


def _run_replay(arguments: argparse.Namespace) -> int:
    from engine.domain import day_number
    from engine.paper.account import PaperAccount

    if arguments.sessions is not None and arguments.sessions < 1:
        raise UsageError(_("--sessions takes a number from 1 up"))
    until = None if arguments.to is None else day_number(parse_day(arguments.to, "--to"))
    with desk_of(arguments) as desk:
        account = PaperAccount(desk)
        done = account.replay_to(until, most=arguments.sessions)
        if done["session"] is None:
            narrate(_("No paper account is open: the first order opens one."), quiet=is_json(arguments))
        return _answer(desk, arguments, done | {"demo": desk.workspace.demo}, lambda found: _report().replay_text(found))


def _run_risk(arguments: argparse.Namespace) -> int:
    from engine.paper.account import PaperAccount
    from tui.paper.deeds import cancelled_text

    with desk_of(arguments) as desk:
        account = PaperAccount(desk)
        found: dict[str, Any] = {"demo": desk.workspace.demo}
        if arguments.kill_switch is not None:
            found["cancelled"] = account.kill_switch(arguments.kill_switch == "on")
            if arguments.kill_switch == "on":
                narrate(cancelled_text(found["cancelled"]), quiet=is_json(arguments))
        found["risk"] = account.status()["risk"]
        return _answer(desk, arguments, found, lambda shown: _report().risk_table(shown["risk"]))


def _run_history(arguments: argparse.Namespace) -> int:
    from engine.paper.account import PaperAccount

    with desk_of(arguments) as desk:
        found = PaperAccount(desk).history(arguments.account)
        return _answer(desk, arguments, found, lambda shown: _report().history_report(shown))


def _run_reconcile(arguments: argparse.Namespace) -> int:
    """Exit code 1 when the fills are not the same."""
    from engine.paper.account import PaperAccount

    with desk_of(arguments) as desk:
        found = PaperAccount(desk).reconcile(arguments.account)
        _answer(
            *(desk, arguments, found | {"demo": desk.workspace.demo}),
            lambda shown: _report().reconcile_report(shown),
        )
        return 0 if found["same"] else 1


def _run_reset(arguments: argparse.Namespace) -> int:
    from engine.domain import day_number
    from engine.paper.account import PaperAccount

    since = None if arguments.from_ is None else day_number(parse_day(arguments.from_, "--from"))
    with desk_of(arguments) as desk:
        account = PaperAccount(desk)
        account.reset(since)
        return _answer(desk, arguments, account.status(), lambda found: _report().status_report(found))


def _answer(
    desk: Desk, arguments: argparse.Namespace, found: dict[str, Any], shown: Callable[[dict[str, Any]], RenderableType] | None
) -> int:
    if is_json(arguments):
        print_json(found)
    elif shown is not None:
        demo_banner(desk.workspace.demo)
        console().print(shown(found))
    return 0


def _report() -> Any:
    from tui.reports import paper as paper_report

    return paper_report
