import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.periods import continuous_rate
from testkit.btyd_strategies import gamma_gamma_parameters, histories, purchase_models
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import History
from training.models.pareto_nbd_parameters import ParetoNBDParameters
from training.models.residual_clv import discounted_purchases, discounted_purchases_alive, residual_clv

CDNOW = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
SPEND = GammaGammaParameters(6.25, 3.74, 15.44)
PARETO = ParetoNBDParameters(0.553, 10.578, 0.606, 11.669, "week")
ONE = History([2], [30.43], [38.86], [22.35])
rates = st.floats(0.001, 3.0)


@given(purchase_models(), gamma_gamma_parameters(), histories(), st.floats(0, 1000), st.floats(0.01, 1))
def test_without_discount_it_is_purchases_times_spend_times_margin(
    beta_geo, gamma_gamma, history, horizon, margin
):
    value = residual_clv(beta_geo, gamma_gamma, history, horizon=horizon, margin=margin)
    purchases = beta_geo.expected_purchases(horizon, history.frequency, history.recency, history.age)
    spend = gamma_gamma.expected_spend(history.frequency, history.monetary_value)
    assert value == pytest.approx(purchases * spend * margin, rel=1e-12)


@settings(max_examples=40)
@given(purchase_models(), histories(), rates, st.floats(0.1, 300), st.floats(0, 300))
def test_a_longer_horizon_never_lowers_it_and_for_ever_is_the_most(beta_geo, history, rate, horizon, more):
    near, far, ever = (
        residual_clv(beta_geo, SPEND, history, horizon=t, annual_discount_rate=rate)
        for t in (horizon, horizon + more, None)
    )
    assert (near >= 0).all()
    assert (far >= near * (1 - 1e-6)).all()
    assert (ever >= far * (1 - 1e-6)).all()


@settings(max_examples=40)
@given(purchase_models(), histories(), rates, rates, st.floats(0.1, 300))
def test_a_higher_rate_never_raises_it_and_bounds_hold(beta_geo, history, rate, more, horizon):
    plain, low, high = (
        discounted_purchases(beta_geo, history, horizon=horizon, annual_discount_rate=r)
        for r in (0.0, rate, rate + more)
    )
    assert (low <= plain * (1 + 1e-6)).all()
    assert (high <= low * (1 + 1e-6)).all()
    latest = np.exp(-continuous_rate(rate, "week") * horizon)
    assert (low >= plain * latest * (1 - 1e-6)).all()


@settings(max_examples=30)
@given(purchase_models(), histories(), st.floats(0.05, 3.0))
def test_a_horizon_of_a_thousand_years_is_for_ever(beta_geo, history, rate):
    long = residual_clv(beta_geo, SPEND, history, horizon=1000 * 52.0, annual_discount_rate=rate)
    ever = residual_clv(beta_geo, SPEND, history, annual_discount_rate=rate)
    assert long == pytest.approx(ever, rel=1e-6, abs=1e-12)


@given(purchase_models(), histories(), rates)
def test_a_horizon_of_nothing_is_worth_nothing(beta_geo, history, rate):
    assert (residual_clv(beta_geo, SPEND, history, horizon=0, annual_discount_rate=rate) == 0).all()


@pytest.mark.parametrize("x", [0, 1, 30, 3000])
@pytest.mark.parametrize("horizon", [4.0, 52.0, 5000.0])
@pytest.mark.parametrize("model", [CDNOW, PARETO], ids=["bgnbd", "pnbd"])
def test_discounting_is_that_of_a_sum_over_small_steps(x, horizon, model):
    edges = np.concatenate([[0.0], np.geomspace(1e-9, horizon, 20_001)])
    bought = np.diff(model.expected_purchases_alive(edges, x, 38.86))
    middle = (edges[1:] + edges[:-1]) / 2
    expected = float((bought * np.exp(-continuous_rate(0.15, "week") * middle)).sum())
    got = discounted_purchases_alive(model, horizon, x, 38.86, 0.15)
    assert got == pytest.approx(expected, rel=2e-6)


def test_dert_of_a_customer_who_never_leaves_is_a_perpetuity():
    loyal = BetaGeoParameters(1.0, 1.0, 0.05, 1e3, "week")
    history = History([3000], [3000.0], [3000.0], [10.0])
    dert = discounted_purchases(loyal, history, horizon=None, annual_discount_rate=3.0)
    assert dert == pytest.approx(1 / continuous_rate(3.0, "week"), rel=1e-2)


@pytest.mark.parametrize("horizon", [None, float("inf")])
def test_for_ever_without_discount_has_a_value_where_a_exceeds_one(horizon):
    beta_geo = BetaGeoParameters(0.5, 4.0, 2.0, 2.5, "week")
    purchases = discounted_purchases(beta_geo, ONE, horizon=horizon, annual_discount_rate=0.0)
    alive = beta_geo.p_alive(2, 30.43, 38.86)
    assert purchases == pytest.approx(alive * (2.0 + 2.5 + 2 - 1) / (2.0 - 1))


def test_for_ever_without_discount_pareto_nbd_has_a_value_where_s_exceeds_one():
    pareto_nbd = ParetoNBDParameters(0.5, 4.0, 2.0, 12.0, "week")
    ever = discounted_purchases_alive(pareto_nbd, None, 2, 38.86, 0.0)
    assert ever == pytest.approx(2.5 / 42.86 * 50.86)
    assert pareto_nbd.expected_purchases_alive(1e9, 2, 38.86) == pytest.approx(ever, rel=1e-6)


def test_for_ever_without_discount_pareto_nbd_is_refused_where_it_diverges():
    with pytest.raises(ContractError, match=r"diverge \(s = 0\.606 <= 1\); give a horizon or a rate above 0"):
        residual_clv(PARETO, SPEND, ONE)


def test_for_ever_without_discount_is_refused_where_it_diverges():
    with pytest.raises(ContractError, match=r"diverge \(a = 0\.793 <= 1\); give a horizon or a rate above 0"):
        residual_clv(CDNOW, SPEND, ONE)


@pytest.mark.parametrize("rate", [-0.1, 11.0, float("nan")])
def test_a_rate_out_of_bounds_is_refused(rate):
    with pytest.raises(ContractError, match=f"annual_discount_rate is {rate}; give a share per year"):
        residual_clv(CDNOW, SPEND, ONE, horizon=52, annual_discount_rate=rate)


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_a_negative_horizon_is_refused(rate):
    with pytest.raises(ContractError, match="a horizon is negative"):
        residual_clv(CDNOW, SPEND, ONE, horizon=-1, annual_discount_rate=rate)


@given(histories(min_size=2), st.randoms(use_true_random=False))
def test_permuting_the_customers_permutes_the_values(history, random):
    order = list(range(len(history)))
    random.shuffle(order)
    shuffled = History(
        *(getattr(history, name)[order] for name in ("frequency", "recency", "age", "monetary_value"))
    )
    whole = residual_clv(CDNOW, SPEND, history, annual_discount_rate=0.1)
    assert (residual_clv(CDNOW, SPEND, shuffled, annual_discount_rate=0.1) == whole[order]).all()
