"""The slow twin of the snapshot and the order families: plain Python over rows, one cutoff at a time.

A store is ``{table: [row, ...]}``; a row is a dictionary of the contract's columns and the store's, instants
with zone, money as Decimal. Nothing here shares code with what it checks.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import fmean, median, pstdev
from typing import Any

from contracts.events import TABLES

Row = dict[str, Any]
Store = Mapping[str, Sequence[Row]]
Values = dict[str, float | None]
DAY = 86_400


def known_rows(store: Store, name: str, as_of: datetime, static: Collection[str] = ()) -> list[Row]:
    """Return the rows of a table known at ``as_of``, states masked."""
    latest: dict[tuple[str, str], Row] = {}
    for row in store.get(name, ()):
        if row["occurred_at"] >= as_of or row["recorded_at"] >= as_of:
            continue
        key = (row["source"], row["row_key"])
        if key not in latest or _rank(row) > _rank(latest[key]):
            latest[key] = row
    return [_mask(row, name, as_of, static) for row in latest.values() if not row["removed"]]


def _rank(row: Row) -> tuple[Any, ...]:
    return row["recorded_at"], row["removed"], row["loaded_at"], row["content"]


def _mask(row: Row, name: str, as_of: datetime, static: Collection[str]) -> Row:
    states = {column.name: column.state for column in TABLES[name].columns}
    masked = dict(row)
    for column, value in row.items():
        state = states.get(column, "undated" if name == "customers" else "fact")
        if column in ("source", "row_key", "recorded_at", "loaded_at", "backfilled", "removed", "content"):
            continue
        if state == "dated" and value is not None and value >= as_of:
            masked[column] = None
        unseen = row["backfilled"] and row["loaded_at"] >= as_of
        if state == "undated" and unseen and column not in (*static, "profiling_consent"):
            masked[column] = None
    return masked


def known_orders(store: Store, as_of: datetime) -> list[Row]:
    """Return the orders known at ``as_of``, net of the refunds known then; refunds themselves left out."""
    rows = known_rows(store, "orders", as_of)
    orders = []
    for row in rows:
        if row["refund_of"] is not None:
            continue
        mine = [other["amount"] for other in rows if _refunds(other, row)]
        net = row["amount"] + sum(mine, Decimal(0))
        orders.append({**row, "gross": row["amount"], "amount": net, "refunded": -sum(mine, Decimal(0))})
    return sorted(orders, key=lambda row: (row["occurred_at"], row["source"], row["row_key"]))


def _refunds(refund: Row, order: Row) -> bool:
    name = order["row_key"] if order["order_id"] is None else order["order_id"]
    return bool(refund["refund_of"] == name and refund["source"] == order["source"])


def refuses(store: Store, customer: str, as_of: datetime) -> bool:
    """Return whether the customer's last answer recorded before ``as_of`` refuses profiling."""
    answers = [
        row
        for row in store.get("customers", ())
        if row["customer_id"] == customer
        and row["recorded_at"] < as_of
        and not row["removed"]
        and row["profiling_consent"] is not None
    ]
    newest = max((row["recorded_at"] for row in answers), default=None)
    return any(row["profiling_consent"] is False for row in answers if row["recorded_at"] == newest)


def population(
    store: Store, as_of: datetime, lapsed_after_days: int | None = None
) -> dict[str, tuple[Any, ...]]:
    """Return (kind, status, segment) of every customer known at ``as_of``."""
    threshold = lapsed_after_days or lapse(store, as_of)
    others = [row for name in TABLES if name != "orders" for row in known_rows(store, name, as_of)]
    known = {row["customer_id"] for row in (*others, *known_orders(store, as_of))}
    orders = [row for row in known_orders(store, as_of) if row["amount"] > 0]
    plans = known_rows(store, "subscriptions", as_of)
    found: dict[str, tuple[Any, ...]] = {}
    for customer in known:
        own = [row for row in orders if row["customer_id"] == customer]
        mine = [row for row in plans if row["customer_id"] == customer]
        found[customer] = _status(store, customer, as_of, own, mine, threshold)
    return found


