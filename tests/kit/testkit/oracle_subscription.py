"""The slow twin of the subscription family and of the day a subscriber leaves, one customer at a time."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import fmean

from testkit.oracle import Row, Store, days, known_rows

Found = dict[str, float | str | None] | None
FEE_DAYS = 30


def subscription_features(store: Store, customer: str, as_of: datetime) -> Found:
    """Return the subscription family by full name; None where the customer has no running subscription."""
    plans = [row for row in known_rows(store, "subscriptions", as_of) if row["customer_id"] == customer]
    running = _ordered([plan for plan in plans if plan["ended_at"] is None], "occurred_at")
    over = _ordered([plan for plan in plans if plan["ended_at"] is not None], "ended_at")
    if not running:
        return None
    ages = [days(plan["occurred_at"], as_of) for plan in running]
    named = [plan["plan"] for plan in running if plan["plan"] is not None]
    fee, mean = _fee(running), _mean_fee(store, as_of)
    last = float(over[-1]["monthly_fee"]) if over else 0.0
    return {
        "subscription.tenure_days": max(ages),
        "subscription.since_first_days": max(days(plan["occurred_at"], as_of) for plan in plans),
        "subscription.running": len(running),
        "subscription.monthly_fee": fee,
        "subscription.fee_ratio": fee / mean if mean else None,
        "subscription.fee_change": float(running[-1]["monthly_fee"]) / last if last else None,
        "subscription.plan": named[-1] if named else None,
        "subscription.days_until_due": min(FEE_DAYS * math.ceil(age / FEE_DAYS) - age for age in ages),
        "subscription.fees_paid": sum(_paid(plan, as_of) for plan in plans),
        "subscription.ended_before": len(over),
        "subscription.days_since_ended": days(over[-1]["ended_at"], as_of) if over else None,
    }


def ended_on(plans: Sequence[Row], as_of: datetime, days_seen: float, grace_days: int) -> float | None:
    """Return the day within ``[0, days_seen)`` on which the last running subscription ends for good.

    ``plans`` are the customer's subscriptions as known afterwards. An end is for good when no other
    subscription runs on past it and none starts within ``grace_days`` after it.
    """
    ends = []
    for plan in plans:
        end = plan["ended_at"]
        if end is None or days(as_of, end) >= days_seen:
            continue
        limit = end + timedelta(days=grace_days)
        others = [
            other
            for other in plans
            if other is not plan
            and other["occurred_at"] <= limit
            and (other["ended_at"] is None or other["ended_at"] > end)
        ]
        back = [other for other in plans if end < other["occurred_at"] < as_of]
        if not others and not back:
            ends.append(max(days(as_of, end), 0.0))
    return min(ends, default=None)


def _ordered(plans: list[Row], by: str) -> list[Row]:
    return sorted(plans, key=lambda plan: (plan[by], plan["source"], plan["row_key"]))


def _fee(plans: Sequence[Row]) -> float:
    return sum(float(plan["monthly_fee"]) for plan in plans)


def _paid(plan: Row, as_of: datetime) -> float:
    stop = plan["ended_at"] or as_of
    return float(plan["monthly_fee"]) * math.ceil(days(plan["occurred_at"], stop) / FEE_DAYS)


def _mean_fee(store: Store, as_of: datetime) -> float:
    plans = [row for row in known_rows(store, "subscriptions", as_of) if row["ended_at"] is None]
    customers = {plan["customer_id"] for plan in plans}
    fees = [_fee([plan for plan in plans if plan["customer_id"] == each]) for each in customers]
    paying = [fee for fee in fees if fee > 0]
    return fmean(paying) if paying else 0.0
