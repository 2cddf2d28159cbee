"""An app that holds one widget, and what the widget shows as text."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from tui.themes import THEMES
from tui.widgets.table import VTable


class Host(App[None]):
    """One widget on the screen, in the app's themes; keeps what a table tells."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.held = widget
        self.told: list[tuple[str, object]] = []

    def compose(self) -> ComposeResult:
        yield self.held

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "pregao-dark"

    def _keep(self, name: str, message: Message, value: object) -> None:
        assert message.control is self.held
        self.told.append((name, value))

    def on_vtable_highlighted(self, message: VTable.Highlighted) -> None:
        self._keep("highlighted", message, message.row)

    def on_vtable_opened(self, message: VTable.Opened) -> None:
        self._keep("opened", message, message.row)

    def on_vtable_sort_changed(self, message: VTable.SortChanged) -> None:
        self._keep("sort", message, (message.key, message.reverse))

    def on_vtable_filter_asked(self, message: VTable.FilterAsked) -> None:
        self._keep("filter", message, None)


def lines(widget: Widget) -> list[str]:
    """What a widget on the line API shows, without the spaces at the end of its lines."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


def foreground(widget: Widget, y: int, x: int) -> str:
    """The colour (#rrggbb) of the character at a place."""
    segment = next(iter(widget.render_line(y).crop(x, x + 1)))
    assert segment.style
    assert segment.style.color
    return segment.style.color.get_truecolor().hex


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait for what the app does on a timer, two seconds at most."""
    for _turn in range(100):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not come to pass")
