"""The paper account in the app: what is done to it, and following a signal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work

from engine.errors import NoDataError, PregaoError
from engine.i18n import _
from tui.app_bot import DeskBot

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.store.board import BoardSignal
    from tui.paper.deeds import Deed


class DeskPaper(DeskBot):
    """Everything that writes runs in a thread of its own; each deed is one transaction, or as many as sessions are replayed."""

    def ready_desk(self) -> Desk | None:
        """The desk; while it is being prepared None, which is said."""
        if self.desk is None:
            self.say(_("The engine is still being prepared; try again in a moment."), "warning")
        return self.desk

    @work(thread=True, group="paper", exit_on_error=False)
    def do_paper(self, deed: Deed) -> None:
        """Do something to the paper account and say what came of it."""
        from engine.paper.account import PaperAccount
        from tui.messages import Said

        desk = self.desk
        if desk is None:
            return
        try:
            said = deed(PaperAccount(desk))
        except PregaoError as error:
            said = Said(error.message, "error", error.hint)
        self.call_from_thread(self.say, said.text, said.severity, said.hint)
        self.call_from_thread(self._watch)

    def follow_signal(self, item: BoardSignal) -> None:
        """Weigh the order of a signal, and place it after a question."""
        desk = self.ready_desk()
        if desk is not None:
            self._weigh_signal(desk, item)

    @work(thread=True, exclusive=True, group="follow", exit_on_error=False)
    def _weigh_signal(self, desk: Desk, item: BoardSignal) -> None:
        from engine.paper.account import PaperAccount
        from engine.store.ledger import read_signals

        wanted = (item.symbol, item.timeframe, item.strategy)
        try:
            listed = read_signals(desk.store, item.run)
            signal = next((one for one in listed if (one["symbol"], one["timeframe"], one["strategy"]) == wanted), None)
            if signal is None:
                raise NoDataError(_("The run {run} no longer has this signal").format(run=item.run))
            found = PaperAccount(desk).preview_follow(signal)
        except PregaoError as error:
            self.call_from_thread(self.say, error.message, "error", error.hint)
            return
        self.call_from_thread(self._ask_to_follow, signal, found)

    def _ask_to_follow(self, signal: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        from tui.paper.deeds import follow
        from tui.paper.names import result_name
        from tui.paper.text import outlook_text
        from tui.screens.dialogs import Confirm

        if "order" not in found:
            self.say(_("{symbol}: {result}").format(symbol=signal["symbol"], result=result_name(found["result"])), "warning")
            return
        text = Text(_("The signal of {strategy}: {reason}").format(strategy=signal["strategy"], reason=signal["reason"]) + "\n\n")
        text.append_text(outlook_text(found, self.active_view.colours()))

        def done(confirmed: bool | None) -> None:
            if confirmed:
                self.do_paper(follow(signal))

        accept = _("record the refusal") if found["refused"] else _("place the order")
        self.push_screen(Confirm(_("Follow the signal of {symbol}?").format(symbol=signal["symbol"]), text, accept), done)
