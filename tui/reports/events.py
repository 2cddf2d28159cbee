"""Corporate events as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table

from engine.domain import from_day_number
from engine.i18n import _
from tui.format import DASH, day, number

if TYPE_CHECKING:
    from engine.market.adjust import CorporateEvent


def event_dict(event: CorporateEvent) -> dict[str, Any]:
    """The JSON form of one event; dates in ISO form."""
    return {
        "kind": event.kind,
        "ex_session": from_day_number(event.ex_session).isoformat(),
        "factor": event.factor,
        "amount": event.amount,
        "pay_session": None if event.pay_session is None else from_day_number(event.pay_session).isoformat(),
        "source": event.source,
    }


def events_table(events: Sequence[CorporateEvent]) -> RenderableType:
    """One line per event, oldest first."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    heads = (_("Ex date"), _("Kind"), _("Factor"), _("R$ per unit"), _("Payment"), _("Source"))
    for at, head in enumerate(heads):
        table.add_column(head, justify="right" if at in (2, 3) else "left", overflow="fold")
    for event in events:
        table.add_row(
            day(from_day_number(event.ex_session)),
            kind_name(event.kind),
            DASH if event.factor is None else number(event.factor, 4),
            DASH if event.amount is None else number(event.amount, 6),
            DASH if event.pay_session is None else day(from_day_number(event.pay_session)),
            event.source or DASH,
        )
    return table


def kind_name(kind: str) -> str:
    """The kind of an event in words of the reader's language."""
    names = {
        "dividend": _("dividend"),
        "jcp": _("JCP (interest on equity)"),
        "split": _("split"),
        "reverse_split": _("reverse split"),
        "bonus": _("bonus shares"),
    }
    return names[kind]
