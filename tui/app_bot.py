"""The Telegram bot inside the app: switched on and off, and the code that pairs a chat with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.text import Text
from textual import work
from textual.worker import Worker, WorkerCancelled, WorkerFailed

from engine.errors import PregaoError
from engine.i18n import _
from tui.app_lists import DeskLists

if TYPE_CHECKING:
    from engine.desk import Desk
    from engine.notifications.pairing import PairingCode


class DeskBot(DeskLists):
    """The bot lives in the app's event loop for as long as the app does, unless another process already takes its commands."""

    _bot_stop: asyncio.Event | None = None
    _bot_work: Worker[None] | None = None
    #: The code that was shown last.
    pairing: PairingCode | None = None

    @property
    def bot_on(self) -> bool:
        """Whether the bot is switched on."""
        return self._bot_stop is not None

    def action_bot(self) -> None:
        """Switch the bot on, or off."""
        if self._bot_stop is not None:
            self.stop_bot()
        elif self.desk is None:
            self.say(_("The engine is still being prepared; try again in a moment."), "warning")
        else:
            self._bot_stop = asyncio.Event()
            self._bot_work = self._serve_bot(self.desk, self._bot_stop)

    def stop_bot(self) -> None:
        """Switch the bot off, if it is on."""
        if self._bot_stop is not None:
            self._bot_stop.set()

    async def leave_bot(self) -> None:
        """Switch it off and wait until it is."""
        self.stop_bot()
        if self._bot_work is not None:
            with suppress(WorkerFailed, WorkerCancelled):
                await self._bot_work.wait()

    @work(group="bot", exit_on_error=False)
    async def _serve_bot(self, desk: Desk, stop: asyncio.Event) -> None:
        from engine.notifications.service import serve

        try:
            await serve(desk, stop, lambda text: self.say(_("Telegram bot: {state}").format(state=text)))
        except PregaoError as error:
            self.say(error.message, "error", error.hint)
        else:
            self.say(_("The Telegram bot is off."))
        finally:
            self._bot_stop = None

    @work(thread=True, exclusive=True, group="pairing", exit_on_error=False)
    def action_pair(self) -> None:
        """Show a new one-time code."""
        from engine.notifications.pairing import new_code

        desk = self.desk
        if desk is None:
            self.call_from_thread(self.say, _("The engine is still being prepared; try again in a moment."), "warning")
            return
        try:
            made = new_code(desk.store, desk.now())
        except PregaoError as error:
            self.call_from_thread(self.say, error.message, "error", error.hint)
            return
        self.call_from_thread(self._show_code, made)

    def _show_code(self, made: PairingCode) -> None:
        self.pairing = made
        from engine.domain import sao_paulo
        from tui.screens.dialogs import Reader

        said = _("Send this to the bot, in the chat that is to be paired, before {time}. It works once.")
        text = Text(f"/start {made.code}\n\n", style="bold")
        text.append(said.format(time=f"{sao_paulo(made.expires_at):%H:%M}"), style="not bold")
        self.push_screen(Reader(_("Pair a Telegram chat"), text))
