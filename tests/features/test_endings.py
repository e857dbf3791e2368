"""The day a subscriber leaves, against the slow twin; contacts, fees, and the exposure of a young log."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import Phase, given, settings

from contracts.settings import Settings
from features.endings import Watch, read_endings, read_exposure
from features.engine import Events
from features.snapshot import take_snapshot
from testkit.event_strategies import CUTOFFS, Store, open_store, stores
from testkit.oracle import known_rows, population
from testkit.oracle_subscription import ended_on

AS_OF = datetime(2025, 1, 1, tzinfo=UTC)
GRACE, LAG = 30, 10


def day(offset: float) -> datetime:
    return (AS_OF + timedelta(days=offset)).replace(tzinfo=None)


def plan(key: str, start: float, end: float | None = None, **more: object) -> dict[str, object]:
    row = {"subscription_id": key, "customer_id": "ada", "occurred_at": day(start), "ended_at": None}
    return row | {"ended_at": None if end is None else day(end), "monthly_fee": Decimal("5")} | more


def watch(tables: dict[str, list[dict[str, object]]], known_days: float = 600) -> pd.Series:
    events = Events.from_frames({name: pd.DataFrame(rows) for name, rows in tables.items()})
    known_before = AS_OF + timedelta(days=known_days)
    watched = Watch.plan([AS_OF], 365, GRACE + LAG, known_before)
    return read_endings(take_snapshot(events, AS_OF, Settings()), watched, 90).iloc[0]


@given(store=stores())
@settings(max_examples=6, phases=(Phase.explicit, Phase.generate))
def test_the_day_of_leaving_equals_its_slow_twin(store: Store) -> None:
    cutoffs, known_before = CUTOFFS[:2], CUTOFFS[2] + timedelta(days=40)
    watched = Watch.plan(cutoffs, 365, GRACE + LAG, known_before)
    snapshot = take_snapshot(open_store(store), cutoffs, Settings())
    found = {(row.as_of, row.customer_id): row for row in read_endings(snapshot, watched, 90).itertuples()}
    for cutoff, end, seen in zip(watched.cutoffs, watched.ends, watched.seen, strict=True):
        plans = known_rows(store, "subscriptions", seen)
        for customer, (kind, _, _) in population(store, cutoff).items():
            if kind == "subscription":
                own = [row for row in plans if row["customer_id"] == customer]
                wanted = ended_on(own, cutoff, (end - cutoff).days, GRACE)
                row = found.get((cutoff, customer))
                value = None if row is None or pd.isna(row.ended_on) else row.ended_on
                assert value == (None if wanted is None else pytest.approx(wanted, abs=1e-8))


def test_who_comes_back_after_the_grace_days_has_left_on_the_first_day() -> None:
    assert watch({"subscriptions": [plan("s", -100, 40), plan("t", 71)]}).ended_on == 40
    assert pd.isna(watch({"subscriptions": [plan("s", -100, 40), plan("t", 70)]}).ended_on)


def test_a_second_subscription_that_runs_on_is_no_leaving() -> None:
    assert pd.isna(watch({"subscriptions": [plan("s", -100, 40), plan("t", -50)]}).ended_on)


def test_an_end_recorded_late_counts_as_the_first_day() -> None:
    rows = [
        plan("s", -100, None, recorded_at=day(-100), row_key="s"),
        plan("s", -100, -3, recorded_at=day(4), row_key="s"),
    ]
    assert watch({"subscriptions": rows}).ended_on == 0


def test_an_end_whose_grace_days_are_not_over_is_not_known_yet() -> None:
    rows = {"subscriptions": [plan("s", -100, 40)]}
    assert pd.isna(watch(rows, known_days=80).ended_on)
    assert watch(rows, known_days=81).ended_on == 40


@pytest.mark.parametrize(("arm", "on"), [("treated", 5.0), (None, 5.0), ("holdout", None)])
def test_the_first_contact_is_told_unless_it_was_held_out(arm: str | None, on: float | None) -> None:
    action = {"action_id": "a", "customer_id": "ada", "occurred_at": day(5), "kind": "call", "arm": arm}
    found = watch({"subscriptions": [plan("s", -100)], "actions": [action]}).contacted_on
    assert pd.isna(found) if on is None else found == on


def test_fees_are_those_that_fall_due_in_the_days_asked_for() -> None:
    found = watch({"subscriptions": [plan("s", -30, 60)]})
    assert (found.dues, found.fees) == (2, 10.0)


def test_a_young_log_tells_how_many_left_and_how_many_days_all_ran() -> None:
    rows = [plan("s", -100, -60), plan("t", -50), plan("u", -40, -10, customer_id="bo")]
    events = Events.from_frames({"subscriptions": pd.DataFrame(rows)})
    assert read_exposure(take_snapshot(events, AS_OF, Settings())) == (1.0, 40.0 + 50.0 + 30.0)
