"""What is told: the outbox, the chats and the one poller of a bot."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Column, Index, Integer, String, Table, UniqueConstraint

from engine.store.schema.metadata import metadata

#: One message to one recipient of a channel; the id goes out with it and is never used again.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String, nullable=False),
    Column("recipient", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("dedupe_key", String, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("next_at", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("last_error", String, nullable=False),
    Column("sent_at", Integer),
    Column("remote_id", String, nullable=False),
    CheckConstraint("state in ('waiting', 'sending', 'sent', 'dead')", name="outbox_state_known"),
    UniqueConstraint("channel", "recipient", "dedupe_key"),
    Index("outbox_by_state", "channel", "state", "recipient"),
    sqlite_autoincrement=True,
)

#: Recipients that no longer exist; address is a digest of where they were, so that a new address is tried.
outbox_disabled = Table(
    "outbox_disabled",
    metadata,
    Column("channel", String, primary_key=True),
    Column("recipient", String, primary_key=True),
    Column("address", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("disabled_at", Integer, nullable=False),
)

#: Chats that speak with the bot. paired_at, user_id: when and by whom it was paired, NULL for one that the settings name.
telegram_chats = Table(
    "telegram_chats",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger),
    Column("title", String, nullable=False),
    Column("paired_at", Integer),
    Column("paused", Boolean(create_constraint=False), nullable=False),
)

#: The pairing code in force, at most one row.
telegram_codes = Table(
    "telegram_codes",
    metadata,
    Column("digest", String, primary_key=True),
    Column("expires_at", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
)

#: The one process that polls a token, of which only a digest is kept.
telegram_pollers = Table(
    "telegram_pollers",
    metadata,
    Column("token", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("expires_at", Integer, nullable=False),
)
