from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings

from contracts.errors import NotEnoughData
from contracts.settings import Settings
from features.engine import Events
from features.labels import build_labels, find_maturity_lag
from features.snapshot import take_snapshot
from testkit.event_strategies import CUTOFFS, Store, open_store, stores
from testkit.oracle import known_orders, population

AS_OF = datetime(2025, 1, 1, tzinfo=UTC)
LATER = AS_OF + timedelta(days=1000)
HORIZONS: dict[str, Any] = {
    "horizon_days": 90,
    "clv_horizon_days": 365,
    "lag_days": 10,
    "known_before": LATER,
}
GENERATE = (Phase.explicit, Phase.generate)


def day(offset: float) -> datetime:
    return (AS_OF + timedelta(days=offset)).replace(tzinfo=None)


def order(key: str, offset: float, amount: str = "10", **more: object) -> dict[str, Any]:
    return {
        "order_id": key,
        "customer_id": "ada",
        "occurred_at": day(offset),
        "amount": Decimal(amount),
        **more,
    }


def label(tables: dict[str, list[dict[str, Any]]], **changes: Any) -> pd.Series:
    events = Events.from_frames({name: pd.DataFrame(rows) for name, rows in tables.items()})
    return build_labels(take_snapshot(events, AS_OF, Settings()), **{**HORIZONS, **changes}).iloc[0]


@given(store=stores())
@settings(max_examples=4, phases=GENERATE)
def test_labels_of_shoppers_equal_their_slow_twin(store: Store) -> None:
    known_before = CUTOFFS[2] + timedelta(days=40)
    cutoffs = CUTOFFS[:2]
    snapshot = take_snapshot(open_store(store), cutoffs, Settings())
    found = build_labels(
        snapshot, horizon_days=90, clv_horizon_days=200, lag_days=30, known_before=known_before
    )
    shoppers = {(row.as_of, row.customer_id): row for row in found.itertuples()}
    for cutoff in cutoffs:
        for customer, (kind, status, _) in population(store, cutoff).items():
            assert ((cutoff, customer) in shoppers) == (status == "scored")
            if kind == "shop":
                row = shoppers[(cutoff, customer)]
                purchases, spend = outcome(store, customer, cutoff, 90, known_before)
                assert (row.purchases, row.churned) == (purchases, purchases == 0)
                assert row.spend == pytest.approx(spend, abs=1e-9)
                assert row.clv_spend == pytest.approx(
                    outcome(store, customer, cutoff, 200, known_before)[1], abs=1e-9
                )


def outcome(
    store: Store, customer: str, cutoff: datetime, horizon: int, known_before: datetime
) -> tuple[int, float]:
    end = cutoff + timedelta(days=horizon)
    rows = [
        row
        for row in known_orders(store, min(end + timedelta(days=30), known_before))
        if row["customer_id"] == customer and row["amount"] > 0 and cutoff <= row["occurred_at"] < end
    ]
    return len({row["occurred_at"].date() for row in rows}), float(sum(row["amount"] for row in rows))


def test_the_window_begins_at_as_of_and_ends_before_the_horizon() -> None:
    orders = [order("first", -5), order("start", 0), order("end", 90, "20")]
    found = label({"orders": orders})
    assert (found.purchases, found.spend, found.clv_spend, found.churned) == (1, 10.0, 30.0, False)


def test_a_refund_counts_when_recorded_before_the_windows_end_and_the_lag() -> None:
    def with_refund(recorded: float) -> pd.Series:
        back = order("r", recorded, "-10", refund_of="o", recorded_at=day(recorded))
        return label({"orders": [order("first", -5, refund_of=None), order("o", 3, refund_of=None), back]})

    assert with_refund(99.9).churned
    assert not with_refund(100).churned


def test_nothing_recorded_at_or_after_known_before_is_used() -> None:
    orders = [order("first", -5), order("o", 3, recorded_at=day(95))]
    assert not label({"orders": orders}).churned
    assert label({"orders": orders}, known_before=AS_OF + timedelta(days=95)).churned


def test_value_is_missing_where_its_window_is_not_over() -> None:
    assert np.isnan(
        label({"orders": [order("first", -5)]}, known_before=AS_OF + timedelta(days=364)).clv_spend
    )
    assert label({"orders": [order("first", -5)]}, known_before=AS_OF + timedelta(days=365)).clv_spend == 0.0


def test_a_window_that_is_not_over_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="The 90 days after 2025-01-01T00:00:00Z are not over"):
        label({"orders": [order("first", -5)]}, known_before=AS_OF + timedelta(days=89))


@pytest.mark.parametrize(
    ("ended", "renewed", "churned"),
    [
        (None, None, False),
        (40, None, True),
        (90, None, False),
        (40, 60, False),
        (80, 110, False),
        (80, 111, True),
    ],
    ids=[
        "runs on",
        "ends",
        "ends later",
        "starts anew within",
        "starts anew in grace",
        "starts anew too late",
    ],
)
def test_a_subscriber_churns_who_ends_and_does_not_start_anew_within_grace(
    ended: float | None, renewed: float | None, churned: bool
) -> None:
    plan = {"customer_id": "ada", "monthly_fee": Decimal("5")}
    plans = [{**plan, "subscription_id": "s", "occurred_at": day(-100), "ended_at": ended and day(ended)}]
    if renewed is not None:
        plans.append({**plan, "subscription_id": "t", "occurred_at": day(renewed), "ended_at": None})
    assert label({"subscriptions": plans}).churned == churned


def test_fees_falling_due_in_the_window_are_purchases_and_spend() -> None:
    plan = {
        "customer_id": "ada",
        "monthly_fee": Decimal("5"),
        "subscription_id": "s",
        "occurred_at": day(-30),
    }
    found = label({"subscriptions": [{**plan, "ended_at": day(60)}]})
    assert (found.purchases, found.spend, found.churned) == (2, 10.0, True)


@pytest.mark.parametrize(("arm", "contacted"), [("treated", True), (None, True), ("holdout", False)])
def test_who_was_treated_in_the_window_was_contacted(arm: str | None, contacted: bool) -> None:
    action = {"action_id": "a", "customer_id": "ada", "occurred_at": day(5), "kind": "call", "arm": arm}
    assert label({"orders": [order("first", -5)], "actions": [action]}).contacted == contacted


@pytest.mark.parametrize("kind", ["invitation", "Reminder"])
def test_who_was_only_asked_for_an_answer_was_not_contacted(kind: str) -> None:
    action = {"action_id": "a", "customer_id": "ada", "occurred_at": day(5), "kind": kind, "arm": "treated"}
    assert not label({"orders": [order("first", -5)], "actions": [action]}).contacted


def test_the_maturity_lag_covers_99_of_100_rows_and_no_backfilled_one() -> None:
    told = [
        order(f"o{number}", -50, recorded_at=day(-50 + number / 10), backfilled=False)
        for number in range(100)
    ]
    backfilled = [order("old", -300, recorded_at=day(-300), backfilled=True) for _ in range(50)]
    assert find_maturity_lag(Events.from_frames({"orders": pd.DataFrame(told + backfilled)}), AS_OF) == 10
    assert find_maturity_lag(Events.from_frames({"orders": pd.DataFrame(backfilled)}), AS_OF) == 0
