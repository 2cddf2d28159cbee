"""The look-ahead proof as a table, with the first violation of each subject in words below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.backtest.proofs import explain
from engine.i18n import _, ngettext
from tui.format import DASH, number, percent

if TYPE_CHECKING:
    from engine.backtest.lookahead import Checked
    from engine.domain import Bars


def lookahead_report(checked: Sequence[Checked], bars: Bars, *, stored: bool) -> RenderableType:
    """One line per subject; below, what sees the future, what was not proved, and what a bar of delay costs."""
    head = _("{symbol} {timeframe}, {count} bars") if stored else _("A made random walk, {count} bars")
    lines: list[RenderableType] = [
        Text(head.format(symbol=bars.symbol, timeframe=bars.timeframe, count=number(len(bars), 0)), style="bold")
    ]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head, right in (
        (_("Name"), False),
        (_("Kind"), False),
        (_("Values"), True),
        (_("Cuts"), True),
        (_("Futures"), True),
        (_("Settles after"), True),
        (_("Result"), False),
    ):
        table.add_column(head, justify="right" if right else "left", overflow="fold")
    for item in checked:
        settled = item.settled_after
        table.add_row(
            Text(item.name),
            kind_name(item.kind),
            number(item.values, 0),
            number(item.prefixes, 0),
            number(item.perturbations, 0),
            DASH if settled is None else ngettext("{count} bar", "{count} bars", settled).format(count=number(settled, 0)),
            _result(item),
        )
    lines.append(table)
    lines += [Text(explain(item), style="red") for item in checked if item.passed is False]
    lines += [Text(explain(item), style="yellow") for item in checked if item.passed is None]
    lines += [Text(delay_sentence(item)) for item in checked if item.lag and item.lag["trades"]]
    return Group(*lines)


def delay_sentence(item: Checked) -> str:
    """What a strategy makes on time and one bar late, without costs."""
    figures = item.lag or {}
    return _("{name} makes {own} without costs, and {late} with every signal one bar late.").format(
        name=item.name, own=percent(figures["total_return"]), late=percent(figures["total_return_late"])
    )


def kind_name(kind: str) -> str:
    """What a subject is, in words."""
    return {
        "strategy": _("strategy"),
        "indicator": _("indicator"),
        "feature": _("feature"),
        "function": _("function"),
        "label": _("label"),
        "regime": _("regime"),
    }.get(kind, kind)


def _result(item: Checked) -> Text:
    if item.passed is False:
        return Text("✗ " + _("sees the future"), style="bold red")
    if item.passed is None:
        return Text("- " + _("nothing was proved"), style="yellow")
    return Text("✓ " + _("passed"), style="green")
