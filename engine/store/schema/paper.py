"""The paper accounts: terms and state, orders, fills, and everything that was done."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, Float, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from engine.store.schema.metadata import metadata

#: A paper account; open is the one without closed_at. session: the newest one replayed. terms: what it was opened with; state: its
#: money, positions and waiting orders at the close of that session, as `engine.paper` keeps them.
paper_accounts = Table(
    "paper_accounts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("opened_at", Integer, nullable=False),
    Column("closed_at", Integer),
    Column("session", Integer, nullable=False),
    Column("kill_switch", Boolean(create_constraint=False), nullable=False),
    Column("terms", JSON, nullable=False),
    Column("state", JSON, nullable=False),
)

#: signal: the key of the signal that was followed, once per account. filled, value: units and R$ dealt so far.
paper_orders = Table(
    "paper_orders",
    metadata,
    Column("account_id", Integer, ForeignKey("paper_accounts.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("symbol", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("signal", String),
    Column("state", String, nullable=False),
    Column("placed_at", Integer, nullable=False),
    Column("changed_at", Integer, nullable=False),
    Column("filled", Integer, nullable=False),
    Column("value", Float, nullable=False),
    Column("order", JSON, nullable=False),
    Column("reasons", JSON, nullable=False),
    CheckConstraint("state in ('waiting', 'filled', 'cancelled', 'expired', 'refused')", name="paper_order_state_known"),
    UniqueConstraint("account_id", "signal"),
)

paper_fills = Table(
    "paper_fills",
    metadata,
    Column("account_id", Integer, ForeignKey("paper_accounts.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("number", Integer),
    Column("symbol", String, nullable=False),
    Column("session", Integer, nullable=False),
    Column("time", Integer, nullable=False),
    Column("side", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price", Float, nullable=False),
    Column("costs", Float, nullable=False),
    Column("reason", String, nullable=False),
)

#: Everything that was done to an account, in order of id; no row is ever changed or taken out.
paper_events = Table(
    "paper_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", Integer, ForeignKey("paper_accounts.id"), nullable=False),
    Column("at", Integer, nullable=False),
    Column("session", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("payload", JSON, nullable=False),
    Index("paper_events_by_account", "account_id", "kind", "id"),
)
