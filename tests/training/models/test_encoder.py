import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.feature_frame import FeatureFrame
from testkit.frames import build_frame
from training.models.encoder import MAX_LEVELS, Encoder

PLAN, COUNT, AGE = "attribute.plan", "rfm.frequency", "rfm.age_days"


def frame_of(
    plans=("gold", None, "basic", "gold"), counts=(1.0, 2.0, 3.0, 4.0), ages=(5.0, np.nan, 7.0, 8.0)
):
    return build_frame({PLAN: plans, COUNT: counts, AGE: ages}, categories=[PLAN])


def with_values(frame, **columns):
    values = frame.values.assign(**columns)
    altered = object.__new__(FeatureFrame)
    object.__setattr__(altered, "__dict__", {**frame.__dict__, "values": values})
    return altered


def test_codes_are_places_in_the_sorted_vocabulary_and_missing_stays_missing():
    frame = frame_of()
    encoder = Encoder.fit(frame)
    assert encoder.vocabularies == {PLAN: ("basic", "gold")}
    np.testing.assert_array_equal(encoder.encode(frame)[:, 0], [1, np.nan, 0, 1])
    np.testing.assert_array_equal(encoder.encode(frame)[:, 2], [5, np.nan, 7, 8])


def test_levels_never_seen_are_coded_other_and_counted():
    encoder = Encoder.fit(frame_of())
    later = frame_of(plans=("gold", "silver", "new", None))
    np.testing.assert_array_equal(encoder.encode(later)[:, 0], [1, 2, 2, np.nan])
    assert encoder.unseen_count(later) == 2
    assert encoder.unseen_count(frame_of()) == 0


def test_a_category_keeps_its_fifty_most_frequent_levels():
    plans = [f"p{number:03d}" for number in range(80) for _ in range(2 if number >= 30 else 1)]
    encoder = Encoder.fit(build_frame({PLAN: plans}, categories=[PLAN]))
    assert encoder.vocabularies[PLAN] == tuple(f"p{number:03d}" for number in range(30, 80))
    assert len(encoder.vocabularies[PLAN]) == MAX_LEVELS


def test_a_value_missing_that_never_was_in_training_becomes_the_training_median():
    encoder = Encoder.fit(frame_of())
    encoded = encoder.encode(frame_of(counts=(np.nan, 9.0, np.nan, 1.0)))
    np.testing.assert_array_equal(encoded[:, 1], [2.5, 9.0, 2.5, 1.0])


@given(order=st.permutations([PLAN, COUNT, AGE]))
def test_shuffled_columns_give_the_same_matrix(order):
    frame = frame_of()
    shuffled = with_values(frame)
    object.__setattr__(shuffled, "values", frame.values[list(order)])
    encoder = Encoder.fit(frame)
    np.testing.assert_array_equal(encoder.encode(shuffled), encoder.encode(frame))


@given(rows=st.permutations(range(4)))
def test_shuffled_rows_give_shuffled_rows(rows):
    frame = frame_of()
    encoder = Encoder.fit(frame)
    shuffled = with_values(frame)
    object.__setattr__(shuffled, "values", frame.values.iloc[list(rows)].reset_index(drop=True))
    np.testing.assert_array_equal(encoder.encode(shuffled), encoder.encode(frame)[list(rows)])
    assert Encoder.fit(shuffled).to_dict() == encoder.to_dict()


def test_encoding_leaves_the_frame_as_it_was():
    frame = frame_of()
    before = frame.values.copy(deep=True)
    Encoder.fit(frame).encode(frame)
    pd.testing.assert_frame_equal(frame.values, before)


def test_a_missing_column_is_refused_by_name():
    frame = frame_of()
    altered = with_values(frame)
    object.__setattr__(altered, "values", frame.values.drop(columns=AGE))
    with pytest.raises(ContractError, match=r"rfm\.age_days.*is missing"):
        Encoder.fit(frame).encode(altered)


@pytest.mark.parametrize("column", [["a", "b", "c", "d"], [True, False, True, True]])
def test_a_number_of_another_type_is_refused_by_name(column):
    frame = frame_of()
    with pytest.raises(ContractError, match=r"rfm\.frequency.*not a number"):
        Encoder.fit(frame).encode(with_values(frame, **{COUNT: column}))


def test_a_category_of_numbers_is_refused_by_name():
    frame = frame_of()
    with pytest.raises(ContractError, match=r"attribute\.plan.*not text"):
        Encoder.fit(frame).encode(with_values(frame, **{PLAN: [1.0, 2.0, 3.0, 4.0]}))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_value_is_refused_by_name(value):
    frame = frame_of()
    with pytest.raises(ContractError, match=r"rfm\.age_days.*infinite"):
        Encoder.fit(frame).encode(frame_of(ages=(value, 1.0, 2.0, 3.0)))


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA])
def test_a_column_gone_empty_is_missing_whatever_its_type(nothing):
    frame = frame_of()
    empty = pd.Series([nothing] * 4, dtype=object)
    encoded = Encoder.fit(frame).encode(with_values(frame, **{PLAN: empty, AGE: empty}))
    assert np.isnan(encoded[:, [0, 2]]).all()


def test_the_encoder_comes_back_from_plain_data():
    encoder = Encoder.fit(frame_of())
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    assert again.categorical == (PLAN,)
    np.testing.assert_array_equal(again.encode(frame_of()), encoder.encode(frame_of()))
