"""What a customer costs and leaves beside what they buy: never features, for sunk cost predicts nothing."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from features.engine import KEY, Table, beside, number, read_frame, rounded, share, shift_days, stacked
from features.snapshot import Snapshot

YEAR_DAYS = 365
MARGIN_COVERAGE = 0.95


@dataclass(frozen=True)
class Economics:
    """Per customer of one ``as_of``, indexed by customer_id.

    ``table`` has acquisition_cost (money, missing where unknown), tickets and interactions (of the last 365
    days). ``margin_share`` is the share of order value kept as margin; None unless 95 % of it carries a
    margin.
    """

    table: pd.DataFrame
    margin_share: float | None


def read_economics(snapshot: Snapshot) -> Economics:
    """Return the economics known at the snapshot's only ``as_of``; customers without any of it are absent."""
    return Economics(index_rows(read_frame(find_economics(snapshot))), _find_margin_share(snapshot.orders))


def find_economics(snapshot: Snapshot) -> Table:
    """Return as_of, customer_id and the columns of ``Economics.table``, sorted."""
    customers = snapshot.customers
    known = customers.select(*KEY, acquisition_cost=rounded(customers.acquisition_cost))
    served = beside(
        _count_year(snapshot.tickets, "tickets"), _count_year(snapshot.interactions, "interactions")
    )
    everyone = stacked(
        [part.select(*KEY) for part in (known, served, _count_year(snapshot.interactions, "x"))]
    )
    return beside(beside(everyone.distinct(), known), served).order_by(KEY)


def index_rows(rows: pa.Table) -> pd.DataFrame:
    """Return the rows of ``find_economics`` as ``Economics.table``."""
    return rows.to_pandas().drop(columns=KEY[0]).set_index(KEY[1])


def _count_year(rows: Table, name: str) -> Table:
    recent = rows.filter(rows.occurred_at >= shift_days(rows.as_of, -YEAR_DAYS))
    return recent.group_by(KEY).agg(**{name: number(recent.count())})


def _find_margin_share(orders: Table) -> float | None:
    bought = orders.filter(orders.qualifying)
    known = bought.margin.notnull()
    sums = bought.agg(
        value=bought.amount.sum(),
        carrying=bought.amount.sum(where=known),
        margin=(number(bought.amount) * bought.margin).sum(where=known),
    )
    named = sums.select(
        coverage=share(sums.carrying, sums.value),
        margin=rounded(number(sums.margin) / number(sums.carrying).nullif(0.0)),
    )
    found = read_frame(named).to_pylist()[0]
    enough = found["coverage"] is not None and found["coverage"] >= MARGIN_COVERAGE
    return float(found["margin"]) if enough and found["margin"] is not None else None
