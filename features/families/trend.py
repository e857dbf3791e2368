"""The last 30, 90, 180 and 365 days, and each of them against the customer's own time before it."""

from contracts.feature_frame import Feature
from features.engine import KEY, Table, Value, days_between, number, rounded, share, shift_days, when
from features.families.family import Family
from features.snapshot import Snapshot

WINDOWS = (30, 90, 180, 365)
NEVER = "never: 0 without orders"


def list_features() -> tuple[Feature, ...]:
    """Return the columns of all windows, shortest first."""
    return tuple(feature for window in WINDOWS for feature in _list_window(window))


def _list_window(window: int) -> tuple[Feature, ...]:
    young = f"first order within the last {window} days"
    return (
        Feature(f"trend.orders_{window}d", "orders", NEVER),
        Feature(f"trend.value_{window}d", "money", NEVER),
        Feature(f"trend.order_ratio_{window}d", "ratio", young, actionable=True),
        Feature(f"trend.value_ratio_{window}d", "ratio", young, actionable=True),
    )


def build(snapshot: Snapshot) -> Table:
    """Return the family's columns, one row per customer with a qualifying order.

    A ratio is the rate per day within the window over the customer's rate per day from the first order up to
    the window's start: 1 is as ever, 0 is silent, above 1 is more than before.
    """
    orders = snapshot.orders.filter(snapshot.orders.qualifying)
    sums = {"orders": orders.count(), "value": orders.amount.sum(), "first_at": orders.occurred_at.min()}
    for window in WINDOWS:
        recent = orders.occurred_at >= shift_days(orders.as_of, -window)
        sums[f"orders_{window}d"] = orders.count(where=recent)
        sums[f"value_{window}d"] = orders.amount.sum(where=recent).fill_null(0)
    totals = orders.group_by(KEY).agg(**sums)
    columns: dict[str, Value] = {}
    for window in WINDOWS:
        columns |= _select_window(totals, window)
    return totals.select(*KEY, **columns)


def _select_window(totals: Table, window: int) -> dict[str, Value]:
    orders, value = totals[f"orders_{window}d"], totals[f"value_{window}d"]
    days_before = days_between(totals.first_at, totals.as_of) - window
    columns = {f"orders_{window}d": rounded(orders), f"value_{window}d": rounded(value)}
    for name, recent, ever in (("order", orders, totals.orders), ("value", value, totals.value)):
        before = number(ever - recent) / when(days_before > 0, days_before)
        columns[f"{name}_ratio_{window}d"] = rounded(share(recent, before) / window)
    return columns


FAMILY = Family(
    "trend",
    ("orders",),
    list_features(),
    build,
    frozenset(f"{name}_{window}d" for name in ("orders", "value") for window in WINDOWS),
)
