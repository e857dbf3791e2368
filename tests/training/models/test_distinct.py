import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ModelRefused
from testkit.cdnow import cdnow_summary
from training.models.beta_geo import BetaGeo
from training.models.beta_geo_parameters import BOUNDS as BETA_GEO
from training.models.beta_geo_parameters import check_beta_geo
from training.models.distinct import is_human, largest_human_frequency
from training.models.gamma_gamma import BOUNDS as GAMMA_GAMMA
from training.models.gamma_gamma import GammaGamma, check_gamma_gamma
from training.models.pareto_nbd import ParetoNBD
from training.models.pareto_nbd_parameters import BOUNDS as PARETO_NBD
from training.models.pareto_nbd_parameters import check_pareto_nbd

GATES = [
    ("BG/NBD", check_beta_geo, BETA_GEO),
    ("Pareto/NBD", check_pareto_nbd, PARETO_NBD),
    ("Gamma-Gamma", check_gamma_gamma, GAMMA_GAMMA),
]
EVERY_GATE = [(model, check, bounds, name) for model, check, bounds in GATES for name in bounds]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_customers_with_few_orders_are_always_human(orders):
    assert is_human(np.array(orders, dtype=np.float64)).all()


@given(st.lists(st.integers(1, 51), max_size=90))
def test_five_thousand_orders_among_ordinary_customers_are_never_human(orders):
    marks = is_human(np.array([*orders, 5_000], dtype=np.float64))
    assert not marks[-1]
    assert marks[:-1].all()


def test_in_a_business_where_many_order_by_the_thousand_nobody_is_left_out():
    assert is_human(np.array([900.0, 1_500, 4_000, 5_000, 800])).all()


def test_the_limit_is_ten_times_what_the_busy_do_and_at_least_fifty():
    busy = np.repeat([1.0, 20.0], [50, 50])
    assert largest_human_frequency(busy, np.ones(100)) == 200
    assert largest_human_frequency(np.zeros(3), np.ones(3)) == 50


@pytest.mark.parametrize("size", [120, 2_357])
@pytest.mark.parametrize("orders", [272, 5_000])
def test_one_bot_moves_no_parameter_of_any_model_in_a_small_shop_or_a_large_one(size, orders):
    cdnow = cdnow_summary()
    x, t_x, age, money = (
        column[:size] for column in (cdnow.frequency, cdnow.recency, cdnow.age, cdnow.monetary_value)
    )
    with_bot = np.append(x, orders), np.append(t_x, 38.8), np.append(age, 38.86)
    for estimator in (BetaGeo, ParetoNBD):
        assert estimator().fit(*with_bot).parameters_ == estimator().fit(x, t_x, age).parameters_
    found = GammaGamma().fit(with_bot[0], np.append(money, 35 * 5_000 / orders))
    assert found.parameters_ == GammaGamma().fit(x, money).parameters_


@pytest.mark.parametrize(("model", "check", "bounds", "name"), EVERY_GATE)
@pytest.mark.parametrize("side", [0, 1])
def test_every_parameter_beyond_its_gate_is_refused_in_words_with_the_next_step(
    model, check, bounds, name, side
):
    inside = {key: float(np.sqrt(low * high)) for key, (low, high) in bounds.items()}
    check(inside)
    beyond = bounds[name][side] * (0.999, 1.001)[side]
    said = rf"{model} parameter {name} = \S+ is outside .* to .*; keep the last good parameters and look at"
    with pytest.raises(ModelRefused, match=said):
        check({**inside, name: beyond})


@pytest.mark.parametrize(("model", "check", "bounds", "name"), EVERY_GATE)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "4"])
def test_what_is_no_number_is_refused_at_every_gate(model, check, bounds, name, value):
    inside = {key: float(np.sqrt(low * high)) for key, (low, high) in bounds.items()}
    with pytest.raises(ModelRefused, match=f"{model} parameter {name} "):
        check({**inside, name: value})
