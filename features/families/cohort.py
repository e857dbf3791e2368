"""How a customer began: the month, the first order, how soon the second one came."""

from contracts.feature_frame import Feature
from features.engine import KEY, Table, last_observed_day, number, rounded, share, upto, when
from features.families.family import Family
from features.snapshot import Snapshot

EARLY = (30, 90)
NO_ORDER = "no order with a net amount above 0"

FEATURES = (
    Feature("cohort.first_order_month", "month of the year", NO_ORDER),
    Feature("cohort.age_months", "calendar months", NO_ORDER),
    Feature("cohort.first_order_value", "money", NO_ORDER),
    Feature("cohort.first_to_average_ratio", "ratio", NO_ORDER),
    Feature("cohort.second_order_delay_days", "days", "no second purchase day yet"),
    Feature("cohort.order_days_first_30d", "purchase days", "not a customer for 30 days yet"),
    Feature("cohort.order_days_first_90d", "purchase days", "not a customer for 90 days yet"),
    Feature("cohort.value_first_90d", "money", "not a customer for 90 days yet"),
)


def build(snapshot: Snapshot) -> Table:
    """Return the family's columns, one row per customer with a purchase day; amounts are of whole days."""
    days = snapshot.purchases
    first_age = days.age.max().over(upto([], [days.as_of, days.customer_id]))
    aged = days.mutate(first_age=first_age)
    early = {window: aged.first_age - aged.age < window for window in EARLY}
    sums = aged.group_by(KEY).agg(
        first_day=aged.day.min(),
        age=aged.first_age.max(),
        days=aged.count(),
        total=aged.amount.sum(),
        first_value=aged.amount.sum(where=aged.place == 0),
        delay=aged.gap.max(where=aged.place == 1),
        days_30=aged.count(where=early[30]),
        days_90=aged.count(where=early[90]),
        value_90=aged.amount.sum(where=early[90]),
    )
    last_day = last_observed_day(sums.as_of)
    months = (last_day.year() - sums.first_day.year()) * 12 + last_day.month() - sums.first_day.month()
    return sums.select(
        *KEY,
        first_order_month=rounded(sums.first_day.month()),
        age_months=rounded(months),
        first_order_value=rounded(sums.first_value),
        first_to_average_ratio=rounded(share(number(sums.first_value) * number(sums.days), sums.total)),
        second_order_delay_days=rounded(sums.delay),
        order_days_first_30d=rounded(when(sums.age >= 30, sums.days_30)),
        order_days_first_90d=rounded(when(sums.age >= 90, sums.days_90)),
        value_first_90d=rounded(when(sums.age >= 90, sums.value_90)),
    )


FAMILY = Family("cohort", ("orders",), FEATURES, build)
