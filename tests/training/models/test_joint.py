from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from contracts.errors import ContractError
from contracts.randomness import generator
from testkit import beta_geo_simulator, pareto_nbd_simulator
from testkit.btyd_strategies import gamma_gamma_parameters, histories, purchase_models
from training.models import predictive_draws
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import History
from training.models.joint import JointModel
from training.models.pareto_nbd_parameters import ParetoNBDParameters
from training.models.predictive_draws import PredictiveDraws
from training.models.residual_clv import residual_clv

CDNOW = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
SPEND = GammaGammaParameters(6.25, 3.74, 15.44)
MODEL = JointModel(CDNOW, SPEND, horizon=13, clv_horizon=52)
PARETO = JointModel(ParetoNBDParameters(0.553, 10.578, 0.606, 11.669), SPEND, horizon=13, clv_horizon=52)
SIMULATED = {
    "bgnbd": (MODEL, beta_geo_simulator.simulate_future),
    "pnbd": (PARETO, pareto_nbd_simulator.simulate_future),
}
ONE = History([2], [30.43], [38.86], [22.35])
MONEY = ("value_if_stays", "value_if_leaves", "clv_mean", "p10", "p50", "p90")


@st.composite
def models(draw):
    horizon = draw(st.floats(1, 60))
    further = draw(st.one_of(st.just(0.0), st.floats(0.5, 150)))
    rate = draw(st.sampled_from([0.0, 0.1]))
    return JointModel(
        draw(purchase_models()), draw(gamma_gamma_parameters()), horizon, horizon + further, rate
    )


@st.composite
def cases(draw, min_size=1):
    history = draw(histories(min_size=min_size, max_size=6))
    size = len(history)
    p = draw(st.lists(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1)), min_size=size, max_size=size))
    scale = draw(st.one_of(st.none(), st.lists(st.floats(0.05, 20), min_size=size, max_size=size)))
    return history, p, scale


def rows_of(history, order):
    return History(
        *(getattr(history, name)[order] for name in ("frequency", "recency", "age", "monetary_value"))
    )


@settings(max_examples=60)
@given(models(), cases())
def test_the_laws_of_one_law_hold(model, case):
    history, p, scale = case
    served = model.predict(history, p, spend_scale=scale)
    for field in fields(served):
        values = getattr(served, field.name)
        assert (np.isfinite(values) & (values >= 0)).all(), field.name
    assert (served.expected_purchases >= 1 - served.churn_probability).all()
    assert (served.p_no_spend <= served.churn_probability).all()
    assert (served.value_if_stays >= served.value_if_leaves).all()
    assert (served.clv_mean <= served.value_if_stays * (1 + 1e-12)).all()
    assert (served.clv_mean >= served.value_if_leaves * (1 - 1e-12)).all()
    assert ((served.p10 <= served.p50) & (served.p50 <= served.p90)).all()
    assert ((served.p50 == 0) == (served.p_no_spend >= 0.5)).all()
    assert ((served.p90 == 0) == (served.p_no_spend >= 0.9)).all()
    assert (served.value_at_risk >= 0).all()
    assert (served.contact_value <= served.value_at_risk).all()
    lost = served.value_if_stays - served.clv_mean
    assert served.value_at_risk == pytest.approx(
        lost, rel=1e-9, abs=1e-9 * float(served.value_if_stays.max())
    )


@settings(max_examples=60)
@given(purchase_models(), histories(), st.floats(1, 60), st.floats(0, 100), st.sampled_from([0.0, 0.15]))
def test_at_its_own_probability_it_is_the_purchase_model_itself(purchases, history, horizon, further, rate):
    x, t_x, age = history.frequency, history.recency, history.age
    model = JointModel(purchases, SPEND, horizon, horizon + further, rate)
    own = purchases.p_no_purchase(horizon, x, t_x, age)
    served = model.predict(history, own)
    expected = purchases.expected_purchases(horizon, x, t_x, age)
    value = residual_clv(purchases, SPEND, history, horizon=horizon + further, annual_discount_rate=rate)
    assert served.expected_purchases == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert served.clv_mean == pytest.approx(value, rel=1e-6, abs=1e-9)
    no_spend = purchases.p_no_purchase(horizon + further, x, t_x, age)
    assert served.p_no_spend == pytest.approx(no_spend, abs=1e-9)


