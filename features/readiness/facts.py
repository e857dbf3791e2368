"""The numbers behind ``fedele check``: what is known before an instant, counted in the event store."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.events import TABLES, Name, Stored
from contracts.workspace import Workspace
from features.ingest.reader import Session, open_session
from features.ingest.staging import SQL_TYPES, instant_literal
from features.nps import CODED
from features.store import delta

_EMPTY = "SELECT {columns} WHERE false"
_LATEST = (
    "QUALIFY NOT removed AND row_number() OVER "
    "(PARTITION BY source, row_key ORDER BY recorded_at DESC, removed DESC, loaded_at DESC) = 1"
)


@dataclass(frozen=True)
class TableFacts:
    """One table as known before the instant: rows, customers, first and last fact (None when empty)."""

    name: str
    rows: int
    customers: int
    first: datetime | None
    last: datetime | None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as ``check --json`` prints them."""
        from contracts.time import to_text

        first, last = (None if instant is None else to_text(instant) for instant in (self.first, self.last))
        return {"rows": self.rows, "customers": self.customers, "from": first, "to": last}


@dataclass(frozen=True)
class OrderFacts:
    """Orders as known: counts, the busiest customer, amounts and gaps, in the workspace's currency.

    ``value_correlation`` is that of frequency and mean value among repeat buyers (None: too few),
    ``scale_ratio`` the
    ratio of the largest to the smallest median amount among sources and channels with 30 orders.
    """

    rows: int
    refunds: int
    zeros: int
    repeat_buyers: int
    busiest: int
    usual_busiest: float
    outliers: int
    scale_ratio: float
    longest_gap: int
    usual_gap: float
    value_correlation: float | None
    before_sign_up: int
    other_currency: int


@dataclass(frozen=True)
class ScoreFacts:
    """Scores of feedback: how many there are, how many lack an end of their scale, how many do not fit it."""

    scores: int
    without_scale: int
    outside: int


@contextmanager
def open_known(workspace: Workspace, as_of: datetime) -> Iterator[Session]:
    """Give a session with each table's latest versions known before ``as_of``, removed rows left out.

    The view ``later`` counts the rows of each table at or after ``as_of``.
    """
    with tempfile.TemporaryDirectory(prefix="fedele-") as scratch:
        readable = [workspace.events] if workspace.events.is_dir() else []
        with open_session(Path(scratch), readable) as session:
            for name in TABLES:
                _open_table(session, workspace, name, instant_literal(as_of))
            counted = " UNION ALL ".join(
                f"SELECT '{name}' AS name, count(*) AS rows FROM all_{name} "
                f"WHERE CAST(occurred_at AS TIMESTAMP) >= {instant_literal(as_of)} AND NOT removed"
                for name in TABLES
            )
            session.execute(f"CREATE VIEW later AS {counted}")
            yield session


def read_table_facts(session: Session, name: str) -> TableFacts:
    """Return the figures of one table."""
    rows, customers, first, last = session.rows(
        f"SELECT count(*), count(DISTINCT customer_id), min(occurred_at), max(occurred_at) FROM {name}"
    )[0]
    return TableFacts(name, rows, customers, _aware(first), _aware(last))


def read_order_facts(session: Session, currency: str) -> OrderFacts:
    """Return the figures of the orders; all zero where there are none."""
    rows, refunds, zeros, foreign = session.rows(
        "SELECT count(*), count(*) FILTER (amount < 0), count(*) FILTER (amount = 0), "
        "count(*) FILTER (currency <> ?) FROM orders",
        currency,
    )[0]
    busiest, usual = session.rows(
        "SELECT coalesce(max(n), 0), coalesce(quantile_cont(n, 0.99), 0) "
        "FROM (SELECT count(*) AS n FROM orders WHERE amount >= 0 GROUP BY customer_id)"
    )[0]
    repeat, correlation = session.rows(
        "SELECT count(*), corr(x, m) FROM (SELECT count(DISTINCT CAST(occurred_at AS DATE)) - 1 AS x, "
        "avg(CAST(amount AS DOUBLE)) AS m FROM orders WHERE amount > 0 GROUP BY customer_id) WHERE x > 0"
    )[0]
    gap, usual_gap = session.rows(
        "SELECT coalesce(max(g), 0), coalesce(quantile_cont(g, 0.95), 0) FROM (SELECT day - lag(day) "
        "OVER (ORDER BY day) "
        "AS g FROM (SELECT DISTINCT CAST(occurred_at AS DATE) AS day FROM orders))"
    )[0]
    return OrderFacts(
        rows=rows,
        refunds=refunds,
        zeros=zeros,
        repeat_buyers=repeat,
        busiest=busiest,
        usual_busiest=usual,
        outliers=session.value(_OUTLIERS),
        scale_ratio=session.value(_SCALES),
        longest_gap=gap,
        usual_gap=usual_gap,
        value_correlation=None if correlation is None or correlation != correlation else correlation,
        before_sign_up=session.value(_BEFORE_SIGN_UP),
        other_currency=foreign,
    )


