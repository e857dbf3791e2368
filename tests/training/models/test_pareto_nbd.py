import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaln

from contracts.errors import BundleRefused, ContractError, ModelRefused, NotEnoughData
from contracts.randomness import generator
from testkit.btyd_strategies import histories, pareto_nbd_parameters
from testkit.cdnow import cdnow_summary
from testkit.pareto_nbd_simulator import simulate_future, simulate_histories, weighted_by_history
from training.models.gamma_gamma import GammaGammaParameters
from training.models.pareto_nbd import ParetoNBD
from training.models.pareto_nbd_parameters import ParetoNBDParameters
from training.models.pareto_nbd_slope import log_likelihood_slope

CDNOW = ParetoNBDParameters(0.553, 10.578, 0.606, 11.669, "week")
SPEND = GammaGammaParameters(6.25, 3.74, 15.44)
NAMES = ("r", "alpha", "s", "beta")
horizons = st.one_of(st.just(0.0), st.floats(0.01, 1e6))


def columns(history):
    return history.frequency, history.recency, history.age


@settings(max_examples=60)
@given(pareto_nbd_parameters(), histories(), horizons)
def test_every_prediction_is_finite_and_inside_its_bounds(parameters, history, horizon):
    silent = parameters.p_no_purchase(horizon, *columns(history))
    purchases = parameters.expected_purchases(horizon, *columns(history))
    alive = parameters.p_alive(*columns(history))
    assert ((silent >= 0) & (silent <= 1)).all()
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (np.isfinite(purchases) & (purchases >= 0)).all()
    assert np.isfinite(parameters.log_likelihood(*columns(history))).all()


@settings(max_examples=60)
@given(pareto_nbd_parameters(), histories(), st.floats(0.01, 1e3), st.floats(0.0, 1e3))
def test_a_longer_horizon_never_means_fewer_purchases_or_more_silence(parameters, history, horizon, more):
    near, far = (parameters.expected_purchases(t, *columns(history)) for t in (horizon, horizon + more))
    assert (far >= near * (1 - 1e-14)).all()
    near, far = (parameters.p_no_purchase(t, *columns(history)) for t in (horizon, horizon + more))
    assert (far <= near + 1e-10).all()


@settings(max_examples=60)
@given(pareto_nbd_parameters(), histories(), st.floats(0.01, 1e3))
def test_expected_purchases_are_at_least_the_probability_of_one(parameters, history, horizon):
    purchases = parameters.expected_purchases(horizon, *columns(history))
    assert (purchases >= 1 - parameters.p_no_purchase(horizon, *columns(history)) - 1e-10).all()


@settings(max_examples=40)
@given(pareto_nbd_parameters(), histories(), st.floats(0.01, 500), st.floats(0.0, 500))
def test_who_is_alive_later_was_alive_before_and_silence_keeps_customers(parameters, history, horizon, more):
    now = parameters.p_alive(*columns(history))
    soon, late = (parameters.p_alive_after(t, *columns(history)) for t in (horizon, horizon + more))
    assert parameters.p_alive_after(0, *columns(history)) == pytest.approx(now, rel=1e-12)
    assert (late <= soon * (1 + 1e-12)).all()
    assert (soon <= now * (1 + 1e-12)).all()
    waits = parameters.p_silent_and_alive(horizon, history.frequency, history.age)
    assert (soon >= now * waits * (1 - 1e-9)).all()


def test_survival_is_the_mean_over_what_nobody_sees_of_the_customer():
    death = generator(8, "survival").gamma(CDNOW.s, 1 / (CDNOW.beta + 38.86), 400_000)
    found = CDNOW.p_alive_after(26, 2, 30.43, 38.86) / CDNOW.p_alive(2, 30.43, 38.86)
    assert found == pytest.approx(np.exp(-death * 26).mean(), abs=0.002)


@given(pareto_nbd_parameters(), histories())
def test_a_horizon_of_nothing_brings_nothing(parameters, history):
    assert (parameters.expected_purchases(0, *columns(history)) == 0).all()
    assert (parameters.p_no_purchase(0, *columns(history)) == 1).all()


@given(pareto_nbd_parameters(), histories())
def test_who_has_just_bought_is_alive(parameters, history):
    assert (parameters.p_alive(history.frequency, history.age, history.age) == 1).all()


