import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import BundleRefused, ContractError, ModelRefused, NotEnoughData
from contracts.randomness import generator
from testkit.beta_geo_simulator import simulate_future, simulate_histories
from testkit.btyd_strategies import beta_geo_parameters, histories
from testkit.cdnow import cdnow_summary
from training.models.beta_geo import BetaGeo
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.gamma_gamma import GammaGammaParameters

CDNOW = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
SPEND = GammaGammaParameters(6.25, 3.74, 15.44)
horizons = st.one_of(st.just(0.0), st.floats(0.01, 1e6))


def columns(history):
    return history.frequency, history.recency, history.age


@settings(max_examples=60)
@given(beta_geo_parameters(), histories(), horizons)
def test_every_prediction_is_finite_and_inside_its_bounds(parameters, history, horizon):
    silent = parameters.p_no_purchase(horizon, *columns(history))
    purchases = parameters.expected_purchases(horizon, *columns(history))
    assert ((silent >= 0) & (silent <= 1)).all()
    assert ((parameters.p_alive(*columns(history)) >= 0) & (parameters.p_alive(*columns(history)) <= 1)).all()
    assert (np.isfinite(purchases) & (purchases >= 0)).all()
    assert np.isfinite(parameters.log_likelihood(*columns(history))).all()


@settings(max_examples=60)
@given(beta_geo_parameters(), histories(), st.floats(0.01, 1e4), st.floats(0.0, 1e4))
def test_a_longer_horizon_never_means_fewer_purchases_or_more_silence(parameters, history, horizon, more):
    near, far = (parameters.expected_purchases(t, *columns(history)) for t in (horizon, horizon + more))
    assert (far >= near).all()
    near, far = (parameters.p_no_purchase(t, *columns(history)) for t in (horizon, horizon + more))
    assert (far <= near).all()


@settings(max_examples=60)
@given(beta_geo_parameters(), histories(), st.floats(0.01, 1e5))
def test_expected_purchases_are_at_least_the_probability_of_one(parameters, history, horizon):
    purchases = parameters.expected_purchases(horizon, *columns(history))
    assert (purchases >= 1 - parameters.p_no_purchase(horizon, *columns(history)) - 1e-13).all()


@settings(max_examples=40)
@given(beta_geo_parameters(), histories(), st.floats(0.01, 500), st.floats(0.0, 500))
def test_who_is_alive_later_was_alive_before_and_silence_keeps_customers(parameters, history, horizon, more):
    now = parameters.p_alive(*columns(history))
    soon, late = (parameters.p_alive_after(t, *columns(history)) for t in (horizon, horizon + more))
    assert parameters.p_alive_after(0, *columns(history)) == pytest.approx(now, rel=1e-12)
    assert (late <= soon * (1 + 1e-12)).all()
    assert (soon <= now * (1 + 1e-12)).all()
    waits = parameters.p_silent_and_alive(horizon, history.frequency, history.age)
    assert (soon >= now * waits * (1 - 1e-9)).all()


@pytest.mark.parametrize("x", [0, 2, 40])
def test_survival_is_the_mean_over_what_nobody_sees_of_the_customer(x):
    rng = generator(8, "survival", x)
    rate = rng.gamma(CDNOW.r + x, 1 / (CDNOW.alpha + 38.86), 400_000)
    dropout = rng.beta(CDNOW.a, CDNOW.b + x, rate.size)
    still = np.exp(-rate * dropout * 26).mean()
    found = CDNOW.p_alive_after(26, x, min(x, 30), 38.86) / CDNOW.p_alive(x, min(x, 30), 38.86)
    assert found == pytest.approx(still, abs=0.002)


@given(beta_geo_parameters(), histories())
def test_a_horizon_of_nothing_brings_nothing(parameters, history):
    assert (parameters.expected_purchases(0, *columns(history)) == 0).all()
    assert (parameters.p_no_purchase(0, *columns(history)) == 1).all()


