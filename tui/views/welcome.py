"""What stands in place of the watchlist while nothing is stored: where to begin."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Static

from engine.i18n import _
from tui.actions import bindings
from tui.views.base import View


class Start(Static, can_focus=True):
    """The text of the beginning; it takes the focus, so that its keys work."""


class Welcome(View):
    """Three ways in: the demo market, a file, or the path to read."""

    DEFAULT_CSS = """
    Welcome { align: center middle; }
    #welcome-text { width: 76; max-width: 100%; height: auto; padding: 1 2; }
    """
    context: ClassVar[str] = "welcome"
    BINDINGS = bindings("welcome")

    def __init__(self) -> None:
        super().__init__(id="welcome")

    def compose(self) -> ComposeResult:
        yield Start(id="welcome-text")

    def on_mount(self) -> None:
        self.shown()

    def shown(self) -> None:
        text, error = Text(), self.desk_app.store_error
        if error is not None:
            text.append(f"✖ {error.message}\n\n", style="bold red")
            text.append(error.hint)
        elif self.desk_app.workspace.demo:
            text.append(_("Preparing the demo market...") + "\n\n", style="bold")
            text.append(_("Invented companies and prices, made on this computer and stored apart from real data."))
        else:
            text.append(_("Welcome to Pregão. There are no bars yet.") + "\n\n", style="bold")
            for key, line in (
                ("import.open", _("import a file: COTAHIST, Investing.com, ProfitChart, CSV or Parquet")),
                ("welcome.demo", _("look at the demo market: invented companies, no network, no file")),
                ("welcome.path", _("read the five-minute path")),
                ("help.open", _("all keys")),
                ("quit", _("quit")),
            ):
                text.append(f"   {self.desk_app.key_of(key)}  ", style="bold reverse")
                text.append(f"  {line}\n\n")
            text.append(_("B3's own files: `pregao fetch cotahist 2024..2025` downloads and imports them."), style="dim")
        self.query_one("#welcome-text", Static).update(text)

    def focus_target(self) -> Widget:
        return self.query_one("#welcome-text")

    async def action_demo(self) -> None:
        """Look at the demo market; while that is being made the same key does not leave it again."""
        if not self.desk_app.workspace.demo:
            await self.desk_app.action_demo()

    def action_path(self) -> None:
        from tui.help import five_minutes
        from tui.screens.dialogs import Reader

        self.app.push_screen(Reader(_("Five minutes to the first insight"), five_minutes()))
