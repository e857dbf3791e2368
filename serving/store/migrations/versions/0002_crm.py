"""What a CRM writes and is told: answers kept for retries, outcomes, bulk jobs, the outbox of webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("key_id", BYTEWISE, primary_key=True),
        sa.Column("route", BYTEWISE, primary_key=True),
        sa.Column("idempotency_key", BYTEWISE, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("status", WHOLE, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("answers_by_age", "answers", ["created_at"])
    op.create_table(
        "outcomes",
        sa.Column("outcome_id", BYTEWISE, primary_key=True),
        sa.Column("customer_id", BYTEWISE, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("occurred_at", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("campaign_id", sa.Text),
        sa.Column("arm", sa.Text),
        sa.Column("cost", sa.Text),
        sa.Column("revision", WHOLE, nullable=False),
        sa.Column("recorded_at", sa.Text, nullable=False),
        sa.Column("key_id", BYTEWISE, nullable=False),
        sa.Column("taken", WHOLE, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("ix_outcomes_customer_id", "outcomes", ["customer_id"])
    op.create_table(
        "jobs",
        sa.Column("job_id", BYTEWISE, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("beat_at", sa.Text),
        sa.Column("ended_at", sa.Text),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("generation", BYTEWISE),
        sa.Column("counts", sa.Text),
        sa.Column("reason", sa.Text),
        sqlite_strict=True,
    )
    op.create_table(
        "outbox",
        sa.Column("event_id", BYTEWISE, primary_key=True),
        sa.Column("target", BYTEWISE, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("next_at", sa.Text),
        sa.Column("reason", sa.Text),
        sqlite_strict=True,
    )
