"""One of a few values, changed with left and right; it stands beside inputs of one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """The values in a row; the chosen one is marked. show: how a value is called."""

    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; }
    """
    BINDINGS: ClassVar = [
        Binding("left", "step(-1)", "Before", show=False),
        Binding("right,space", "step(1)", "Next", show=False),
    ]
    value: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        """Another value was chosen."""

        choice: Choice
        value: str

        @property
        def control(self) -> Choice:
            return self.choice

    def __init__(self, values: Sequence[str], show: Callable[[str], str], *, value: str = "", id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._values, self._show = tuple(values), show
        self.set_reactive(Choice.value, value or self._values[0])

    def render(self) -> Text:
        line = Text(no_wrap=True)
        for value in self._values:
            chosen = value == self.value
            style = "reverse" if chosen and self.has_focus else "bold underline" if chosen else "dim"
            line.append(f" {'●' if chosen else '○'} {self._show(value)} ", style=style)
        return line

    def watch_value(self, value: str) -> None:
        self.post_message(self.Changed(self, value))

    def action_step(self, step: int) -> None:
        self.value = self._values[(self._values.index(self.value) + step) % len(self._values)]

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        x = 0
        for value in self._values:
            x += cell_len(self._show(value)) + 4
            if event.x < x:
                self.value = value
                return
