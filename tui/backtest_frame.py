"""The panels of the backtest view: their names and keys, the line that names them, and what the panels to read share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker

from engine.i18n import _, mark

if TYPE_CHECKING:
    from engine.backtest.result import BacktestResult
    from tui.app import PregaoApp

#: The panels in the order in which they follow each other, and what they are called.
PANELS: Mapping[str, str] = {
    "charts": mark("Charts"),
    "trades": mark("Trades"),
    "compare": mark("Compare"),
    "months": mark("Months"),
    "evidence": mark("Evidence"),
    "costs": mark("Costs and taxes"),
}
#: The hints that matter in these panels only.
HINTS: Mapping[str, tuple[str, ...]] = {
    "backtest.trade": ("trades",),
    "backtest.compare": ("compare",),
    "backtest.bands": ("evidence",),
    "backtest.form": tuple(PANELS)[1:],
}


def after(panel: str) -> str:
    """The panel that follows."""
    names = list(PANELS)
    return names[(names.index(panel) + 1) % len(names)]


class PanelBar(Widget):
    """One line with the keys and names of the panels; where it is too narrow, only the shown one is named."""

    active: reactive[str] = reactive("charts")

    def __init__(self, key_of: Callable[[str], str], *, id: str) -> None:  # noqa: A002
        """key_of: the key in force of an action, by its id."""
        super().__init__(id=id)
        self._key_of = key_of

    def render(self) -> Text:
        line = self._line(all_named=True)
        return line if line.cell_len <= self.size.width else self._line(all_named=False)

    def _line(self, *, all_named: bool) -> Text:
        line = Text(no_wrap=True, overflow="crop")
        for name, label in PANELS.items():
            shown = name == self.active
            text = f"{self._key_of(f'backtest.{name}')} {_(label)}" if all_named or shown else self._key_of(f"backtest.{name}")
            line.append(text, style="bold underline" if shown else "dim")
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
        self.result: BacktestResult | None = None

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

    def show_result(self, result: BacktestResult | None) -> None:
        """Show this result, or that there is none."""
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

    def content(self, result: BacktestResult) -> RenderableType:
        """The text of the panel."""
        raise NotImplementedError
