from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings

from contracts.settings import HorizonSection, Settings
from features.engine import read_frame
from features.population import find_lapsed_after_days, find_not_scored, find_population
from features.snapshot import Snapshot, take_snapshot
from testkit.event_strategies import CUTOFFS, Row, Store, open_store, stores
from testkit.oracle import lapse, population

AS_OF = datetime(2025, 1, 1, tzinfo=UTC)
GENERATE = (Phase.explicit, Phase.generate)


def order(customer: str, days_before: float, amount: str = "10", **more: object) -> Row:
    at = AS_OF - timedelta(days=days_before)
    key = f"{customer}{days_before}"
    stored = {
        "source": "till",
        "row_key": key,
        "backfilled": False,
        "loaded_at": at,
        "removed": False,
        "content": "",
    }
    return {
        "order_id": key,
        "customer_id": customer,
        "occurred_at": at,
        "recorded_at": at,
        **stored,
        "amount": Decimal(amount),
        "margin": None,
        "refund_of": None,
        **more,
    }


def statuses(snapshot: Snapshot) -> dict[str, tuple[object, ...]]:
    rows = read_frame(find_population(snapshot)).to_pylist()
    return {row["customer_id"]: (row["kind"], row["status"], row["segment"]) for row in rows}


@given(store=stores())
@settings(max_examples=5, phases=GENERATE)
def test_everyone_known_has_the_kind_status_and_segment_of_the_slow_twin(store: Store) -> None:
    events = open_store(store)
    for cutoff in CUTOFFS[1:]:
        snapshot = take_snapshot(events, cutoff, Settings())
        assert statuses(snapshot) == population(store, cutoff)
        assert find_lapsed_after_days(snapshot) == {cutoff: lapse(store, cutoff)}


def test_a_silence_past_the_limit_is_lapsed_even_after_one_order() -> None:
    store = {"orders": [order("ada", 400), order("bo", 10), order("cy", 50), order("cy", 10)]}
    found = statuses(take_snapshot(open_store(store), AS_OF, Settings()))
    assert found["ada"] == ("shop", "scored", "lapsed")
    assert found["bo"] == ("shop", "scored", "thin")
    assert found["cy"] == ("shop", "scored", "regular")


def test_without_a_gap_a_year_of_silence_makes_lapsed() -> None:
    snapshot = take_snapshot(open_store({"orders": [order("ada", 10)]}), AS_OF, Settings())
    assert find_lapsed_after_days(snapshot) == {AS_OF: 365}


def test_the_setting_wins_over_the_percentile() -> None:
    chosen = Settings(horizons=HorizonSection(lapsed_after_days=20))
    snapshot = take_snapshot(open_store({"orders": [order("ada", 30)]}), AS_OF, chosen)
    assert statuses(snapshot)["ada"] == ("shop", "scored", "lapsed")


@pytest.mark.parametrize(("amount", "reason"), [("0", "no_first_order"), ("10", None)])
def test_only_an_order_above_zero_makes_a_customer_scored(amount: str, reason: str | None) -> None:
    found = find_not_scored(
        take_snapshot(open_store({"orders": [order("ada", 5, amount)]}), AS_OF, Settings())
    )
    assert found.reason.tolist() == ([] if reason is None else [reason])
    assert found.columns.tolist() == ["as_of", "customer_id", "reason"]


def test_who_refuses_profiling_is_suppressed_at_earlier_cutoffs_when_consent_is_taken_from_later() -> None:
    refusal = {**order("ada", 1), "profiling_consent": False, "country": None}
    del refusal["order_id"], refusal["amount"], refusal["margin"], refusal["refund_of"]
    store = {"orders": [order("ada", 50)], "customers": [refusal]}
    earlier = AS_OF - timedelta(days=20)
    own = take_snapshot(open_store(store), earlier, Settings())
    later = take_snapshot(open_store(store), earlier, Settings(), consent_as_of=AS_OF)
    assert statuses(own)["ada"][1] == "scored"
    assert statuses(later)["ada"][1] == "suppressed"
