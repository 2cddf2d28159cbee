"""What the market did: instruments, bars and their revisions, corporate events, daily series, watchlists."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from engine.store.schema.metadata import metadata

instruments = Table(
    "instruments",
    metadata,
    Column("symbol", String, primary_key=True),
    Column("market", String, nullable=False),
    Column("name", String, nullable=False, server_default=""),
    Column("isin", String, nullable=False, server_default=""),
    Column("lot", Integer, nullable=False),
    Column("tick", Float, nullable=False),
    Column("point_value", Float, nullable=False),
)

#: One run of bars that may be joined: one symbol, timeframe, source and price base.
series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("symbol", String, nullable=False),
    Column("timeframe", String, nullable=False),
    Column("source", String, nullable=False),
    Column("price_base", String, nullable=False),
    CheckConstraint("price_base in ('raw', 'adjusted', 'unknown')", name="price_base_known"),
    UniqueConstraint("symbol", "timeframe", "source", "price_base"),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("published_at", Integer, nullable=False),
    Column("file", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("format", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("written", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("revised", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("detail", JSON, nullable=False),
)

#: available_at: when the value became known; NULL for history, which counts as known at the bar's own close.
bars = Table(
    "bars",
    metadata,
    Column("series_id", Integer, ForeignKey("series.id"), primary_key=True),
    Column("time", Integer, primary_key=True),
    Column("bar", LargeBinary, nullable=False),
    Column("provisional", Boolean(create_constraint=False), nullable=False),
    Column("available_at", Integer),
    Column("import_id", Integer, ForeignKey("imports.id"), nullable=False),
    sqlite_with_rowid=False,
)

#: Values that a later import replaced: known from available_at (NULL: the bar's own close) until superseded_at.
bar_revisions = Table(
    "bar_revisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("series_id", Integer, ForeignKey("series.id"), nullable=False),
    Column("time", Integer, nullable=False),
    Column("bar", LargeBinary, nullable=False),
    Column("available_at", Integer),
    Column("superseded_at", Integer, nullable=False),
    Column("import_id", Integer, ForeignKey("imports.id"), nullable=False),
    Column("superseded_by", Integer, ForeignKey("imports.id"), nullable=False),
    Index("bar_revisions_by_bar", "series_id", "time"),
)

#: The parts of an event (symbol, kind, ex_session, source) are one row each: a dividend in two instalments is two rows.
#: A later row counts as newer. available_at is NULL for history, which counts as known on its ex date.
corporate_events = Table(
    "corporate_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("symbol", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("ex_session", Integer, nullable=False),
    Column("factor", Float),
    Column("amount", Float),
    Column("pay_session", Integer),
    Column("source", String, nullable=False),
    Column("available_at", Integer),
    Index("corporate_events_by_symbol", "symbol", "ex_session"),
)

#: Parts of events that a later import replaced: known from available_at (NULL: the ex date) until superseded_at.
corporate_event_revisions = Table(
    "corporate_event_revisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("symbol", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("ex_session", Integer, nullable=False),
    Column("factor", Float),
    Column("amount", Float),
    Column("pay_session", Integer),
    Column("source", String, nullable=False),
    Column("available_at", Integer),
    Column("superseded_at", Integer, nullable=False),
    Index("corporate_event_revisions_by_symbol", "symbol", "ex_session"),
)

daily_series = Table(
    "daily_series",
    metadata,
    Column("name", String, primary_key=True),
    Column("unit", String, nullable=False),
    Column("column", String, nullable=False),
)

daily_values = Table(
    "daily_values",
    metadata,
    Column("name", String, ForeignKey("daily_series.name"), primary_key=True),
    Column("session", Integer, primary_key=True),
    Column("value", Float, nullable=False),
    Column("available_at", Integer),
    Column("import_id", Integer, ForeignKey("imports.id"), nullable=False),
    sqlite_with_rowid=False,
)

daily_value_revisions = Table(
    "daily_value_revisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("session", Integer, nullable=False),
    Column("value", Float, nullable=False),
    Column("available_at", Integer),
    Column("superseded_at", Integer, nullable=False),
)

watchlists = Table(
    "watchlists",
    metadata,
    Column("list", String, primary_key=True),
    Column("symbol", String, primary_key=True),
    Column("position", Integer, nullable=False),
)
