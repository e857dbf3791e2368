"""Person-periods, base hazard, trees on it, and the raw score with its contributions."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from contracts.errors import BundleRefused, ModelRefused
from contracts.randomness import generator
from training.models.base_hazard import BaseHazard
from training.models.hazard import TENURE, Hazard, draw_retention, fit_hazard
from training.models.horizon_score import explain_horizon, raw_score
from training.models.person_periods import build_person_periods, stack
from training.models.trees import TreeSettings

few = settings(max_examples=40, deadline=None)
NAMES = ("rfm.orders", TENURE)
SMALL = st.floats(-3, 3)


def simulate(people=4_000, seed=1, effect=0.0, hazard=0.05, days=200.0):
    """Return matrix and person-periods of subscribers whose hazard is exp(effect x) times a constant."""
    random = generator(seed, "hazard")
    x, tenure = random.normal(size=people), random.uniform(0, 500, people)
    rate = -np.log1p(-hazard) / 30 * np.exp(effect * x)
    ended = random.exponential(1.0, people) / rate
    rows = build_person_periods(np.where(ended < days, ended, np.nan), np.full(people, days))
    return np.column_stack([x, tenure]), rows, rate


def slow_periods(ended_on, watched):
    found = []
    for person, (end, days) in enumerate(zip(ended_on, watched, strict=True)):
        period = 0
        while period < 12 and (period + 1) * 30 <= days:
            over = not np.isnan(end) and period * 30 <= end < (period + 1) * 30
            found.append((person, period, float(over)))
            if over:
                break
            period += 1
    return found


@given(
    ends=st.lists(st.one_of(st.just(np.nan), st.floats(0, 500)), min_size=1, max_size=8),
    days=st.floats(0, 500),
)
@few
def test_person_periods_equal_a_plain_loop(ends, days):
    watched = np.full(len(ends), days)
    rows = build_person_periods(np.array(ends), watched)
    found = list(zip(rows.person.tolist(), rows.period.tolist(), rows.ended.tolist(), strict=True))
    assert found == slow_periods(ends, watched)


def test_thinning_keeps_every_ending_and_the_weight_of_the_rest():
    _, rows, _ = simulate()
    thin = rows.thinned(0, most=5_000)
    assert thin.endings == rows.endings
    assert len(thin) < 5_500
    assert thin.weights.sum() == pytest.approx(len(rows), rel=0.03)
    assert rows.thinned(0) is rows


def test_rows_of_several_cutoffs_point_at_their_own_people():
    one = build_person_periods(np.array([np.nan]), np.array([60.0]))
    both = stack([(one, 3), (one, 1)])
    assert both.person.tolist() == [0, 0, 3, 3]


def test_a_negative_end_is_refused():
    with pytest.raises(ModelRefused, match="mend the labels"):
        build_person_periods(np.array([-1.0]), np.array([60.0]))


def test_a_constant_hazard_is_recovered_with_the_curve_it_gives():
    matrix, rows, _ = simulate(people=20_000)
    hazard = fit_hazard(matrix, NAMES, rows, TreeSettings(rounds=0))
    survival = draw_retention(hazard.log_odds(matrix)).survival(360.0)
    assert hazard.base.periods == 6
    assert survival.mean() == pytest.approx(0.95**12, abs=0.01)
    assert survival.std() < 0.02


def test_trees_find_who_leaves_sooner():
    matrix, rows, rate = simulate(people=6_000, effect=0.8)
    hazard = fit_hazard(matrix, NAMES, rows, TreeSettings(rounds=80, leaf_rows=200))
    ended = draw_retention(hazard.log_odds(matrix)).ended(90.0)
    assert np.corrcoef(ended, 1 - np.exp(-90 * rate))[0, 1] > 0.9
    assert ended.mean() == pytest.approx((1 - np.exp(-90 * rate)).mean(), abs=0.01)


def test_a_hazard_that_falls_with_tenure_is_followed_and_held_beyond_what_was_seen():
    random = generator(4, "tenure")
    tenure = random.uniform(0, 800, 30_000)
    hazard = 1 / (1 + np.exp(-(-3.0 - 0.6 * np.log1p(tenure / 365))))
    ended = np.where(random.random(30_000) < hazard, 10.0, np.nan)
    rows = build_person_periods(ended, np.full(30_000, 30.0))
    base = BaseHazard.fit(rows, tenure)
    assert base.slope == pytest.approx(-0.6, abs=0.15)
    assert base.at(np.array([5_000.0])) == base.at(np.array([base.longest]))


def test_few_endings_lean_on_the_stated_prior_and_have_no_slope():
    rows = build_person_periods(np.array([np.nan, 5.0]), np.array([60.0, 60.0]))
    base = BaseHazard.fit(rows, np.array([10.0, 40.0, 10.0]))
    assert 1 / (1 + np.exp(-base.pooled)) == pytest.approx((1 + 2) / (3 + 50))
    assert (base.slope, base.periods) == (0.0, 1)
    nothing = BaseHazard.constant(0, 0.0)
    assert 1 / (1 + np.exp(-nothing.pooled)) == pytest.approx(0.04)


@given(
    parts=arrays(np.float64, (3, 4, 5), elements=SMALL),
    base=arrays(np.float64, 3, elements=st.floats(-6, 0)),
    last=st.floats(0.0, 9.0),
)
@few
def test_contributions_and_base_add_up_to_the_log_odds_of_ending(parts, base, last):
    weights = np.array([1.0, 0.5, last])
    found = explain_horizon(parts, base, weights)
    np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), found.raw, atol=1e-9)
    total = (np.logaddexp(0, base + parts.sum(axis=2).T) * weights).sum(axis=1)
    np.testing.assert_allclose(1 / (1 + np.exp(-found.raw)), -np.expm1(-total), rtol=1e-9)


def test_a_feature_that_adds_nothing_gets_nothing_and_equal_ones_share():
    parts = np.zeros((2, 1, 3))
    parts[:, 0, :2] = 0.7
    found = explain_horizon(parts, np.array([-3.0, -2.0]), np.ones(2))
    assert found.contributions[0, 2] == 0
    assert found.contributions[0, 0] == pytest.approx(found.contributions[0, 1])


def test_the_raw_score_rises_with_every_hazard():
    low, high = np.array([[-3.0, -3.0]]), np.array([[-3.0, -2.9]])
    assert raw_score(high, np.ones(2)) > raw_score(low, np.ones(2))


def test_contributions_of_a_grown_hazard_add_up_with_tenure_s_own_part():
    matrix, rows, _ = simulate(people=3_000, effect=0.8)
    hazard = fit_hazard(matrix, NAMES, rows, TreeSettings(rounds=30, leaf_rows=200))
    for days in (45.0, 90.0, 365.0):
        found = hazard.explain(matrix, days)
        np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), found.raw, atol=1e-9)
        ended = draw_retention(hazard.log_odds(matrix)).ended(days)
        np.testing.assert_allclose(1 / (1 + np.exp(-found.raw)), ended, rtol=1e-9)


def test_a_hazard_comes_back_from_its_parts_and_damage_is_refused():
    matrix, rows, _ = simulate(people=3_000, effect=0.8)
    hazard = fit_hazard(matrix, NAMES, rows, TreeSettings(rounds=10, leaf_rows=200))
    plain = json.loads(json.dumps(hazard.base.to_dict()))
    again = Hazard.from_parts(plain, hazard.to_text(), NAMES)
    np.testing.assert_array_equal(again.log_odds(matrix), hazard.log_odds(matrix))
    for damage in ({"pooled": float("nan")}, {"periods": 0}, {"longest": -1.0}):
        with pytest.raises(BundleRefused, match="Base hazard"):
            Hazard.from_parts(plain | damage, hazard.to_text(), NAMES)
    with pytest.raises(BundleRefused, match=r"lack .subscription\.tenure_days."):
        Hazard.bare(hazard.base, ("rfm.orders",))
