import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.randomness import generator
from testkit.cdnow import cdnow_summary
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.gamma_gamma import GammaGammaParameters
from training.models.group_totals import group_total, level_spread, parameter_spread
from training.models.history import History
from training.models.joint import JointModel
from training.models.mixture import SpendMoments
from training.models.pareto_nbd import ParetoNBD
from training.models.pareto_nbd_parameters import ParetoNBDParameters

SPEND = GammaGammaParameters(6.25, 3.74, 15.44)
MODELS = [BetaGeoParameters(0.243, 4.414, 0.793, 2.426), ParetoNBDParameters(0.553, 10.578, 0.606, 11.669)]


@st.composite
def groups(draw):
    """Moments of customers who spend nothing with some probability, else something of any variation."""
    rows = draw(
        st.lists(
            st.tuples(st.floats(0.1, 1000), st.floats(0, 5), st.one_of(st.just(0.0), st.floats(0, 0.99))),
            min_size=1,
            max_size=20,
        )
    )
    mean, variation, none = np.array(rows).T.copy()
    return SpendMoments(mean, mean**2 * ((1 + variation) / (1 - none) - 1), none)


def rows_of(moments, order):
    return SpendMoments(moments.mean[order], moments.variance[order], moments.p_no_spend[order])


@given(groups(), st.floats(0, 0.5))
def test_a_range_is_ordered_finite_and_around_its_median(moments, spread):
    total = group_total(moments, spread)
    assert total.mean == pytest.approx(moments.mean.sum())
    assert 0 <= total.p10 <= total.p50 <= total.p90 < np.inf


@given(groups(), st.floats(0, 0.5), st.randoms(use_true_random=False))
def test_the_order_of_the_customers_changes_no_bit(moments, spread, random):
    order = list(range(moments.mean.size))
    random.shuffle(order)
    assert group_total(rows_of(moments, order), spread) == group_total(moments, spread)


@given(groups(), st.floats(0, 0.5), st.floats(0.01, 100))
def test_a_range_is_in_money(moments, spread, unit):
    scaled = SpendMoments(moments.mean * unit, moments.variance * unit**2, moments.p_no_spend)
    once, other = group_total(moments, spread), group_total(scaled, spread)
    assert (other.p10, other.p50, other.p90) == pytest.approx(
        (unit * once.p10, unit * once.p50, unit * once.p90), rel=1e-6
    )


@given(st.floats(0, 1))
def test_a_group_of_one_who_spends_nothing_that_often_has_nothing_at_those_levels(none):
    total = group_total(SpendMoments(np.array([10.0]), np.array([500.0]), np.array([none])))
    for level, quantile in ((0.1, total.p10), (0.5, total.p50), (0.9, total.p90)):
        assert (quantile == 0) == (level <= none + 1e-12)


def test_a_group_of_nobody_or_of_the_silent_spends_nothing():
    nobody = SpendMoments(np.empty(0), np.empty(0), np.empty(0))
    assert group_total(nobody).p90 == 0
    silent = SpendMoments(np.zeros(3), np.zeros(3), np.ones(3))
    assert (group_total(silent).mean, group_total(silent).p90) == (0, 0)


def test_independent_draws_narrow_with_the_root_of_the_group_and_a_common_level_does_not():
    def width(size, spread):
        alike = SpendMoments(np.full(size, 10.0), np.full(size, 900.0), np.full(size, 0.7))
        total = group_total(alike, spread)
        return (total.p90 - total.p10) / total.mean

    assert width(40_000, 0.0) == pytest.approx(width(400, 0.0) / 10, rel=0.02)
    assert width(40_000, 0.15) == pytest.approx(2 * 1.2816 * 0.15, rel=0.03)
    assert width(40_000, 0.15) > 9 * width(40_000, 0.0)


def test_without_a_common_level_it_is_the_sum_of_simulated_customers():
    rng = generator(2, "sums")
    spend = np.where(rng.random((20_000, 60)) < 0.7, 0.0, rng.gamma(2.0, 20.0, (20_000, 60)))
    total = group_total(SpendMoments(np.full(60, 12.0), np.full(60, 576.0), np.full(60, 0.7)), 0.0)
    expected = np.quantile(spend.sum(axis=1), (0.1, 0.5, 0.9))
    assert (total.p10, total.p50, total.p90) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("truth", [0.1, 0.2])
