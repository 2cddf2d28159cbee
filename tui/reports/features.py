"""The features of a symbol at its last bar as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _
from tui.format import day, instant, number


def features_report(table: Mapping[str, Any]) -> RenderableType:
    """One line per feature of `FeatureTable.as_dict`: its group, its look-back, its value at the last bar, on how many it is defined."""
    lines = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head, right in (
        (_("Feature"), False),
        (_("Group"), False),
        (_("Look-back"), True),
        (_("Value"), True),
        (_("Defined"), True),
    ):
        lines.add_column(head, justify="right" if right else "left", overflow="fold")
    for item in table["features"]:
        lines.add_row(
            item["name"],
            group_name(item["group"]),
            number(item["lookback"], 0),
            number(item["value"], 4),
            number(item["defined"], 0),
        )
    when = day(table["last"]) if table["timeframe"] in ("1d", "1w") else instant(table["last"])
    head = _("{symbol} {timeframe}, the bar of {time} of {count} bars").format(
        symbol=table["symbol"], timeframe=table["timeframe"], time=when, count=number(table["rows"], 0)
    )
    return Group(Text(head, style="bold"), lines, *(Text(note, style="dim") for note in table["notes"]))


def group_name(group: str) -> str:
    """A group of features in words."""
    return {
        "momentum": _("momentum"),
        "volatility": _("volatility"),
        "trend": _("trend"),
        "volume": _("volume"),
        "pattern": _("pattern"),
        "position": _("position"),
        "regime": _("regime"),
        "calendar": _("calendar"),
    }[group]
