"""What the desk did: daily runs with their steps and signals, the lock of the run, backtests, jobs."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, Float, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from engine.store.schema.metadata import metadata

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