@settings(max_examples=60)
@given(models(), cases())
def test_the_curve_never_contradicts_itself_or_the_record(model, case):
    history, p, scale = case
    served = model.predict(history, p, spend_scale=scale)
    inside = (0.0, 0.3 * model.horizon, model.horizon)
    beyond = (0.5 * (model.horizon + model.clv_horizon), model.clv_horizon, 2 * model.clv_horizon)
    curve = model.curve(history, p, inside + beyond, spend_scale=scale)
    assert (curve.churn_probability[:, 2] == served.churn_probability).all()
    assert (curve.expected_purchases[:, 2] == served.expected_purchases).all()
    assert (curve.clv_mean[:, 4] == served.clv_mean).all()
    assert (curve.churn_probability[:, 4] == served.p_no_spend).all()
    assert (curve.churn_probability[:, 0] == 1).all()
    assert (curve.expected_purchases[:, 0] == 0).all()
    assert (np.diff(curve.churn_probability) <= 1e-12).all()
    assert (np.diff(curve.expected_purchases) >= -1e-9 * curve.expected_purchases[:, 1:]).all()
    assert (np.diff(curve.clv_mean) >= -1e-6 * curve.clv_mean[:, 1:]).all()
    assert (curve.expected_purchases >= (1 - curve.churn_probability) * (1 - 1e-9) - 1e-15).all()


@settings(max_examples=20)
@given(models(), cases(min_size=2), st.randoms(use_true_random=False))
def test_a_customer_gets_the_same_bytes_in_any_batch(model, case, random):
    history, p, scale = case
    order = list(range(len(history)))
    random.shuffle(order)
    order.pop()
    p, before = np.array(p), history.monetary_value.copy()
    scale = None if scale is None else np.array(scale)
    whole = model.predict(history, p, spend_scale=scale)
    part = model.predict(rows_of(history, order), p[order], None if scale is None else scale[order])
    for field in fields(whole):
        assert getattr(part, field.name).tobytes() == getattr(whole, field.name)[order].tobytes(), field.name
    assert np.array_equal(before, history.monetary_value, equal_nan=True)


