"""What the keys, the palette and the `:` line of the app do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import on
from textual.command import CommandPalette
from textual.widget import Widget
from textual.widgets import Input

from engine.errors import PregaoError
from engine.i18n import _
from tui.actions import Action, find_code
from tui.app_paper import DeskPaper
from tui.themes import THEMES
from tui.views.base import View
from tui.widgets.frame import TABS, JobStrip, TopBar
from tui.widgets.prompt import Prompt

#: The codes that act on a symbol, which may be typed before or behind them.
ON_SYMBOLS = ("BT", "GP")


class DeskCommands(DeskPaper):
    """The actions of the context `app`; one table names them, see `tui.actions`."""

    async def perform(self, action: Action) -> None:
        """Do an action of the table from the palette or the command bar, in its own view."""
        if action.context in TABS and action.context != self.active_view.context:
            await self.action_show(action.context)
        target: Widget | DeskCommands = self if action.context == "app" else self.active_view
        if action.context in ("table", "form") and self.focused is not None:
            target = self.focused
        self.call_later(self.run_action, action.method, target)

    def action_command_palette(self) -> None:
        """The palette, with its prompt in the reader's language."""
        if not CommandPalette.is_open(self):
            self.push_screen(CommandPalette(placeholder=_("Search for commands..."), id="--command-palette"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A colon is a letter while something is typed, and no command while a dialog asks."""
        if action == "command" and (isinstance(self.focused, Input) or len(self.screen_stack) > 1):
            return False
        return super().check_action(action, parameters)

    def action_help_quit(self) -> None:
        """Ctrl+C, which Textual keeps for copying."""
        self.say(_("{key} quits.").format(key=self.key_of("quit")))

    def action_command(self) -> None:
        self.query_one("#command", Prompt).open()

    @on(Input.Submitted, "#command")
    def _command_typed(self, event: Input.Submitted) -> None:
        self.query_one("#command", Prompt).close()
        self._refocus()
        words = event.value.split()
        if words:
            self._command(words)

    @on(Prompt.Dismissed, "#command")
    def _command_left(self) -> None:
        self._refocus()

    def _refocus(self) -> None:
        target = self.active_view.focus_target()
        if target is not None:
            target.focus()

    def _command(self, words: list[str]) -> None:
        """Carry out what was typed after the colon."""
        if len(words) == 2 and words[1].upper() in ON_SYMBOLS:
            words = words[::-1]
        code, rest = words[0].upper(), words[1:]
        if code in ON_SYMBOLS and rest:
            self._symbol_command(rest[0], self.open_chart if code == "GP" else self.open_backtest)
        elif code == "IMPORT" and rest:
            self.start_import(" ".join(rest), "")
        elif code == "SERIES" and len(rest) > 1:
            params = {"paths": [" ".join(rest[1:])], "series": rest[0].upper()}
            self.start_job("import", params, _("Import of {path}").format(path=rest[1]))
        elif code == "ADD" and rest:
            self._add(self.session.list_name, " ".join(rest))
        elif code == "LIST":
            self._show_list(rest[0]) if rest else self.ask_list()
        elif (action := find_code(code)) is not None:
            self.call_later(self.perform, action)
        else:
            self._symbol_command(words[0], self.open_backtest)

    def _symbol_command(self, word: str, open_it: Callable[[str], Awaitable[None]]) -> None:
        from difflib import get_close_matches

        from engine.market.instruments import normalise_symbol
        from tui.actions import codes

        known = self.board.all_symbols() if self.board is not None else []
        try:
            symbol = normalise_symbol(word)
        except PregaoError:
            symbol = word.upper()
        if symbol in known:
            self.call_later(open_it, symbol)
            return
        close = get_close_matches(word.upper(), [*codes(), *known], n=1)
        hint = _("Did you mean {name}?").format(name=close[0]) if close else _("? lists the commands.")
        self.say(_("{word} is no command and no symbol with bars.").format(word=word), "warning", hint)

    def action_help(self) -> None:
        from tui.help import help_text
        from tui.screens.dialogs import Reader

        order = list(dict.fromkeys([*self.contexts(), *TABS]))
        self.push_screen(Reader(_("Keys and commands"), help_text(order, self.keys)))

    def action_import_file(self) -> None:
        from pathlib import Path

        from tui.screens.import_file import Choice, ImportFile

        if self.workspace.demo:
            self.say(_("Real files are not imported into the demo market; ctrl+d leaves it."), "warning")
            return

        def chosen(choice: Choice | None) -> None:
            if choice is not None:
                self.start_import(choice.path, choice.symbol)

        self.push_screen(ImportFile(self.desk, f"{Path.cwd()}/"), chosen)

    def start_import(self, path: str, symbol: str) -> None:
        """Import a file, folder or glob as a job."""
        if self.workspace.demo:
            self.say(_("Real files are not imported into the demo market; ctrl+d leaves it."), "warning")
            return
        self.start_job("import", {"paths": [path], "symbol": symbol or None}, _("Import of {path}").format(path=path))

    async def action_demo(self) -> None:
        """Change between the real data and the demo market; nothing of either is touched."""
        if self._loading:
            return
        from dataclasses import replace

        self._loading = True
        self.workers.cancel_group(self, "jobs")
        self.stop_bot()
        self.close_data()
        self.store_error = None
        self.workspace = replace(self.workspace, demo=not self.workspace.demo)
        self.session.symbol, self.session.list_name = "", "default"
        self.query_one(TopBar).demo = self.workspace.demo
        self.query_one(TopBar).note = _("preparing...")
        self._version, self._followed = 0, {}
        self.query_one(JobStrip).show("", None)
        for view in list(self.switcher.query(View)):
            if view.id != "welcome":
                await view.remove()
        await self.action_show("welcome")
        self._load_engine()

    def action_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        self.session.theme = self.theme

    def action_daily(self) -> None:
        self.start_job("daily", {}, _("Daily run"))

    def action_leave(self) -> None:
        """Quit; jobs go on by themselves."""
        self.exit(0)