@given(beta_geo_parameters(), histories())
def test_for_ever_silence_tends_to_the_probability_of_having_dropped_out(parameters, history):
    silent = parameters.p_no_purchase(1e300, *columns(history))
    assert silent == pytest.approx(1 - parameters.p_alive(*columns(history)), abs=1e-12)


@pytest.mark.parametrize("x", [0, 1, 30, 3000])
def test_for_ever_expected_purchases_tend_to_the_closed_limit(x):
    parameters = BetaGeoParameters(2.0, 4.0, 3.0, 2.5)
    assert parameters.expected_purchases_alive(1e9, x, 40.0) == pytest.approx(
        (3.0 + 2.5 + x - 1) / 2.0, rel=1e-9
    )


@given(beta_geo_parameters(), st.floats(0.1, 500), st.floats(0.1, 500))
def test_without_a_repeat_purchase_nobody_has_dropped_out(parameters, age, horizon):
    alpha, r = parameters.alpha, parameters.r
    assert parameters.p_alive(0, 0, age) == 1.0
    expected = ((alpha + age) / (alpha + age + horizon)) ** r
    assert parameters.p_no_purchase(horizon, 0, 0, age) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=40)
@given(beta_geo_parameters(), histories(min_size=2), st.randoms(use_true_random=False))
def test_permuting_the_customers_permutes_the_answers_bit_by_bit(parameters, history, random):
    order = list(range(len(history)))
    random.shuffle(order)
    whole = parameters.expected_purchases(13, *columns(history))
    shuffled = parameters.expected_purchases(13, *(column[order] for column in columns(history)))
    assert (shuffled == whole[order]).all()
    alone = [float(parameters.expected_purchases(13, *row)) for row in zip(*columns(history), strict=True)]
    assert (whole == alone).all()


@settings(max_examples=40)
@given(beta_geo_parameters(), st.integers(0, 40), st.floats(0.1, 100), st.floats(0.1, 20))
def test_expected_purchases_equal_the_sum_over_counts(parameters, x, age, horizon):
    # While alive N = min(Poisson, Geometric): the sum of P(Poisson > k) E[(1 - p)^k], all terms positive.
    from scipy.special import betainc, betaln

    s, A = parameters.r + x, parameters.alpha + age
    k = np.arange(0, 40_000)
    beyond = betainc(k + 1.0, s, horizon / (A + horizon))
    lives = np.exp(betaln(parameters.a, parameters.b + x + k) - betaln(parameters.a, parameters.b + x))
    expected = float((beyond * lives)[beyond > 0].sum())
    if beyond[-1] < 1e-12:
        assert parameters.expected_purchases_alive(horizon, x, age) == pytest.approx(expected, rel=1e-8)


@settings(max_examples=30)
@given(beta_geo_parameters(), st.floats(0.1, 30))
def test_the_counts_of_a_new_customer_have_total_one_and_the_expected_mean(parameters, horizon):
    n = np.arange(0, 20_000)
    probability = parameters.p_purchases_new(n, horizon)
    assert (probability >= 0).all()
    if probability[-1] < 1e-18:
        assert probability.sum() == pytest.approx(1, abs=1e-8)
        assert (n * probability).sum() == pytest.approx(
            float(parameters.expected_purchases_new(horizon)), rel=1e-5
        )


@pytest.mark.parametrize("row", [(0, 0.0, 38.86), (1, 20.0, 38.86), (2, 30.43, 38.86), (10, 20.0, 38.86)])
def test_silence_and_purchases_are_those_of_a_plain_simulation(row):
    rng = generator(7, "silence", row[0])
    drawn = [simulate_future(CDNOW, SPEND, (*row, 20.0), (13.0, 39.0), rng) for _ in range(6000)]
    near, far = np.array([n for n, _, _ in drawn]), np.array([n for _, n, _ in drawn])
    silent = float(CDNOW.p_no_purchase(13, *row))
    assert (near == 0).mean() == pytest.approx(silent, abs=4 * np.sqrt(silent * (1 - silent) / near.size))
    mean = float(CDNOW.expected_purchases(39, *row))
    assert far.mean() == pytest.approx(mean, abs=4 * far.std() / np.sqrt(far.size))


