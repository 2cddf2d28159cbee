"""The income tax of a backtest as a Rich table for the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.domain import from_day_number
from engine.i18n import _
from tui.format import DASH, day, money, number, percent
from tui.reports.table import plain_table

if TYPE_CHECKING:
    from engine.backtest.taxed import Taxed
    from engine.market.taxes import TaxMonth


def tax_table(taxed: Taxed) -> RenderableType:
    """The months with something in them and their sum, the figures before and after tax, what is open, and the notes."""
    lines: list[RenderableType] = [Text(_("Income tax"), style="bold")]
    months = [month for month in taxed.report.months if month.gain or month.tax or month.irrf]
    if months:
        lines += [_months(months, taxed), Text("")]
    lines += [_figures(taxed), *(Text(line) for line in _summary(taxed))]
    lines += [Text(_("Note: {text}").format(text=text), style="yellow") for text in taxed.notes]
    return Group(*lines)


def _months(months: list[TaxMonth], taxed: Taxed) -> Table:
    kinds = {"common": _("common"), "day_trade": _("day trade"), "fii": _("FII")}
    table = plain_table(
        _("Month"), _("Kind"), _("Sales"), _("Gain"), _("Taxable"), _("Tax"), _("Withheld"), _("Due"), left=2, gap=1
    )
    for month in months:
        due = DASH if month.due_session is None else day(from_day_number(month.due_session))
        amounts = (_cents(amount) for amount in (month.gain, month.taxable, month.tax, month.irrf))
        table.add_row(month.month, kinds[month.kind], number(month.sales / 100, 0), *amounts, due)
    names = ("gain", "taxable", "tax", "irrf")
    sums = (_cents(sum(getattr(month, name) for month in taxed.report.months)) for name in names)
    sales = sum(month.sales for month in taxed.report.months)
    table.add_row(_("All"), "", number(sales / 100, 0), *sums, "", style="bold")
    return table


def _figures(taxed: Taxed) -> Table:
    table = plain_table("", _("Final equity"), _("Return"), _("A year"), left=1, gap=1)
    for label, curve in ((_("before tax"), taxed.equity), (_("after tax"), taxed.after_tax_equity)):
        found = taxed.figures(curve)
        shown = (percent(found[name], signed=True) for name in ("total_return", "cagr"))
        table.add_row(label, money(found["final_equity"]), *shown)
    return table


def _summary(taxed: Taxed) -> list[str]:
    report = taxed.report
    lines = [_("Tax {amount}, of which {owed} not yet due").format(amount=money(taxed.tax / 100), owed=money(report.owed / 100))]
    if math.isfinite(taxed.effective_rate):
        lines.append(_("Tax is {rate} of the profit").format(rate=percent(taxed.effective_rate)))
    if taxed.owed_if_sold:
        lines.append(_("If the open positions were sold at the last close: {amount}").format(amount=_signed(taxed.owed_if_sold)))
    if any(report.losses.values()):
        lines.append(
            _("Losses left for later: common {common}, day trade {day_trade}, FII {fii}").format(
                **{kind: money(cents / 100) for kind, cents in report.losses.items()}
            )
        )
    return lines


def _cents(cents: int) -> str:
    return number(cents / 100)


def _signed(cents: int) -> str:
    return f"+{money(cents / 100)}" if cents > 0 else money(cents / 100)
