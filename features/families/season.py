"""The calendar: when in the year it is, and what the customer used to do at this time of the year.

``season`` is the coming quarter: the month of ``as_of`` and the two after it.
"""

import math

from contracts.feature_frame import Feature
from features.engine import KEY, Table, Value, number, rounded, share, shift_days, when
from features.families.family import Family
from features.snapshot import Snapshot

QUARTER_MONTHS, QUARTER_DAYS, YEAR_DAYS = 3, 90, 365
NO_ORDER = "no order with a net amount above 0"
YOUNG = "first order less than 365 days ago"

FEATURES = (
    Feature("season.month_sine", "sine", NO_ORDER),
    Feature("season.month_cosine", "cosine", NO_ORDER),
    Feature("season.coming_quarter_share", "share", NO_ORDER),
    Feature("season.last_year_orders", "orders", YOUNG),
    Feature("season.last_year_value", "money", YOUNG),
    Feature("season.gift_months_share", "share", NO_ORDER),
    Feature("season.weekend_share", "share", NO_ORDER),
)


def build(snapshot: Snapshot) -> Table:
    """Return the family's columns, one row per customer with a qualifying order; the calendar is UTC."""
    orders = snapshot.orders.filter(snapshot.orders.qualifying)
    months_ahead = (orders.day.month() - orders.as_of.month() + 12) % 12
    year_ago = shift_days(orders.as_of, -YEAR_DAYS)
    echo = (orders.occurred_at >= year_ago) & (
        orders.occurred_at < shift_days(orders.as_of, QUARTER_DAYS - YEAR_DAYS)
    )
    sums = orders.group_by(KEY).agg(
        orders=orders.count(),
        first_at=orders.occurred_at.min(),
        coming=orders.count(where=months_ahead < QUARTER_MONTHS),
        gifts=orders.count(where=orders.day.month() >= 11),
        weekend=orders.count(where=orders.day.day_of_week.index() >= 5),
        echo=orders.count(where=echo),
        echo_value=orders.amount.sum(where=echo).fill_null(0),
    )
    old = sums.first_at < shift_days(sums.as_of, -YEAR_DAYS)
    return sums.select(
        *KEY,
        month_sine=rounded(_angle(sums.as_of).sin()),
        month_cosine=rounded(_angle(sums.as_of).cos()),
        coming_quarter_share=rounded(share(sums.coming, sums.orders)),
        last_year_orders=rounded(when(old, sums.echo)),
        last_year_value=rounded(when(old, sums.echo_value)),
        gift_months_share=rounded(share(sums.gifts, sums.orders)),
        weekend_share=rounded(share(sums.weekend, sums.orders)),
    )


def _angle(as_of: Value) -> Value:
    return number(as_of.month() - 1) * (2 * math.pi / 12)


FAMILY = Family("season", ("orders",), FEATURES, build)