def test_simulated_customers_give_their_parameters_back():
    true = BetaGeoParameters(0.6, 6.0, 0.8, 2.5)
    rng = generator(11, "recover")
    history = simulate_histories(true, SPEND, rng.integers(182, 365, 6000) / 7, rng)
    fitted = BetaGeo().fit(*columns(history))
    found = np.log([fitted.r_, fitted.alpha_, fitted.a_, fitted.b_])
    away = (found - np.log([0.6, 6.0, 0.8, 2.5])) / np.sqrt(np.diag(fitted.covariance_))
    assert (np.abs(away) < 4).all()


def test_doubling_the_rows_is_doubling_the_weights_and_the_order_changes_no_bit():
    cdnow = cdnow_summary()
    x, t_x, age = cdnow.frequency, cdnow.recency, cdnow.age
    once = BetaGeo().fit(x, t_x, age)
    twice = BetaGeo().fit(np.tile(x, 2), np.tile(t_x, 2), np.tile(age, 2))
    weighted = BetaGeo().fit(x, t_x, age, weights=np.full(x.size, 2.0))
    backwards = BetaGeo().fit(x[::-1], t_x[::-1], age[::-1])
    assert twice.parameters_ == weighted.parameters_ == once.parameters_ == backwards.parameters_
    assert twice.log_likelihood_ == pytest.approx(2 * once.log_likelihood_, rel=1e-12)
    assert twice.covariance_ == pytest.approx(once.covariance_ / 2, rel=1e-4)


@pytest.mark.parametrize("orders", [30, 60, 500, 5000])
def test_one_bot_moves_no_parameter_by_a_tenth(orders):
    cdnow = cdnow_summary()
    clean = BetaGeo().fit(cdnow.frequency, cdnow.recency, cdnow.age)
    bot = BetaGeo().fit(
        np.append(cdnow.frequency, orders), np.append(cdnow.recency, 38.8), np.append(cdnow.age, 38.86)
    )
    for name in ("r_", "alpha_", "a_", "b_"):
        assert getattr(bot, name) == pytest.approx(getattr(clean, name), rel=0.1)
    assert bot.n_excluded_ == (orders > 70)


@pytest.mark.parametrize("size", [1, 5, 50, 400])
def test_a_small_shop_is_fitted_with_the_prior_and_says_so(size):
    cdnow = cdnow_summary()
    fitted = BetaGeo().fit(cdnow.frequency[:size], cdnow.recency[:size], cdnow.age[:size])
    assert fitted.used_prior_
    assert 0.1 < fitted.r_ < 0.7
    assert 2 < fitted.alpha_ < 10


def test_only_one_time_buyers_leave_the_prior_in_its_place():
    fitted = BetaGeo().fit(np.zeros(300), np.zeros(300), np.full(300, 30.0))
    assert fitted.used_prior_
    assert (fitted.a_, fitted.b_) == pytest.approx((0.793, 2.426), rel=1e-3)


def test_a_mass_of_one_time_buyers_is_refused_by_name_and_value():
    with pytest.raises(
        ModelRefused, match=r"parameter r = 0\.00\d+ is outside 0\.01 to 20; keep the last good"
    ):
        BetaGeo().fit([0.0], [0.0], [30.0], weights=[100_000])


def test_customers_who_never_leave_are_refused_after_the_whole_ladder():
    with pytest.raises(
        ModelRefused, match=r"every penalizer \(0, 0\.001, 0\.01, 0\.1\).*parameter a = .* 0\.05 to 20"
    ):
        BetaGeo().fit(np.full(500, 20.0), np.full(500, 29.9), np.full(500, 30.0))


