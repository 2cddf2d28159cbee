"""Corporate events in parts with payment dates, and what later imports replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of events anew, with what it held, and that of their revisions."""
    op.rename_table("corporate_events", "corporate_events_before")
    op.create_table(
        "corporate_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ex_session", sa.Integer(), nullable=False),
        sa.Column("factor", sa.Float(), nullable=True),
        sa.Column("amount", sa.Float(), nullable=True),
        sa.Column("pay_session", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("available_at", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("corporate_events_by_symbol", "corporate_events", ["symbol", "ex_session"], unique=False)
    op.execute(
        "INSERT INTO corporate_events (id, symbol, kind, ex_session, factor, amount, source, available_at)"
        " SELECT id, symbol, kind, ex_session, factor, amount, source, available_at FROM corporate_events_before"
    )
    op.drop_table("corporate_events_before")
    op.create_table(
        "corporate_event_revisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ex_session", sa.Integer(), nullable=False),
        sa.Column("factor", sa.Float(), nullable=True),
        sa.Column("amount", sa.Float(), nullable=True),
        sa.Column("pay_session", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("available_at", sa.Integer(), nullable=True),
        sa.Column("superseded_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("corporate_event_revisions_by_symbol", "corporate_event_revisions", ["symbol", "ex_session"], unique=False)
