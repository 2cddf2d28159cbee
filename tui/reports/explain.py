"""Why a model says what it says, as a chart of bars for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.i18n import _, ngettext
from tui.format import percent
from tui.names import action_name

if TYPE_CHECKING:
    from engine.ml.explain import Explanation

#: Cells of a bar to either side of the axis.
SIDE = 12
MOST = 12
DIGITS = 3
AXIS, FULL = "│", "█"


def explain_report(found: Explanation, model_id: str = "", most: int = MOST) -> RenderableType:
    """The probability that is explained and one bar a feature: to the right what speaks for it, to the left against it.

    model_id: named in the title where it is given. most: the features shown; the others are summed up in one line.
    """
    from engine.ml.explain import MARGIN, signed, value_words

    action = action_name(str(found.action))
    title = _("{action} with {probability}").format(action=action, probability=percent(found.probability))
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in (_("Feature"), _("Value"), _("against | for {action}").format(action=action), _("Amount")):
        table.add_column(name, justify="right" if name == _("Amount") else "left", overflow="fold")
    shown, rest = found.contributions[:most], found.contributions[most:]
    largest = max((abs(item.contribution) for item in shown), default=0.0)
    for item in shown:
        bar = _bar(item.contribution, largest)
        table.add_row(item.feature, value_words(item.feature, item.value), bar, signed(item.contribution, DIGITS))
    if rest:
        label = ngettext("{count} other", "{count} others", len(rest)).format(count=len(rest))
        table.add_row(label, "", "", signed(sum(item.contribution for item in rest), DIGITS), style="dim")
    pattern = (
        _("Start {base} + amounts = margin {total}: the model's own answer, before calibration.")
        if found.unit == MARGIN
        else _("Start {base} + amounts = probability {total}: the model's own answer, before calibration.")
    )
    note = pattern.format(base=signed(found.base, DIGITS), total=signed(found.total, DIGITS))
    return Group(Text(f"{title} ({model_id})" if model_id else title, style="bold"), table, Text(note, style="dim"))


def _bar(amount: float, largest: float) -> Text:
    """A bar from the axis to the left (red) or to the right (green), as long as its share of the largest amount."""
    length = round(SIDE * abs(amount) / largest) if largest else 0
    left = FULL * length if amount < 0 else ""
    right = FULL * length if amount > 0 else ""
    return Text.assemble((left.rjust(SIDE), "red"), (AXIS, "dim"), (right.ljust(SIDE), "green"))
