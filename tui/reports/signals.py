"""Signals and strategies as Rich tables. Text from outside goes in as plain text, never as markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from engine.i18n import _, ngettext
from tui.format import instant, number, percent, price
from tui.names import action_name
from tui.reports.table import plain_table

GLYPH = {"BUY": "▲", "SELL": "▼", "HOLD": "●"}
STYLE = {"BUY": "green", "SELL": "red", "HOLD": "dim"}


def action_text(action: str) -> Text:
    """BUY, SELL or HOLD with its glyph, in words of the reader's language."""
    names = {"BUY": _("BUY"), "SELL": _("SELL"), "HOLD": _("HOLD")}
    return Text(f"{GLYPH[action]} {names[action]}", style=STYLE[action])


def signals_report(signals: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Signals with their levels, and the reason of each in words."""
    heads = (_("Symbol"), _("Action"), _("Strength"), _("Price"), _("Stop"), _("Target"), _("Bar"), _("Valid until"))
    table = plain_table(*heads, right=heads[2:6])
    notes: list[RenderableType] = []
    for signal in signals:
        table.add_row(
            Text(signal["symbol"]),
            action_text(signal["action"]),
            number(signal["strength"]),
            price(signal["price"]),
            price(signal["stop_loss"]),
            price(signal["take_profit"]),
            instant(signal["time"]),
            instant(signal["valid_until"]),
        )
        notes.append(Text(f"  {signal['symbol']}: {signal['reason']}"))
        if signal.get("filter") and signal["filter"]["probabilities"]:
            notes.append(Text(f"  {signal['symbol']}: {opinion_line(signal['filter'])}", style="dim"))
        if signal["stale_sessions"]:
            count = signal["stale_sessions"]
            text = ngettext(
                "{symbol}: stale, {count} session behind the exchange",
                "{symbol}: stale, {count} sessions behind the exchange",
                count,
            )
            notes.append(Text("  " + text.format(symbol=signal["symbol"], count=count), style="yellow"))
    return Group(table, *notes)


def opinion_line(opinion: Mapping[str, Any]) -> str:
    """What the model said of a signal: its probabilities, and how much a signal needs."""
    said = ", ".join(f"{action_name(name)} {percent(p)}" for name, p in opinion["probabilities"].items())
    return _("model {model} says {probabilities}; a signal needs {threshold}").format(
        model=opinion["model"], probabilities=said, threshold=percent(opinion["threshold"])
    )


def strategies_table(listed: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Every strategy with its parameters, defaults and ranges."""
    heads = (_("Strategy"), _("Parameter"), _("Default"), _("From"), _("To"), _("Meaning"))
    table = plain_table(*heads, right=heads[2:5])
    for strategy in listed:
        if not strategy["params"]:
            table.add_row(Text(strategy["name"]))
        for at, param in enumerate(strategy["params"]):
            figures = (f"{param[key]:g}" for key in ("default", "low", "high"))
            table.add_row(Text(strategy["name"]) if at == 0 else "", param["name"], *figures, Text(param["help"]))
    return table
