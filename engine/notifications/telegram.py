"""Messages by Telegram: one message of the outbox is one message or one captioned picture in one chat.

The limits are those of https://core.telegram.org/bots/api and https://core.telegram.org/bots/faq: one message a second to a chat,
20 a minute to a group. The token is part of every address, so no address is ever logged or stored.
"""

from __future__ import annotations

import asyncio
import html
import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.i18n import _
from engine.log import redact
from engine.notifications.channel import Delivered, Refused, Retry, digest
from engine.notifications.forms import length, render
from engine.notifications.pairing import recipients

if TYPE_CHECKING:
    import telegram

    from engine.settings_model import Settings
    from engine.store.database import Store

log = logging.getLogger(__name__)

#: Seconds between two messages to one chat, and to a group.
PACE, GROUP_PACE = 1.0, 3.0
#: UTF-16 units of the caption of a picture.
CAPTION = 1024
#: What Telegram says of a chat that will never take a message again.
GONE = ("chat not found", "group chat was deactivated", "group chat was deleted", "peer_id_invalid", "user not found")


def open_channel(settings: Settings, store: Store) -> TelegramChannel | None:
    """The channel of the token in force, None without one."""
    return TelegramChannel(settings, store) if settings.secrets.telegram_bot_token.get_secret_value() else None


class TelegramChannel:
    """See `engine.notifications.channel.Channel`. For a thread in which no event loop runs; `close` it."""

    name = "telegram"
    pace = PACE

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._token = settings.secrets.telegram_bot_token.get_secret_value()
        self._runner: asyncio.Runner | None = None
        self._bot: telegram.Bot | None = None

    @property
    def address(self) -> str:
        return digest(f"{self._settings.notifications.telegram_api} {self._token}")

    def recipients(self, store: Store) -> tuple[str, ...]:
        return recipients(store, self._settings)

    def send(self, payload: Mapping[str, Any], *, recipient: str, reference: str, written_at: int) -> Delivered:  # noqa: ARG002
        """Send one message to the chat `recipient`; what HTML or picture Telegram refuses goes out as plain text."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self._send(payload, int(recipient), reference))

    def close(self) -> None:
        if self._runner is not None:
            if self._bot is not None:
                self._runner.run(self._bot.shutdown())
            self._runner.close()
        self._runner = self._bot = None

    async def _send(self, payload: Mapping[str, Any], chat: int, reference: str) -> Delivered:
        from telegram.error import ChatMigrated, TelegramError

        from engine.notifications.charts import picture_of
        from engine.store.telegram import move_chat

        if self._bot is None:
            self._bot = make_bot(self._settings)
        text = render(payload, "telegram", reference)
        picture = picture_of(self._store, payload) if length(text) <= CAPTION else None
        try:
            try:
                sent = await post(self._bot, chat, text, picture)
            except ChatMigrated as moved:
                move_chat(self._store, chat, moved.new_chat_id)
                log.warning("chat %d is now %d", chat, moved.new_chat_id)
                sent = await post(self._bot, moved.new_chat_id, text, picture)
        except TelegramError as error:
            raise explained(error, self._token) from None
        return Delivered(str(sent.message_id), GROUP_PACE if sent.chat.id < 0 else 0.0)


def make_bot(settings: Settings) -> telegram.Bot:
    """A bot of python-telegram-bot that is quiet for no longer than the settings say; nothing is asked of the server yet."""
    from telegram import Bot
    from telegram.request import HTTPXRequest

    named = settings.notifications
    seconds = named.timeout_seconds
    request = HTTPXRequest(
        connection_pool_size=4, read_timeout=seconds, write_timeout=seconds, connect_timeout=seconds, media_write_timeout=seconds
    )
    return Bot(
        settings.secrets.telegram_bot_token.get_secret_value(),
        base_url=f"{named.telegram_api}/bot",
        base_file_url=f"{named.telegram_api}/file/bot",
        request=request,
        get_updates_request=request,
    )


async def post(bot: telegram.Bot, chat: int, text: str, picture: bytes | None = None) -> telegram.Message:
    """Send HTML, under a picture where there is one; refused (400), without the picture, then as plain text.

    Raises telegram.error.TelegramError.
    """
    from telegram import LinkPreviewOptions
    from telegram.constants import ParseMode
    from telegram.error import BadRequest

    if picture is not None:
        try:
            return await bot.send_photo(chat, picture, caption=text, parse_mode=ParseMode.HTML)
        except BadRequest as error:
            if is_gone(error):
                raise
            log.warning("picture refused: %s", error.message)
    without = LinkPreviewOptions(is_disabled=True)
    try:
        return await bot.send_message(chat, text, parse_mode=ParseMode.HTML, link_preview_options=without)
    except BadRequest as error:
        if is_gone(error):
            raise
        log.warning("HTML refused: %s", error.message)
    return await bot.send_message(chat, plain_of(text), link_preview_options=without)


def plain_of(text: str) -> str:
    """HTML without its tags, which is never longer."""
    return html.unescape(re.sub(r"</?[a-z]+>", "", text))


def is_gone(error: telegram.error.TelegramError) -> bool:
    """Whether a 400 says that the chat no longer exists."""
    return any(words in error.message.lower() for words in GONE)


def explained(error: telegram.error.TelegramError, token: str) -> Retry | Refused:
    """What an error of python-telegram-bot means for a message; the token is taken out of its words."""
    from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TimedOut

    if isinstance(error, RetryAfter):
        return Retry(_("Telegram asks for fewer messages"), seconds_of(error))
    if isinstance(error, InvalidToken):
        return Refused(_("Telegram does not know this bot token"), channel_dead=True)
    said = redact(error.message, (token,))
    if isinstance(error, Forbidden):
        return Refused(said, channel_dead=True)
    if isinstance(error, BadRequest):
        return Refused(said, channel_dead=is_gone(error))
    if isinstance(error, TimedOut):
        return Retry(_("Telegram did not answer in time"))
    return Retry(said)


def seconds_of(error: telegram.error.RetryAfter) -> float:
    """How long Telegram asks to wait."""
    wait = error.retry_after
    return float(wait) if isinstance(wait, int | float) else wait.total_seconds()
