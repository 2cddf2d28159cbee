"""Anomalies of markets, and which of them a person has acknowledged."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table of anomalies."""
    op.create_table(
        "anomalies",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("time", sa.Integer(), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("anomaly", sa.JSON(), nullable=False),
        sa.Column("found_at", sa.Integer(), nullable=False),
        sa.Column("acknowledged_at", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("anomalies_by_symbol", "anomalies", ["symbol", "timeframe", "time"], unique=False)
    op.create_index("anomalies_by_session", "anomalies", ["session"], unique=False)
