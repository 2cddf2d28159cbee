"""One anomaly in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from engine.domain import TIMEFRAMES, sao_paulo
from engine.i18n import _, ngettext
from tui.names import anomaly_name, severity_name
from tui.quick_format import GLYPH, day, number, percent

if TYPE_CHECKING:
    from engine.store.board_anomalies import BoardAnomaly

SEVERITY = {"low": ("!", "flat"), "medium": ("!!", "warn"), "high": ("!!!", "down")}
DIRECTION = {1: "up", -1: "down"}


def severity_cell(item: BoardAnomaly) -> tuple[str, str]:
    """Glyph and word of a severity, and its style; dim once it was seen."""
    glyph, style = SEVERITY[item.severity]
    return f"{glyph:<3} {severity_name(item.severity)}", "dim" if item.acknowledged else style


def kind_text(item: BoardAnomaly) -> str:
    """The kind, with where the price went."""
    return f"{anomaly_name(item.kind)} {GLYPH[DIRECTION[item.direction]]}" if item.direction else anomaly_name(item.kind)


def moment(item: BoardAnomaly) -> str:
    """The day of the bar, and for bars of less than a day the time in Sao Paulo."""
    when = sao_paulo(item.time)
    return day(when.date()) + ("" if TIMEFRAMES[item.timeframe] >= TIMEFRAMES["1d"] else f" {when:%H:%M}")


def anomaly_text(item: BoardAnomaly, colours: Mapping[str, str]) -> Text:
    """All that is known of an anomaly: what drove it, what explains it, what followed earlier ones, what to do."""
    severity, style = severity_cell(item)
    text = Text()
    text.append(item.symbol, style="bold")
    text.append(f" {kind_text(item)} ", style=colours[DIRECTION.get(item.direction, "flat")])
    text.append(f"{' '.join(severity.split())}\n", style=colours[style])
    text.append(f"{item.name}\n" if item.name else "", style="dim")
    facts = [
        (_("Bar of"), f"{moment(item)} · {item.timeframe}"),
        (_("Score"), _("{score} ({times} times the alarm limit)").format(score=number(item.score), times=number(item.raw, 1))),
        (_("Advice"), item.advice),
    ]
    for label, value in facts:
        text.append(f"{label}: ", style="bold")
        text.append(f"{value}\n")
    if item.explained_by:
        text.append(f"{_('Explained by')}: ", style="bold")
        text.append(f"{item.explained_by}\n", style=colours["accent"])
    text.append(f"\n{_('Why')}\n", style="bold")
    for driver in item.drivers:
        text.append(f"· {driver}\n")
    heading = _("What followed earlier ones of this kind and direction")
    text.append(f"\n{heading}\n", style="bold")
    for line in aftermath_lines(item.followed_by):
        text.append(f"{line}\n")
    seen = _("seen") if item.acknowledged else _("not seen yet")
    text.append(f"\n{item.id} · {seen}", style="dim")
    return text


def aftermath_lines(followed: tuple[Mapping[str, Any], ...]) -> list[str]:
    """One line for each horizon that has something to tell."""
    lines = []
    for after in followed:
        if not after["count"]:
            continue
        interval = (
            _("95 % interval {low} to {high}").format(low=percent(after["low"]), high=percent(after["high"]))
            if after["low"] is not None
            else _("too few to tell")
        )
        lines.append(
            _("{bars}: mean {mean}, median {median}, {interval}; all bars {usual}; n = {count}").format(
                bars=ngettext("{count} bar", "{count} bars", after["bars"]).format(count=after["bars"]),
                mean=percent(after["mean"]),
                median=percent(after["median"]),
                interval=interval,
                usual=percent(after["usual"]),
                count=after["count"],
            )
        )
    return lines or [_("There was none before it.")]
