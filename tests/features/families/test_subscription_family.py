"""The subscription family against its slow twin, and its silence about everybody else."""

import math

import pandas as pd
from hypothesis import Phase, given, settings

from contracts.events import Name
from contracts.settings import Settings
from features.engine import read_frame
from features.families import subscription
from features.families.family import short_name
from features.frame import build_frame
from features.snapshot import take_snapshot
from features.synthetic import CompanyParameters, simulate_company
from testkit.companies import open_company
from testkit.event_strategies import CUSTOMERS, CUTOFFS, Store, open_store, stores
from testkit.oracle_subscription import subscription_features

few = settings(max_examples=8, phases=(Phase.explicit, Phase.generate))


def rows_of(store: Store, cutoffs=CUTOFFS):
    snapshot = take_snapshot(open_store(store), cutoffs, Settings())
    rows = read_frame(subscription.build(snapshot)).to_pylist()
    return {(row["as_of"], row["customer_id"]): row for row in rows}


def agrees(value, wanted) -> bool:
    if value is None or wanted is None or isinstance(wanted, str):
        return value == wanted
    return math.isclose(value, float(wanted), rel_tol=1e-8, abs_tol=1e-8)


@given(store=stores())
@few
def test_every_feature_equals_its_slow_twin(store: Store) -> None:
    found = rows_of(store)
    for as_of in CUTOFFS:
        for customer in CUSTOMERS:
            row = found.get((as_of.replace(tzinfo=None), customer))
            expected = subscription_features(store, customer, as_of)
            assert (row is None) == (expected is None)
            for feature in subscription.FEATURES if row else ():
                value, wanted = row[short_name(feature)], expected[feature.name]
                assert agrees(value, wanted), (feature.name, value, wanted)


@given(store=stores())
@few
def test_no_fact_at_or_after_the_cutoff_changes_a_feature(store: Store) -> None:
    as_of = CUTOFFS[1]
    past = {table: [row for row in rows if row[Name.RECORDED_AT] < as_of] for table, rows in store.items()}
    assert rows_of(past, (as_of,)) == rows_of(store, (as_of,))


def test_shoppers_of_a_mixed_company_are_missing_from_the_family_and_keep_all_else() -> None:
    company = simulate_company(CompanyParameters(customers=120, days=300), seed=3)
    tables = dict(company.tables)
    mixed = build_frame(take_snapshot(open_company(company), company.parameters.ends_at, Settings()))
    shops = mixed.index["kind"] == "shop"
    names = [feature.name for feature in mixed.features if feature.family == "subscription"]
    assert names
    assert mixed.values.loc[shops, names].isna().all(axis=None)
    assert mixed.values.loc[~shops, "subscription.tenure_days"].notna().all()
    company.tables["subscriptions"] = tables["subscriptions"].iloc[:0]
    pure = build_frame(take_snapshot(open_company(company), company.parameters.ends_at, Settings()))
    assert not {feature.name for feature in pure.features} & set(names)
    pd.testing.assert_frame_equal(
        pure.values.loc[shops], mixed.values.loc[shops, list(pure.features.names)], check_exact=True
    )