@settings(max_examples=60)
@given(pareto_nbd_parameters(), histories(), st.floats(0.01, 500))
def test_silence_is_the_likelihood_of_the_history_going_on_without_a_purchase(parameters, history, horizon):
    x, t_x, age = columns(history)
    longer, seen = (parameters.log_likelihood(x, t_x, until) for until in (age + horizon, age))
    assert np.exp(longer - seen) == pytest.approx(parameters.p_no_purchase(horizon, x, t_x, age), abs=1e-9)


@settings(max_examples=60)
@given(pareto_nbd_parameters(), histories(), st.floats(0.01, 500))
def test_who_is_alive_buys_or_waits_or_drops_out(parameters, history, horizon):
    x, age = history.frequency, history.age
    bought = parameters.p_purchase_alive(horizon, x, age)
    waits = parameters.p_silent_and_alive(horizon, x, age)
    assert (bought + waits <= 1 + 1e-9).all()
    later = parameters.p_alive(x, history.recency, age + horizon)
    silent = parameters.p_no_purchase(horizon, *columns(history))
    assert later * silent == pytest.approx(parameters.p_alive(*columns(history)) * waits, abs=1e-9)


@pytest.mark.parametrize("s", [0.05, 0.606, 1.0, 1.0 + 1e-13, 3.0])
@pytest.mark.parametrize("x", [0, 1, 30, 3000])
@pytest.mark.parametrize("beta", [10.578, 0.5, 300.0])
def test_likelihood_and_purchases_are_the_integrals_of_the_paper(s, x, beta):
    at = ParetoNBDParameters(0.553, 10.578, s, beta)
    t_x, age, t = (20.0 if x else 0.0), 38.86, 52.0
    shape = at.r + x

    def log_dropped(y):
        return np.log(s) - shape * np.log(at.alpha + y) - (s + 1) * np.log(at.beta + y)

    first = log_dropped(t_x)
    integral = quad(lambda y: np.exp(log_dropped(y) - first), t_x, age, epsrel=1e-12, epsabs=0, limit=200)[0]
    alive = -shape * np.log(at.alpha + age) - s * np.log(at.beta + age)
    common = gammaln(shape) - gammaln(at.r) + at.r * np.log(at.alpha) + s * np.log(at.beta)
    expected = common + np.logaddexp(alive, first + np.log(integral))
    assert at.log_likelihood(x, t_x, age) == pytest.approx(expected, rel=1e-12, abs=1e-9)
    bought = quad(lambda u: (1 + u / (at.beta + age)) ** -s, 0, t, epsrel=1e-12)[0]
    assert at.expected_purchases_alive(t, x, age) == pytest.approx(
        shape / (at.alpha + age) * bought, rel=1e-9
    )


@settings(max_examples=40)
@given(pareto_nbd_parameters(), histories(min_size=2), st.randoms(use_true_random=False))
def test_permuting_the_customers_permutes_the_answers_bit_by_bit(parameters, history, random):
    order = list(range(len(history)))
    random.shuffle(order)
    for method in (parameters.expected_purchases, parameters.p_no_purchase):
        whole = method(13, *columns(history))
        assert (method(13, *(column[order] for column in columns(history))) == whole[order]).all()
        alone = [float(method(13, *row)) for row in zip(*columns(history), strict=True)]
        assert (whole == alone).all()


@pytest.mark.parametrize("row", [(0, 0.0, 38.86), (1, 20.0, 38.86), (2, 30.43, 38.86), (6, 20.0, 38.86)])
def test_alive_and_silent_are_those_of_customers_weighted_by_their_likelihood(row):
    alive, silent = weighted_by_history(CDNOW, row, 13.0, generator(3, "weighted", row[0]))
    assert CDNOW.p_alive(*row) == pytest.approx(alive, abs=0.006)
    assert CDNOW.p_no_purchase(13, *row) == pytest.approx(silent, abs=0.006)


