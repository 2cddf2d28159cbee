"""A form for the keyboard: up and down choose a field, left and right change it, Enter types a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from tui.actions import bindings

Value = str | float | int | None


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form.

    value: a text, a number or None. choices: the values that left and right walk through; without them a number moves by
    `step` within low..high. show: how the value is written. help: what it means, shown below the form.
    """

    key: str
    label: str
    value: Value
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float = 1.0
    default: Value = None
    show: Callable[[Value], str] = str
    help: str = ""

    def stepped(self, direction: int) -> Field:
        """The field one step on; unchanged at its bounds."""
        if self.choices:
            at = self.choices.index(str(self.value)) if str(self.value) in self.choices else 0
            return replace(self, value=self.choices[(at + direction) % len(self.choices)])
        if self.low is None or self.high is None or self.value is None or isinstance(self.value, str):
            return self
        moved = min(max(self.value + direction * self.step, self.low), self.high)
        return replace(self, value=round(moved) if isinstance(self.value, int) else round(moved, 10))


class Form(Widget, can_focus=True):
    """The fields, one a line; the chosen one is marked, and a changed one shows a dot."""

    BINDINGS = bindings("form")

    @dataclass
    class _About(Message):
        """Something about one field of a form."""

        form: Form
        field: Field

    class Changed(_About):
        """A value was changed with the keyboard."""

    class EditAsked(_About):
        """The value of this field is to be typed."""

    class Moved(_About):
        """Another field was chosen."""

    class Unmoved(_About):
        """Left or right was pressed, and this field has no other value to walk to."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.fields: list[Field] = []
        self.cursor = 0

    def show(self, fields: Sequence[Field]) -> None:
        """Show these fields; the chosen line stays where it exists."""
        key = self.current.key if self.fields else ""
        self.fields = list(fields)
        self.cursor = next((at for at, item in enumerate(self.fields) if item.key == key), 0)
        self.refresh(layout=True)

    @property
    def current(self) -> Field:
        return self.fields[self.cursor]

    def values(self) -> dict[str, Value]:
        """The values by key."""
        return {item.key: item.value for item in self.fields}

    def set_value(self, key: str, value: Value) -> None:
        """Put a value in and say that it changed."""
        for at, item in enumerate(self.fields):
            if item.key == key and item.value != value:
                self.fields[at] = replace(item, value=value)
                self.refresh()
                self.post_message(self.Changed(self, self.fields[at]))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:  # noqa: ARG002
        return max(len(self.fields), 1)

    def render(self) -> Text:
        width = self.size.width
        lines = []
        for at, item in enumerate(self.fields):
            chosen = at == self.cursor
            value = item.show(item.value)
            changed = item.default is not None and item.value != item.default
            arrows = chosen and self.has_focus and (len(item.choices) > 1 or item.low is not None)
            shown = f"◂ {value} ▸"
            if not arrows or cell_len(item.label) + cell_len(shown) + 5 > width:
                shown = f"{value}  "
            style = "reverse" if chosen and self.has_focus else "bold" if chosen else ""
            line = Text(f"{'›' if chosen else ' '} {item.label}{' •' if changed else ''}", style=style)
            line.truncate(max(width - cell_len(shown) - 1, 1), overflow="ellipsis", pad=True)
            lines.append(line.append(f" {shown}"))
        return Text("\n").join(lines)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if 0 <= event.y < len(self.fields):
            again = self.cursor == event.y
            self._move_to(event.y)
            if again:
                self.action_edit()

    def _move_to(self, at: int) -> None:
        if self.fields:
            self.cursor = min(max(at, 0), len(self.fields) - 1)
            self.refresh()
            self.post_message(self.Moved(self, self.current))

    def action_up(self) -> None:
        self._move_to(self.cursor - 1)

    def action_down(self) -> None:
        self._move_to(self.cursor + 1)

    def action_step(self, direction: int) -> None:
        if self.fields:
            moved = self.current.stepped(direction)
            if moved != self.current:
                self.set_value(moved.key, moved.value)
            else:
                self.post_message(self.Unmoved(self, self.current))

    def action_edit(self) -> None:
        if self.fields:
            self.post_message(self.EditAsked(self, self.current))
