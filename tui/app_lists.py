"""Choosing symbols and changing watchlists."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import work

from engine.errors import PregaoError
from engine.i18n import _
from tui.app_jobs import DeskJobs
from tui.views.watchlist import WatchlistView

if TYPE_CHECKING:
    from engine.desk import Desk


class DeskLists(DeskJobs):
    """Questions about symbols and lists; what is written is written in a thread."""

    def pick_symbol(self, chosen: Callable[[str], None]) -> None:
        """Ask for a symbol with bars."""
        from tui.screens.dialogs import PickSymbol

        board = self.board
        if board is None or not board.all_symbols():
            self.say(_("There are no bars yet: i imports a file."), "warning")
            return
        names = board.names()

        def done(answer: str | None) -> None:
            if answer:
                chosen(answer)

        self.push_screen(PickSymbol([(symbol, names.get(symbol, "")) for symbol in board.all_symbols()]), done)

    def ask_symbols(self, list_name: str) -> None:
        """Ask for symbols to add to a list."""
        from tui.screens.dialogs import Ask

        def done(answer: str | None) -> None:
            if answer:
                self._add(list_name, answer)

        self.push_screen(
            Ask(
                _("Add to the list {name}").format(name=list_name),
                _("Symbols, for example PETR4 VALE3. Enter accepts, Esc closes."),
            ),
            done,
        )

    def ask_list(self) -> None:
        """Ask for the name of a new list."""
        from tui.screens.dialogs import Ask

        def done(answer: str | None) -> None:
            if answer:
                self._show_list(answer)

        self.push_screen(Ask(_("Name of the list"), _("It begins empty; a adds symbols to it.")), done)

    def _show_list(self, name: str) -> None:
        self.session.list_name = name

        async def show() -> None:
            await self.action_show("watchlist")
            if self.switcher.query("#watchlist"):
                self.query_one(WatchlistView).show_list(name)

        self.call_later(show)

    def _add(self, list_name: str, text: str) -> None:
        from engine.market.instruments import normalise_symbol
        from engine.store.watchlists import add_symbols

        try:
            wanted = [normalise_symbol(word) for word in text.replace(",", " ").split()]
        except PregaoError as error:
            self.say(error.message, "error", error.hint)
            return

        def add(desk: Desk) -> str:
            added = add_symbols(desk.store, wanted, list_name)
            known = self.board.all_symbols() if self.board is not None else []
            unknown = [symbol for symbol in added if symbol not in known]
            text = _("Added to {name}: {symbols}.").format(name=list_name, symbols=", ".join(added) or _("nothing new"))
            return text + (" " + _("No bars yet of {symbols}.").format(symbols=", ".join(unknown)) if unknown else "")

        self._change_list(add)

    def remove_symbol(self, list_name: str, symbol: str) -> None:
        """Take one symbol out of a list."""
        from engine.store.watchlists import remove_symbols

        def remove(desk: Desk) -> str:
            remove_symbols(desk.store, [symbol], list_name)
            return _("Removed from {name}: {symbols}").format(name=list_name, symbols=symbol)

        self._change_list(remove)

    @work(thread=True, group="lists", exit_on_error=False)
    def _change_list(self, change: Callable[[Desk], str]) -> None:
        """Change a list in a thread, as writing waits while an import publishes, and say what came of it."""
        desk = self.desk
        if desk is None:
            self.call_from_thread(self.say, _("The engine is still being prepared; try again in a moment."), "warning")
            return
        try:
            text = change(desk)
        except PregaoError as error:
            self.call_from_thread(self.say, error.message, "error", error.hint)
            return
        self.call_from_thread(self.say, text)
        self.call_from_thread(self._watch)
