"""The ticket: what is typed into it, and the order that it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from engine.paper.tickets import Ticket

SIDES = ("buy", "sell")
TYPES = ("market", "limit", "stop", "stop_limit", "bracket")
#: The prices that each type asks for; a bracket is at the market unless it has a limit or a trigger.
PRICES: Mapping[str, tuple[str, ...]] = {
    "market": ("stop", "target"),
    "limit": ("limit", "stop", "target"),
    "stop": ("trigger", "stop", "target"),
    "stop_limit": ("trigger", "limit", "stop", "target"),
    "bracket": ("trigger", "limit", "stop", "target"),
}
#: The prices that a type cannot do without.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "market": (),
    "limit": ("limit",),
    "stop": ("trigger",),
    "stop_limit": ("trigger", "limit"),
    "bracket": ("stop", "target"),
}


def label(field: str) -> str:
    """What a field is called."""
    names = {
        "symbol": _("Symbol"),
        "side": _("Side"),
        "quantity": _("Quantity"),
        "type": _("Type"),
        "limit": _("Limit"),
        "trigger": _("Trigger"),
        "stop": _("Stop"),
        "target": _("Target"),
        "bars": _("Bars"),
    }
    return names[field]


def missing(typed: Mapping[str, str]) -> list[str]:
    """The fields that are still empty and are needed, in order."""
    return [name for name in ("symbol", "quantity", *NEEDED[typed["type"]]) if not typed[name].strip()]


def ticket_of(typed: Mapping[str, str]) -> Ticket:
    """The order that was typed, by field; the quantity `all` closes a position. Raises UsageError for what is no number."""
    from engine.market.instruments import normalise_symbol
    from engine.paper.tickets import Ticket
    from tui.commands.common import parse_number

    kind = typed["type"]
    prices = {name: parse_number(typed[name], label(name)) if typed[name].strip() else nan for name in PRICES[kind]}
    side = 1 if typed["side"] == "buy" else -1
    quantity = 0 if typed["quantity"].strip().lower() in ("all", _("all")) else _whole(typed["quantity"], label("quantity"))
    bars = _whole(typed["bars"], label("bars")) if typed["bars"].strip() else None
    if bars == 0:
        raise UsageError(_("{label} must be 1 or more").format(label=label("bars")), _("Empty: until cancelled."))
    return Ticket(normalise_symbol(typed["symbol"]), side, quantity, kind, **prices, bars=bars or 0)


def _whole(text: str, name: str) -> int:
    if not text.strip().isdecimal():
        raise UsageError(_("{label} must be a whole number").format(label=name))
    return int(text)
