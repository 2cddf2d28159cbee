"""Who may speak with the Telegram bot: chats and users of the settings, and chats that sent the one-time code. Empty is nobody."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engine.domain import iso
from engine.errors import UsageError
from engine.i18n import _
from engine.store import outbox
from engine.store.telegram import Chat, list_chats, remove_chat, set_code, use_code

if TYPE_CHECKING:
    from engine.settings_model import Settings
    from engine.store.database import Store

#: No letter or figure that is taken for another one.
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
LENGTH = 8
#: How long a code may be used, in seconds, and after how many wrong ones it is void.
VALID, ATTEMPTS = 600, 10


@dataclass(frozen=True, slots=True)
class PairingCode:
    """A code as it is shown, and until when it may be used (UTC seconds)."""

    code: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Allowed:
    """The chats that may ask, and the users who may in a group; a private chat has the number of its user."""

    chats: frozenset[int]
    users: frozenset[int]

    def may(self, chat_id: int, user_id: int | None) -> bool:
        """Whether a message of this user in this chat is answered."""
        return chat_id in self.chats and user_id is not None and (user_id == chat_id or user_id in self.users)


def allowed(store: Store, settings: Settings) -> Allowed:
    """The chats and users of the settings and those that were paired."""
    paired = [chat for chat in list_chats(store) if chat.paired_at is not None]
    users = {chat.user_id for chat in paired if chat.user_id is not None}
    named = settings.notifications
    return Allowed(
        frozenset(named.telegram_chat_ids) | {chat.chat_id for chat in paired}, frozenset(named.telegram_user_ids) | users
    )


def recipients(store: Store, settings: Settings) -> tuple[str, ...]:
    """The allowed chats that have not stopped their alerts, as the outbox names them."""
    paused = {chat.chat_id for chat in list_chats(store) if chat.paused}
    return tuple(str(chat) for chat in sorted(allowed(store, settings).chats - paused))


def known_chats(store: Store, settings: Settings) -> list[dict[str, Any]]:
    """Every allowed chat in its JSON form: {"chat_id", "user_id", "title", "paired_at", "paused"}; paired_at null: by the settings."""
    stored = {chat.chat_id: chat for chat in list_chats(store)}
    found = []
    for number in sorted(allowed(store, settings).chats):
        chat = stored.get(number) or Chat(number, None, "", None, False)
        found.append(asdict(chat) | {"paired_at": None if chat.paired_at is None else iso(chat.paired_at)})
    return found


def unpair(store: Store, settings: Settings, chat_id: int) -> None:
    """Take a paired chat out; what waits for it is dead. Raises UsageError for a chat that is not paired."""
    if chat_id not in {chat.chat_id for chat in list_chats(store) if chat.paired_at is not None}:
        named = chat_id in settings.notifications.telegram_chat_ids
        hint = (
            _("The settings name it: take it out of telegram_chat_ids.") if named else _("`pregao bot --list` lists the chats.")
        )
        raise UsageError(_("Chat {id} is not paired").format(id=chat_id), hint)
    remove_chat(store, chat_id)
    outbox.bury(store, "telegram", str(chat_id), _("The chat is no longer paired"))


def new_code(store: Store, now: int, choose: Callable[[str], str] = secrets.choice) -> PairingCode:
    """A new one-time code, which takes the place of the one before; only its digest is stored."""
    letters = "".join(choose(ALPHABET) for _ in range(LENGTH))
    set_code(store, _digest(letters), now + VALID)
    return PairingCode(f"{letters[:4]}-{letters[4:]}", now + VALID)


def pair(store: Store, text: str, *, chat_id: int, user_id: int, title: str, now: int) -> bool:
    """Whether `text` is the code in force, in capitals or not, with the hyphen or without: then this chat and user are paired."""
    letters = "".join(char for char in text.upper() if char.isalnum())
    return use_code(store, _digest(letters), now, ATTEMPTS, Chat(chat_id, user_id, title, now, False))


def _digest(letters: str) -> str:
    return hashlib.sha256(letters.encode()).hexdigest()
