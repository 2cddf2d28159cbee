"""Anomalies as a Rich table for the terminal. Text from outside goes in as plain text, never as markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _, ngettext
from tui.format import DASH, day, number, percent
from tui.names import anomaly_name, severity_name

GLYPH = {"low": "!", "medium": "!!", "high": "!!!"}
STYLE = {"low": "", "medium": "yellow", "high": "red"}


def anomalies_table(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """One line for each anomaly in its JSON form: what, how severe, why."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name, justify in (
        (_("Symbol"), "left"), (_("Day"), "left"), (_("Severity"), "left"), (_("Kind"), "left"), (_("Score"), "right"), (_("Why"), "left"),
        (_("Seen"), "left"),
    ):  # fmt: skip
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for item in found:
        severity = Text(f"{GLYPH[item['severity']]} {severity_name(item['severity'])}", style=STYLE[item["severity"]])
        why = Text("; ".join(item["drivers"]))
        if item["explained_by"]:
            why.append(f" [{item['explained_by']}]", style="dim")
        when = day(item["session"]) + ("" if item["timeframe"] in ("1d", "1w") else f" {item['time'][11:16]}")
        table.add_row(
            item["symbol"],
            when,
            severity,
            anomaly_name(item["kind"]),
            number(item["score"]),
            why,
            _("yes") if item["acknowledged"] else "",
        )
    return table


def anomalies_report(found: Sequence[Mapping[str, Any]], empty: str) -> RenderableType:
    """The table and, for the last one of each kind and symbol, what followed earlier ones; `empty` where there is none."""
    if not found:
        return Text(empty)
    newest = {(item["symbol"], item["kind"], item["direction"]): item for item in found}
    lines = [line for item in newest.values() if (line := aftermath_line(item))]
    heads = [
        Text(_("What followed earlier ones of the same kind and direction (mean return, 95 % interval, all bars):"), style="bold")
    ]
    return Group(anomalies_table(found), *([Text(), *heads, *map(Text, lines)] if lines else []))


def aftermath_line(item: Mapping[str, Any]) -> str:
    """What followed earlier anomalies of one kind, on one line; empty where there was none."""
    parts = []
    for after in item["followed_by"]:
        if not after["count"]:
            continue
        low, high = (percent(after[name], signed=True) for name in ("low", "high"))
        interval = _("{low} to {high}").format(low=low, high=high) if after["low"] is not None else _("too few to tell")
        parts.append(
            _("after {bars}: {mean} ({interval}; all bars {usual}; n = {count})").format(
                bars=ngettext("{count} bar", "{count} bars", after["bars"]).format(count=after["bars"]),
                mean=percent(after["mean"], signed=True),
                interval=interval,
                usual=percent(after["usual"], signed=True),
                count=after["count"],
            )
        )
    direction = {1: " ▲", -1: " ▼"}.get(item["direction"], "")
    return f"{item['symbol']} {anomaly_name(item['kind'])}{direction}: {', '.join(parts) or DASH}" if parts else ""
