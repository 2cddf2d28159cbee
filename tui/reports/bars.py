"""Bars and what is stored of each series, as Rich tables. Text from outside goes in as plain text, never as markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from engine.domain import from_day_number, iso
from engine.i18n import _, pgettext
from tui.format import DASH, day, instant, money, number, percent, price
from tui.reports.table import more, plain_table

if TYPE_CHECKING:
    from engine.domain import Bars
    from engine.store.coverage import Coverage

LISTED = 12


def coverage_table(found: Sequence[Coverage]) -> RenderableType:
    """One line per series and, below, what is odd in each."""
    heads = (
        _("Symbol"),
        _("TF"),
        _("First"),
        _("Last"),
        _("Bars"),
        _("Missing"),
        _("Zero vol."),
        _("Flat"),
        _("Jumps"),
        _("Base"),
        _("Source"),
        _("Prov."),
    )
    table = plain_table(*heads, right=heads[4:9])
    notes: list[RenderableType] = []
    for item in found:
        table.add_row(
            Text(item.symbol),
            item.timeframe,
            day(item.first),
            day(item.last),
            number(item.bars, 0),
            DASH if item.missing_sessions is None else number(item.missing_sessions, 0),
            number(item.zero_volume, 0),
            number(item.flat, 0),
            number(len(item.jumps), 0),
            _(item.price_base),
            Text(", ".join(item.sources)),
            number(item.provisional, 0),
        )
        notes += [Text(f"  {line}") for line in coverage_notes(item)]
    return Group(table, *notes)


def coverage_notes(item: Coverage) -> list[str]:
    name = f"{item.symbol} {item.timeframe}"
    notes = []
    if item.missing_sessions:
        listed = ", ".join(day(session) for session in item.missing[:LISTED])
        notes.append(
            _("{name}: sessions of B3 without a bar: {sessions}").format(
                name=name, sessions=listed + more(item.missing_sessions, LISTED)
            )
        )
    if item.extra_sessions:
        notes.append(
            _("{name}: bars on days that are no sessions: {days}").format(
                name=name, days=", ".join(map(day, item.extra_sessions))
            )
        )
    if item.jumps:
        listed = ", ".join(f"{day(jump.session)} {percent(jump.change, signed=True)}" for jump in item.jumps[:LISTED])
        notes.append(
            _("{name}: jumps that no stored event explains: {jumps}").format(
                name=name, jumps=listed + more(len(item.jumps), LISTED)
            )
        )
    if item.after_market:
        notes.append(
            _("{name}: {count} after-market bars, kept apart from the session").format(name=name, count=item.after_market)
        )
    if item.revisions:
        notes.append(_("{name}: {count} bars were revised by a later import").format(name=name, count=item.revisions))
    return notes


def bars_table(bars: Bars) -> RenderableType:
    """The bars, oldest first."""
    heads = (
        _("Time"),
        pgettext("price", "Open"),
        _("High"),
        _("Low"),
        pgettext("price", "Close"),
        _("Quantity"),
        _("Turnover"),
        "",
    )
    table = plain_table(*heads, right=heads[1:7])
    for at in range(len(bars)):
        marks = [_("provisional")] if bars.provisional[at] else []
        marks += [_("after-market")] if bars.after_market[at] else []
        when = day(from_day_number(int(bars.session[at]))) if bars.timeframe in ("1d", "1w") else instant(iso(int(bars.time[at])))
        table.add_row(
            when,
            *(price(float(getattr(bars, name)[at])) for name in ("open", "high", "low", "close")),
            number(float(bars.quantity[at]), 0),
            money(float(bars.turnover[at])),
            ", ".join(marks),
        )
    source = _("{symbol} {timeframe}, source {source}, price base {base}").format(
        symbol=bars.symbol, timeframe=bars.timeframe, source=bars.source, base=_(bars.price_base)
    )
    if bars.derived_from:
        source += _(", built from {timeframe} bars").format(timeframe=bars.derived_from)
    return Group(table, Text(source, style="dim"))
