"""The paper account as Rich tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _, ngettext
from engine.paper.words import fill_reason
from tui.format import DASH, day, instant, money, number, percent, price
from tui.paper.names import result_name, side_name, state_name, type_name
from tui.reports.table import plain_table

#: The newest so many lines of each part of a history.
LISTED = 30


def status_report(found: Mapping[str, Any]) -> RenderableType:
    """Money, positions, orders and risk on one page."""
    title = _("SIMULATED - paper account {id}").format(id=found["account"] or DASH)
    money_table = plain_table("", "", left=1)
    for label, value in (
        (_("Session"), DASH if found["session"] is None else day(found["session"])),
        (_("Equity"), f"{money(found['equity'])} ({percent(found['total_return'], signed=True)})"),
        (_("After tax"), money(found["after_tax_equity"])),
        (_("Cash"), money(found["cash"])),
        (_("Free for orders"), free_text(found)),
        (_("Dividends on their way"), money(found["receivable"])),
        (_("Interest"), money(found["interest"])),
    ):
        money_table.add_row(label, value)
    parts: list[RenderableType] = [Text(title, style="bold"), money_table]
    parts += [positions_table(found["positions"])] if found["positions"] else [Text(_("No positions."))]
    parts += [orders_table(found["orders"])] if found["orders"] else [Text(_("No waiting orders."))]
    parts.append(risk_table(found["risk"]))
    parts += [Text(line, style="yellow") for line in found["notices"]]
    return Group(*parts)


def free_text(found: Mapping[str, Any]) -> str:
    """What new orders may take, with what waiting ones have reserved."""
    free = money(found["buying_power"])
    if not found["reserved"]:
        return free
    return _("{free} ({reserved} reserved for waiting orders)").format(free=free, reserved=money(found["reserved"]))


def positions_table(positions: Sequence[Mapping[str, Any]]) -> Table:
    """What is held, at average cost."""
    heads = (
        _("Position"),
        _("Side"),
        _("Quantity"),
        _("Average"),
        _("Last"),
        _("Value"),
        _("Share"),
        _("Result"),
        "%",
        _("Stop"),
        _("Target"),
    )
    table = plain_table(*heads, left=2)
    for item in positions:
        table.add_row(
            *(Text(item["symbol"]), side_name(item["side"]), number(item["quantity"], 0), price(item["average_price"])),
            *(price(item["last_price"]), money(item["value"]), percent(item["share"]), money(item["pnl"])),
            *(percent(item["return"], signed=True), price(item["stop"]), price(item["target"])),
        )
    return table


def orders_table(orders: Sequence[Mapping[str, Any]]) -> Table:
    """Orders with their levels and what has become of them."""
    heads = (
        _("Order"),
        _("Symbol"),
        _("Side"),
        _("Type"),
        _("State"),
        _("Quantity"),
        _("Filled"),
        _("Limit"),
        _("Trigger"),
        _("Stop"),
        _("Target"),
        _("Why"),
    )
    table = plain_table(*heads, left=5)
    table.columns[-1].justify = "left"
    for item in orders:
        table.add_row(
            *(
                Text(item["id"]),
                Text(item["symbol"]),
                side_name(item["side"]),
                type_name(item["type"]),
                state_name(item["state"]),
            ),
            _("all") if item["quantity"] is None else number(item["quantity"], 0),
            number(item["filled"], 0),
            *(price(item[name]) for name in ("limit", "trigger", "stop", "target")),
            Text("; ".join(item["reasons"])),
        )
    return table


def risk_table(risk: Mapping[str, Any]) -> RenderableType:
    """How much of each limit is used."""
    limits = risk["limits"]
    table = plain_table(_("Risk"), _("Used"), _("Limit"), left=1)
    for label, used, limit in (
        (_("Largest loss at a stop"), percent(risk["risk_per_trade"]), percent(limits["risk_per_trade"])),
        (_("Loss of the newest session"), percent(risk["daily_loss"]), percent(limits["daily_loss"])),
        (_("Positions"), number(risk["positions"], 0), number(limits["positions"], 0)),
        (_("Exposure"), percent(risk["exposure"]), percent(limits["exposure"])),
    ):
        table.add_row(label, used, limit)
    if not risk["kill_switch"]:
        return table
    return Group(table, Text(_("The kill switch is on: nothing opens"), style="bold red"))


def followed_table(followed: Sequence[Mapping[str, Any]]) -> Table:
    """What was done with each signal."""
    table = plain_table(_("Symbol"), _("Signal"), _("Result"), _("Order"), left=4)
    for item in followed:
        order = DASH if item["order"] is None else str(item["order"])
        table.add_row(Text(item["symbol"]), item["action"], result_name(item["result"]), order)
    return table


def replay_text(done: Mapping[str, Any]) -> RenderableType:
    """How far the account went on."""
    if done["session"] is None:
        return Text("")
    line = ngettext("{count} session replayed", "{count} sessions replayed", done["sessions"]).format(count=done["sessions"])
    line += ", " + ngettext("{count} fill", "{count} fills", done["fills"]).format(count=done["fills"])
    line += ". " + _("The newest session is {date}.").format(date=day(done["session"]))
    if done["waiting_for"]:
        line += " " + _("Bars are missing of: {symbols}").format(symbols=", ".join(done["waiting_for"]))
    return Text(line)


def reconcile_report(found: Mapping[str, Any]) -> RenderableType:
    """Whether the backtester gives the same fills, and where not."""
    fills = ngettext("{count} fill", "{count} fills", found["fills"]).format(count=found["fills"])
    sessions = ngettext("{count} session", "{count} sessions", found["sessions"]).format(count=found["sessions"])
    facts = {"fills": fills, "sessions": sessions}
    if found["same"]:
        return Text(_("The same fills and the same money to the cent: {fills} in {sessions}.").format(**facts), style="green")
    cause = (
        _("Stored bars are no longer those that the account saw.")
        if found["cause"] == "data"
        else _("The bars are the same, so this is a defect.")
    )
    lines: list[RenderableType] = [
        Text(
            _("Not the same: {fills} fills, the backtester has {others}. {cause}").format(
                fills=found["fills"], others=found["replayed_fills"], cause=cause
            ),
            style="red",
        )
    ]
    if found["differences"]:
        table = plain_table(
            _("In"), _("Symbol"), _("Time"), _("Side"), _("Quantity"), _("Price"), _("Costs"), _("Reason"), left=4
        )
        table.columns[-1].justify = "left"
        where = {"account": _("account"), "backtest": _("backtester")}
        for item in found["differences"]:
            table.add_row(
                *(
                    where[item["in"]],
                    Text(item["symbol"]),
                    instant(item["time"]),
                    side_name(item["side"]),
                    number(item["quantity"], 0),
                ),
                *(price(item["price"]), money(item["costs"]), fill_reason(item["reason"])),
            )
        lines.append(table)
    lines += [
        Text(_("changed: {symbol} {time}").format(symbol=item["symbol"], time=instant(item["time"])))
        for item in found["changed_bars"]
    ]
    return Group(*lines)


def history_report(found: Mapping[str, Any]) -> RenderableType:
    """The newest orders, fills and trades of an account."""
    if found["account"] is None:
        return Text(_("No paper account is open: the first order opens one."))
    parts: list[RenderableType] = [Text(_("SIMULATED - paper account {id}").format(id=found["account"]), style="bold")]
    if found["orders"]:
        parts.append(orders_table(found["orders"][-LISTED:]))
    if found["fills"]:
        fills = plain_table(
            _("Fill"), _("Time"), _("Side"), _("Reason"), _("Quantity"), _("Price"), _("Costs"), _("Order"), left=4
        )
        for item in found["fills"][-LISTED:]:
            fills.add_row(
                *(Text(item["symbol"]), instant(item["time"]), side_name(item["side"]), fill_reason(item["reason"])),
                *(number(item["quantity"], 0), price(item["price"]), money(item["costs"]), item["order"] or DASH),
            )
        parts.append(fills)
    if found["trades"]:
        trades = plain_table(
            _("Trade"), _("From"), _("To"), _("Reason"), _("Quantity"), _("Entry"), _("Exit"), _("Result"), "%", left=4
        )
        for item in found["trades"][-LISTED:]:
            trades.add_row(
                *(
                    Text(item["symbol"]),
                    instant(item["entry_time"]),
                    instant(item["exit_time"]),
                    fill_reason(item["exit_reason"]),
                ),
                *(number(item["quantity"], 0), price(item["entry_price"]), price(item["exit_price"])),
                *(money(item["pnl"]), percent(item["return"], signed=True)),
            )
        parts.append(trades)
    elif len(parts) > 1:
        parts.append(Text(_("No position was closed yet.")))
    if len(parts) == 1:
        parts.append(Text(_("Nothing was done in it yet.")))
    return Group(*parts)


def day_line(detail: Mapping[str, Any]) -> str:
    """What the daily run did with the account, on one line."""
    if detail["account"] is None:
        return _("no account is open")
    words = {"fills": detail["fills"], "placed": sum(item["result"] == "placed" for item in detail["followed"])}
    parts = [_("fills: {fills}, orders placed: {placed}").format(**words)]
    if detail["summary"] is not None:
        parts.append(_("equity {equity}").format(equity=money(detail["summary"]["equity"])))
    if detail["waiting_for"]:
        parts.append(_("waits for bars of {symbols}").format(symbols=", ".join(detail["waiting_for"])))
    return ", ".join(parts)
