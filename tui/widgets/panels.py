"""Several panels in one place: the line that names them, and a panel of text to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker

from engine.i18n import _

if TYPE_CHECKING:
    from tui.app import PregaoApp


def after(panels: Mapping[str, str], panel: str) -> str:
    """The panel that follows; the first one after the last."""
    names = list(panels)
    return names[(names.index(panel) + 1) % len(names)]


class PanelBar(Widget):
    """One line with the keys and names of the panels; where it is too narrow, only the shown one is named."""

    active: reactive[str] = reactive("")

    def __init__(self, context: str, panels: Mapping[str, str], key_of: Callable[[str], str], *, id: str) -> None:  # noqa: A002
        """context: that of the actions which open the panels. panels: what each is called, in order, marked for translation.
        key_of: the key in force of an action, by its id."""
        super().__init__(id=id)
        self._actions, self._panels, self._key_of = context, panels, key_of
        self.active = next(iter(panels))

    def render(self) -> Text:
        line = self._line(all_named=True)
        return line if line.cell_len <= self.size.width else self._line(all_named=False)

    def _line(self, *, all_named: bool) -> Text:
        line = Text(no_wrap=True, overflow="crop")
        for name, label in self._panels.items():
            shown, key = name == self.active, self._key_of(f"{self._actions}.{name}")
            line.append(f"{key} {_(label)}" if all_named or shown else key, style="bold underline" if shown else "dim")
            line.append("  ")
        return line


class ReadingPanel(VerticalScroll, can_focus=True):
    """A panel of text about one result, scrolled with the arrows. Subclasses say what stands in it."""

    BINDINGS: ClassVar = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
    ]
    DEFAULT_CSS = """
    ReadingPanel { height: 1fr; scrollbar-size: 1 1; }
    ReadingPanel > Static { height: auto; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.result: Any = None

    def compose(self) -> ComposeResult:
        yield Static(classes="panel-text")

    @property
    def desk_app(self) -> PregaoApp:
        """The app with its own type."""
        return cast("PregaoApp", self.app)

    def on_mount(self) -> None:
        self.renew()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A defect in a worker of this panel is said like one of the app."""
        self.desk_app.on_worker_state_changed(event)

    def show_result(self, result: Any) -> None:
        """Show this result, or with None that there is none."""
        if result is not self.result:
            self.result = result
            self.new_result()
            self.renew()

    def new_result(self) -> None:
        """Another result: what was worked out of the one before no longer holds."""

    def renew(self) -> None:
        """Write the text again."""
        text = Text(_("No result yet."), style="dim") if self.result is None else self.content(self.result)
        self.query_one(".panel-text", Static).update(text)

    def content(self, result: Any) -> RenderableType:
        """The text of the panel."""
        raise NotImplementedError
