from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from training.levels import find_level_errors
from training.models.group_totals import DEFAULT_LEVEL_SPREAD, level_spread

totals = st.lists(st.tuples(st.floats(1e-3, 1e9), st.floats(1e-3, 1e9)), max_size=8)


@given(totals, st.floats(0.01, 100))
def test_the_currency_of_the_totals_does_not_matter(pairs, rate):
    predicted, real = [one for one, _ in pairs], [other for _, other in pairs]
    converted = find_level_errors([rate * one for one in predicted], [rate * other for other in real])
    assert converted == pytest.approx(find_level_errors(predicted, real), abs=1e-9)


@given(totals)
def test_predicting_too_much_and_too_little_by_a_factor_are_opposite_errors(pairs):
    predicted, real = [one for one, _ in pairs], [other for _, other in pairs]
    back = find_level_errors(real, predicted)
    assert [-error for error in back] == pytest.approx(list(find_level_errors(predicted, real)), abs=1e-12)


def test_a_cutoff_in_which_nobody_spent_is_left_out_and_the_rest_keep_their_order():
    assert find_level_errors([100, 50, 100], [110, 0, 90]) == pytest.approx((log(1.1), log(0.9)))


def test_errors_of_no_cutoff_give_the_default_spread():
    assert level_spread(find_level_errors([], [])) == DEFAULT_LEVEL_SPREAD


@pytest.mark.parametrize(
    ("predicted", "real", "message"),
    [
        ([1.0], [], "1 predicted and 0 real totals; give one each"),
        ([1.0, float("nan")], [1.0, 1.0], "a total of cutoff 2 of 2 is missing or infinite"),
        ([1.0], [float("inf")], "a total of cutoff 1 of 1 is missing or infinite"),
        ([-3.0], [1.0], "predicted total -3 of cutoff 1 of 1 is not above 0"),
    ],
)
def test_totals_that_have_no_level_are_refused_by_cutoff(predicted, real, message):
    with pytest.raises(ContractError, match=message):
        find_level_errors(predicted, real)
