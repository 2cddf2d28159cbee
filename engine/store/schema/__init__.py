"""The tables. Times are UTC seconds, sessions are days since 1970-01-01, JSON columns hold what is shown, not searched.

Prices of one bar are one packed value (see `packing`): a symbol's 5,000 bars must come back as arrays in 10 ms, which
rows of eight columns do not allow. Everything that is searched or joined on has its own column.
"""

from __future__ import annotations

from engine.store.schema.learning import (
    anomalies,
    direction_evaluations,
    direction_trials,
    directions,
    model_drift,
    model_promotions,
    models,
    predictions,
)
from engine.store.schema.market import (
    bar_revisions,
    bars,
    corporate_event_revisions,
    corporate_events,
    daily_series,
    daily_value_revisions,
    daily_values,
    imports,
    instruments,
    series,
    watchlists,
)
from engine.store.schema.messages import outbox, outbox_disabled, telegram_chats, telegram_codes, telegram_pollers
from engine.store.schema.metadata import metadata
from engine.store.schema.paper import paper_accounts, paper_events, paper_fills, paper_orders
from engine.store.schema.work import backtests, job_events, jobs, run_locks, run_steps, runs, signals

__all__ = [
    "anomalies",
    "backtests",
    "bar_revisions",
    "bars",
    "corporate_event_revisions",
    "corporate_events",
    "daily_series",
    "daily_value_revisions",
    "daily_values",
    "direction_evaluations",
    "direction_trials",
    "directions",
    "imports",
    "instruments",
    "job_events",
    "jobs",
    "metadata",
    "model_drift",
    "model_promotions",
    "models",
    "outbox",
    "outbox_disabled",
    "paper_accounts",
    "paper_events",
    "paper_fills",
    "paper_orders",
    "predictions",
    "run_locks",
    "run_steps",
    "runs",
    "series",
    "signals",
    "telegram_chats",
    "telegram_codes",
    "telegram_pollers",
    "watchlists",
]
