"""The order ticket: typed field by field, weighed by the rules of the account at every key, placed after a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Label, Static
from textual.worker import Worker, get_current_worker

from engine.errors import PregaoError
from engine.i18n import _
from tui.messages import sentences
from tui.paper.names import side_name, type_name
from tui.paper.text import outlook_text
from tui.paper.ticket import PRICES, SIDES, TYPES, label, missing, ticket_of
from tui.screens.dialogs import Confirm, Dialog
from tui.widgets.choice import Choice

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.paper.tickets import Ticket
    from tui.app import PregaoApp

TYPED = ("symbol", "quantity", "trigger", "limit", "stop", "target", "bars")
#: How long no key comes before what was typed is weighed.
REST_SECONDS = 0.15


class OrderTicket(Dialog["Ticket"]):
    """A new order; gives the ticket once it was weighed and confirmed."""

    DEFAULT_CSS = """
    OrderTicket .field { height: 1; }
    OrderTicket .field Label { width: 12; }
    OrderTicket Input { border: none; height: 1; width: 1fr; padding: 0 1; background: $panel; }
    OrderTicket Input:focus { border: none; background: $block-cursor-blurred-background; }
    OrderTicket #ticket-said { height: auto; min-height: 7; max-height: 9; margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar = [
        Binding("down", "app.focus_next", "Down", show=False),
        Binding("up", "app.focus_previous", "Up", show=False),
    ]

    @dataclass
    class Weighed(Message):
        """What was typed has been weighed: the order with what it means, or what is wrong with it."""

        typed: Mapping[str, str]
        ticket: Ticket | None
        outlook: Mapping[str, Any] | None
        wrong: str

    def __init__(self, desk: Desk, first: Mapping[str, str], colours: Mapping[str, str]) -> None:
        """first: what stands in the fields at the beginning, by name; those left out are empty."""
        super().__init__()
        self._desk, self._first, self._colours = desk, first, colours
        self._rest: Timer | None = None
        self._weighed: OrderTicket.Weighed | None = None

    def compose(self) -> ComposeResult:
        first = self._first
        with Vertical(classes="dialog"):
            yield Static(Text(_("New order - simulated"), style="bold"))
            yield from self._line("symbol")
            with Horizontal(classes="field"):
                yield Label(label("side"))
                yield Choice(SIDES, side_name, value=first.get("side", ""), id="ticket-side")
            yield from self._line("quantity")
            with Horizontal(classes="field"):
                yield Label(label("type"))
                yield Choice(TYPES, type_name, value=first.get("type", ""), id="ticket-type")
            for name in TYPED[2:]:
                yield from self._line(name)
            yield Static(id="ticket-said")
            yield Static(Text(_("Arrows and Tab move · Enter places it after a question · Esc closes"), style="dim"))

    def _line(self, name: str) -> ComposeResult:
        hints = {
            "symbol": _("for example PETR4"),
            "quantity": _("units; all closes a position"),
            "stop": _("of the position that it opens"),
            "target": _("of the position that it opens"),
            "bars": _("how many it waits; empty: until cancelled"),
        }
        with Horizontal(classes="field", id=f"line-{name}"):
            yield Label(label(name))
            yield Input(
                self._first.get(name, ""), placeholder=hints.get(name, _("price")), id=f"ticket-{name}", select_on_focus=False
            )

    def on_mount(self) -> None:
        self._fit_type()
        self.query_one("#ticket-quantity" if self._first.get("symbol") else "#ticket-symbol", Input).focus()
        self._weigh_soon()

    @property
    def typed(self) -> dict[str, str]:
        """What stands in the fields."""
        found = {name: self.query_one(f"#ticket-{name}", Input).value for name in TYPED}
        return {
            **found,
            "side": self.query_one("#ticket-side", Choice).value,
            "type": self.query_one("#ticket-type", Choice).value,
        }

    def _fit_type(self) -> None:
        """Only the prices that the type asks for are shown."""
        asked = PRICES[self.query_one("#ticket-type", Choice).value]
        for name in ("trigger", "limit", "stop", "target"):
            self.query_one(f"#line-{name}").display = name in asked

    @on(Choice.Changed)
    @on(Input.Changed)
    def _changed(self) -> None:
        self._fit_type()
        self._weighed = None
        self._weigh_soon()

    def _weigh_soon(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST_SECONDS, self._weigh)

    def _weigh(self) -> None:
        typed = self.typed
        lacking = missing(typed)
        if lacking:
            names = ", ".join(label(name) for name in lacking)
            self._say(Text(_("Still needed: {fields}.").format(fields=names), style=self._colours["dim"]))
            return
        self._ask(typed)

    @work(thread=True, exclusive=True, group="ticket", exit_on_error=False)
    def _ask(self, typed: dict[str, str]) -> None:
        from engine.paper.account import PaperAccount

        try:
            ticket = ticket_of(typed)
            found = self.Weighed(typed, ticket, PaperAccount(self._desk).preview(ticket), "")
        except PregaoError as error:
            found = self.Weighed(typed, None, None, sentences(error.message, error.hint))
        if not get_current_worker().is_cancelled:
            self.post_message(found)

    @on(Weighed)
    def _tell(self, event: Weighed) -> None:
        if event.typed != self.typed:
            return
        self._weighed = event
        if event.outlook is None:
            self._say(Text(f"✖ {event.wrong}", style=self._colours["down"]))
        else:
            self._say(outlook_text(event.outlook, self._colours))

    def _say(self, text: Text) -> None:
        self.query_one("#ticket-said", Static).update(text)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect while it was weighed is said like one of the app."""
        cast("PregaoApp", self.app).on_worker_state_changed(event)

    @on(Input.Submitted)
    async def _entered(self) -> None:
        await self.action_accept()

    async def action_accept(self) -> None:
        """Ask once more, with all that the order means; nothing happens while it is not weighed or makes no sense."""
        weighed = self._weighed
        if weighed is None or weighed.outlook is None or weighed.ticket is None:
            return
        ticket = weighed.ticket

        def done(confirmed: bool | None) -> None:
            if confirmed:
                self.dismiss(ticket)

        accept = _("record the refusal") if weighed.outlook["refused"] else _("place the order")
        self.app.push_screen(Confirm(_("Place this order?"), outlook_text(weighed.outlook, self._colours), accept), done)
