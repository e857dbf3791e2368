from dataclasses import replace
from datetime import UTC, date, datetime

import pandas as pd
import pytest
from hypothesis import Phase, given, settings

from contracts.errors import ContractError
from contracts.feature_frame import Feature, FeatureFrame, FeatureList
from contracts.settings import Settings
from features.engine import Engine, Events
from features.frame import build_frame, decide_features
from features.snapshot import take_snapshot
from testkit.cdnow import read_cdnow_sample
from testkit.event_strategies import CUTOFFS, Store, instants, open_store, stores

GENERATE = (Phase.explicit, Phase.generate)
few = settings(max_examples=3, phases=GENERATE)
ORDERS = FeatureList(
    (Feature("rfm.frequency", "purchase days", "never"), Feature("rhythm.silence_days", "days", "x"))
)


def frame_of(store: Store, *cutoffs: datetime, features: FeatureList | None = None) -> FeatureFrame:
    return build_frame(take_snapshot(open_store(store), cutoffs, Settings()), features)


def read_sample() -> pd.DataFrame:
    frame = pd.DataFrame(read_cdnow_sample(), columns=["customer_id", "occurred_at", "amount"])
    return frame.assign(occurred_at=pd.to_datetime(frame.occurred_at))


def assert_same(left: FeatureFrame, right: FeatureFrame) -> None:
    pd.testing.assert_frame_equal(left.index, right.index, check_exact=True)
    pd.testing.assert_frame_equal(left.values, right.values, check_exact=True)


@given(store=stores())
@few
def test_no_fact_at_or_after_as_of_on_either_clock_changes_a_feature(store: Store) -> None:
    as_of = CUTOFFS[1]
    known = {
        name: [row for row in rows if max(row["occurred_at"], row["recorded_at"]) < as_of]
        for name, rows in store.items()
    }
    assert_same(frame_of(store, as_of, features=ORDERS), frame_of(known, as_of, features=ORDERS))
    assert (
        decide_features(take_snapshot(open_store(store), as_of, Settings()))
        == frame_of(known, as_of).features
    )


@given(store=stores())
@few
def test_all_cutoffs_at_once_equal_one_by_one(store: Store) -> None:
    together = frame_of(store, *CUTOFFS[1:])
    for cutoff in CUTOFFS[1:]:
        alone = frame_of(store, cutoff, features=together.features)
        assert_same(together.rows(together.index.as_of == cutoff), alone)


@given(store=stores())
@few
def test_the_order_of_the_rows_changes_nothing(store: Store) -> None:
    backwards = {name: rows[::-1] for name, rows in store.items()}
    assert_same(frame_of(store, CUTOFFS[2]), frame_of(backwards, CUTOFFS[2]))


@given(store=stores(), as_of=instants())
@few
def test_rows_are_sorted_and_one_per_scored_customer(store: Store, as_of: datetime) -> None:
    index = frame_of(store, as_of, features=ORDERS).index
    assert index.equals(index.sort_values(["as_of", "customer_id"], ignore_index=True))
    assert not index.duplicated(["as_of", "customer_id"]).any()
    assert set(index.status) <= {"scored"}


def test_one_and_two_threads_give_the_same_bytes() -> None:
    cutoffs = [datetime(1998, 7, 1, tzinfo=UTC)]
    orders = pd.concat(
        [read_sample().assign(customer_id=lambda frame, i=i: frame.customer_id + f"-{i}") for i in range(4)]
    )
    frames = [
        build_frame(
            take_snapshot(
                Events.from_frames({"orders": orders}, Engine(threads=threads)), cutoffs, Settings()
            )
        )
        for threads in (1, 2, 2)
    ]
    texts = [frame.values.to_numpy(dtype="float64").tobytes() for frame in frames]
    assert texts[0] == texts[1] == texts[2]
    assert frames[0].features.hash == frames[1].features.hash


def test_cdnow_as_of_october_has_observed_272_days_not_273() -> None:
    as_of = datetime(1997, 10, 1, tzinfo=UTC)
    sample = read_sample()
    frame = build_frame(take_snapshot(Events.from_frames({"orders": sample}), as_of, Settings()))
    age, recency = frame.column("rfm.age_days"), frame.column("rfm.recency_days")
    first = sample.groupby("customer_id").occurred_at.min()
    oldest = frame.index.customer_id.isin(first.index[first.dt.date == date(1997, 1, 1)])
    assert set(age[oldest]) == {272.0}
    assert round(age.max() / 7, 3) == 38.857
    assert (age >= recency).all()
    assert (recency >= 0).all()


def test_families_without_data_are_absent_not_zero() -> None:
    frame = build_frame(take_snapshot(Events.from_frames({"orders": read_sample()}), CUTOFFS[0], Settings()))
    assert {"rfm", "rhythm", "trend", "cohort", "season"} == {*frame.features.families}


def test_a_family_gone_empty_is_missing_in_every_row_and_named() -> None:
    wanted = FeatureList((*ORDERS, Feature("support.tickets", "tickets", "never")))
    snapshot = take_snapshot(Events.from_frames({"orders": read_sample()}), CUTOFFS[0], Settings())
    frame = build_frame(snapshot, wanted)
    assert frame.unseen_families == ("support",)
    assert frame.column("support.tickets").isna().all()
    assert frame.features == wanted


def test_a_family_the_list_does_not_have_is_ignored_and_counted() -> None:
    snapshot = take_snapshot(Events.from_frames({"orders": read_sample()}), CUTOFFS[0], Settings())
    frame = build_frame(snapshot, ORDERS)
    assert frame.values.columns.tolist() == [*ORDERS.names]
    assert "season.weekend_share" in frame.ignored
    assert "rfm.orders" not in frame.ignored


def test_a_column_of_another_type_is_refused_by_name() -> None:
    wanted = FeatureList((replace(ORDERS.features[0], dtype="category"),))
    snapshot = take_snapshot(Events.from_frames({"orders": read_sample()}), CUTOFFS[0], Settings())
    with pytest.raises(
        ContractError, match=r"'rfm.frequency' is float64 in the store and category in its list"
    ):
        build_frame(snapshot, wanted)


def test_a_column_of_no_family_is_refused_by_name() -> None:
    wanted = FeatureList((Feature("btyd.p_alive", "probability", "never"),))
    snapshot = take_snapshot(Events.from_frames({"orders": read_sample()}), CUTOFFS[0], Settings())
    with pytest.raises(ContractError, match=r"'btyd.p_alive' is of no family built from events"):
        build_frame(snapshot, wanted)


def test_the_callers_frame_is_left_as_it_was() -> None:
    orders = read_sample()
    before = orders.copy()
    build_frame(take_snapshot(Events.from_frames({"orders": orders}), CUTOFFS[0], Settings()), ORDERS)
    pd.testing.assert_frame_equal(orders, before)
