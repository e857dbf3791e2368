"""A frame is its list of features: same names, same order, same hash, or an error before any number."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from contracts.errors import ContractError
from contracts.feature_frame import Feature, FeatureFrame, FeatureList
from testkit.frames import build_frame

ORDERS, OPEN, PLAN = (
    Feature("rfm.orders", "count", "never"),
    Feature("support.open_tickets", "count", "no help desk", actionable=True),
    Feature("attribute.plan", "", "not said", dtype="category", label="Tarif"),
)
FAMILIES, SHORT = st.sampled_from(["rfm", "rhythm", "support"]), st.sampled_from(["one", "two", "last_180d"])
names = st.lists(st.builds("{}.{}".format, FAMILIES, SHORT), unique=True, min_size=1)


@pytest.fixture
def frame():
    return build_frame(
        {"rfm.orders": [1.0, 2.0, 3.0], "attribute.plan": ["gold", None, "basic"]},
        categories=["attribute.plan"],
    )


@given(names=names)
def test_the_hash_knows_names_types_and_order_and_nothing_else(names):
    features = FeatureList(tuple(Feature(name, "count", "never") for name in names))
    reworded = FeatureList(tuple(replace(each, unit="pieces", actionable=True) for each in features))
    retyped = FeatureList((replace(features.features[0], dtype="category"), *features.features[1:]))
    assert reworded.hash == features.hash
    assert retyped.hash != features.hash
    if len(names) > 1:
        assert FeatureList(features.features[::-1]).hash != features.hash


@given(names=names)
def test_a_list_survives_its_plain_form(names):
    features = FeatureList(tuple(Feature(name, "", "", label="é") for name in names))
    assert FeatureList.from_dicts(features.to_dicts()) == features


def test_the_hash_of_a_known_list_never_moves():
    assert FeatureList((ORDERS, OPEN, PLAN)).hash == "6bca3fa34bfb1e41"


def test_another_list_is_refused_with_both_hashes():
    features = FeatureList((ORDERS, OPEN))
    features.check_hash(features.hash)
    with pytest.raises(ContractError, match=f"Feature list {features.hash} is not 0000000000000000"):
        features.check_hash("0" * 16)


def test_families_come_in_the_order_of_first_appearance():
    features = FeatureList((OPEN, ORDERS)).plus([replace(OPEN, name="support.reopened"), PLAN])
    assert features.families == ("support", "rfm", "attribute")
    assert len(features) == 4
    assert [feature.family for feature in features] == ["support", "rfm", "support", "attribute"]


def test_a_column_out_of_order_is_named_with_what_was_expected(frame):
    with pytest.raises(ContractError, match=r"column 0 is 'attribute.plan', the list says 'rfm.orders'"):
        replace(frame, values=frame.values[["attribute.plan", "rfm.orders"]])


def test_a_missing_last_column_is_named(frame):
    with pytest.raises(ContractError, match=r"column 1 is 'nothing', the list says 'attribute.plan'"):
        replace(frame, values=frame.values[["rfm.orders"]])


def test_a_column_too_many_or_a_row_too_few_is_counted(frame):
    with pytest.raises(ContractError, match="3 columns and 3 rows; its list has 2 and its index 3"):
        replace(frame, values=frame.values.assign(extra=1.0))
    with pytest.raises(ContractError, match="2 columns and 3 rows; its list has 2 and its index 2"):
        replace(frame, index=frame.index.head(2))


def test_an_unknown_feature_is_an_error_that_names_the_families(frame):
    assert frame.column("rfm.orders").tolist() == [1, 2, 3]
    with pytest.raises(ContractError, match=r"'rfm.color' is not in this frame: .*'rfm', 'attribute'"):
        frame.column("rfm.color")


@given(mask=st.lists(st.booleans(), min_size=3, max_size=3))
def test_rows_keep_their_order_and_everything_beside(mask):
    frame = FeatureFrame(
        pd.DataFrame({"customer_id": ["a", "b", "c"]}),
        pd.DataFrame({"rfm.orders": [1.0, 2.0, 3.0]}),
        FeatureList((ORDERS,)),
        ("voice",),
        ("attribute.new",),
    )
    part = frame.rows(np.array(mask))
    kept = [name for name, chosen in zip("abc", mask, strict=True) if chosen]
    assert part.index["customer_id"].tolist() == kept
    assert part.column("rfm.orders").tolist() == [1.0 + "abc".index(name) for name in kept]
    assert part.values.index.tolist() == list(range(len(kept)))
    assert (part.unseen_families, part.ignored) == (("voice",), ("attribute.new",))
    assert len(frame) == 3


def test_a_frame_of_a_matrix_is_the_frame_of_its_columns(frame):
    numbers, words = frame.values[["rfm.orders"]].to_numpy(), {"attribute.plan": ["gold", None, "basic"]}
    built = FeatureFrame.of_numbers(frame.index, numbers, words, frame.features)
    assert_frame_equal(built.values, frame.values)
    assert built.numbers(["rfm.orders"]).tolist() == frame.numbers(["rfm.orders"]).tolist()


@pytest.mark.parametrize("asked_before", [False, True])
def test_features_that_are_appended_are_there_as_columns_and_as_numbers(frame, asked_before):
    if asked_before:
        frame.numbers(["rfm.orders"])
    more = frame.plus([OPEN], [np.array([5.0, np.nan, 7.0])])
    assert more.features.names == (*frame.features.names, OPEN.name)
    assert_frame_equal(more.values.drop(columns=OPEN.name), frame.values)
    assert_array_equal(more.number(OPEN.name), [5.0, np.nan, 7.0])
    assert_array_equal(more.number("rfm.orders"), [1.0, 2.0, 3.0])
    assert OPEN.name not in frame.places


def test_a_number_that_is_not_in_the_list_is_an_error(frame):
    with pytest.raises(ContractError, match="orderz"):
        frame.number("rfm.orderz")
