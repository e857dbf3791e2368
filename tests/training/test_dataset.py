"""A training set is frames and labels of the same customers at the same cutoffs, and the present."""

from dataclasses import replace
from datetime import timedelta
from itertools import islice

import numpy as np
import pandas as pd
import pytest

from contracts.errors import NotEnoughData
from contracts.settings import Settings
from features.synthetic import CompanyParameters, simulate_company
from testkit.workspaces import find_plain_company, find_shop, open_orders
from training.dataset import KEY, build_training_set

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture(scope="module")
def training_set():
    return find_shop().training.training_set


def test_labels_have_the_rows_of_the_past_in_their_order(training_set):
    index = training_set.past.index
    assert len(training_set.labels) == len(training_set.past)
    assert index[KEY].equals(index[KEY].sort_values(KEY, ignore_index=True))
    assert set(index["as_of"]) == set(training_set.plan.cutoffs)
    assert set(index["kind"]) == set(training_set.present.index["kind"]) == {"shop"}


def test_labels_agree_with_a_loop_over_the_orders(training_set):
    orders = find_shop().company.tables["orders"]
    refunded = set(orders.loc[orders["amount"] < 0, "customer_id"])
    by_customer = {name: rows for name, rows in orders.groupby("customer_id") if name not in refunded}
    window = timedelta(days=training_set.plan.window_days)
    compared = 0
    rows_of = zip(
        training_set.past.index[KEY].itertuples(index=False),
        training_set.labels.to_dict("records"),
        strict=True,
    )
    for (as_of, customer), label in islice(rows_of, 0, None, 3):
        if customer in by_customer:
            rows = by_customer[customer]
            inside = rows[(rows["occurred_at"] >= as_of) & (rows["occurred_at"] < as_of + window)]
            assert label["churned"] == (0.0 if (inside["amount"] > 0).any() else 1.0)
            assert label["spend"] == pytest.approx(inside["amount"].sum(), abs=1e-9)
            assert label["purchases"] == inside.loc[inside["amount"] > 0, "occurred_at"].dt.date.nunique()
            compared += 1
    assert compared > 200


def test_customers_contacted_in_a_window_leave_its_cutoff(training_set):
    everyone = training_set.past.index["as_of"].value_counts()
    contacted = training_set.labels["contacted"].astype(bool)
    assert contacted.any()
    for cutoff in training_set.plan.cutoffs:
        frame, labels = training_set.at(cutoff)
        here = training_set.past.index["as_of"] == cutoff
        assert len(frame) == len(labels) == everyone[cutoff] - int((here & contacted).sum())
        assert not labels["contacted"].any()


def test_every_known_customer_is_counted_once(training_set):
    counts = training_set.count_population()
    assert counts["scored"] == counts["in_play"] + counts["lapsed"]
    reasons = {"no_first_order", "already_ended", "suppressed"} & set(counts)
    known = find_shop().company.tables["customers"]
    subscribers = len(find_shop().training.subscribers.data.present)
    assert subscribers > 0
    assert counts["scored"] + subscribers + sum(counts[reason] for reason in reasons) == len(known)


def test_who_buys_by_orders_has_no_feature_of_subscriptions(training_set):
    assert "subscription" not in training_set.present.features.families
    assert set(training_set.present.index["kind"]) == {"shop"}


def test_the_digest_moves_with_one_label_or_one_value_and_with_nothing_else(training_set):
    labels = training_set.labels.copy()
    assert replace(training_set, labels=labels).digest() == training_set.digest()
    labels.loc[0, "spend"] += 0.01
    assert replace(training_set, labels=labels).digest() != training_set.digest()
    values = training_set.present.values.copy()
    values.iloc[3, 0] += 1
    present = replace(training_set.present, values=values)
    assert replace(training_set, present=present).digest() != training_set.digest()


def test_a_run_without_cutoffs_has_none_to_give(training_set):
    bare = replace(training_set, past=None, labels=pd.DataFrame())
    with pytest.raises(NotEnoughData, match=r"No cutoff .*: this run has none"):
        bare.at(training_set.plan.cutoffs[0])
    assert bare.digest() != training_set.digest()


def test_the_history_reaches_back_to_the_first_order(training_set):
    first = find_shop().company.tables["orders"]["occurred_at"].min().floor("D")
    oldest = training_set.plan.as_of - timedelta(days=training_set.history_days)
    assert first <= oldest <= first + timedelta(days=60)
    assert (np.diff([cutoff.timestamp() for cutoff in training_set.plan.cutoffs]) > 0).all()


@pytest.fixture(scope="module")
def orders():
    return open_orders(find_plain_company())


def test_no_order_before_the_date_is_too_little_data(orders):
    begin = find_plain_company().parameters.begins_at
    with pytest.raises(NotEnoughData, match=r"No order before 2024-01-01T00:00:00Z: ingest orders"):
        build_training_set(orders, Settings(), begin)


def test_orders_that_ended_long_ago_name_the_date_that_works(orders):
    company = find_plain_company()
    ended = company.tables["orders"]["occurred_at"].max().date() + timedelta(days=1)
    with pytest.raises(NotEnoughData, match=f"No order in the 90 days .* train with --as-of {ended}"):
        build_training_set(orders, Settings(), company.parameters.ends_at + timedelta(days=3 * 365))


def test_a_short_history_has_no_cutoff_and_no_labels():
    company = simulate_company(replace(find_plain_company().parameters, customers=60, days=80), seed=1)
    found = build_training_set(open_orders(company), Settings(), company.parameters.ends_at)
    assert found.plan.cutoffs == ()
    assert found.past is None
    assert len(found.labels) == 0
    assert len(found.present) > 0


def test_a_shop_to_which_nobody_has_come_back_yet_has_no_cutoff_to_learn_from():
    parameters = CompanyParameters.without_effects(customers=40, days=90)
    company = simulate_company(replace(parameters, acquisition_share=1.0), 8)
    first = company.tables["orders"].drop_duplicates("customer_id")
    newcomers = replace(company, tables=company.tables | {"orders": first})
    found = build_training_set(open_orders(newcomers), Settings(), company.parameters.ends_at)
    assert (found.plan.cutoffs, found.past, len(found.labels)) == ((), None, 0)
    assert len(found.present) == 40
