"""The tables. Times are UTC seconds, sessions are days since 1970-01-01, JSON columns hold what is shown, not searched.

Prices of one bar are one packed value (see `packing`): a symbol's 5,000 bars must come back as arrays in 10 ms, which
rows of eight columns do not allow. Everything that is searched or joined on has its own column.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData()

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

#: One run per target session, decision time and kind (live or replay).
runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("session", Integer, nullable=False),
    Column("decision_time", String, nullable=False),
    Column("replay", Boolean(create_constraint=False), nullable=False),
    Column("status", String, nullable=False),
    Column("started_at", Integer, nullable=False),
    Column("finished_at", Integer),
    Column("snapshot", Integer, nullable=False),
    Column("code_version", String, nullable=False),
    Column("inputs", String, nullable=False),
    Column("models", JSON, nullable=False),
    UniqueConstraint("session", "decision_time", "replay"),
)

run_steps = Table(
    "run_steps",
    metadata,
    Column("run_id", String, ForeignKey("runs.id"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("inputs", String, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("detail", JSON, nullable=False),
)

signals = Table(
    "signals",
    metadata,
    Column("run_id", String, ForeignKey("runs.id"), primary_key=True),
    Column("symbol", String, primary_key=True),
    Column("timeframe", String, primary_key=True),
    Column("strategy", String, primary_key=True),
    Column("time", Integer, nullable=False),
    Column("action", String, nullable=False),
    Column("strength", Float, nullable=False),
    Column("signal", JSON, nullable=False),
    Index("signals_by_symbol", "symbol", "time"),
)

#: Every backtest that was run counts as a trial; the same inputs twice are one trial.
backtests = Table(
    "backtests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("created_at", Integer, nullable=False),
    Column("symbol", String, nullable=False),
    Column("timeframe", String, nullable=False),
    Column("strategy", String, nullable=False),
    Column("params", String, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("snapshot", Integer, nullable=False),
    Column("order_hash", String, nullable=False),
    Column("result", JSON, nullable=False),
    Index("backtests_by_question", "symbol", "timeframe", "strategy"),
)

#: A long piece of work, run by a process of its own that writes heartbeat_at; `engine.store.job_ledger` keeps these rows.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("params", JSON, nullable=False),
    Column("status", String, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("started_at", Integer),
    Column("finished_at", Integer),
    Column("heartbeat_at", Integer),
    Column("pid", Integer),
    Column("cancel_requested", Boolean(create_constraint=False), nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer),
    Column("note", String, nullable=False),
    Column("result", JSON),
    Column("error", JSON),
    CheckConstraint("status in ('queued', 'running', 'done', 'failed', 'cancelled', 'lost')", name="job_status_known"),
    Index("jobs_by_status", "status"),
)

#: What a job said on its way, in order: seq counts from 1 within the job.
job_events = Table(
    "job_events",
    metadata,
    Column("job_id", Integer, ForeignKey("jobs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("payload", JSON, nullable=False),
)

#: A saved model; the hashes are those of the files in its folder, which are worth nothing without this row.
#: symbols: what it learnt from, in alphabetical order with a comma between; kind, timeframe and symbols are its scope.
models = Table(
    "models",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("family", String, nullable=False),
    Column("symbols", String, nullable=False),
    Column("timeframe", String, nullable=False),
    Column("name", String, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("snapshot", Integer, nullable=False),
    Column("code_version", String, nullable=False),
    Column("schema", String, nullable=False),
    Column("estimator_sha256", String, nullable=False),
    Column("manifest_sha256", String, nullable=False),
    Column("summary", JSON, nullable=False),
    Index("models_by_scope", "kind", "timeframe", "symbols"),
)

#: Live in a scope is the newest promotion that was not rolled back and whose model still exists; no row is ever taken out.
model_promotions = Table(
    "model_promotions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_id", String, nullable=False),
    Column("promoted_at", Integer, nullable=False),
    Column("rolled_back_at", Integer),
)

#: One bar that was unlike those before it; acknowledged_at is NULL until a person has seen it, and survives that it is found again.
anomalies = Table(
    "anomalies",
    metadata,
    Column("id", String, primary_key=True),
    Column("symbol", String, nullable=False),
    Column("timeframe", String, nullable=False),
    Column("time", Integer, nullable=False),
    Column("session", Integer, nullable=False),
    Column("anomaly", JSON, nullable=False),
    Column("found_at", Integer, nullable=False),
    Column("acknowledged_at", Integer),
    Index("anomalies_by_symbol", "symbol", "timeframe", "time"),
    Index("anomalies_by_session", "session"),
)

#: What a live model said about one bar, when it could not know what came; what came of it is read from the bars.
predictions = Table(
    "predictions",
    metadata,
    Column("model_id", String, primary_key=True),
    Column("symbol", String, primary_key=True),
    Column("timeframe", String, primary_key=True),
    Column("time", Integer, primary_key=True),
    Column("sell", Float, nullable=False),
    Column("hold", Float, nullable=False),
    Column("buy", Float, nullable=False),
    Column("predicted_at", Integer, nullable=False),
)

#: The state of a live model as found by the run of one session.
model_drift = Table(
    "model_drift",
    metadata,
    Column("model_id", String, primary_key=True),
    Column("session", Integer, primary_key=True),
    Column("state", String, nullable=False),
    Column("report", JSON, nullable=False),
    Column("found_at", Integer, nullable=False),
    CheckConstraint("state in ('ok', 'watch', 'degraded')", name="drift_state_known"),
)

#: What a live run said of the next session of an index at one decision time; outcome is NULL until the session has closed.
directions = Table(
    "directions",
    metadata,
    Column("symbol", String, primary_key=True),
    Column("target_session", Integer, primary_key=True),
    Column("decision_time", String, primary_key=True),
    Column("session", Integer, nullable=False),
    Column("signal", Integer),
    Column("probability", Float),
    Column("baseline", Float),
    Column("model", String, nullable=False),
    Column("direction", JSON, nullable=False),
    Column("made_at", Integer, nullable=False),
    Column("outcome", Integer),
    Column("outcome_at", Integer),
)

#: Every configuration ever evaluated on a window of sessions; no row is ever taken out.
direction_trials = Table(
    "direction_trials",
    metadata,
    Column("symbol", String, primary_key=True),
    Column("decision_time", String, primary_key=True),
    Column("configuration", String, primary_key=True),
    Column("start", Integer, primary_key=True),
    Column("end", Integer, primary_key=True),
    Column("sessions", Integer, nullable=False),
    Column("hits", Integer, nullable=False),
    Column("evaluated_at", Integer, nullable=False),
)

#: One evaluation of one decision time, with its out-of-sample probabilities; promoted: no canary failed.
direction_evaluations = Table(
    "direction_evaluations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("symbol", String, nullable=False),
    Column("decision_time", String, nullable=False),
    Column("configuration", String, nullable=False),
    Column("evaluated_at", Integer, nullable=False),
    Column("snapshot", Integer, nullable=False),
    Column("evaluation", JSON, nullable=False),
    Column("history", JSON, nullable=False),
    Column("canaries", JSON, nullable=False),
    Column("promoted", Boolean(create_constraint=False), nullable=False),
    Index("direction_evaluations_by_time", "symbol", "decision_time", "evaluated_at"),
)

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

#: The one process that runs the daily run, at most one row. owner: host:pid; boot: the boot id of its system, or empty.
run_locks = Table(
    "run_locks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("owner", String, nullable=False),
    Column("host", String, nullable=False),
    Column("boot", String, nullable=False),
    Column("since", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
)
