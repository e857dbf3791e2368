"""The tables of the store, the same on SQLite and PostgreSQL; the migrations create them."""

from functools import lru_cache

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

HEAD = "0003"
SCORES_VERSION = 1
SORTS = ("contact_value", "value_at_risk", "churn_probability")

# Ids are ordered by their bytes in both databases, or pages would differ between them.
BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")
WHOLE = BigInteger().with_variant(Integer, "sqlite")
# A strict SQLite table knows REAL, which in PostgreSQL has four bytes only.
NUMBER: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")

WORK = MetaData()

generations = Table(
    "generations",
    WORK,
    Column("generation", BYTEWISE, primary_key=True),
    Column("sequence", WHOLE, nullable=False, unique=True),
    Column("info", Text, nullable=False),
    sqlite_strict=True,
)
current_generation = Table(
    "current_generation",
    WORK,
    Column("id", WHOLE, primary_key=True, autoincrement=False),
    Column("generation", BYTEWISE, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
    sqlite_strict=True,
)
api_keys = Table(
    "api_keys",
    WORK,
    Column("key_id", BYTEWISE, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("revoked_at", Text),
    Column("last_used_day", Text),
    Column("expires_at", Text),
    sqlite_strict=True,
)
entry_codes = Table(
    "entry_codes",
    WORK,
    Column("digest", LargeBinary, primary_key=True),
    Column("expires_at", Text, nullable=False),
    sqlite_strict=True,
)
sessions = Table(
    "sessions",
    WORK,
    Column("digest", LargeBinary, primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("user_name", BYTEWISE),
    sqlite_strict=True,
)
users = Table(
    "users",
    WORK,
    Column("name", BYTEWISE, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password", Text),
    Column("subject", BYTEWISE, unique=True),
    Column("created_at", Text, nullable=False),
    Column("disabled_at", Text),
    sqlite_strict=True,
)
bad_tries = Table(
    "bad_tries",
    WORK,
    Column("digest", LargeBinary, primary_key=True),
    Column("tries", WHOLE, nullable=False),
    Column("last_at", Text, nullable=False),
    Column("paused_until", Text, nullable=False),
    sqlite_strict=True,
)
sign_ins = Table(
    "sign_ins",
    WORK,
    Column("digest", LargeBinary, primary_key=True),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    sqlite_strict=True,
)
secrets = Table(
    "secrets",
    WORK,
    Column("name", BYTEWISE, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_strict=True,
)
answers = Table(
    "answers",
    WORK,
    Column("key_id", BYTEWISE, primary_key=True),
    Column("route", BYTEWISE, primary_key=True),
    Column("idempotency_key", BYTEWISE, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", WHOLE, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False),
    Index("answers_by_age", "created_at"),
    sqlite_strict=True,
)
outcomes = Table(
    "outcomes",
    WORK,
    Column("outcome_id", BYTEWISE, primary_key=True),
    Column("customer_id", BYTEWISE, nullable=False, index=True),
    Column("result", Text, nullable=False),
    Column("occurred_at", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("campaign_id", Text),
    Column("arm", Text),
    Column("cost", Text),
    Column("revision", WHOLE, nullable=False),
    Column("recorded_at", Text, nullable=False),
    Column("key_id", BYTEWISE, nullable=False),
    Column("taken", WHOLE, nullable=False),
    sqlite_strict=True,
)
jobs = Table(
    "jobs",
    WORK,
    Column("job_id", BYTEWISE, primary_key=True),
    Column("state", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("beat_at", Text),
    Column("ended_at", Text),
    Column("attempts", WHOLE, nullable=False),
    Column("generation", BYTEWISE),
    Column("counts", Text),
    Column("reason", Text),
    sqlite_strict=True,
)
outbox = Table(
    "outbox",
    WORK,
    Column("event_id", BYTEWISE, primary_key=True),
    Column("target", BYTEWISE, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("attempts", WHOLE, nullable=False),
    Column("next_at", Text),
    Column("reason", Text),
    sqlite_strict=True,
)


@lru_cache(maxsize=16)
def build_scores_table(name: str = "scores", schema: str | None = None) -> Table:
    """Return the table of one generation: one row per customer, in the order of writing (``position``).

    The records are canonical bytes, null for a customer who is not scored. ``digest`` changes exactly when
    what is said of the customer does.
    """
    return Table(
        name,
        MetaData(),
        Column("position", WHOLE, primary_key=True, autoincrement=False),
        Column("customer_id", BYTEWISE, nullable=False, unique=True),
        Column("status", Text, nullable=False),
        Column("reason", Text),
        Column("kind", Text),
        Column("segment", Text),
        Column("in_play", WHOLE, nullable=False),
        Column("risk_band", Text),
        Column("churn_probability", NUMBER),
        Column("value_at_risk", NUMBER),
        Column("contact_value", NUMBER),
        Column("raw_score", NUMBER),
        Column("digest", BYTEWISE, nullable=False),
        Column("record_en", LargeBinary),
        Column("record_it", LargeBinary),
        schema=schema,
        sqlite_strict=True,
    )


def build_indices(table: Table) -> list[Index]:
    """Return the indices behind the sorted lists, to be made once the rows are in: faster, and packed."""
    return [
        Index(
            f"{table.name}_by_{sort}",
            table.c.in_play,
            table.c[sort].desc(),
            table.c.customer_id,
            table.c.segment,
            table.c.risk_band,
            table.c.kind,
        )
        for sort in SORTS
    ]
