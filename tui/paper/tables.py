"""The tables of the paper account: positions, orders, fills and trades."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.i18n import _, mark
from tui.paper.account import Row
from tui.paper.names import side_name, state_name, type_name
from tui.quick_format import DASH, GLYPH, day, money, number, percent, price, trend
from tui.widgets.table import Cell, Column

#: The tables by name, and what each is called.
TABLES = {"positions": mark("Positions"), "orders": mark("Orders"), "fills": mark("Fills"), "trades": mark("Trades")}
STATE_STYLE = {"waiting": "accent", "filled": "up", "refused": "down"}


def columns(table: str) -> list[Column]:
    """The columns of a table."""
    made: dict[str, Callable[[], list[Column]]] = {
        "positions": _position_columns,
        "orders": _order_columns,
        "fills": _fill_columns,
        "trades": _trade_columns,
    }
    return made[table]()


def _position_columns() -> list[Column]:
    return [
        Column("symbol", _("Symbol"), 8),
        Column("side", _("Side"), 7, priority=4),
        Column("quantity", _("Quantity"), 9, right=True),
        Column("average_price", _("Average"), 9, right=True),
        Column("last_price", _("Last"), 9, right=True),
        Column("pnl", _("Result"), 15, right=True),
        Column("return", "%", 8, right=True, priority=1),
        Column("stop", _("Stop"), 9, right=True, priority=1),
        Column("target", _("Target"), 9, right=True, priority=2),
        Column("value", _("Value"), 14, right=True, priority=5),
        Column("share", _("Share"), 8, right=True, priority=3),
        Column("bars", _("Bars"), 5, right=True, priority=6),
    ]


def _order_columns() -> list[Column]:
    return [
        Column("id", _("Order"), 12, priority=2),
        Column("symbol", _("Symbol"), 8),
        Column("side", _("Side"), 6),
        Column("type", _("Type"), 10),
        Column("state", _("State"), 10),
        Column("quantity", _("Quantity"), 9, right=True),
        Column("price", _("Price"), 9, right=True),
        Column("stop", _("Stop"), 9, right=True, priority=3),
        Column("target", _("Target"), 9, right=True, priority=4),
        Column("filled", _("Filled"), 8, right=True, priority=5),
        Column("reasons", _("Why"), 14, priority=1, grow=True),
    ]


def _fill_columns() -> list[Column]:
    return [
        Column("time", _("Time"), 16),
        Column("symbol", _("Symbol"), 8),
        Column("side", _("Side"), 6),
        Column("quantity", _("Quantity"), 9, right=True),
        Column("price", _("Price"), 9, right=True),
        Column("costs", _("Costs"), 11, right=True, priority=1),
        Column("reason", _("Why"), 14, grow=True),
        Column("order", _("Order"), 6, right=True, priority=2),
    ]


def _trade_columns() -> list[Column]:
    return [
        Column("symbol", _("Symbol"), 8),
        Column("side", _("Side"), 7, priority=4),
        Column("quantity", _("Quantity"), 9, right=True, priority=3),
        Column("entry_time", _("Entry"), 16, priority=2),
        Column("entry_price", _("Price"), 9, right=True, priority=5),
        Column("exit_time", _("Exit"), 16),
        Column("exit_price", _("Price"), 9, right=True, priority=6),
        Column("pnl", _("Result"), 15, right=True),
        Column("return", "%", 8, right=True, priority=1),
        Column("exit_reason", _("Why"), 13, priority=1, grow=True),
    ]


def cell(row: Row, key: str) -> Cell:
    """One cell of any of the tables."""
    value = row.get(key)
    if key == "symbol":
        return str(value), "bold"
    if key in ("side", "type", "state"):
        names = {"side": side_name, "type": type_name, "state": state_name}
        return names[key](str(value)), STATE_STYLE.get(str(value), "dim") if key == "state" else ""
    if key == "pnl":
        return f"{GLYPH[trend(value)]} {money(value)}", trend(value)
    if key == "return":
        return percent(value), trend(value)
    if key == "quantity":
        return _("all") if value is None else number(value, 0)
    if key == "price":
        return order_price(row) if "type" in row else price(value)
    if key in ("reason", "exit_reason"):
        from engine.paper.words import fill_reason

        return fill_reason(str(value))
    if key == "reasons":
        return "; ".join(row["reasons"])
    shown: dict[str, Callable[[Any], str]] = {
        "value": money,
        "costs": money,
        "share": _share,
        "bars": _count,
        "filled": _count,
        "id": str,
        "order": _or_dash,
    }
    return moment(value) if key.endswith("time") else shown.get(key, price)(value)


def order_price(order: Row) -> str:
    """The price that an order waits for: its trigger and its limit, where it has them."""
    return " ".join(price(order[key]) for key in ("trigger", "limit") if order[key] is not None) or DASH


def moment(iso_time: str | None) -> str:
    """The day of an instant, and its time."""
    return DASH if iso_time is None else f"{day(iso_time)} {iso_time[11:16]}"


def sort_value(row: Row, key: str) -> Any:
    """What a table sorts a row by."""
    if key == "price" and "type" in row:
        return next((row[name] for name in ("trigger", "limit") if row[name] is not None), None)
    return "; ".join(row["reasons"]) if key == "reasons" else row.get(key)


def about(row: Row) -> str:
    """What the filter looks for in a row."""
    words = [row["symbol"], side_name(row["side"])]
    words += [type_name(row["type"]), state_name(row["state"]), row["state"]] if "type" in row else []
    return " ".join([*words, str(row.get("time") or row.get("exit_time") or "")])


def key_of(row: Row) -> tuple[Any, ...]:
    """What a row is known by when the table is read again."""
    return tuple(row.get(name) for name in ("id", "symbol", "time", "entry_time", "exit_time", "order", "reason"))


def _share(value: float | None) -> str:
    return percent(value).lstrip("+")


def _count(value: int | None) -> str:
    return number(value, 0)


def _or_dash(value: Any) -> str:
    return DASH if value is None else str(value)
