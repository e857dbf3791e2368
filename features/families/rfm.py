"""Recency, frequency and money: what buy-till-you-die models read, and plain sums beside it.

A purchase is a day (UTC) with at least one order of net amount > 0; the first is not counted in
``frequency``. ``T`` runs to the last day observed whole, so ``age_days >= recency_days >= 0`` always.
"""

from contracts.feature_frame import Feature
from features.engine import (
    KEY,
    Table,
    beside,
    cents,
    days_between,
    exact,
    exact_spread,
    number,
    rounded,
    share,
    when,
)
from features.families.family import Family
from features.snapshot import Snapshot

NEVER = "never: 0 without orders"
NO_ORDER = "no order with a net amount above 0"
NO_REPEAT = "no repeat purchase yet"

FEATURES = (
    Feature("rfm.frequency", "purchase days", NEVER),
    Feature("rfm.recency_days", "days", NO_ORDER),
    Feature("rfm.age_days", "days", NO_ORDER),
    Feature("rfm.monetary_value", "money", NO_REPEAT),
    Feature("rfm.days_since_last_order", "days", NO_ORDER, actionable=True),
    Feature("rfm.orders", "orders", NEVER),
    Feature("rfm.historic_value", "money", NEVER),
    Feature("rfm.historic_margin", "money", "no order carries a margin"),
    Feature("rfm.average_order_value", "money", NO_ORDER),
    Feature("rfm.largest_order_value", "money", NO_ORDER),
    Feature("rfm.last_order_value", "money", NO_ORDER),
    Feature("rfm.order_value_variation", "ratio", "fewer than two orders"),
    Feature("rfm.refunded_share", "share", "nothing was paid", actionable=True),
    Feature("rfm.refunded_orders", "orders", NEVER, actionable=True),
    Feature("rfm.zero_amount_orders", "orders", NEVER),
)


def build(snapshot: Snapshot) -> Table:
    """Return the family's columns, one row per customer with any order."""
    return beside(build_orders(snapshot.orders), build_days(snapshot.purchases))


def build_days(days: Table) -> Table:
    """Return frequency, recency_days, age_days and monetary_value from purchase days."""
    repeat = days.place > 0
    sums = days.group_by(KEY).agg(
        frequency=days.count() - 1,
        recency=days.age.max() - days.age.min(),
        age=days.age.max(),
        repeat_value=days.amount.sum(where=repeat),
    )
    return sums.select(
        *KEY,
        frequency=rounded(sums.frequency),
        recency_days=rounded(sums.recency),
        age_days=rounded(sums.age),
        monetary_value=rounded(share(sums.repeat_value, sums.frequency)),
    )


def build_orders(orders: Table) -> Table:
    """Return everything else of the family, from single orders; money is summed exactly."""
    bought = orders.qualifying
    margin = cents(number(orders.amount) * orders.margin)
    whole = exact(orders.amount)
    sums = orders.group_by(KEY).agg(
        count=orders.count(where=bought),
        total=orders.amount.sum(where=bought),
        cents=whole.sum(where=bought),
        squares=(whole * whole).sum(where=bought),
        net=orders.amount.sum(),
        margin=margin.sum(),
        largest=orders.amount.max(where=bought),
        last=orders.amount.last(where=bought, order_by=[orders.occurred_at, orders.source, orders.row_key]),
        last_at=orders.occurred_at.max(where=bought),
        refunded=orders.refunded.sum(),
        gross=orders.gross.sum(where=orders.gross > 0),
        refunds=orders.count(where=orders.refunded > 0),
        zeros=orders.count(where=orders.gross == 0),
    )
    spread = exact_spread(sums["count"], sums.cents, sums.squares) / 100
    mean = share(sums.total, sums["count"])
    return sums.select(
        *KEY,
        days_since_last_order=rounded(days_between(sums.last_at, sums.as_of)),
        orders=rounded(sums["count"]),
        historic_value=rounded(sums.net),
        historic_margin=rounded(sums.margin),
        average_order_value=rounded(mean),
        largest_order_value=rounded(sums.largest),
        last_order_value=rounded(sums["last"]),
        order_value_variation=rounded(when(sums["count"] > 1, spread / mean)),
        refunded_share=rounded(share(sums.refunded, sums.gross)),
        refunded_orders=rounded(number(sums.refunds)),
        zero_amount_orders=rounded(number(sums["zeros"])),
    )


FAMILY = Family(
    "rfm",
    ("orders",),
    FEATURES,
    build,
    frozenset({"frequency", "orders", "historic_value", "refunded_orders", "zero_amount_orders"}),
)
