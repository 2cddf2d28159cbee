"""View 8: the paper account. What is held, ordered and was dealt, what it made, how much of each risk limit is used, and orders."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import ContentSwitcher, Static
from textual.worker import get_current_worker

from engine.errors import PregaoError
from engine.i18n import _, mark
from tui.actions import Action, bindings
from tui.messages import ChartAsked, Said
from tui.paper import deeds
from tui.paper.account import Row, Shown, read_shown
from tui.paper.panels import AccountPanels
from tui.paper.tables import TABLES, about, cell, columns, key_of, sort_value
from tui.paper.text import heading, note, order_line, risk_text, row_text
from tui.quick_format import money, percent, price
from tui.views.filtered import FilteredView, matches
from tui.widgets.panels import PanelBar, after
from tui.widgets.table import Cell, VTable

if TYPE_CHECKING:
    from textual.events import Resize

    from engine.paper.tickets import Ticket

#: The actions whose key is shown beside one table only.
OF_TABLE = {"paper.cancel": "orders", "paper.close": "positions"}
#: What is typed to begin a new account.
RESET_WORD = "reset"


class PaperView(FilteredView):
    """Four tables in one place, the equity curve and the risk below them."""

    DEFAULT_CSS = """
    #paper-head { height: 2; color: $secondary; text-wrap: nowrap; text-overflow: ellipsis; }
    #paper-bar { height: 1; padding: 0 1; }
    #paper-tables { height: 1fr; }
    #paper-tables VTable { height: 1fr; }
    #paper-note { height: 1; padding: 0 1; color: $secondary; text-wrap: nowrap; text-overflow: ellipsis; }
    PaperView AccountPanels { height: 14; }
    PaperView.-short AccountPanels { height: 9; }
    PaperView.-low AccountPanels { display: none; }
    """
    context: ClassVar[str] = "paper"
    BINDINGS = bindings("paper")
    LOW: ClassVar[int] = 18

    @dataclass
    class Loaded(Message):
        """The account has been read."""

        shown: Shown | None
        state: object

    def __init__(self) -> None:
        super().__init__(id="paper")
        self.account: Shown | None = None
        self.panel = next(iter(TABLES))
        self.rows: dict[str, list[Row]] = {name: [] for name in TABLES}
        self._state: object = None
        self._stale = True

    def compose(self) -> ComposeResult:
        yield Static(id="paper-head")
        yield PanelBar("paper", TABLES, self.desk_app.key_of, id="paper-bar")
        with ContentSwitcher(id="paper-tables", initial=f"paper-{self.panel}"):
            for name in TABLES:
                yield VTable(
                    columns(name),
                    partial(self._cell, name),
                    id=f"paper-{name}",
                    empty=_("Reading the account..."),
                    sort_value=partial(self._sort_value, name),
                )
        yield Static(id="paper-note")
        yield AccountPanels()
        yield self.filter_prompt(_("part of a symbol, side, type or state, or a day as 2025-06; !part leaves out"))

    @property
    def table(self) -> VTable:
        return self.query_one(f"#paper-{self.panel}", VTable)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._tell_all())

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.height < self.LOW, "-low")

    def hinted(self, action: Action) -> bool:
        """The keys of the table that is shown, and without an account those that open one."""
        if self.account is not None and not self.account.there and action.context == "paper":
            return action.id in ("paper.order", "paper.reset")
        return super().hinted(action) and OF_TABLE.get(action.id, self.panel) == self.panel

    def label_of(self, action: Action) -> str:
        """Beside its table a short word is enough."""
        short = {"paper.cancel": mark("Cancel"), "paper.close": mark("Close")}
        return short.get(action.id, super().label_of(action))

    # --- reading -------------------------------------------------------------------------------------------------

    def shown(self) -> None:
        if self._stale:
            self._read()
        else:
            self.store_written()

    def desk_ready(self) -> None:
        self._stale = True

    def data_changed(self) -> None:
        """Prices or the calendar have changed."""
        self._stale = True
        if self.desk_app.active_view is self:
            self._read()

    def store_written(self) -> None:
        board = self.desk_app.board
        if board is not None and board.paper_state() != self._state:
            self._read()

    def _read(self) -> None:
        if self.desk_app.desk is not None:
            self._load()

    @work(thread=True, exclusive=True, group="paper-read", exit_on_error=False)
    def _load(self) -> None:
        from engine.store.board import open_board

        desk = self.desk_app.desk
        if desk is None:
            return
        message = self.Loaded(None, None)
        try:
            board = open_board(desk.workspace.database)
            if board is not None:
                with closing(board):
                    message.state = board.paper_state()
            message.shown = read_shown(desk)
        except PregaoError as error:
            self.app.call_from_thread(self.desk_app.fail, error)
        if not get_current_worker().is_cancelled:
            self.post_message(message)

    @on(Loaded)
    def _loaded(self, event: Loaded) -> None:
        """The cursors stay on their rows."""
        if event.shown is None:
            return
        self._stale, self._state = False, event.state
        before = self.selected
        self.account = event.shown
        for name in TABLES:
            self.rows[name] = list(getattr(event.shown, name))
            table = self.query_one(f"#paper-{name}", VTable)
            chosen = key_of(before) if before is not None and name == self.panel else None
            keys = [key_of(row) for row in self.rows[name]]
            table.empty = self._empty(name)
            table.set_rows(len(keys), keys.index(chosen) if chosen in keys else 0)
        self.apply_filter()
        self._tell_all()
        self.desk_app.show_hints()

    def _empty(self, name: str) -> str:
        if self.account is not None and not self.account.there:
            keys = {"order": self.desk_app.key_of("paper.order"), "reset": self.desk_app.key_of("paper.reset")}
            return _("No paper account is open: {reset} opens one with {amount}, {order} by its first order.").format(
                amount=money(self.account.status["initial_capital"]), **keys
            )
        said = {
            "positions": _("No positions: {order} places an order, {signals} in the signals follows one."),
            "orders": _("No order was placed yet: {order} places one."),
            "fills": _("Nothing was dealt yet: orders are tried when {replay} replays a session, or by the daily run."),
            "trades": _("No position was closed yet."),
        }
        app = self.desk_app
        keys = {"order": "paper.order", "signals": "signals.follow", "replay": "paper.replay"}
        return said[name].format(**{word: app.key_of(action) for word, action in keys.items()})

    # --- the tables ----------------------------------------------------------------------------------------------

    @property
    def selected(self) -> Row | None:
        """The row under the cursor of the table that is shown."""
        at, rows = self.table.cursor, self.rows[self.panel]
        return rows[at] if at is not None and at < len(rows) else None

    def _cell(self, name: str, at: int, key: str) -> Cell:
        return cell(self.rows[name][at], key)

    def _sort_value(self, name: str, at: int, key: str) -> object:
        return sort_value(self.rows[name][at], key)

    def apply_filter(self) -> None:
        words, rows = self.words, self.rows[self.panel]
        self.table.set_order([at for at, row in enumerate(rows) if matches(about(row), words)])
        self._tell()

    def action_open(self, panel: str) -> None:
        """Show a table."""
        self.panel = self.query_one(PanelBar).active = panel
        self.query_one("#paper-tables", ContentSwitcher).current = f"paper-{panel}"
        self.apply_filter()
        self.table.focus()
        self.desk_app.show_hints()

    def action_panel(self) -> None:
        self.action_open(after(TABLES, self.panel))

    def _tell_all(self) -> None:
        """Write the heading and the panels again."""
        if self.account is not None:
            colours = self.colours()
            self.query_one("#paper-head", Static).update(heading(self.account, colours))
            self.query_one(AccountPanels).show_account(self.account, colours)
        self._tell()

    @on(VTable.Highlighted)
    def _tell(self) -> None:
        row = self.selected
        facts = [] if row is None else [note(self.panel, row)]
        if self.typed:
            every = self.rows[self.panel]
            facts = [*self.counted(len(self.table.order), len(every), str(len(every))), *facts]
        self.query_one("#paper-note", Static).update(Text(" · ".join(facts)))

    @on(VTable.Opened)
    def _opened(self, event: VTable.Opened) -> None:
        self.post_message(ChartAsked(self.rows[self.panel][event.row]["symbol"]))

    def action_read(self) -> None:
        """The marked row on a page of its own, with the risk of the account below."""
        from tui.screens.dialogs import Reader

        if self.account is None:
            return
        text = row_text(self.panel, self.selected).append("\n\n") if self.selected is not None else Text()
        text.append_text(heading(self.account, self.colours())).append("\n\n")
        text.append_text(risk_text(self.account, self.colours()))
        self.app.push_screen(Reader(_("Paper account"), text))

    # --- what is done --------------------------------------------------------------------------------------------

    def _confirm(self, title: str, text: str | Text, accept: str, deed: deeds.Deed, word: str = "") -> None:
        """Do something after a question."""
        from tui.screens.dialogs import Confirm

        def done(confirmed: bool | None) -> None:
            if confirmed:
                self.desk_app.do_paper(deed)

        content = text if isinstance(text, Text) else Text(text)
        self.app.push_screen(Confirm(title, content, accept, word), done)

    def _ready(self) -> bool:
        """Whether there is an account; says what is lacking."""
        if self.desk_app.ready_desk() is None or self.account is None:
            return False
        if not self.account.there:
            self.desk_app.say(self._empty(self.panel), "warning")
        return self.account.there

    def action_order(self) -> None:
        """Type a new order, beginning with the symbol under the cursor."""
        from tui.screens.order_ticket import OrderTicket

        desk = self.desk_app.ready_desk()
        if desk is None:
            return

        def done(ticket: Ticket | None) -> None:
            if ticket is not None:
                self.desk_app.do_paper(deeds.place(ticket))

        row = self.selected
        symbol = self.desk_app.session.symbol if row is None else row["symbol"]
        self.app.push_screen(OrderTicket(desk, {"symbol": symbol or ""}, self.colours()), done)

    def action_cancel(self) -> None:
        row = self.selected
        if not self._ready():
            return
        if self.panel != "orders" or row is None or row["state"] != "waiting":
            self.desk_app.say(
                _("Mark an order that waits: {key} shows the orders.").format(key=self.desk_app.key_of("paper.orders"))
            )
            return
        text = Text(order_line(row), style="bold")
        if row["origin"] == "position":
            said = (
                _("It protects the position in {symbol}, which is kept without it.")
                if row["type"] in ("stop", "stop_limit")
                else _("It takes the gain of the position in {symbol}, which is kept without it.")
            )
            text.append(f"\n{said.format(symbol=row['symbol'])}", style=self.colours()["warn"])
        title = _("Cancel the order {id}?").format(id=row["id"])
        self._confirm(title, text, _("cancel it"), deeds.cancel(row["id"]))

    def action_close(self) -> None:
        row = self.selected
        if not self._ready() or self.account is None:
            return
        held = next((one for one in self.account.positions if row is not None and one["symbol"] == row["symbol"]), None)
        if held is None:
            key = self.desk_app.key_of("paper.positions")
            self.desk_app.say(_("Mark a position: {key} shows them.").format(key=key))
            return
        text = _("{quantity} {symbol} at the next open, about {price}: {value}. Result so far {pnl} ({share}).").format(
            quantity=held["quantity"],
            symbol=held["symbol"],
            price=price(held["last_price"]),
            value=money(held["value"]),
            pnl=money(held["pnl"]),
            share=percent(held["return"]),
        )
        title = _("Close the position in {symbol}?").format(symbol=held["symbol"])
        self._confirm(title, text, _("close it"), deeds.close(held["symbol"]))

    def action_kill(self) -> None:
        """Turn the kill switch on or off."""
        if not self._ready() or self.account is None:
            return
        on = not self.account.status["risk"]["kill_switch"]
        if on:
            text = _(
                "Nothing opens any more, and the orders that wait to open are cancelled. Positions keep their stops and targets."
            )
            self._confirm(_("Turn the kill switch on?"), text, _("turn it on"), deeds.kill_switch(True))
        else:
            self._confirm(_("Turn the kill switch off?"), _("Orders may open again."), _("turn it off"), deeds.kill_switch(False))

    def action_replay(self) -> None:
        """Go on through the sessions that have closed: a live account through all of them, one in the past through the next."""
        if not self._ready() or self.account is None:
            return
        if self.account.live:
            told = partial(self.app.call_from_thread, self._say_progress)
            self.desk_app.do_paper(deeds.replay(lambda: self.is_attached and self.app.is_running, told))
        else:
            self.desk_app.do_paper(deeds.replay(lambda: False, lambda _day: None, most=1))

    def _say_progress(self, reached: str) -> None:
        self._say_working(_("Replayed to {day}...").format(day=reached))

    def _say_working(self, text: str) -> None:
        """What is being done, where the note of the marked row stands until it is done."""
        self.query_one("#paper-note", Static).update(Text(text))

    def action_reset(self) -> None:
        """Begin a new account: at once where none is open, else after a typed word."""
        if self.desk_app.ready_desk() is None or self.account is None:
            return
        amount = money(self.desk_app.desk.settings.paper.capital) if self.desk_app.desk is not None else ""
        if not self.account.there:
            text = _("It begins with {amount}, simulated, and follows the market from now on.").format(amount=amount)
            self._confirm(_("Open a paper account?"), text, _("open it"), deeds.reset())
            return
        text = _(
            "The account {id} is closed with its {count} positions and a new one begins with {amount}. Its history is kept, but it cannot"
            " be gone on with."
        ).format(id=self.account.status["account"], count=len(self.account.positions), amount=amount)
        self._confirm(_("Begin a new account?"), text, _("begin anew"), deeds.reset(), RESET_WORD)

    def action_reconcile(self) -> None:
        """Prove that the backtester gives the same fills."""
        if self._ready():
            self._say_working(_("Trading the history again through the backtester..."))
            self._reconcile()

    @work(thread=True, exclusive=True, group="reconcile", exit_on_error=False)
    def _reconcile(self) -> None:
        from engine.paper.account import PaperAccount
        from tui.reports.paper import reconcile_report

        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            found = PaperAccount(desk).reconcile()
        except PregaoError as error:
            self.app.call_from_thread(self._tell)
            self.post_message(Said(error.message, "error", error.hint))
            return
        self.app.call_from_thread(self._show_proof, reconcile_report(found))

    def _show_proof(self, content: RenderableType) -> None:
        from tui.screens.dialogs import Reader

        self._tell()
        self.app.push_screen(Reader(_("Reconcile"), content))
