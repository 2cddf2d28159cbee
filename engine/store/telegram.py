"""Who may speak with the Telegram bot, who gets its messages, the pairing code, and the one process that polls a token.

Times are UTC seconds. Chats and users are Telegram's numbers; a group's is negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.store.database import Store


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat that was paired (paired_at and user_id say when and by whom) or that the settings name (both None).

    paused: it asked for no alerts. title: its name when it was paired.
    """

    chat_id: int
    user_id: int | None
    title: str
    paired_at: int | None
    paused: bool


@dataclass(frozen=True, slots=True)
class StoredCode:
    """The pairing code in force, as a digest. attempts: wrong codes that were tried since it was made."""

    digest: str
    expires_at: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Poller:
    """The process that polls a token, until expires_at unless it renews."""

    owner: str
    expires_at: int


def list_chats(store: Store) -> list[Chat]:
    """Every chat that is paired or was paused, by number."""
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT chat_id, user_id, title, paired_at, paused FROM telegram_chats ORDER BY chat_id"
        )
        return [Chat(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows]


def set_paused(store: Store, chat_id: int, paused: bool) -> None:
    """Stop or resume the alerts of a chat."""
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO telegram_chats (chat_id, title, paused) VALUES (?, '', ?)"
            " ON CONFLICT (chat_id) DO UPDATE SET paused = excluded.paused",
            (chat_id, paused),
        )


def move_chat(store: Store, old: int, new: int) -> None:
    """A group became a supergroup, which has another number: its pairing goes with it."""
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO telegram_chats (chat_id, user_id, title, paired_at, paused)"
            " SELECT ?, user_id, title, paired_at, paused FROM telegram_chats WHERE chat_id = ?"
            " ON CONFLICT (chat_id) DO NOTHING",
            (new, old),
        )
        connection.exec_driver_sql("DELETE FROM telegram_chats WHERE chat_id = ?", (old,))


def remove_chat(store: Store, chat_id: int) -> bool:
    """Take a chat out; False when it was not there."""
    with store.write() as connection:
        return bool(connection.exec_driver_sql("DELETE FROM telegram_chats WHERE chat_id = ?", (chat_id,)).rowcount)


def set_code(store: Store, digest: str, expires_at: int) -> None:
    """The pairing code in force; there is only one."""
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM telegram_codes")
        connection.exec_driver_sql(
            "INSERT INTO telegram_codes (digest, expires_at, attempts) VALUES (?, ?, 0)", (digest, expires_at)
        )


def read_code(store: Store) -> StoredCode | None:
    """The pairing code, expired or not; None where there is none."""
    with store.read() as connection:
        row = connection.exec_driver_sql("SELECT digest, expires_at, attempts FROM telegram_codes").first()
    return None if row is None else StoredCode(*row)


def use_code(store: Store, digest: str, now: int, attempts: int, chat: Chat) -> bool:
    """Pair a chat if the code is in force, which it then no longer is; else count the attempt. One transaction.

    attempts: wrong ones after which a code is void.
    """
    with store.write() as connection:
        used = connection.exec_driver_sql(
            "DELETE FROM telegram_codes WHERE digest = ? AND expires_at > ? AND attempts < ?", (digest, now, attempts)
        )
        if not used.rowcount:
            connection.exec_driver_sql("UPDATE telegram_codes SET attempts = attempts + 1")
            return False
        connection.exec_driver_sql(
            "INSERT INTO telegram_chats (chat_id, user_id, title, paired_at, paused) VALUES (?, ?, ?, ?, 0)"
            " ON CONFLICT (chat_id) DO UPDATE SET user_id = excluded.user_id, title = excluded.title,"
            " paired_at = excluded.paired_at, paused = 0",
            (chat.chat_id, chat.user_id, chat.title, now),
        )
        return True


def hold_poller(store: Store, token: str, owner: str, now: int, seconds: int) -> Poller:
    """Take or renew the right to poll a token for so long, unless another process has it; whoever has it now.

    token: a digest. A right that ends later than a new one would was given before the clock was set back, and is void.
    """
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO telegram_pollers (token, owner, expires_at) VALUES (?1, ?2, ?4) ON CONFLICT (token) DO UPDATE"
            " SET owner = excluded.owner, expires_at = excluded.expires_at"
            " WHERE owner = excluded.owner OR expires_at <= ?3 OR expires_at > excluded.expires_at",
            (token, owner, now, now + seconds),
        )
        row = connection.exec_driver_sql("SELECT owner, expires_at FROM telegram_pollers WHERE token = ?", (token,)).one()
        return Poller(*row)


def read_poller(store: Store, token: str) -> Poller | None:
    """Who polls a token, None where nobody ever did or it was given up; it may have expired."""
    with store.read() as connection:
        row = connection.exec_driver_sql("SELECT owner, expires_at FROM telegram_pollers WHERE token = ?", (token,)).first()
    return None if row is None else Poller(*row)


def release_poller(store: Store, token: str, owner: str) -> None:
    """Give up the right to poll, if it is still one's own."""
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM telegram_pollers WHERE token = ? AND owner = ?", (token, owner))