@pytest.mark.parametrize("row", [(0, 0.0, 38.86), (2, 30.43, 38.86), (10, 20.0, 38.86)])
def test_silence_and_purchases_are_those_of_a_plain_simulation(row):
    rng = generator(7, "silence", row[0])
    drawn = [simulate_future(CDNOW, SPEND, (*row, 20.0), (13.0, 39.0), rng) for _ in range(8000)]
    near, far = np.array([n for n, _, _ in drawn]), np.array([n for _, n, _ in drawn])
    silent = float(CDNOW.p_no_purchase(13, *row))
    assert (near == 0).mean() == pytest.approx(silent, abs=4 * np.sqrt(silent * (1 - silent) / near.size))
    mean = float(CDNOW.expected_purchases(39, *row))
    assert far.mean() == pytest.approx(mean, abs=4 * far.std() / np.sqrt(far.size))


def test_new_customers_buy_as_often_as_simulated_ones():
    rng = generator(8, "new")
    seen = simulate_histories(CDNOW, SPEND, np.full(8000, 52.0), rng).frequency
    mean = float(CDNOW.expected_purchases_new(52))
    assert seen.mean() == pytest.approx(mean, abs=4 * seen.std() / np.sqrt(seen.size))


def test_simulated_customers_give_their_parameters_back():
    true = ParetoNBDParameters(0.8, 6.0, 0.9, 20.0)
    rng = generator(11, "recover")
    history = simulate_histories(true, SPEND, rng.integers(182, 365, 6000) / 7, rng)
    fitted = ParetoNBD().fit(*columns(history))
    found, wanted = (np.log([getattr(each, name) for name in NAMES]) for each in (fitted.parameters_, true))
    assert (np.abs((found - wanted) / np.sqrt(np.diag(fitted.covariance_))) < 4).all()


@settings(max_examples=30)
@given(pareto_nbd_parameters(), histories())
def test_the_slope_is_that_of_small_steps(parameters, history):
    weights = np.arange(1.0, len(history) + 1)
    value, slope = log_likelihood_slope(parameters, columns(history), weights)
    assert value == pytest.approx(float(weights @ parameters.log_likelihood(*columns(history))), rel=1e-12)
    for axis, expected in zip(np.eye(4), slope, strict=True):
        ahead, behind = (
            float(weights @ parameters.moved(sign * 1e-4 * axis).log_likelihood(*columns(history)))
            for sign in (1, -1)
        )
        size = abs(ahead) + float(weights @ (history.frequency + 1))
        assert (ahead - behind) / 2e-4 == pytest.approx(expected, rel=1e-5, abs=1e-6 * size)


def test_doubling_the_rows_is_doubling_the_weights_and_the_order_changes_no_bit():
    cdnow = cdnow_summary()
    x, t_x, age = cdnow.frequency, cdnow.recency, cdnow.age
    once = ParetoNBD().fit(x, t_x, age)
    twice = ParetoNBD().fit(np.tile(x, 2), np.tile(t_x, 2), np.tile(age, 2))
    weighted = ParetoNBD().fit(x, t_x, age, weights=np.full(x.size, 2.0))
    backwards = ParetoNBD().fit(x[::-1], t_x[::-1], age[::-1])
    assert twice.parameters_ == weighted.parameters_ == once.parameters_ == backwards.parameters_
    assert twice.log_likelihood_ == pytest.approx(2 * once.log_likelihood_, rel=1e-12)
    assert twice.covariance_ == pytest.approx(once.covariance_ / 2, rel=1e-9)


@pytest.mark.parametrize("orders", [30, 60, 500, 5000])
def test_one_bot_moves_no_parameter_by_a_tenth_or_half_an_error(orders):
    cdnow = cdnow_summary()
    clean = ParetoNBD().fit(cdnow.frequency, cdnow.recency, cdnow.age)
    bot = ParetoNBD().fit(
        np.append(cdnow.frequency, orders), np.append(cdnow.recency, 38.8), np.append(cdnow.age, 38.86)
    )
    errors = np.sqrt(np.diag(clean.covariance_))
    for name, error in zip(NAMES, errors, strict=True):
        moved = getattr(bot.parameters_, name) / getattr(clean.parameters_, name)
        assert abs(np.log(moved)) <= max(0.1, error / 2), name
    assert bot.n_excluded_ == (orders > 70)


