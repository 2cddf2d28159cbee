"""The direction of an index: what was said and came, every configuration that was tried, evaluations."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables of directions, of their trials and of their evaluations."""
    op.create_table(
        "directions",
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("target_session", sa.Integer(), nullable=False),
        sa.Column("decision_time", sa.String(), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("signal", sa.Integer()),
        sa.Column("probability", sa.Float()),
        sa.Column("baseline", sa.Float()),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("direction", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Integer()),
        sa.Column("outcome_at", sa.Integer()),
        sa.PrimaryKeyConstraint("symbol", "target_session", "decision_time"),
    )
    op.create_table(
        "direction_trials",
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("decision_time", sa.String(), nullable=False),
        sa.Column("configuration", sa.String(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("evaluated_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("symbol", "decision_time", "configuration", "start", "end"),
    )
    op.create_table(
        "direction_evaluations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("decision_time", sa.String(), nullable=False),
        sa.Column("configuration", sa.String(), nullable=False),
        sa.Column("evaluated_at", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.Integer(), nullable=False),
        sa.Column("evaluation", sa.JSON(), nullable=False),
        sa.Column("history", sa.JSON(), nullable=False),
        sa.Column("canaries", sa.JSON(), nullable=False),
        sa.Column("promoted", sa.Boolean(create_constraint=False), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("direction_evaluations_by_time", "direction_evaluations", ["symbol", "decision_time", "evaluated_at"])
