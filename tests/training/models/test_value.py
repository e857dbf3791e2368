import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import BundleRefused, ModelRefused
from testkit.churn_worlds import NAMES, build_world
from training.metrics import tweedie_deviance
from training.models.trees import TreeSettings
from training.models.value import SCALE_HIGH, SCALE_LOW, ValueTrees, mean_tweedie_loss

TRAIN, LATER, TEST = build_world(4000, 1), build_world(1500, 2), build_world(4000, 3)


def fit(grower=None, train=TRAIN, later=LATER, unit=1.0):
    validation = None if later is None else (later.matrix, later.expectation * unit, later.spend * unit)
    return ValueTrees(grower or TreeSettings(rounds=200)).fit(
        train.matrix, NAMES, train.expectation * unit, train.spend * unit, validation=validation
    )


MODEL = fit()


def test_trees_find_what_the_expectation_does_not_know():
    spent = TEST.spend > 0
    served = TEST.expectation * MODEL.scale(TEST.matrix)
    before = tweedie_deviance(TEST.spend[spent], TEST.expectation[spent])
    assert tweedie_deviance(TEST.spend[spent], served[spent]) < 0.8 * before


def test_no_tree_is_kept_where_the_expectation_is_the_whole_truth():
    model = fit(train=build_world(800, 11, effect=0.0), later=build_world(8000, 12, effect=0.0))
    spread = np.log(model.scale(TEST.matrix)).std()
    assert spread < 0.05


def test_no_tree_is_kept_where_later_cutoffs_say_the_opposite():
    assert fit(later=build_world(1500, 2, effect=-1.0)).rounds_ == 0


def test_few_spenders_leave_the_expectation_as_it_is():
    model = fit(train=build_world(250, 1), later=None)
    assert model.rounds_ == 0
    np.testing.assert_array_equal(model.scale(TEST.matrix), np.ones(4000))


def test_no_later_spender_leaves_the_expectation_as_it_is():
    none = type(LATER)(LATER.matrix, LATER.offset, LATER.churned, LATER.expectation, np.zeros(1500))
    assert fit(later=none).rounds_ == 0


@pytest.mark.parametrize("unit", [1024.0, 2.0**-10])
def test_the_size_of_the_currency_changes_nothing(unit):
    assert fit(unit=unit).to_text() == MODEL.to_text()


def test_a_hundred_times_the_money_scales_alike():
    np.testing.assert_allclose(fit(unit=100.0).scale(TEST.matrix), MODEL.scale(TEST.matrix), rtol=0.02)


@given(rows=st.lists(st.integers(0, 3999), min_size=1, max_size=30), slope=st.floats(-100, 100))
@settings(max_examples=50, deadline=None)
def test_the_scale_stays_within_its_bounds_and_is_the_exponential_of_the_contributions(rows, slope):
    matrix = TEST.matrix[rows] * slope
    scale = MODEL.scale(matrix)
    parts, base = MODEL.contributions(matrix)
    assert ((scale >= SCALE_LOW) & (scale <= SCALE_HIGH)).all()
    wanted = np.clip(np.exp(parts.sum(axis=1) + base), SCALE_LOW, SCALE_HIGH)
    np.testing.assert_allclose(scale, wanted, rtol=1e-9)


def test_rows_without_spend_teach_nothing():
    spent = TRAIN.spend > 0
    grower = TreeSettings(rounds=30)
    whole = fit(grower, later=None)
    part = ValueTrees(grower).fit(TRAIN.matrix[spent], NAMES, TRAIN.expectation[spent], TRAIN.spend[spent])
    assert part.to_text() == whole.to_text()


def test_weights_of_one_change_nothing():
    grower = TreeSettings(rounds=10)
    weighted = ValueTrees(grower).fit(
        TRAIN.matrix, NAMES, TRAIN.expectation, TRAIN.spend, weights=np.ones(4000)
    )
    np.testing.assert_allclose(weighted.scale(TEST.matrix), fit(grower, later=None).scale(TEST.matrix))


def test_half_the_tweedie_deviance_is_the_loss_up_to_a_constant():
    spend, mean, other = np.array([1.0, 9.0, 30.0]), np.array([2.0, 8.0, 20.0]), np.array([5.0, 5.0, 5.0])
    loss = mean_tweedie_loss(np.log(mean), spend) - mean_tweedie_loss(np.log(other), spend)
    assert loss == pytest.approx((tweedie_deviance(spend, mean) - tweedie_deviance(spend, other)) / 2)


def test_the_model_comes_back_from_text():
    for model in (MODEL, fit(TreeSettings(rounds=0), later=None)):
        again = ValueTrees.from_text(model.to_text(), NAMES)
        np.testing.assert_array_equal(again.scale(TEST.matrix), model.scale(TEST.matrix))


def test_text_over_other_names_is_refused():
    with pytest.raises(BundleRefused, match="feature_names"):
        ValueTrees.from_text(MODEL.to_text(), NAMES[:5])


def test_an_expectation_of_nought_is_refused():
    with pytest.raises(ModelRefused, match="expected spend of 0"):
        ValueTrees().fit(TRAIN.matrix, NAMES, np.zeros(4000), TRAIN.spend)
