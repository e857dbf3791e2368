"""People with roles, keys that expire, sessions that name who is signed in, sign-ins under way elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("expires_at", sa.Text))
    op.add_column("sessions", sa.Column("user_name", BYTEWISE))
    op.create_table(
        "users",
        sa.Column("name", BYTEWISE, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("subject", BYTEWISE, unique=True),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("disabled_at", sa.Text),
        sqlite_strict=True,
    )
    op.create_table(
        "bad_tries",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("tries", WHOLE, nullable=False),
        sa.Column("last_at", sa.Text, nullable=False),
        sa.Column("paused_until", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "sign_ins",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("verifier", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sqlite_strict=True,
    )
