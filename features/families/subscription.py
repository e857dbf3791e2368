"""Subscriptions of those who have one now: since when, at what fee, and what there was before.

A row stands for a customer with at least one subscription that had not ended before ``as_of``; everybody else
is missing from the family. Where several run at once, fees are added up and the longest-running one tells the
tenure.
"""

from contracts.feature_frame import Feature
from contracts.periods import FEE_DAYS
from features.engine import (
    KEY,
    Table,
    days_between,
    first_present,
    number,
    rounded,
    share,
    when,
)
from features.families.family import Family
from features.fees import count_dues
from features.snapshot import Snapshot

NONE_RUNS = "no subscription is running"
NONE_ENDED = "no subscription has ended yet"
NO_FEE = "no subscription is running, or none has a fee"

FEATURES = (
    Feature("subscription.tenure_days", "days", NONE_RUNS),
    Feature("subscription.since_first_days", "days", NONE_RUNS),
    Feature("subscription.running", "subscriptions", NONE_RUNS),
    Feature("subscription.monthly_fee", "money", NONE_RUNS, actionable=True),
    Feature("subscription.fee_ratio", "ratio", NO_FEE, actionable=True),
    Feature("subscription.fee_change", "ratio", NONE_ENDED, actionable=True),
    Feature("subscription.plan", "plan", "the plan is not on file", dtype="category", actionable=True),
    Feature("subscription.days_until_due", "days", NONE_RUNS),
    Feature("subscription.fees_paid", "money", NONE_RUNS),
    Feature("subscription.ended_before", "subscriptions", NONE_RUNS),
    Feature("subscription.days_since_ended", "days", NONE_ENDED),
)


def build(snapshot: Snapshot) -> Table:
    """Return the family's columns, one row per customer with a running subscription."""
    plans = snapshot.subscriptions
    dues = count_dues(plans.occurred_at, first_present(plans.ended_at, plans.as_of))
    age = days_between(plans.occurred_at, plans.as_of)
    to_now = count_dues(plans.occurred_at, plans.as_of)
    plans = plans.mutate(age=age, paid=plans.monthly_fee * dues, until=to_now * FEE_DAYS - age)
    runs = plans.ended_at.isnull()
    newest = [plans.occurred_at, plans.source, plans.row_key]
    ended = [plans.ended_at, plans.source, plans.row_key]
    sums = plans.group_by(KEY).agg(
        tenure=plans.age.max(where=runs),
        since=plans.age.max(),
        running=plans.count(where=runs),
        fee=plans.monthly_fee.sum(where=runs),
        last_fee=plans.monthly_fee.last(where=runs, order_by=newest),
        ended_fee=plans.monthly_fee.last(where=~runs, order_by=ended),
        plan=plans.plan.last(where=runs, order_by=newest),
        until=plans.until.min(where=runs),
        paid=plans.paid.sum(),
        ended=plans.count(where=~runs),
        ended_at=plans.ended_at.max(),
    )
    return _select_features(sums.filter(sums.running > 0), snapshot)


def find_usual_fees(snapshot: Snapshot) -> Table:
    """Return as_of and usual_fee, the mean fee a month of who pays any; no row where nobody does.

    What the snapshot was given of it holds, whoever else is in it.
    """
    given = snapshot.given_fees
    if given is not None:
        return given
    plans = snapshot.subscriptions.filter(snapshot.subscriptions.ended_at.isnull())
    payers = plans.group_by(KEY).agg(fee=plans.monthly_fee.sum())
    usual = payers.group_by(payers.as_of).agg(
        fees=payers.fee.sum(), payers=payers.count(where=payers.fee > 0)
    )
    return usual.select(usual.as_of, usual_fee=share(usual.fees, usual.payers))


def _select_features(sums: Table, snapshot: Snapshot) -> Table:
    usual = find_usual_fees(snapshot)
    known = sums.left_join(usual, [sums.as_of == usual.as_of])
    mean = known.usual_fee
    return known.select(
        *KEY,
        tenure_days=rounded(known.tenure),
        since_first_days=rounded(known.since),
        running=rounded(number(known.running)),
        monthly_fee=rounded(known.fee),
        fee_ratio=rounded(number(known.fee) / mean.nullif(0.0)),
        fee_change=rounded(when(known.ended > 0, share(known.last_fee, known.ended_fee))),
        plan=known.plan,
        days_until_due=rounded(known.until),
        fees_paid=rounded(known.paid),
        ended_before=rounded(number(known.ended)),
        days_since_ended=rounded(days_between(known.ended_at, known.as_of)),
    )


FAMILY = Family("subscription", ("subscriptions",), FEATURES, build)
