"""The one-line inputs at the bottom: the `:` command bar and the filter of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input


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

    def open(self, text: str = "") -> None:
        """Show it with `text` and take the focus."""
        self.display = True
        self.value = text
        self.cursor_position = len(text)
        self.focus()

    def close(self) -> None:
        self.display = False

    def action_dismiss(self) -> None:
        self.close()
        self.post_message(self.Dismissed(self))