def test_heavy_buyers_climb_the_ladder_and_the_penalizer_is_recorded():
    x = 600.0 + np.arange(500) % 50
    fitted = BetaGeo().fit(x, 29.9 - np.arange(500) / 50, np.full(500, 30.0))
    assert fitted.penalizer_ > 0
    assert not fitted.used_prior_


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([2], [40], [30]), "recency above age in 1 of 1"),
        (([0], [0], [-1]), "negative recency or age in 1 of 1"),
        (([2], [0], [0]), "repeat purchases at recency 0 in 1 of 1"),
        (([1.5], [1], [2]), "frequency is no whole number"),
        (([-1], [0], [2]), "frequency is no whole number"),
        (([0], [1], [2]), "recency above 0 without a repeat purchase"),
        (([np.nan], [0], [2]), "missing or infinite"),
        (([0, 1], [0], [2]), "have 2, 1 and 1 elements"),
        (([1], [5e6], [7e7]), r"longest age is 7e\+07 weeks, above 200 years; give ages in weeks"),
    ],
)
def test_impossible_histories_are_refused(rows, message):
    with pytest.raises(ContractError, match=message):
        BetaGeo().fit(*rows)


def test_no_customer_is_not_enough_data():
    with pytest.raises(NotEnoughData, match="0 customers"):
        BetaGeo().fit([], [], [])


@pytest.mark.parametrize("weights", [[-1.0], [np.nan]])
def test_impossible_weights_are_refused(weights):
    with pytest.raises(ContractError, match="a weight is negative, missing or infinite"):
        BetaGeo().fit([0], [0], [1], weights=weights)


def test_one_weight_too_many_is_refused():
    with pytest.raises(ContractError, match="2 weights for 1 customers"):
        BetaGeo().fit([0], [0], [1], weights=[1, 1])


@pytest.mark.parametrize("horizon", [-5.0, np.nan, np.inf])
def test_an_impossible_horizon_is_refused(horizon):
    with pytest.raises(ContractError, match="a horizon is negative, missing or infinite"):
        CDNOW.expected_purchases(horizon, 0, 0, 10)


def test_fitting_changes_neither_its_input_nor_the_estimator_nor_the_warning_filters(capsys):
    cdnow = cdnow_summary()
    given_columns = [cdnow.frequency.copy(), cdnow.recency.copy(), cdnow.age.copy()]
    before, filters = [column.copy() for column in given_columns], list(warnings.filters)
    estimator = BetaGeo(penalizers=(0.0, 0.01), time_unit="week")
    assert estimator.fit(*given_columns) is estimator
    assert all((one == other).all() for one, other in zip(before, given_columns, strict=True))
    assert (estimator.penalizers, estimator.time_unit) == ((0.0, 0.01), "week")
    assert warnings.filters == filters
    assert capsys.readouterr().out == ""


@given(beta_geo_parameters())
def test_parameters_come_back_from_plain_data(parameters):
    assert BetaGeoParameters.from_dict(parameters.to_dict()) == parameters


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("r", None, "parameter r is None, no number"),
        ("alpha", -4.4, r"parameter alpha = -4\.4 is outside"),
        ("a", float("nan"), "parameter a = nan is outside"),
        ("b", 1e9, r"parameter b = 1e\+09 is outside"),
        ("a", "0.8", "parameter a is '0.8', no number"),
        ("r", True, "parameter r is True, no number"),
        ("time_unit", "month", "time_unit is 'month'; use one of day, week"),
    ],
)
def test_altered_parameters_are_refused_by_name_and_value(name, value, message):
    with pytest.raises(BundleRefused, match=message):
        BetaGeoParameters.from_dict({**CDNOW.to_dict(), name: value})


def test_an_unknown_time_unit_is_refused():
    with pytest.raises(ContractError, match="time_unit is 'month'; use one of day, week"):
        BetaGeoParameters(0.2, 4.0, 0.8, 2.4, "month")