def test_ranges_hold_80_percent_of_simulated_groups_whose_level_moves_and_independent_ones_do_not(truth):
    rng = generator(6, "coverage", str(truth))
    held, alone = [], []
    for _ in range(400):
        spread = level_spread(rng.normal(0.0, truth, 5))
        mean = rng.gamma(2.0, 10.0, 150)
        moments = SpendMoments(mean, 4 * mean**2, np.full(150, 0.6))
        real = np.where(rng.random(150) < 0.6, 0.0, rng.gamma(1.0, mean / 0.4))
        real_total = real.sum() * np.exp(rng.normal(0.0, truth) - truth**2 / 2)
        for kept, total in ((held, group_total(moments, spread)), (alone, group_total(moments, 0.0))):
            kept.append(total.p10 <= real_total <= total.p90)
    assert 0.75 <= np.mean(held) <= 0.9
    assert np.mean(alone) < np.mean(held) - 0.05


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=12))
def test_the_level_spread_lies_between_the_default_and_what_was_seen(errors):
    seen = float(np.sqrt(np.mean(np.square(errors))))
    low, high = sorted((0.15, seen))
    assert low - 1e-12 <= level_spread(errors) <= high + 1e-12


@pytest.mark.parametrize("errors", [[], [0.9], [0.9, -0.9]])
def test_under_three_cutoffs_the_default_stands(errors):
    assert level_spread(errors) == 0.15


def test_many_cutoffs_outweigh_the_default():
    assert level_spread([0.02] * 500) == pytest.approx(0.02, abs=0.005)


@pytest.mark.parametrize("error", [float("nan"), float("-inf")])
def test_a_cutoff_without_a_level_error_is_refused(error):
    with pytest.raises(ContractError, match="a level error among 3 is missing or infinite"):
        level_spread([0.1, error, 0.2])


@pytest.mark.parametrize("spreads", [(-0.1, 0.0), (0.1, float("nan"))])
def test_an_impossible_spread_is_refused(spreads):
    with pytest.raises(ContractError, match=r"level_spread is .* and parameter_spread .*; give numbers >= 0"):
        group_total(SpendMoments(np.ones(1), np.ones(1), np.zeros(1)), *spreads)


@pytest.mark.parametrize("model", MODELS, ids=["bgnbd", "pnbd"])
def test_moments_are_those_of_the_served_law(model):
    joint = JointModel(model, SPEND, 13, 52, annual_discount_rate=0.1)
    history = History([0, 2, 10], [0, 30.43, 38], [38.86] * 3, [float("nan"), 22.35, 40])
    p = np.array([0.9, 0.6, 0.2])
    moments, served = joint.moments(history, p, margin=0.4), joint.predict(history, p, margin=0.4)
    assert (moments.mean == served.clv_mean).all()
    assert (moments.p_no_spend == served.p_no_spend).all()
    levels = np.tile(((np.arange(2000) + 0.5) / 2000)[:, None], (3, 3))
    each = np.repeat(np.arange(3), 2000)
    rows = History(*(getattr(history, n)[each] for n in ("frequency", "recency", "age", "monetary_value")))
    drawn = joint.predict(rows, p[each], levels=levels, margin=0.4).p50.reshape(3, 2000)
    assert np.sqrt(moments.variance) == pytest.approx(drawn.std(axis=1), rel=0.1)


def test_more_customers_leave_less_uncertain_parameters():
    cdnow = cdnow_summary()
    history = (cdnow.frequency, cdnow.recency, cdnow.age)

    def spread(weight):
        fitted = ParetoNBD().fit(*history, weights=np.full(cdnow.age.size, weight))
        return parameter_spread(
            fitted.parameters_,
            fitted.covariance_,
            lambda model: float(model.expected_purchases(39, *history).sum()),
        )

    assert spread(4.0) == pytest.approx(spread(1.0) / 2, rel=1e-6)
    assert 0.01 < spread(1.0) < 0.15


@settings(max_examples=30)
@given(st.floats(0.0, 0.2))
def test_a_total_that_scales_with_one_parameter_is_as_uncertain_as_its_log(error):
    covariance = np.diag([error**2, 0.0, 0.0, 0.0])
    found = parameter_spread(MODELS[1], covariance, lambda model: 7.0 * model.r)
    assert found == pytest.approx(error, rel=1e-6, abs=1e-12)


def test_a_fit_that_tells_nothing_of_its_errors_counts_as_the_default():
    assert parameter_spread(MODELS[0], np.full((4, 4), np.nan), lambda model: 1.0) == 0.15
