"""The Telegram bot: polls for commands, answers those who are allowed, and is silent to everybody else.

Only one process polls a token, by a right in the store that it renews. Telegram keeps an update until the poll after its answer, so
that a killed bot answers it when it is back; every command may be answered twice.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from engine.domain import sao_paulo
from engine.errors import NetworkError, PregaoError, SettingsError
from engine.figures import instant
from engine.i18n import _
from engine.log import redact
from engine.notifications.channel import digest
from engine.notifications.pairing import allowed, pair
from engine.notifications.replies import Asked, Reply, answer, command_of
from engine.notifications.telegram import make_bot, post, seconds_of
from engine.store.telegram import Poller, hold_poller, read_poller, release_poller

if TYPE_CHECKING:
    import telegram

    from engine.desk import Desk
    from engine.settings_model import Settings

log = logging.getLogger(__name__)

#: Seconds that a poll waits for an update, and that the right to poll lasts without a renewal.
POLL, LEASE = 20, 90
#: Seconds of the first pause after an error; each further one is twice as long, up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0
#: So many conflicts (409) one after the other mean that another program polls, and no dying one.
CONFLICTS = 4
#: Seconds that it takes at most to tell the server what was answered, when it stops.
FAREWELL = 2.0
#: Attempts to send an answer.
ATTEMPTS = 3


class CommandBot:
    """`await start()`, then it works in the event loop; `await stop()`. `ended` is done when it stops by itself, with the error.

    poll: seconds that a poll waits at the server.
    """

    def __init__(self, desk: Desk, poll: int = POLL) -> None:
        self.desk = desk
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.username = ""
        self._poll_seconds = poll
        self._token = token_of(desk.settings)
        self._key = digest(self._token)
        self._bot: telegram.Bot | None = None
        self._task: asyncio.Task[None] | None = None
        self._right, self._over = Lock(), False

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        """Take the right to poll and ask the server who the bot is.

        Raises SettingsError without a token or with one that Telegram does not know, PregaoError where another process polls it,
        NetworkError where the server does not answer.
        """
        if not self._token:
            raise SettingsError(
                _("There is no Telegram bot token"),
                _("Get one from @BotFather and put PREGAO_SECRETS__TELEGRAM_BOT_TOKEN=... in {path}.").format(
                    path=self.desk.workspace.secrets_file
                ),
            )
        await asyncio.to_thread(self._hold)
        try:
            self._bot = make_bot(self.desk.settings)
            self.username = await self._who(self._bot)
        except BaseException:
            await self._give_up()
            raise
        self._task = asyncio.create_task(self._poll(self._bot), name="telegram-bot")
        log.info("the bot @%s takes commands", self.username)

    async def stop(self) -> None:
        """Stop polling and give up the right to; nothing is left in the event loop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._give_up()

    async def ended(self) -> None:
        """Wait until it stops; raises the error that ended it."""
        if self._task is not None:
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.result()

    async def _give_up(self) -> None:
        if self._bot is not None:
            bot, self._bot = self._bot, None
            await bot.shutdown()
        await asyncio.to_thread(self._release)

    def _release(self) -> None:
        with self._right:
            self._over = True
            release_poller(self.desk.store, self._key, self.owner)

    def _hold(self) -> None:
        """Take or renew the right to poll, unless it was given up. Raises PregaoError where another process has it."""
        with self._right:
            if self._over:
                return
            held = hold_poller(self.desk.store, self._key, self.owner, self.desk.now(), LEASE)
        if held.owner != self.owner:
            raise PregaoError(
                _("Another process takes the commands of this bot: {owner}").format(owner=held.owner.rpartition(":")[0]),
                _("Stop it first; if it was killed, its right ends at {time}.").format(time=instant(sao_paulo(held.expires_at))),
            )

    async def _who(self, bot: telegram.Bot) -> str:
        from telegram.error import InvalidToken, TelegramError

        try:
            return (await bot.get_me()).username or ""
        except InvalidToken:
            raise unknown_token() from None
        except TelegramError as error:
            raise NetworkError(
                _("Telegram did not answer: {error}").format(error=redact(error.message, (self._token,))),
                _("Check the network; the bot may be started again at any time."),
            ) from None

    async def _poll(self, bot: telegram.Bot) -> None:
        """Take updates and answer them until cancelled. Raises PregaoError when another program polls the token."""
        from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError, TimedOut

        offset, pause, conflicts = 0, 0.0, 0
        try:
            while True:
                await asyncio.to_thread(self._hold)
                try:
                    updates = await self._updates(bot, offset, self._poll_seconds)
                except InvalidToken:
                    raise unknown_token() from None
                except Conflict:
                    conflicts += 1
                    if conflicts >= CONFLICTS:
                        raise PregaoError(
                            _("Another program takes the commands of this bot"),
                            _("Stop it; Telegram lets only one poll a token."),
                        ) from None
                    pause = FIRST_PAUSE
                except RetryAfter as error:
                    pause = min(seconds_of(error), LEASE / 2)
                except TimedOut:
                    pause = 0.1
                except TelegramError as error:
                    pause = min(max(FIRST_PAUSE, 2 * pause), LONGEST_PAUSE)
                    log.warning("polling failed: %s", redact(error.message, (self._token,)))
                else:
                    pause, conflicts = 0.0, 0
                    for update in updates:
                        offset = update.update_id + 1
                        await self._take(bot, update)
                await asyncio.sleep(pause)
        finally:
            if offset:
                with suppress(TelegramError, TimeoutError):
                    await asyncio.wait_for(self._updates(bot, offset, 0), FAREWELL)

    async def _updates(self, bot: telegram.Bot, offset: int, seconds: int) -> tuple[telegram.Update, ...]:
        """The messages from `offset` on, which takes those before off the server."""
        quiet = seconds + self.desk.settings.notifications.timeout_seconds
        return await bot.get_updates(offset=offset, timeout=seconds, allowed_updates=["message"], read_timeout=quiet)

    async def _take(self, bot: telegram.Bot, update: telegram.Update) -> None:
        """Answer one update, or nothing to a stranger."""
        message, user = update.message, update.effective_user
        if message is None or user is None or not message.text:
            return
        chat, command = message.chat, command_of(message.text, self.username)
        known = await asyncio.to_thread(allowed, self.desk.store, self.desk.settings)
        if not known.may(chat.id, user.id):
            title = chat.title or chat.full_name or ""
            if command is None or not await asyncio.to_thread(self._paired, command, chat.id, user.id, title):
                log.warning("no answer to user %d in chat %d, who are not allowed", user.id, chat.id)
                return
            log.warning("user %d in chat %d was paired", user.id, chat.id)
        if command is not None:
            reply = await asyncio.to_thread(answer, command[0], Asked(self.desk, chat.id, command[1]))
            await self._reply(bot, chat.id, reply)

    def _paired(self, command: tuple[str, tuple[str, ...]], chat: int, user: int, title: str) -> bool:
        """Whether the stranger sent the code in force, as `/start CODE`."""
        name, words = command
        if name != "start" or len(words) != 1:
            return False
        return pair(self.desk.store, words[0], chat_id=chat, user_id=user, title=title, now=self.desk.now())

    async def _reply(self, bot: telegram.Bot, chat: int, reply: Reply) -> None:
        """Send an answer, again when Telegram asks to wait or does not take it."""
        from telegram.error import ChatMigrated, Forbidden, RetryAfter, TelegramError

        for attempt in range(1, ATTEMPTS + 1):
            try:
                await post(bot, chat, reply.text, reply.picture)
                return
            except RetryAfter as error:
                pause = min(seconds_of(error), LEASE / 2)
            except ChatMigrated as error:
                chat, pause = error.new_chat_id, 0.0
            except Forbidden as error:
                log.warning("no answer to chat %d: %s", chat, redact(error.message, (self._token,)))
                return
            except TelegramError as error:
                pause = FIRST_PAUSE * attempt
                log.warning("answer to chat %d: %s", chat, redact(error.message, (self._token,)))
            await asyncio.sleep(pause)


def unknown_token() -> SettingsError:
    """The error for a token that Telegram refuses; the token itself is not said."""
    return SettingsError(
        _("Telegram does not know this bot token"), _("Get a new one from @BotFather and put it in config/.env.")
    )


def poller_of(desk: Desk) -> Poller | None:
    """The process that takes commands now, None where none of this store does."""
    found = read_poller(desk.store, digest(token_of(desk.settings)))
    return found if found is not None and found.expires_at > desk.now() else None


def token_of(settings: Settings) -> str:
    """The token in force, empty without one."""
    return settings.secrets.telegram_bot_token.get_secret_value()
