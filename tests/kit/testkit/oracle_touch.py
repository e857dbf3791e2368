"""The slow twin of channel, engagement, support and attributes, one customer at a time.

Each function returns the family's values by full name, or None where the customer has no row in the family.
"""

import math
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from statistics import fmean
from typing import Any

from testkit.oracle import Row, Store, days, known_orders, known_rows

Found = dict[str, Any] | None


def channel_features(store: Store, customer: str, as_of: datetime, named: Mapping[str, str]) -> Found:
    """Return the channel family; ``named`` is the feature of each channel that has a share of its own."""
    orders = [row for row in known_orders(store, as_of) if row["customer_id"] == customer]
    used = [row["channel"] for row in orders if row["amount"] > 0 and row["channel"] is not None]
    if not used:
        return None
    counts = Counter(used)
    shares = {channel: count / len(used) for channel, count in counts.items()}
    steps = [before != after for before, after in pairwise(used)]
    return {
        **{feature: shares.get(channel, 0.0) for channel, feature in named.items()},
        "channel.share_other": 1 - sum(shares.get(channel, 0.0) for channel in named),
        "channel.channels": len(counts),
        "channel.omnichannel": len(counts) > 1,
        "channel.entropy": -sum(share * math.log(share) for share in shares.values()),
        "channel.favourite_share": max(shares.values()),
        "channel.switch_share": fmean(steps) if steps else None,
        "channel.last_changed": steps[-1] if steps else None,
        "channel.last": used[-1],
    }


def engagement_features(store: Store, customer: str, as_of: datetime, named: Mapping[str, str]) -> Found:
    """Return the engagement family; ``named`` is the feature of each touchpoint counted by name."""
    met = [row for row in known_rows(store, "interactions", as_of) if row["customer_id"] == customer]
    if not met:
        return None
    values: dict[str, Any] = {}
    for window in (30, 90, 365):
        values[f"engagement.touchpoints_{window}d"] = len(_within(met, as_of, window))
    for column in ("owner", "stage"):
        for window in (90, 365):
            for value, count in Counter(row[column] for row in _within(met, as_of, window)).items():
                values[f"engagement.{column}_{value}_{window}d"] = count
    names = Counter(row["touchpoint"] for row in _within(met, as_of, 90))
    year = _within(met, as_of, 365)
    recent, both = len(_within(met, as_of, 90)), len(_within(met, as_of, 180))
    stages = [row["stage"] for row in year if row["stage"] is not None]
    seconds = [row["duration_s"] for row in year if row["duration_s"] is not None]
    return values | {
        **{feature: names[touchpoint] for touchpoint, feature in named.items()},
        "engagement.days_since_last": min(days(row["occurred_at"], as_of) for row in met),
        "engagement.distinct_365d": len({row["touchpoint"] for row in year}),
        "engagement.change_90d": (2 * recent - both) / both if both else None,
        "engagement.problem_share_365d": stages.count("problem") / len(stages) if stages else None,
        "engagement.mean_duration_s_365d": fmean(seconds) if seconds else None,
    }


def support_features(
    store: Store, customer: str, as_of: datetime, named: Mapping[str, str] | None = None
) -> Found:
    """Return the support family, in which nothing is ``named``."""
    assert not named
    tickets = [row for row in known_rows(store, "tickets", as_of) if row["customer_id"] == customer]
    if not tickets:
        return None
    still = [days(row["occurred_at"], as_of) for row in tickets if row["resolved_at"] is None]
    solved = sorted(
        (row for row in tickets if row["resolved_at"] is not None),
        key=lambda row: (row["resolved_at"], row["source"], row["row_key"]),
    )
    took = [days(row["occurred_at"], row["resolved_at"]) for row in solved]
    answers = [row for row in tickets if row["first_response_at"] is not None]
    year = _within(tickets, as_of, 365)
    reopened = [row["reopened_count"] for row in year if row["reopened_count"] is not None]
    return {
        "support.tickets": len(tickets),
        **{f"support.tickets_{window}d": len(_within(tickets, as_of, window)) for window in (30, 90, 365)},
        "support.reasons_365d": len({row["reason"] for row in year} - {None}),
        "support.days_since_last_ticket": min(days(row["occurred_at"], as_of) for row in tickets),
        "support.open_tickets": len(still),
        "support.unresolved_tickets": sum(age > 7 for age in still),
        "support.open_longest_days": max(still, default=None),
        "support.mean_resolution_days": fmean(took) if took else None,
        "support.last_resolution_days": took[-1] if took else None,
        "support.slow_tickets_365d": sum(_waited(row, as_of) > 2 for row in year),
        "support.mean_response_hours": fmean(_waited(row, as_of) * 24 for row in answers)
        if answers
        else None,
        "support.reopened_365d": 0 if not year else sum(reopened) if reopened else None,
    }


def attribute_features(store: Store, customer: str, as_of: datetime, named: Mapping[str, str]) -> Found:
    """Return the attributes by column (``named``); the value recorded last counts."""
    rows = [row for row in known_rows(store, "customers", as_of) if row["customer_id"] == customer]
    if not rows:
        return None
    rows.sort(key=lambda row: (row["source"], row["row_key"]), reverse=True)
    rows.sort(key=lambda row: row["recorded_at"])  # stable: of one instant the first source comes last
    found: dict[str, Any] = {}
    for row in rows:
        found |= {feature: row[column] for column, feature in named.items() if row.get(column) is not None}
    return found


def _within(rows: list[Row], as_of: datetime, window: int) -> list[Row]:
    start = as_of.timestamp() - window * 86_400
    return [row for row in rows if row["occurred_at"].timestamp() >= start]


def _waited(ticket: Row, as_of: datetime) -> float:
    return days(ticket["occurred_at"], ticket["first_response_at"] or as_of)
