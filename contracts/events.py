"""The seven tables of facts: their columns, types, bounds and keys (design, section 4)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Kind = Literal["string", "instant", "money", "number", "integer", "flag"]
State = Literal["fact", "dated", "undated"]


class Name(StrEnum):
    """Names of columns that several tables share."""

    CUSTOMER_ID = "customer_id"
    OCCURRED_AT = "occurred_at"
    RECORDED_AT = "recorded_at"
    SOURCE = "source"


class Stored(StrEnum):
    """Names of the columns the store adds to each row.

    ``loaded_at`` is the real instant of the load: what a back-filled row's undated state was first known at.
    """

    LOAD = "load"
    LOADED_AT = "loaded_at"
    LINE = "line"
    BACKFILLED = "backfilled"
    ROW_KEY = "row_key"
    CONTENT = "content"
    REMOVED = "removed"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    ``state`` says when its value was known: a ``fact`` with its row, a ``dated`` state from its own instant
    on, an ``undated`` state of a back-filled row only from the load on. ``low`` and ``high`` are inclusive
    bounds.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    state: State = "fact"
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableContract:
    """A table: its name, the column that is unique within a source, and all columns a file may bring."""

    name: str
    key: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return the column called ``name``; ``KeyError`` when the table has none."""
        return {column.name: column for column in self.columns}[name]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in the order of the contract."""
        return tuple(column.name for column in self.columns)


OWNERS = ("brand", "partner", "customer", "social")
STAGES = ("discover", "compare", "buy", "use", "problem", "renew")
FEEDBACK_KINDS = (
    "nps_relational",
    "nps_transactional",
    "nps_competitive",
    "csat",
    "ces",
    "review",
    "verbatim",
    "call",
)
ARMS = ("treated", "holdout")

_CUSTOMER = Column("customer_id", "string", "the customer, as the source names them", required=True)
_OCCURRED = Column("occurred_at", "instant", "when it happened", required=True)
_CURRENCY = Column("currency", "string", "ISO 4217 code of the amounts")
_CHANNEL = Column("channel", "string", "where it happened, for example web, store, phone")


def _table(name: str, key: Column, *columns: Column) -> TableContract:
    return TableContract(name, key.name, (key, _CUSTOMER, _OCCURRED, *columns))


def _key(name: str) -> Column:
    return Column(name, "string", "unique within its source")


CUSTOMERS = TableContract(
    "customers",
    "customer_id",
    (
        _CUSTOMER,
        Column("occurred_at", "instant", "when the customer became known", required=True),
        Column("acquisition_channel", "string", "where the customer came from", state="undated"),
        Column("acquisition_cost", "money", "what winning the customer cost", state="undated", low=0),
        Column("country", "string", "ISO 3166 code", state="undated"),
        Column("language", "string", "ISO 639 code", state="undated"),
        Column("profiling_consent", "flag", "false: never profiled; applies backwards", state="undated"),
    ),
)
ORDERS = _table(
    "orders",
    _key("order_id"),
    Column("amount", "money", "net amount; a refund is negative", required=True, low=-1e9, high=1e9),
    _CURRENCY,
    Column("margin", "number", "share of the amount kept as margin", low=0, high=1),
    _CHANNEL,
    Column("refund_of", "string", "the order_id a negative row pays back"),
)
SUBSCRIPTIONS = _table(
    "subscriptions",
    _key("subscription_id"),
    Column("ended_at", "instant", "when it ended", state="dated"),
    Column("plan", "string", "name of the plan", state="undated"),
    Column("monthly_fee", "money", "fee a month", required=True, low=0, high=1e9),
    _CURRENCY,
)
INTERACTIONS = _table(
    "interactions",
    _key("interaction_id"),
    Column("touchpoint", "string", "what happened, for example delivery.late", required=True),
    _CHANNEL,
    Column("owner", "string", "who runs the touchpoint", values=OWNERS),
    Column("stage", "string", "stage of the journey", values=STAGES),
    Column("duration_s", "number", "how long it took, seconds", low=0),
)
TICKETS = _table(
    "tickets",
    _key("ticket_id"),
    Column("priority", "string", "as the help desk names it", state="undated"),
    Column("reason", "string", "what it is about"),
    _CHANNEL,
    Column("first_response_at", "instant", "first answer", state="dated"),
    Column("resolved_at", "instant", "when it was solved", state="dated"),
    Column("reopened_count", "integer", "how often it was reopened", state="undated", low=0),
)
FEEDBACK = _table(
    "feedback",
    _key("feedback_id"),
    Column("kind", "string", "what was asked", required=True, values=FEEDBACK_KINDS),
    Column("score", "number", "the answer, between scale_min and scale_max"),
    Column("scale_min", "number", "worst possible answer"),
    Column("scale_max", "number", "best possible answer"),
    Column("brand", "string", "the brand that was rated, where it is a rival"),
    Column("touchpoint", "string", "the touchpoint that was rated"),
    Column("text", "string", "what the customer wrote"),
    Column("language", "string", "ISO 639 code of the text"),
)
ACTIONS = _table(
    "actions",
    _key("action_id"),
    Column("campaign_id", "string", "the campaign it belongs to"),
    Column("kind", "string", "call, mail, offer, ...", required=True),
    Column("arm", "string", "treated or holdout", values=ARMS),
    Column("cost", "money", "what it cost", low=0),
    Column("outcome", "string", "what came of it", state="undated"),
)

TABLES: dict[str, TableContract] = {
    table.name: table
    for table in (CUSTOMERS, ORDERS, SUBSCRIPTIONS, INTERACTIONS, TICKETS, FEEDBACK, ACTIONS)
}
