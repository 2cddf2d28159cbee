"""The outbox: messages on their way, and recipients that no longer exist."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables of messages and of disabled recipients."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("sent_at", sa.Integer(), nullable=True),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.CheckConstraint("state in ('waiting', 'sending', 'sent', 'dead')", name="outbox_state_known"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel", "recipient", "dedupe_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_by_state", "outbox", ["channel", "state", "recipient"], unique=False)
    op.create_table(
        "outbox_disabled",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("disabled_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "recipient"),
    )