def _status(
    store: Store, customer: str, as_of: datetime, orders: list[Row], plans: list[Row], threshold: int
) -> tuple[Any, ...]:
    if refuses(store, customer, as_of):
        return None, "suppressed", None
    if any(plan["ended_at"] is None for plan in plans):
        since = min(plan["occurred_at"] for plan in plans)
        return "subscription", "scored", "thin" if days(since, as_of) < 30 else "regular"
    if orders:
        silent = days(orders[-1]["occurred_at"], as_of)
        segment = "lapsed" if silent > threshold else "thin" if len(orders) <= 1 else "regular"
        return "shop", "scored", segment
    return None, "already_ended" if plans else "no_first_order", None


def lapse(store: Store, as_of: datetime) -> int:
    """Return the days of silence that make a customer lapsed at ``as_of``."""
    gaps = []
    for bought in purchase_days(store, as_of).values():
        gaps += [(later - earlier).days for earlier, later in pairwise(bought)]
    if not gaps:
        return 365
    nearest_rank = sorted(gaps)[math.ceil(len(gaps) * 95 / 100) - 1]
    return min(max(nearest_rank, 90), 365)


def purchase_days(store: Store, as_of: datetime) -> dict[str, dict[date, Decimal]]:
    """Return each customer's purchase days in order, with their net totals."""
    found: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in known_orders(store, as_of):
        if row["amount"] > 0:
            found[row["customer_id"]][row["occurred_at"].astimezone(UTC).date()] += row["amount"]
    return {customer: dict(sorted(bought.items())) for customer, bought in found.items()}


def order_features(store: Store, customer: str, as_of: datetime) -> Values:
    """Return every feature of rfm, rhythm, trend, cohort and season; None is missing."""
    rows = [row for row in known_orders(store, as_of) if row["customer_id"] == customer]
    bought = [row for row in rows if row["amount"] > 0]
    on_days = purchase_days(store, as_of).get(customer, {})
    values = {**_sums(rows), **_zeros()}
    if not bought:
        return values
    last_day = (as_of - timedelta(microseconds=1)).astimezone(UTC).date()
    values |= _rfm(bought, on_days, last_day, as_of) | _cohort(on_days, last_day)
    values |= _rhythm(list(on_days), last_day) | _season(bought, as_of)
    for window in (30, 90, 180, 365):
        values |= _trend(bought, window, as_of)
    return values


def _sums(rows: list[Row]) -> Values:
    gross = [row["gross"] for row in rows if row["gross"] > 0]
    margins = [row["amount"] * Decimal(str(row["margin"])) for row in rows if row["margin"] is not None]
    return {
        "rfm.historic_value": float(sum((row["amount"] for row in rows), Decimal(0))),
        "rfm.historic_margin": float(sum(margins, Decimal(0))) if margins else None,
        "rfm.refunded_share": float(sum(row["refunded"] for row in rows) / sum(gross)) if gross else None,
        "rfm.refunded_orders": float(sum(row["refunded"] > 0 for row in rows)),
        "rfm.zero_amount_orders": float(sum(row["gross"] == 0 for row in rows)),
    }


def _zeros() -> Values:
    windows = [f"trend.{name}_{window}d" for name in ("orders", "value") for window in (30, 90, 180, 365)]
    return dict.fromkeys(["rfm.frequency", "rfm.orders", *windows], 0.0)


def _rfm(bought: list[Row], on_days: dict[date, Decimal], last_day: date, as_of: datetime) -> Values:
    amounts = [float(row["amount"]) for row in bought]
    repeats = [float(amount) for amount in on_days.values()][1:]
    first, last = min(on_days), max(on_days)
    return {
        "rfm.frequency": float(len(repeats)),
        "rfm.recency_days": float((last - first).days),
        "rfm.age_days": float((last_day - first).days),
        "rfm.monetary_value": fmean(repeats) if repeats else None,
        "rfm.days_since_last_order": days(bought[-1]["occurred_at"], as_of),
        "rfm.orders": float(len(bought)),
        "rfm.average_order_value": fmean(amounts),
        "rfm.largest_order_value": max(amounts),
        "rfm.last_order_value": amounts[-1],
        "rfm.order_value_variation": pstdev(amounts) / fmean(amounts) if len(amounts) > 1 else None,
    }


