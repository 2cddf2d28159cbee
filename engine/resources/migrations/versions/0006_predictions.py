"""What live models said, and how far they have drifted."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables of predictions and of drift."""
    op.create_table(
        "predictions",
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("time", sa.Integer(), nullable=False),
        sa.Column("sell", sa.Float(), nullable=False),
        sa.Column("hold", sa.Float(), nullable=False),
        sa.Column("buy", sa.Float(), nullable=False),
        sa.Column("predicted_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", "symbol", "timeframe", "time"),
    )
    op.create_table(
        "model_drift",
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("found_at", sa.Integer(), nullable=False),
        sa.CheckConstraint("state in ('ok', 'watch', 'degraded')", name="drift_state_known"),
        sa.PrimaryKeyConstraint("model_id", "session"),
    )
