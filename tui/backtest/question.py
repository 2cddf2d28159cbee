"""The form of the backtest view: one page for the idea, one for the orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.message import Message
from textual.widgets import Static

from engine.i18n import _, ngettext
from tui.backtest.form import FIXED, Question, first_fields, param_fields, question_of, timeframe_field
from tui.backtest.orders import changed_orders, order_fields
from tui.widgets.form import Field, Form, Value

if TYPE_CHECKING:
    from tui.app import PregaoApp

IDEA, ORDERS = "idea", "orders"


class QuestionForm(VerticalScroll, can_focus=False):
    """The fields of the page that is shown, the key of the other page above, the meaning of the field below."""

    DEFAULT_CSS = """
    QuestionForm { width: 30; border-right: solid $panel; scrollbar-size: 1 1; }
    #backtest-page { height: 1; color: $secondary; text-wrap: nowrap; text-overflow: ellipsis; }
    #backtest-form { height: auto; }
    #backtest-help { height: auto; margin-top: 1; padding: 0 1; }
    """

    class Asked(Message):
        """The question is another one."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.page = IDEA
        self._away: list[Field] = []

    def compose(self) -> ComposeResult:
        yield Static(id="backtest-page")
        yield Form(id="backtest-form")
        yield Static(id="backtest-help")

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    @property
    def _app(self) -> PregaoApp:
        return cast("PregaoApp", self.app)

    def fields(self, page: str) -> list[Field]:
        """The fields of a page, shown or not."""
        return self.form.fields if page == self.page else self._away

    def question(self) -> Question | None:
        """What both pages ask; None while there is no symbol."""
        return question_of(self.fields(IDEA), self.fields(ORDERS))

    def fill(self) -> None:
        """Both pages as they open: the last symbol, and the values of the settings. Needs the engine."""
        desk, board = self._app.desk, self._app.board
        assert desk is not None
        known = board.all_symbols() if board is not None else []
        last = self._app.session.symbol
        symbol = last if last in known else known[0] if known else ""
        self._away = order_fields(desk.settings.orders)
        self.form.show(first_fields(desk, symbol, self._stored(symbol), self._timeframe_of(symbol)))
        self._show_help(self.form.current)
        self._show_page()

    def choose(self, symbol: str, strategy: str = "", params: Mapping[str, Value] | None = None) -> None:
        """Put in a symbol, and a strategy with these parameters (as delivered) where another is given, those that have a field."""
        self.turn_to(IDEA)
        if symbol != self.form.values()["symbol"]:
            self._put("symbol", symbol)
            self._symbol_changed(symbol)
        if strategy and (params is not None or strategy != self.form.values()["strategy"]):
            self._put("strategy", strategy)
            self._show_params(strategy, params or {})
        self.post_message(self.Asked())

    def reset(self) -> None:
        """The page as it opened: the parameters as delivered, or the orders of the settings."""
        desk = self._app.desk
        if self.page == ORDERS and desk is not None:
            self.form.show(order_fields(desk.settings.orders))
        else:
            self._show_params(str(self.form.values()["strategy"]))
        self._show_page()

    def turn(self) -> None:
        """Show the other page."""
        self.turn_to(ORDERS if self.page == IDEA else IDEA)

    def turn_to(self, page: str) -> None:
        """Show a page; each keeps its values."""
        if page != self.page and self.form.fields:
            self.page, self._away, away = page, self.form.fields, self._away
            self.form.show(away)
            self._show_help(self.form.current)
            self._show_page()

    def _put(self, key: str, value: Value) -> None:
        self.form.show([replace(item, value=value) if item.key == key else item for item in self.form.fields])

    def _show_params(self, strategy: str, params: Mapping[str, Value] = MappingProxyType({})) -> None:
        kept = [item for item in self.form.fields if item.key in FIXED]
        own = param_fields(strategy, self._app.workspace.strategies)
        self.form.show([*kept, *(replace(item, value=params.get(item.key, item.value)) for item in own)])

    def _symbol_changed(self, symbol: str) -> None:
        self._app.session.symbol = symbol
        field = timeframe_field(self._stored(symbol), self._timeframe_of(symbol))
        self.form.show([field if item.key == "timeframe" else item for item in self.form.fields])

    def _show_page(self) -> None:
        key, changed = self._app.key_of("backtest.orders"), changed_orders(self.fields(ORDERS))
        text = Text(no_wrap=True)
        text.append(f" {key} ", style="bold reverse")
        if self.page == ORDERS:
            text.append(" " + _("Back to the idea"))
        elif changed:
            text.append(" " + ngettext("Orders: {count} changed •", "Orders: {count} changed •", changed).format(count=changed))
        else:
            text.append(" " + _("Orders: as in settings"))
        self.query_one("#backtest-page", Static).update(text)

    def _stored(self, symbol: str) -> list[str]:
        board = self._app.board
        return board.timeframes(symbol) if board is not None else []

    def _timeframe_of(self, symbol: str) -> str:
        board = self._app.board
        row = board.row(symbol) if board is not None and symbol else None
        return row.timeframe if row is not None else "1d"

    @on(Form.Moved)
    def _moved(self, event: Form.Moved) -> None:
        self._show_help(event.field)
        self.scroll_to_region(Region(0, self.form.cursor + 1, 1, 1), animate=False)

    def _show_help(self, field: Field) -> None:
        self.query_one("#backtest-help", Static).update(Text(field.help, style="dim italic"))

    @on(Form.Changed)
    def _changed(self, event: Form.Changed) -> None:
        key, value = event.field.key, str(event.field.value)
        if key == "strategy" and self.page == IDEA:
            self._show_params(value)
        if key == "symbol":
            self._symbol_changed(value)
        self._show_page()
        self.post_message(self.Asked())