@pytest.mark.parametrize("size", [1, 5, 50, 400])
def test_a_small_shop_is_fitted_with_the_prior_and_says_so(size):
    cdnow = cdnow_summary()
    fitted = ParetoNBD().fit(cdnow.frequency[:size], cdnow.recency[:size], cdnow.age[:size])
    assert fitted.used_prior_
    assert 0.2 < fitted.r_ < 2
    assert 4 < fitted.alpha_ < 25
    assert 0.2 < fitted.s_ < 2


def test_a_mass_of_one_time_buyers_is_refused_by_name_and_value():
    with pytest.raises(ModelRefused, match=r"Pareto/NBD parameter .* is outside .*; keep the last good"):
        ParetoNBD().fit([0.0], [0.0], [30.0], weights=[10_000_000])


def test_customers_who_never_leave_are_refused_after_the_whole_ladder():
    with pytest.raises(ModelRefused, match=r"every penalizer \(0, 0\.001\): Pareto/NBD parameter"):
        ParetoNBD(penalizers=(0.0, 0.001)).fit(np.full(500, 20.0), np.full(500, 29.9), np.full(500, 30.0))


def test_alike_buyers_climb_the_ladder_and_the_penalizer_is_recorded():
    fitted = ParetoNBD().fit(np.full(500, 20.0), np.full(500, 29.9), np.full(500, 30.0))
    assert fitted.penalizer_ > 0
    assert not fitted.used_prior_


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([2], [40], [30]), "recency above age in 1 of 1"),
        (([1.5], [1], [2]), "frequency is no whole number"),
        (([np.nan], [0], [2]), "missing or infinite"),
        (([0, 1], [0], [2]), "have 2, 1 and 1 elements"),
        (([1], [5e6], [7e7]), r"longest age is 7e\+07 weeks, above 200 years; give ages in weeks"),
    ],
)
def test_impossible_histories_are_refused(rows, message):
    with pytest.raises(ContractError, match=message):
        ParetoNBD().fit(*rows)


def test_no_customer_is_not_enough_data():
    with pytest.raises(NotEnoughData, match="0 customers"):
        ParetoNBD().fit([], [], [])


@pytest.mark.parametrize("horizon", [-5.0, np.nan, np.inf])
def test_an_impossible_horizon_is_refused(horizon):
    with pytest.raises(ContractError, match="a horizon is negative, missing or infinite"):
        CDNOW.p_no_purchase(horizon, 0, 0, 10)


def test_fitting_changes_neither_its_input_nor_the_estimator_nor_the_warning_filters(capsys):
    cdnow = cdnow_summary()
    given_columns = [cdnow.frequency.copy(), cdnow.recency.copy(), cdnow.age.copy()]
    before, filters = [column.copy() for column in given_columns], list(warnings.filters)
    estimator = ParetoNBD(penalizers=(0.0, 0.01), time_unit="week")
    assert estimator.fit(*given_columns) is estimator
    assert all((one == other).all() for one, other in zip(before, given_columns, strict=True))
    assert (estimator.penalizers, estimator.time_unit) == ((0.0, 0.01), "week")
    assert warnings.filters == filters
    assert capsys.readouterr().out == ""


@given(pareto_nbd_parameters())
def test_parameters_come_back_from_plain_data(parameters):
    assert ParetoNBDParameters.from_dict(parameters.to_dict()) == parameters


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("r", None, "parameter r is None, no number"),
        ("alpha", -4.4, r"parameter alpha = -4\.4 is outside"),
        ("s", float("nan"), "parameter s = nan is outside"),
        ("beta", 1e9, r"parameter beta = 1e\+09 is outside"),
        ("s", "0.8", "parameter s is '0.8', no number"),
        ("r", True, "parameter r is True, no number"),
        ("time_unit", "month", "time_unit is 'month'; use one of day, week"),
    ],
)
def test_altered_parameters_are_refused_by_name_and_value(name, value, message):
    with pytest.raises(BundleRefused, match=message):
        ParetoNBDParameters.from_dict({**CDNOW.to_dict(), name: value})


def test_an_unknown_time_unit_is_refused():
    with pytest.raises(ContractError, match="time_unit is 'month'; use one of day, week"):
        ParetoNBDParameters(0.5, 10.0, 0.6, 11.0, "month")
