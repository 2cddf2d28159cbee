"""Short questions: type something, choose a symbol, confirm, read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from rich.console import RenderableType
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.i18n import _
from tui.actions import bindings
from tui.widgets.table import Column, VTable

SHOWN = 500
Answer = TypeVar("Answer")


def clear_toasts(dialog: ModalScreen[Any]) -> None:
    """Take the toasts off the screens below, where they would tear the frame; what they said is in the history of messages."""
    dialog.app.clear_notifications()
    for screen in dialog.app.screen_stack:
        screen.query("ToastHolder").remove()


class Dialog(ModalScreen[Answer | None]):
    """A question with one input: accepting it submits the input, closing it gives None."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar = bindings("dialog")

    def on_mount(self) -> None:
        clear_toasts(self)

    async def action_accept(self) -> None:
        await self.query_one(Input).action_submit()

    def action_close(self) -> None:
        self.dismiss(None)


class Ask(Dialog[str]):
    """One line to type; Enter gives it back, Esc gives None."""

    def __init__(self, title: str, hint: str = "", value: str = "") -> None:
        super().__init__()
        self._title, self._hint, self._value = title, hint, value

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self._title, style="bold"))
            yield Input(self._value, id="ask")
            yield Static(Text(self._hint or _("Enter accepts, Esc closes."), style="dim"))

    @on(Input.Submitted)
    def _accept(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)


class Confirm(Dialog[bool]):
    """What is about to happen: Enter gives True, Esc None. word: must be typed first, where what happens cannot be undone."""

    def __init__(self, title: str, content: Text, accept: str, word: str = "") -> None:
        """accept: what Enter does, for the last line."""
        super().__init__()
        self._title, self._content, self._accept, self._word = title, content, accept, word

    def compose(self) -> ComposeResult:
        hint = _("Enter: {accept} · Esc closes").format(accept=self._accept)
        with Vertical(classes="dialog"):
            yield Static(Text(self._title, style="bold"))
            yield Static(self._content, id="confirm-text")
            if self._word:
                yield Input(placeholder=_("type {word}").format(word=self._word), id="confirm-word")
            yield Static(Text(hint, style="dim"), id="confirm-hint")

    @on(Input.Submitted)
    async def _entered(self) -> None:
        await self.action_accept()

    async def action_accept(self) -> None:
        if self._word and self.query_one(Input).value.strip().lower() != self._word.lower():
            said = _("Type {word} and press Enter, or Esc closes.").format(word=self._word)
            self.query_one("#confirm-hint", Static).update(Text(said, style="bold"))
            return
        self.dismiss(True)


class PickSymbol(Dialog[str]):
    """Type part of a symbol or name; Enter takes the marked one."""

    BINDINGS: ClassVar = [
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
    ]

    def __init__(self, symbols: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._symbols = list(symbols)
        self._found = list(range(len(self._symbols)))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            yield Static(Text(_("Which symbol?"), style="bold"))
            yield Input(placeholder=_("part of a symbol or name"), id="pick-text")
            columns = [Column("symbol", _("Symbol"), 12), Column("name", _("Name"), 30)]
            table = VTable(columns, self._cell, id="pick-table", empty=_("No symbol like this has bars."))
            table.can_focus = False
            yield table
            yield Static(Text(_("Enter takes the marked one, Esc closes."), style="dim"))

    def on_mount(self) -> None:
        self.query_one(VTable).set_rows(len(self._symbols))

    def _cell(self, row: int, key: str) -> str:
        return self._symbols[row][0 if key == "symbol" else 1]

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        word = event.value.strip().upper()
        ranked = [
            (not symbol.startswith(word), at)
            for at, (symbol, name) in enumerate(self._symbols)
            if word in symbol or word in name.upper()
        ]
        self._found = [at for _rank, at in sorted(ranked)][:SHOWN]
        table = self.query_one(VTable)
        table.set_order(self._found)
        if self._found:
            table.select(self._found[0])

    def action_move(self, step: int) -> None:
        table = self.query_one(VTable)
        if self._found and table.cursor is not None:
            at = self._found.index(table.cursor) if table.cursor in self._found else 0
            table.select(self._found[min(max(at + step, 0), len(self._found) - 1)])

    @on(Input.Submitted)
    def _accept(self) -> None:
        table = self.query_one(VTable)
        if table.cursor is not None and self._found:
            self.dismiss(self._symbols[table.cursor][0])

    @on(VTable.Opened)
    def _clicked(self, event: VTable.Opened) -> None:
        self.dismiss(self._symbols[event.row][0])


class Reader(ModalScreen[None]):
    """Something to read, scrolled with the arrows; closed with q or Esc."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar = [
        *bindings("reader"),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
        Binding("question_mark", "close", "Close", show=False),
    ]

    def __init__(self, title: str, content: RenderableType | Callable[[int], RenderableType]) -> None:
        super().__init__()
        self._title, self._content = title, content

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog reader"):
            yield Static(Text(self._title, style="bold"))
            with VerticalScroll(id="reader-body"):
                yield Static(self._content(72) if callable(self._content) else self._content, id="reader-text")
            yield Static(Text(_("Arrows scroll, q or Esc closes."), style="dim"))

    def on_mount(self) -> None:
        clear_toasts(self)
        self.query_one("#reader-body").focus()

    def action_scroll(self, step: int) -> None:
        self.query_one("#reader-body").scroll_relative(y=step, animate=False)

    def action_close(self) -> None:
        self.dismiss(None)