def _rhythm(bought: list[date], last_day: date) -> Values:
    silence = float((last_day - bought[-1]).days)
    gaps = [float((later - earlier).days) for earlier, later in pairwise(bought)]
    values: Values = {"rhythm.silence_days": silence}
    if gaps:
        values |= {
            "rhythm.usual_gap_days": median(gaps),
            "rhythm.average_gap_days": fmean(gaps),
            "rhythm.last_gap_days": gaps[-1],
            "rhythm.longest_gap_days": max(gaps),
            "rhythm.overdue_ratio": silence / median(gaps),
            "rhythm.overdue_longest": silence / max(gaps),
            "rhythm.days_until_due": median(gaps) - silence,
            "rhythm.shorter_gap_share": fmean(gap < silence for gap in gaps),
        }
    if len(gaps) > 1:
        values["rhythm.gap_variation"] = pstdev(gaps) / fmean(gaps)
        values["rhythm.gap_trend"] = gaps[-1] / fmean(gaps[:-1])
    return values


def _trend(bought: list[Row], window: int, as_of: datetime) -> Values:
    start = as_of - timedelta(days=window)
    recent = [row["amount"] for row in bought if row["occurred_at"] >= start]
    before = [row["amount"] for row in bought if row["occurred_at"] < start]
    value, value_before = float(sum(recent)), float(sum(before))
    values: Values = {f"trend.orders_{window}d": float(len(recent)), f"trend.value_{window}d": value}
    earlier = days(bought[0]["occurred_at"], as_of) - window
    if before and earlier > 0:
        values[f"trend.order_ratio_{window}d"] = (len(recent) / window) / (len(before) / earlier)
        values[f"trend.value_ratio_{window}d"] = (value / window) / (value_before / earlier)
    return values


def _cohort(on_days: dict[date, Decimal], last_day: date) -> Values:
    bought, first = list(on_days), min(on_days)
    age = (last_day - first).days
    early = {window: [day for day in bought if (day - first).days < window] for window in (30, 90)}
    return {
        "cohort.first_order_month": float(first.month),
        "cohort.age_months": float((last_day.year - first.year) * 12 + last_day.month - first.month),
        "cohort.first_order_value": float(on_days[first]),
        "cohort.first_to_average_ratio": float(on_days[first]) / fmean(map(float, on_days.values())),
        "cohort.second_order_delay_days": float((bought[1] - first).days) if len(bought) > 1 else None,
        "cohort.order_days_first_30d": float(len(early[30])) if age >= 30 else None,
        "cohort.order_days_first_90d": float(len(early[90])) if age >= 90 else None,
        "cohort.value_first_90d": float(sum(on_days[day] for day in early[90])) if age >= 90 else None,
    }


def _season(bought: list[Row], as_of: datetime) -> Values:
    angle = 2 * math.pi * (as_of.astimezone(UTC).month - 1) / 12
    coming = {(as_of.astimezone(UTC).month - 1 + ahead) % 12 + 1 for ahead in range(3)}
    on = [row["occurred_at"].astimezone(UTC) for row in bought]
    year_ago = as_of - timedelta(days=365)
    echo = [row["amount"] for row in bought if year_ago <= row["occurred_at"] < year_ago + timedelta(days=90)]
    old = on[0] < year_ago
    return {
        "season.month_sine": math.sin(angle),
        "season.month_cosine": math.cos(angle),
        "season.coming_quarter_share": fmean(instant.month in coming for instant in on),
        "season.last_year_orders": float(len(echo)) if old else None,
        "season.last_year_value": float(sum(echo)) if old else None,
        "season.gift_months_share": fmean(instant.month >= 11 for instant in on),
        "season.weekend_share": fmean(instant.weekday() >= 5 for instant in on),
    }


def days(start: datetime, end: datetime) -> float:
    """Return the days between two instants, each cut to whole seconds."""
    return (math.floor(end.timestamp()) - math.floor(start.timestamp())) / DAY
