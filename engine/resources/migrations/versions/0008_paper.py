"""The paper account: its state, orders, fills and everything that was done to it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables of paper accounts."""
    op.create_table(
        "paper_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.Integer()),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("kill_switch", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "paper_orders",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("signal", sa.String()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("placed_at", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.Integer(), nullable=False),
        sa.Column("filled", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("order", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "state in ('waiting', 'filled', 'cancelled', 'expired', 'refused')", name="paper_order_state_known"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["paper_accounts.id"]),
        sa.PrimaryKeyConstraint("account_id", "number"),
        sa.UniqueConstraint("account_id", "signal"),
    )
    op.create_table(
        "paper_fills",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer()),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("time", sa.Integer(), nullable=False),
        sa.Column("side", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("costs", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["paper_accounts.id"]),
        sa.PrimaryKeyConstraint("account_id", "seq"),
    )
    op.create_table(
        "paper_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["paper_accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("paper_events_by_account", "paper_events", ["account_id", "kind", "id"], unique=False)
