"""The outbox: messages are rows, written in the transaction of what they report, and sent later by `engine.notifications.sender`.

waiting -> sending -> sent | waiting (tried again later) | dead. A row is one message to one recipient of one channel; its id goes
out with it, so that a repeat (the sender was killed after the other side had taken the message) can be told from news. A row of
the channel ANY is what was said, and has no recipient: the rules choose them when the next delivery begins, and it stays behind so that
the same is not said again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.domain import iso, jsonable
from engine.errors import UsageError
from engine.i18n import _

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.store.database import Store

CHANNELS = ("telegram", "discord", "webhook", "email")
#: Not addressed yet: the rules of config/alerts.toml choose the channels.
ANY = "any"
STATES = ("waiting", "sending", "sent", "dead")
#: No message waits longer than this: one that seems to was written before the clock was set back, and is due.
LONGEST_WAIT = 2 * 86_400

COLUMNS = (
    "id, channel, recipient, kind, dedupe_key, payload, created_at, next_at, attempts, state, last_error, sent_at, remote_id"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One row. Times are UTC seconds; next_at: not before then. payload: plain data, no markup; remote_id: the other side's id.

    recipient: a chat of Telegram, empty where the channel has only one.
    """

    id: int
    channel: str
    recipient: str
    kind: str
    dedupe_key: str
    payload: dict[str, Any]
    created_at: int
    next_at: int
    attempts: int
    state: str
    last_error: str
    sent_at: int | None
    remote_id: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON form, without the payload."""
        return {
            "id": self.id,
            "channel": self.channel,
            "recipient": self.recipient,
            "kind": self.kind,
            "state": self.state,
            "attempts": self.attempts,
            "last_error": self.last_error or None,
            "dedupe_key": self.dedupe_key,
            "created_at": iso(self.created_at),
            "next_at": iso(self.next_at) if self.state == "waiting" else None,
            "sent_at": None if self.sent_at is None else iso(self.sent_at),
            "remote_id": self.remote_id or None,
        }


def enqueue(
    connection: Connection,
    channel: str,
    kind: str,
    dedupe_key: str,
    payload: Mapping[str, Any],
    now: int,
    *,
    recipient: str = "",
) -> bool:
    """Add a message within the caller's transaction, so that it is stored with what it reports or not at all.

    channel: one of CHANNELS, or ANY, which leaves it to the rules. The same dedupe_key to the same recipient of a channel is the
    same message: it is not added again (False). now: UTC seconds.
    """
    if channel not in (*CHANNELS, ANY):
        raise UsageError(
            _("There is no channel {name}").format(name=channel), _("Accepted: {list}.").format(list=", ".join(CHANNELS))
        )
    text = json.dumps(jsonable(payload), ensure_ascii=False)
    added = connection.exec_driver_sql(
        "INSERT INTO outbox (channel, recipient, kind, dedupe_key, payload, created_at, next_at, attempts, state, last_error, remote_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0, 'waiting', '', '') ON CONFLICT (channel, recipient, dedupe_key) DO NOTHING",
        (channel, recipient, kind, dedupe_key, text, now, now),
    )
    return bool(added.rowcount)


def newest(connection: Connection) -> int:
    """The id of the newest message, 0 before the first."""
    return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM outbox").scalar_one())


def unaddressed(connection: Connection) -> list[Message]:
    """The messages that the rules have not looked at, oldest first."""
    asked = f"SELECT {COLUMNS} FROM outbox WHERE channel = ? AND state = 'waiting' ORDER BY id"
    return [_message(row) for row in connection.exec_driver_sql(asked, (ANY,))]


def mark_addressed(connection: Connection, number: int) -> None:
    """A message of the channel ANY was given to the channels that the rules chose, or none wants it."""
    connection.exec_driver_sql("UPDATE outbox SET state = 'sent' WHERE id = ? AND channel = ?", (number, ANY))


def said(connection: Connection, beginning: str) -> list[str]:
    """The dedupe_keys of all that was ever said (channel ANY) that begin so, oldest first. beginning: ASCII."""
    asked = (
        "SELECT dedupe_key FROM outbox WHERE channel = ? AND recipient = '' AND dedupe_key >= ? AND dedupe_key < ? ORDER BY id"
    )
    return list(connection.exec_driver_sql(asked, (ANY, beginning, f"{beginning}\x7f")).scalars())


def due(store: Store, now: int, channel: str) -> list[Message]:
    """What may be sent at `now`: for each recipient the oldest message only, so that order is kept; oldest first.

    A message that is being tried again holds back those behind it; one that waits for its first time (quiet hours) does not.
    """
    ready = (now, now + LONGEST_WAIT)
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            f"SELECT {COLUMNS} FROM outbox WHERE (next_at <= ? OR next_at > ?) AND id IN"
            " (SELECT min(id) FROM outbox WHERE channel = ? AND state = 'waiting' AND (attempts > 0 OR next_at <= ? OR next_at > ?)"
            " GROUP BY recipient) ORDER BY id",
            (*ready, channel, *ready),
        )
        return [_message(row) for row in rows]


def next_due(store: Store, channel: str) -> int | None:
    """When the next waiting message of a channel may be sent (UTC seconds), None when none waits."""
    with store.read() as connection:
        asked = "SELECT min(next_at) FROM outbox WHERE channel = ? AND state = 'waiting'"
        found = connection.exec_driver_sql(asked, (channel,)).scalar_one()
    return None if found is None else int(found)


def count_waiting(store: Store, channel: str) -> tuple[int, int]:
    """How many messages of a channel wait, and how many of these were tried already."""
    with store.read() as connection:
        asked = "SELECT count(*), coalesce(sum(attempts > 0), 0) FROM outbox WHERE channel = ? AND state = 'waiting'"
        waiting, tried = connection.exec_driver_sql(asked, (channel,)).one()
        return int(waiting), int(tried)


def claim(store: Store, number: int) -> bool:
    """Mark a waiting message as being sent, and count the attempt; False when it no longer waits."""
    with store.write() as connection:
        changed = connection.exec_driver_sql(
            "UPDATE outbox SET state = 'sending', attempts = attempts + 1 WHERE id = ? AND state = 'waiting'", (number,)
        )
        return bool(changed.rowcount)


def postpone(store: Store, number: int, until: int) -> None:
    """Let a waiting message wait until then (UTC seconds), for quiet hours."""
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox SET next_at = ? WHERE id = ? AND state = 'waiting'", (until, number))


def mark_sent(store: Store, number: int, now: int, remote_id: str = "") -> None:
    """The other side has taken it."""
    with store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE outbox SET state = 'sent', sent_at = ?, remote_id = ?, last_error = '' WHERE id = ?", (now, remote_id, number)
        )


def mark_failed(store: Store, number: int, error: str, retry_at: int | None) -> None:
    """It was not taken: to be tried again at `retry_at` (UTC seconds), or dead with None."""
    state = "dead" if retry_at is None else "waiting"
    with store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE outbox SET state = ?, last_error = ?, next_at = coalesce(?, next_at) WHERE id = ?",
            (state, error, retry_at, number),
        )


def recover(store: Store, channel: str, now: int) -> set[int]:
    """Let messages whose sender was killed in the middle wait again, and return their ids: the other side may have them already.

    Only for the one process that sends on this channel.
    """
    with store.write() as connection:
        asked = "UPDATE outbox SET state = 'waiting', next_at = ? WHERE channel = ? AND state = 'sending' RETURNING id"
        return set(connection.exec_driver_sql(asked, (now, channel)).scalars())


def list_messages(store: Store, state: str | None = None, limit: int = 50) -> list[Message]:
    """The newest messages first, all or those in one state; one that has no channel yet is among those that wait. Raises UsageError for a state that does not exist."""
    if state is not None and state not in STATES:
        raise UsageError(_("There is no state {name}").format(name=state), _("Accepted: {list}.").format(list=", ".join(STATES)))
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            f"SELECT {COLUMNS} FROM outbox WHERE (? IS NULL OR state = ?) AND NOT (channel = ? AND state = 'sent')"
            " ORDER BY id DESC LIMIT ?",
            (state, state, ANY, limit),
        )
        return [_message(row) for row in rows]


def read_message(store: Store, number: int) -> Message:
    """One message. Raises UsageError for an unknown id."""
    with store.read() as connection:
        row = connection.exec_driver_sql(f"SELECT {COLUMNS} FROM outbox WHERE id = ?", (number,)).one_or_none()
    if row is None:
        raise UsageError(
            _("There is no message {id}").format(id=number), _("`pregao notify list` shows the messages with their ids.")
        )
    return _message(row)


def resend(store: Store, number: int, now: int) -> Message:
    """Let a dead or sent message go out again with the same id, and its channel be tried again if it was disabled.

    One that waits is due at once. Raises UsageError for an unknown id and for a message that is being sent.
    """
    asked = read_message(store, number)
    with store.write() as connection:
        changed = connection.exec_driver_sql(
            "UPDATE outbox SET state = 'waiting', attempts = 0, next_at = ? WHERE id = ? AND state <> 'sending'", (now, number)
        )
        if not changed.rowcount:
            raise UsageError(_("Message {id} is being sent").format(id=number))
        _enable(connection, asked.channel, asked.recipient)
    return read_message(store, number)


def disable(store: Store, channel: str, recipient: str, address: str, reason: str, now: int) -> int:
    """Stop sending to a recipient that no longer exists: what waits for it is dead, with the reason; how many that were.

    address: a digest of where it was; another address is another recipient, which is tried.
    """
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO outbox_disabled (channel, recipient, address, reason, disabled_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (channel, recipient) DO UPDATE SET address = excluded.address, reason = excluded.reason,"
            " disabled_at = excluded.disabled_at",
            (channel, recipient, address, reason, now),
        )
        return _bury(connection, channel, recipient, reason)


def bury(store: Store, channel: str, recipient: str, reason: str) -> int:
    """What waits for a recipient is dead, with the reason; how many that were."""
    with store.write() as connection:
        return _bury(connection, channel, recipient, reason)


def _bury(connection: Connection, channel: str, recipient: str, reason: str) -> int:
    buried = connection.exec_driver_sql(
        "UPDATE outbox SET state = 'dead', last_error = ? WHERE channel = ? AND recipient = ? AND state IN ('waiting', 'sending')",
        (reason, channel, recipient),
    )
    return int(buried.rowcount)


def disabled(store: Store, channel: str, address: str) -> dict[str, str]:
    """The disabled recipients of a channel at this address, each with the reason."""
    with store.read() as connection:
        asked = "SELECT recipient, reason FROM outbox_disabled WHERE channel = ? AND address = ?"
        return {row.recipient: row.reason for row in connection.exec_driver_sql(asked, (channel, address))}


def enable(store: Store, channel: str, recipient: str) -> None:
    """Try a disabled recipient again."""
    with store.write() as connection:
        _enable(connection, channel, recipient)


def _enable(connection: Connection, channel: str, recipient: str) -> None:
    connection.exec_driver_sql("DELETE FROM outbox_disabled WHERE channel = ? AND recipient = ?", (channel, recipient))


def _message(row: Any) -> Message:
    return Message(**{**row._mapping, "payload": json.loads(row.payload)})
