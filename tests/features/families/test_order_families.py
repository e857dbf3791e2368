"""The five families built from orders alone, each against its slow twin."""

import pytest
from hypothesis import Phase, given, settings

from contracts.settings import Settings
from features.engine import read_frame
from features.families import find_families
from features.families.family import Family, short_name
from features.snapshot import take_snapshot
from testkit.event_strategies import CUSTOMERS, CUTOFFS, Store, open_store, stores
from testkit.oracle import known_orders, order_features

FAMILIES = [
    family for family in find_families() if family.name in ("rfm", "rhythm", "trend", "cohort", "season")
]
GENERATE = (Phase.explicit, Phase.generate)
by_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def build_rows(store: Store, family: Family) -> dict[tuple[object, str], dict[str, float | None]]:
    snapshot = take_snapshot(open_store(store), CUTOFFS, Settings())
    rows = read_frame(family.build(snapshot)).to_pylist()
    return {(row["as_of"], row["customer_id"]): row for row in rows}


@by_family
@given(store=stores())
@settings(max_examples=6, phases=GENERATE)
def test_every_feature_equals_its_slow_twin(family: Family, store: Store) -> None:
    found = build_rows(store, family)
    for as_of in CUTOFFS:
        for customer in CUSTOMERS:
            expected = order_features(store, customer, as_of)
            row = found.get((as_of.replace(tzinfo=None), customer), {})
            for feature in family.features:
                name = short_name(feature)
                value = row.get(name)
                if value is None and name in family.zeros:
                    value = 0.0
                wanted = expected.get(feature.name)
                if not row:
                    assert not any(
                        order["customer_id"] == customer and order["amount"] > 0
                        for order in known_orders(store, as_of)
                    )
                elif wanted is None:
                    assert value is None, feature.name
                else:
                    assert value == pytest.approx(wanted, rel=1e-8, abs=1e-8), feature.name


@by_family
def test_no_feature_exists_without_a_row_to_read(family: Family) -> None:
    assert build_rows({"orders": []}, family) == {}


@by_family
def test_every_feature_is_a_slug_of_its_family_with_a_unit_and_a_meaning_of_missing(family: Family) -> None:
    for feature in family.features:
        assert feature.family == family.name
        assert set(feature.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.")
        assert feature.unit
        assert feature.missing
