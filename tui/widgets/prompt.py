"""The one-line inputs at the bottom: the `:` command bar and the filter of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input
from textual.widgets.input import Selection


class Prompt(Input):
    """An input that comes up when asked for and goes away when done."""

    BINDINGS: ClassVar = [Binding("escape", "dismiss", "Close", show=False)]

    @dataclass
    class Dismissed(Message):
        """The input was left without accepting it."""

        prompt: Prompt

        @property
        def control(self) -> Prompt:
            return self.prompt

    def __init__(self, *, id: str, placeholder: str = "", suggester: Suggester | None = None) -> None:  # noqa: A002
        super().__init__(id=id, placeholder=placeholder, suggester=suggester, select_on_focus=False)
        self.display = False

    def open(self, text: str = "", title: str = "", *, chosen: bool = False) -> None:
        """Show it with `text` (chosen: the first key replaces it) and take the focus at once, before the next key comes."""
        self.display = True
        self.value = text
        self.border_title = Text(title)
        self.border_subtitle = ""
        self.selection = Selection(0, len(text)) if chosen else Selection.cursor(len(text))
        self.screen.set_focus(self)

    def refuse(self, text: str) -> None:
        """Say in the frame what is wrong with what was typed; it stays open."""
        self.border_subtitle = Text(text, style="bold")

    def close(self) -> None:
        self.display = False

    def on_blur(self) -> None:
        """Left by Tab or a click: it does not stay open with an old text."""
        if self.display:
            self.action_dismiss()

    def action_dismiss(self) -> None:
        self.close()
        self.post_message(self.Dismissed(self))