def read_score_facts(session: Session) -> ScoreFacts:
    """Return the figures of the scores in feedback; see ``features.nps.to_ten``."""
    coded = " OR ".join(
        f"scale_min = {low} AND scale_max = {high} AND score NOT IN {codes}"
        for (low, high), codes in CODED.items()
    )
    row = session.rows(
        "SELECT count(score), count(score) FILTER (scale_min IS NULL OR scale_max IS NULL), count(score) "
        f"FILTER (scale_min >= scale_max OR score < scale_min OR score > scale_max OR {coded}) FROM feedback"
    )[0]
    return ScoreFacts(*row)


_OUTLIERS = (
    "SELECT count(*) FROM orders, (SELECT median(amount) AS typical FROM orders WHERE amount > 0) "
    "WHERE amount > 100 * typical"
)
_SCALES = (
    "SELECT coalesce(max(typical) / min(typical), 1) FROM (SELECT median(CAST(amount AS DOUBLE)) AS "
    "typical FROM orders "
    "WHERE amount > 0 GROUP BY source, channel HAVING count(*) >= 30)"
)
_BEFORE_SIGN_UP = (
    "SELECT count(*) FROM orders JOIN (SELECT customer_id, min(occurred_at) AS joined FROM customers "
    "GROUP BY customer_id) USING (customer_id) WHERE orders.occurred_at < joined"
)


def find_undated(session: Session, workspace: Workspace) -> dict[str, int]:
    """Return how many back-filled rows carry each undated state or attribute, by ``table.column``."""
    found: dict[str, int] = {}
    for name, contract in TABLES.items():
        own = [column.name for column in contract.columns if column.state == "undated"]
        if name == "customers":
            own += find_attributes(workspace)
        for column in own:
            count = session.value(f'SELECT count("{column}") FROM {name} WHERE backfilled')
            if count:
                found[f"{name}.{column}"] = count
    return found


def find_attributes(workspace: Workspace) -> list[str]:
    """Return the customers' attributes in the store, in the order of the table."""
    known = {*TABLES["customers"].names, *Name, *Stored}
    return [name for name in delta.column_kinds(workspace.events / "customers") if name not in known]


def _open_table(session: Session, workspace: Workspace, name: str, as_of: str) -> None:
    types = {column.name: SQL_TYPES[column.kind] for column in TABLES[name].columns}
    types |= {Name.RECORDED_AT: "TIMESTAMP", Name.SOURCE: "VARCHAR", Stored.ROW_KEY: "VARCHAR"}
    types |= {Stored.LOADED_AT: "TIMESTAMP", Stored.BACKFILLED: "BOOLEAN", Stored.REMOVED: "BOOLEAN"}
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {column}" for column, kind in types.items())
    session.open_parquet(
        f"all_{name}", delta.active_files(workspace.events / name), _EMPTY.format(columns=columns)
    )
    instants = ", ".join(
        f"CAST({column} AS TIMESTAMP) AS {column}" for column, kind in types.items() if kind == "TIMESTAMP"
    )
    session.execute(
        f"CREATE TABLE {name} AS SELECT * FROM (SELECT * REPLACE ({instants}) FROM all_{name}) "
        f"WHERE occurred_at < {as_of} AND recorded_at < {as_of} {_LATEST}"
    )


def _aware(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(tzinfo=UTC)
