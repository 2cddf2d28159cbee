"""What was learnt: models, what they said, anomalies, the direction of an index."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, Float, Index, Integer, String, Table

from engine.store.schema.metadata import metadata

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