@pytest.mark.parametrize("size", [1, 777, 5000])
@pytest.mark.parametrize("model", [MODEL, PARETO], ids=["bgnbd", "pnbd"])
def test_a_large_batch_and_a_single_row_agree_byte_by_byte(size, model):
    rng = generator(5, "batch")
    x = rng.integers(0, 4, size).astype(float)
    age = rng.integers(28 * 7, 39 * 7, size) / 7
    history = History(
        x, np.where(x > 0, age / 2, 0), age, np.where(x > 0, rng.gamma(3, 10, size) + 0.1, np.nan)
    )
    p = rng.random(size)
    whole = model.predict(history, p)
    for row in {0, size // 2, size - 1}:
        alone = model.predict(rows_of(history, [row]), p[[row]])
        for field in fields(whole):
            assert getattr(alone, field.name)[0] == getattr(whole, field.name)[row], field.name


@settings(max_examples=20)
@given(models(), cases(), st.floats(0.01, 1))
def test_margin_scales_money_and_nothing_else(model, case, margin):
    history, p, scale = case
    whole, part = (model.predict(history, p, scale, margin=m) for m in (1.0, margin))
    for field in fields(whole):
        factor = margin if field.name in MONEY else 1.0
        expected = factor * getattr(whole, field.name)
        assert getattr(part, field.name) == pytest.approx(expected, rel=1e-9, abs=1e-300), field.name


@settings(max_examples=20)
@given(models(), cases())
def test_more_churn_never_means_more_money_or_purchases(model, case):
    history, p, _ = case
    low, high = (model.predict(history, q) for q in (np.array(p) / 2, p))
    for name in ("expected_purchases", "clv_mean"):
        assert (getattr(high, name) <= getattr(low, name) * (1 + 1e-12)).all()
    assert (high.p_no_spend >= low.p_no_spend).all()


@settings(max_examples=20)
@given(models(), cases(), st.floats(1.0, 20.0))
def test_a_spend_scale_raises_what_staying_is_worth_in_proportion(model, case, factor):
    history, p, _ = case
    plain, scaled = model.predict(history, p), model.predict(history, p, np.full(len(history), factor))
    assert scaled.value_if_stays == pytest.approx(factor * plain.value_if_stays, rel=1e-9)
    assert (scaled.value_if_leaves == plain.value_if_leaves).all()
    assert (scaled.expected_purchases == plain.expected_purchases).all()


@settings(max_examples=20)
@given(models(), cases(), st.floats(0.001, 0.999))
def test_the_pit_of_a_quantile_is_its_level(model, case, level):
    history, p, scale = case
    undiscounted = JointModel(model.purchase_model, model.gamma_gamma, model.horizon, model.clv_horizon)
    served = undiscounted.predict(history, p, scale, levels=(level, level, level))
    assert (served.p10 == served.p90).all()
    lower, upper = undiscounted.pit(history, p, served.p50, scale)
    assert ((lower >= 0) & (lower <= upper) & (upper <= 1)).all()
    nothing = served.p50 == 0
    assert (nothing == (level <= served.p_no_spend)).all()
    assert (lower[nothing] == 0).all()
    assert (upper[nothing] == served.p_no_spend[nothing]).all()
    assert upper[~nothing] == pytest.approx(np.full(upper[~nothing].size, level), abs=2e-3)


@pytest.mark.parametrize(
    "row",
    [
        (0, 0.0, 38.86, float("nan")),
        (2, 30.43, 38.86, 22.35),
        (10, 20.0, 38.86, 40.0),
        (10, 38.0, 38.86, 40.0),
    ],
)
@pytest.mark.parametrize("served", [0.15, 0.6])
@pytest.mark.parametrize("name", SIMULATED)
def test_the_law_is_that_of_a_plain_simulation_reweighted_to_the_served_probability(row, served, name):
    model, simulate = SIMULATED[name]
    rng = generator(9, "joint", row[0], int(row[1]))
    money = 0.0 if row[0] == 0 else row[3]
    drawn = [
        simulate(model.purchase_model, SPEND, (*row[:3], money), (13.0, 52.0), rng) for _ in range(12_000)
    ]
    near, _, spend = (np.array(column, dtype=float) for column in zip(*drawn, strict=True))
    leaves = near == 0
    weight = np.where(leaves, served / leaves.mean(), (1 - served) / (1 - leaves.mean())) / leaves.size
    prediction = model.predict(History(*([value] for value in row)), [served])
    error = 4 * np.sqrt((weight**2).sum())
    assert prediction.p_no_spend[0] == pytest.approx((weight * (spend == 0)).sum(), abs=error)
    assert prediction.expected_purchases[0] == pytest.approx(
        (weight * near).sum(), abs=error * near.std() * 2
    )
    assert prediction.clv_mean[0] == pytest.approx((weight * spend).sum(), abs=error * spend.std() * 2)
    for name, level in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        quantile = getattr(prediction, name)[0]
        below = (weight * (spend <= quantile)).sum()
        assert below == pytest.approx(max(level, prediction.p_no_spend[0]), abs=error + 0.01), name


@pytest.mark.parametrize("model", [MODEL, PARETO], ids=["bgnbd", "pnbd"])
def test_the_mean_of_the_draws_is_the_stated_mean(model):
    history = History(
        [0, 1, 2, 10, 29], [0, 20, 30.43, 38, 38], [38.86] * 5, [float("nan"), 10, 22.35, 40, 100]
    )
    p = np.array([0.9, 0.8, 0.6, 0.2, 0.1])
    stated = model.predict(history, p).clv_mean
    levels = (np.arange(4000) + 0.5) / 4000
    each = np.repeat(np.arange(5), levels.size)
    drawn = model.predict(
        rows_of(history, each), p[each], levels=np.tile(levels, 5)[:, None].repeat(3, axis=1)
    ).p50
    # The points end where a tail of a few percent of the money of a one-time buyer begins.
    assert drawn.reshape(5, -1).mean(axis=1) == pytest.approx(stated, rel=0.04)


def test_discounting_lowers_money_and_leaves_probabilities_and_counts():
    later = JointModel(CDNOW, SPEND, 13, 52, annual_discount_rate=0.2)
    plain, discounted = MODEL.predict(ONE, [0.3]), later.predict(ONE, [0.3])
    for name in MONEY[:3] + MONEY[4:]:
        assert 1 / 1.2 < getattr(discounted, name)[0] / getattr(plain, name)[0] < 1
    assert discounted.p_no_spend == plain.p_no_spend
    assert discounted.expected_purchases == plain.expected_purchases


def test_moved_levels_widen_the_range_per_customer():
    two = History([2, 2], [30.43] * 2, [38.86] * 2, [22.35] * 2)
    levels = np.array([[0.1, 0.5, 0.9], [0.05, 0.5, 0.95]])
    served = MODEL.predict(two, [0.3, 0.3], levels=levels)
    assert served.p10[1] <= served.p10[0]
    assert served.p50[1] == served.p50[0]
    assert served.p90[1] > served.p90[0]


def test_a_silent_horizon_leaves_nothing_when_both_horizons_are_one():
    model = JointModel(CDNOW, SPEND, 39, 39)
    served = model.predict(ONE, [0.4])
    assert served.value_if_leaves[0] == 0
    assert served.p_no_spend[0] == 0.4


@pytest.mark.parametrize(
    ("horizon", "clv_horizon"), [(0, 52), (-1, 52), (53, 52), (13, float("inf")), (float("nan"), 1)]
)
def test_contradicting_horizons_are_refused(horizon, clv_horizon):
    with pytest.raises(ContractError, match=f"horizon is {horizon} and clv_horizon {clv_horizon} weeks"):
        JointModel(CDNOW, SPEND, horizon, clv_horizon)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"churn_probability": [1.1]}, "churn_probability must hold 1 numbers from 0 to 1"),
        ({"churn_probability": [np.nan]}, "churn_probability must hold 1 numbers from 0 to 1"),
        ({"churn_probability": [0.1, 0.2]}, "churn_probability must hold 1 numbers from 0 to 1"),
        ({"spend_scale": [0.0]}, "spend_scale must be one finite number above 0"),
        ({"spend_scale": [1.0, 1.0]}, "spend_scale must be one finite number above 0"),
        ({"margin": -0.5}, "margin must be one finite number above 0"),
        ({"levels": (0.9, 0.5, 0.1)}, "levels must be three ascending numbers"),
        ({"levels": (0.1, 0.5)}, "levels must be three ascending numbers"),
        ({"levels": (0.1, 0.5, 1.5)}, "levels must be three ascending numbers"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ContractError, match=message):
        MODEL.predict(ONE, **{"churn_probability": [0.3], **arguments})


@pytest.mark.parametrize("spend", [[np.nan], [1.0, 2.0]])
def test_the_pit_refuses_spend_that_is_no_number_per_customer(spend):
    with pytest.raises(ContractError, match="spend must hold 1 finite numbers"):
        MODEL.pit(ONE, [0.3], spend)


def test_a_bad_monetary_value_is_refused_at_the_door():
    with pytest.raises(ContractError, match="no monetary_value above 0 in 1 of 1 histories"):
        History([2], [30.0], [40.0], [0.0])


@settings(max_examples=30)
@given(st.lists(histories(min_size=1, max_size=6), min_size=2, max_size=5), st.sampled_from([2, 8, 4_000]))
def test_draws_that_are_kept_are_those_that_are_made_anew(batches, kept):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictive_draws, "KEPT", kept)
        draws = PredictiveDraws(CDNOW, SPEND)
        for history in [*batches, *batches]:
            x, T = history.frequency, history.age
            fresh = PredictiveDraws(CDNOW, SPEND)
            for window, end in ((13.0, 52.0), (39.0, 39.0)):
                purchases = fresh.counts.purchases(x, T, window, end)
                assert_array_equal(draws.of(x, T, window, end), fresh.spend(x, purchases))
