import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import BundleRefused, ContractError, ModelRefused, NotEnoughData
from contracts.randomness import generator
from testkit.btyd_strategies import gamma_gamma_parameters, histories
from testkit.cdnow import cdnow_summary
from training.models.gamma_gamma import GammaGamma, GammaGammaParameters

PUBLISHED = GammaGammaParameters(6.25, 3.74, 15.44)


@given(gamma_gamma_parameters(), histories())
def test_expected_spend_lies_between_the_own_mean_and_that_of_everybody(parameters, history):
    spend = parameters.expected_spend(history.frequency, history.monetary_value)
    own = np.where(history.frequency > 0, history.monetary_value, parameters.mean_spend)
    low, high = np.minimum(own, parameters.mean_spend), np.maximum(own, parameters.mean_spend)
    assert (spend >= low * (1 - 1e-12)).all()
    assert (spend <= high * (1 + 1e-12)).all()
    assert (spend[history.frequency == 0] == pytest.approx(parameters.mean_spend)) or (
        history.frequency > 0
    ).all()


@given(gamma_gamma_parameters(), st.floats(0.01, 1000), st.integers(1, 100), st.floats(0.01, 100))
def test_who_spent_more_is_expected_to_spend_more(parameters, money, x, more):
    assert parameters.expected_spend(x, money + more) > parameters.expected_spend(x, money)


def test_expected_spend_tends_to_the_own_mean_for_frequent_buyers():
    assert PUBLISHED.expected_spend(1e9, 80.0) == pytest.approx(80.0, rel=1e-7)


@settings(max_examples=30)
@given(gamma_gamma_parameters(), histories(min_size=2), st.randoms(use_true_random=False))
def test_permuting_the_customers_permutes_the_answers_and_leaves_the_input(parameters, history, random):
    order = list(range(len(history)))
    random.shuffle(order)
    money = history.monetary_value.copy()
    whole = parameters.expected_spend(history.frequency, history.monetary_value)
    shuffled = parameters.expected_spend(history.frequency[order], history.monetary_value[order])
    assert (shuffled == whole[order]).all()
    assert np.array_equal(money, history.monetary_value, equal_nan=True)


def test_the_likelihood_is_a_density_over_the_mean_value():
    from scipy.integrate import quad

    for x in (1, 3, 20):
        total = quad(lambda m, x=x: float(np.exp(PUBLISHED.log_likelihood(x, m))), 0, np.inf, limit=200)[0]
        assert total == pytest.approx(1.0, abs=1e-7)


def test_simulated_spenders_give_their_parameters_back():
    rng = generator(3, "spend")
    x = rng.integers(1, 12, 8000).astype(float)
    money = rng.gamma(6.0 * x, 1.0) / (x * rng.gamma(4.0, 1 / 15.0, x.size))
    fitted = GammaGamma().fit(x, money)
    assert (fitted.p_, fitted.q_, fitted.v_) == pytest.approx((6.0, 4.0, 15.0), rel=0.15)
    assert fitted.parameters_.mean_spend == pytest.approx(30.0, rel=0.03)
    assert abs(fitted.correlation_) < 0.05


def test_doubling_the_rows_is_doubling_the_weights_and_the_order_changes_no_bit():
    cdnow = cdnow_summary()
    x, money = cdnow.frequency, cdnow.monetary_value
    once, backwards = GammaGamma().fit(x, money), GammaGamma().fit(x[::-1], money[::-1])
    twice = GammaGamma().fit(np.tile(x, 2), np.tile(money, 2))
    weighted = GammaGamma().fit(x, money, weights=np.full(x.size, 2.0))
    assert twice.parameters_ == weighted.parameters_ == backwards.parameters_ == once.parameters_


def test_the_currency_scales_v_alone():
    cdnow = cdnow_summary()
    dollars = GammaGamma().fit(cdnow.frequency, cdnow.monetary_value)
    cents = GammaGamma().fit(cdnow.frequency, cdnow.monetary_value * 100)
    assert (cents.p_, cents.q_, cents.v_ / 100) == pytest.approx(
        (dollars.p_, dollars.q_, dollars.v_), rel=1e-6
    )


def test_one_bot_moves_no_parameter_by_a_tenth():
    cdnow = cdnow_summary()
    clean = GammaGamma().fit(cdnow.frequency, cdnow.monetary_value)
    bot = GammaGamma().fit(np.append(cdnow.frequency, 5000), np.append(cdnow.monetary_value, 0.01))
    assert bot.parameters_ == clean.parameters_
    assert bot.n_excluded_ == 1


def test_a_small_shop_takes_the_published_shapes_and_its_own_mean():
    fitted = GammaGamma().fit([0, 1, 2], [np.nan, 40.0, 60.0])
    assert fitted.used_fallback_
    assert fitted.parameters_.mean_spend == pytest.approx(50.0)
    assert (fitted.p_, fitted.q_) == (6.25, 3.74)


def test_without_a_repeat_buyer_there_is_not_enough_data():
    with pytest.raises(NotEnoughData, match="0 repeat buyers"):
        GammaGamma().fit([0, 0], [np.nan, np.nan])


def test_spend_without_a_mean_is_refused_by_name_and_value():
    rng = generator(5, "heavy tail")
    x = rng.integers(1, 12, 3000).astype(float)
    money = rng.gamma(6.0 * x, 1.0) / (x * np.maximum(rng.gamma(0.4, 1.0, x.size), 1e-12))
    with pytest.raises(ModelRefused, match=r"every penalizer .*parameter q = 0\.\d+ is outside 1\.05"):
        GammaGamma(penalizers=(0.0,)).fit(x, money)


@pytest.mark.parametrize("money", [0.0, -3.0, np.nan, np.inf])
def test_a_repeat_buyer_without_a_value_is_refused(money):
    with pytest.raises(ContractError, match="no monetary_value above 0 in 1 of 2 histories"):
        GammaGamma().fit([1, 2], [10.0, money])


def test_one_value_too_few_is_refused():
    with pytest.raises(ContractError, match="1 values of monetary_value for 2 customers"):
        GammaGamma().fit([1, 2], [10.0])


def test_one_weight_too_few_is_refused():
    with pytest.raises(ContractError, match="1 weights for 2 customers"):
        GammaGamma().fit([1, 2], [10.0, 10.0], weights=[1])


@given(gamma_gamma_parameters())
def test_parameters_come_back_from_plain_data(parameters):
    assert GammaGammaParameters.from_dict(parameters.to_dict()) == parameters


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("p", None, "parameter p is None, no number"),
        ("q", 1.0, "parameter q = 1 is outside 1.05"),
        ("v", float("inf"), "parameter v = inf is outside"),
        ("v", -1, "parameter v = -1 is outside"),
        ("p", "6", "parameter p is '6', no number"),
    ],
)
def test_altered_parameters_are_refused_by_name_and_value(name, value, message):
    with pytest.raises(BundleRefused, match=message):
        GammaGammaParameters.from_dict({**PUBLISHED.to_dict(), name: value})
