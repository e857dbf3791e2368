"""Channel, engagement, support and attributes, each against its slow twin."""

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings

from contracts.events import Name
from contracts.settings import Settings
from features.engine import read_frame
from features.families import attributes, channel, engagement, support
from features.families.family import short_name
from features.slugs import slugs_of
from features.snapshot import take_snapshot
from features.synthetic import CompanyParameters, simulate_company
from testkit.companies import open_company
from testkit.event_strategies import CUSTOMERS, CUTOFFS, open_store
from testkit.oracle_touch import (
    attribute_features,
    channel_features,
    engagement_features,
    support_features,
)
from testkit.touch_strategies import COLUMNS, touch_stores

TWINS = {
    "channel": (channel, channel_features),
    "engagement": (engagement, engagement_features),
    "support": (support, support_features),
    "attribute": (attributes, attribute_features),
}
by_family = pytest.mark.parametrize("name", TWINS)


def snapshot_of(store, cutoffs=CUTOFFS):
    return take_snapshot(open_store(store), cutoffs, Settings())


def rows_of(module, snapshot):
    rows = read_frame(module.build(snapshot)).to_pylist()
    return {(row["as_of"], row["customer_id"]): row for row in rows}


def agrees(value, wanted):
    if value is None or wanted is None or isinstance(wanted, str):
        return value == wanted
    return math.isclose(value, float(wanted), rel_tol=1e-8, abs_tol=1e-8)


@given(store=touch_stores())
@settings(max_examples=10)
def test_every_feature_of_every_family_equals_its_slow_twin(store):
    snapshot = snapshot_of(store)
    for module, twin in TWINS.values():
        features = module.FAMILY.list_features(snapshot)
        named = {feature.label: feature.name for feature in features if feature.label}
        found = rows_of(module, snapshot)
        for as_of in CUTOFFS:
            for customer in CUSTOMERS:
                row = found.get((as_of.replace(tzinfo=None), customer))
                expected = twin(store, customer, as_of, named)
                assert (row is None) == (expected is None)
                for feature in features if row else ():
                    short = short_name(feature)
                    wanted = expected.get(feature.name, 0 if short in module.FAMILY.zeros else None)
                    assert agrees(row[short], wanted), (feature.name, row[short], wanted)


@given(store=touch_stores())
@settings(max_examples=5)
def test_no_fact_at_or_after_the_cutoff_changes_a_feature(store):
    as_of = CUTOFFS[1]
    past = {table: [row for row in rows if row[Name.RECORDED_AT] < as_of] for table, rows in store.items()}
    before, after = (snapshot_of(rows, (as_of,)) for rows in (past, store))
    for module, _ in TWINS.values():
        assert module.FAMILY.list_features(before) == module.FAMILY.list_features(after)
        assert rows_of(module, before) == rows_of(module, after)


@by_family
def test_a_family_without_data_has_no_features_and_no_rows(name):
    module, _ = TWINS[name]
    snapshot = snapshot_of({"orders": []})
    assert module.FAMILY.list_features(snapshot) == ()
    assert rows_of(module, snapshot) == {}


@by_family
def test_every_feature_of_a_full_company_is_built_named_and_explained(name):
    module, _ = TWINS[name]
    company = simulate_company(CompanyParameters(customers=200, days=400), seed=2)
    snapshot = take_snapshot(open_company(company), company.parameters.ends_at, Settings())
    features = module.FAMILY.list_features(snapshot)
    built = module.FAMILY.build(snapshot).columns
    assert {short_name(feature) for feature in features} <= set(built)
    for feature in features:
        assert feature.family == module.FAMILY.name
        assert set(feature.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.")
        assert feature.unit
        assert feature.missing


def order(key, channel_name, day):
    at = CUTOFFS[0] - timedelta(days=day)
    state = {"recorded_at": at, "loaded_at": at, "source": "till", "backfilled": False, "removed": False}
    keys = {"order_id": key, "row_key": key, "customer_id": "ada", "content": "", "refund_of": None}
    return {
        **state,
        **keys,
        "occurred_at": at,
        "amount": 10,
        "currency": "EUR",
        "margin": None,
        "channel": channel_name,
    }


def test_channels_chosen_in_training_are_built_again_where_they_are_no_longer_large():
    store = {"orders": [order("o1", "web", 20), order("o2", "store", 10)]}
    chosen = channel.list_features(snapshot_of(store, CUTOFFS[:1]))
    only_new = {"orders": [order("o3", "app", 5), order("o4", "web", 4)]}
    row = read_frame(channel.build(snapshot_of(only_new, CUTOFFS[:1]), chosen)).to_pylist()[0]
    assert (row["share_web"], row["share_store"]) == (0.5, 0.0)
    assert "share_app" not in row


def test_a_small_channel_has_no_share_of_its_own_but_counts_as_other():
    many = [order(f"o{place}", "web", 150 - place) for place in range(120)]
    features = channel.list_features(snapshot_of({"orders": [*many, order("x", "fax", 2)]}, CUTOFFS[:1]))
    assert [feature.name for feature in features][:2] == ["channel.share_web", "channel.share_other"]


def test_texts_of_many_values_costs_consent_and_instants_are_no_attributes():
    rows = []
    for place in range(60):
        at = CUTOFFS[0] - timedelta(days=90)
        state = {"recorded_at": at, "loaded_at": at, "source": "crm", "backfilled": False, "removed": False}
        row = {**state, "customer_id": f"c{place}", "row_key": f"c{place}", "occurred_at": at, "content": ""}
        own = {"street": f"Via Roma {place}", "Età": place, "tier": "gold", "born": at.replace(tzinfo=None)}
        rows.append({**row, **own, "acquisition_cost": 2, "profiling_consent": True, "country": "IT"})
    features = attributes.FAMILY.list_features(snapshot_of({"customers": rows}, CUTOFFS[:1]))
    assert {(feature.name, feature.dtype, feature.label) for feature in features} == {
        ("attribute.country", "category", "country"),
        ("attribute.eta", "float64", "Età"),
        ("attribute.tier", "category", "tier"),
    }


def test_a_help_desk_that_never_records_a_solution_has_no_open_tickets():
    at = CUTOFFS[0] - timedelta(days=90)
    state = {"recorded_at": at, "loaded_at": at, "source": "desk", "backfilled": False, "removed": False}
    ticket = {
        **state,
        "ticket_id": "t",
        "row_key": "t",
        "customer_id": "ada",
        "occurred_at": at,
        "content": "",
    }
    features = support.FAMILY.list_features(snapshot_of({"tickets": [ticket]}, CUTOFFS[:1]))
    assert [feature.name for feature in features] == [feature.name for feature in support.COUNTS]


def test_slugs_are_different_for_names_that_look_alike():
    assert slugs_of(COLUMNS) == {name: name for name in COLUMNS}
    assert sorted(slugs_of(["a b", "a-b", "A B"]).values()) == ["a_b", "a_b_2", "a_b_3"]
