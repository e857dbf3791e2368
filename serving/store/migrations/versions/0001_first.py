"""First schema: generations and the pointer, keys, sign-in codes, sessions, secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "generations",
        sa.Column("generation", BYTEWISE, primary_key=True),
        sa.Column("sequence", WHOLE, nullable=False, unique=True),
        sa.Column("info", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "current_generation",
        sa.Column("id", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("generation", BYTEWISE, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
        sqlite_strict=True,
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", BYTEWISE, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("revoked_at", sa.Text),
        sa.Column("last_used_day", sa.Text),
        sqlite_strict=True,
    )
    op.create_table(
        "entry_codes",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("expires_at", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "secrets",
        sa.Column("name", BYTEWISE, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    if op.get_bind().dialect.name == "postgresql":
        create_partitioned_scores()


def create_partitioned_scores() -> None:
    op.execute(
        """
        CREATE TABLE scores (
            generation text COLLATE "C" NOT NULL,
            position bigint NOT NULL,
            customer_id text COLLATE "C" NOT NULL,
            status text NOT NULL,
            reason text,
            kind text,
            segment text,
            in_play bigint NOT NULL,
            risk_band text,
            churn_probability double precision,
            value_at_risk double precision,
            contact_value double precision,
            raw_score double precision,
            digest text COLLATE "C" NOT NULL,
            record_en bytea,
            record_it bytea
        ) PARTITION BY LIST (generation)
        """
    )
