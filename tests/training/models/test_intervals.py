import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from contracts.errors import BundleRefused
from contracts.randomness import generator
from training.models.intervals import Intervals, expected_coverage


class SpendLaw:
    """An atom at 0 and a lognormal above; ``sigma`` is what the model believes, ``true_sigma`` what holds."""

    def __init__(self, rows, seed, sigma, true_sigma, atoms=(0.0, 1.0), bias=0.0):
        draw = generator(seed, "spend law")
        self.p_no_spend = draw.uniform(*atoms, rows)
        self.sigma = sigma
        spends = draw.random(rows) >= np.clip(self.p_no_spend + bias, 0, 1)
        self.spend = np.where(spends, np.exp(true_sigma * draw.normal(size=rows)), 0.0)

    def cdf(self, spend):
        return self.p_no_spend + (1 - self.p_no_spend) * stats.lognorm.cdf(spend, self.sigma)

    def quantile(self, level):
        inside = np.clip((level - self.p_no_spend) / (1 - self.p_no_spend), 0, 1)
        return stats.lognorm.ppf(inside, self.sigma)

    def pit(self):
        lower = np.where(self.spend > 0, self.cdf(self.spend), 0.0)
        return lower, np.where(self.spend > 0, lower, self.p_no_spend)

    def coverage(self, intervals):
        p10, _, p90 = (self.quantile(level) for level in intervals.levels)
        return float(np.mean(expected_coverage(self.spend, p10, p90, self.p_no_spend)))


def fit(law):
    return Intervals.fit(*law.pit(), law.p_no_spend)


@pytest.mark.parametrize("atoms", [(0.0, 1.0), (0.0, 0.09), (0.2, 0.6), (0.0, 0.0)])
@pytest.mark.parametrize(("sigma", "true_sigma"), [(1.0, 1.0), (1.0, 1.4)])
def test_the_range_holds_four_of_five_on_later_customers(sigma, true_sigma, atoms):
    intervals = fit(SpendLaw(6000, 1, sigma, true_sigma, atoms))
    later = SpendLaw(20_000, 2, sigma, true_sigma, atoms)
    assert intervals.proven
    assert 0.78 < later.coverage(intervals) < 0.82


def test_a_law_too_narrow_is_widened_and_one_too_wide_is_narrowed():
    narrow, wide = SpendLaw(4000, 1, 0.6, 1.0), SpendLaw(4000, 1, 1.6, 1.0)
    assert fit(narrow).high > 0.9
    assert fit(wide).high < 0.9
    assert narrow.coverage(fit(narrow)) > narrow.coverage(Intervals())


def test_a_true_law_keeps_its_levels():
    intervals = fit(SpendLaw(50_000, 3, 1.0, 1.0))
    assert intervals.low == pytest.approx(0.1, abs=0.02)
    assert intervals.high == pytest.approx(0.9, abs=0.02)


def test_calibration_rows_themselves_are_covered_at_least_four_fifths():
    for seed in range(10):
        law = SpendLaw(250, seed, 0.7, 1.0, (0.0, 0.5))
        assert law.coverage(fit(law)) >= 0.8 - 1 / 250


@pytest.mark.parametrize("rows", [0, 1, 199])
def test_under_200_rows_the_levels_stay_unproven(rows):
    assert fit(SpendLaw(rows, 1, 0.5, 1.0)) == Intervals(0.1, 0.5, 0.9, proven=False)


@given(
    seed=st.integers(0, 999),
    sigma=st.floats(0.2, 3),
    top=st.floats(0, 1),
    bias=st.floats(-0.5, 0.5),
    rows=st.integers(200, 400),
)
@settings(max_examples=60, deadline=None)
def test_levels_rise_and_the_lowest_never_passes_a_tenth(seed, sigma, top, bias, rows):
    law = SpendLaw(rows, seed, sigma, 1.0, (0.0, top), bias)
    intervals = fit(law)
    assert 0 < intervals.low <= 0.1
    assert intervals.mid == 0.5 < intervals.high < 1
    p10, p50, _ = (law.quantile(level) for level in intervals.levels)
    assert not p10[law.p_no_spend >= 0.1].any()
    np.testing.assert_array_equal(p50 == 0, law.p_no_spend >= 0.5)


@given(seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_permuting_the_rows_changes_nothing(seed):
    law = SpendLaw(300, seed, 0.8, 1.0)
    order = generator(seed, "order").permutation(300)
    lower, upper = law.pit()
    assert Intervals.fit(lower[order], upper[order], law.p_no_spend[order]) == fit(law)


def test_only_silence_leaves_the_levels_where_they_are():
    p_no_spend = np.full(300, 0.95)
    intervals = Intervals.fit(np.zeros(300), p_no_spend, p_no_spend)
    assert intervals.levels == (0.1, 0.5, 0.9)


def slow_coverage(spend, p10, p90, p0):
    """Average over a fine grid of randomised PIT values whether each lies within 0.1 and 0.9."""
    if spend > 0:
        return float(p10 <= spend <= p90)
    grid = (np.arange(20_000) + 0.5) / 20_000 * p0
    return float(np.mean((grid > 0.1) & (grid < 0.9)))


@given(
    p0=st.floats(0.001, 1), p10=st.floats(0, 5), wide=st.floats(0, 9), spend=st.sampled_from([0.0, 1.0, 4.0])
)
@settings(max_examples=80, deadline=None)
def test_expected_coverage_is_the_mean_over_randomised_pits(p0, p10, wide, spend):
    arrays = [np.array([value]) for value in (spend, p10, p10 + wide, p0)]
    assert expected_coverage(*arrays)[0] == pytest.approx(slow_coverage(spend, p10, p10 + wide, p0), abs=2e-4)


def test_silence_that_was_ruled_out_is_not_covered():
    assert expected_coverage(np.zeros(1), np.zeros(1), np.ones(1), np.zeros(1))[0] == 0.0


def test_levels_come_back_from_plain_data():
    intervals = fit(SpendLaw(300, 1, 0.8, 1.0))
    assert Intervals.from_dict(intervals.to_dict()) == intervals


@pytest.mark.parametrize(
    "levels", [(0.2, 0.5, 0.9), (0.0, 0.5, 0.9), (0.1, 0.4, 0.9), (0.1, 0.5, 0.5), (0.1, 0.5, 1.0)]
)
def test_levels_out_of_order_are_refused(levels):
    with pytest.raises(BundleRefused, match=r"are not \(0, 0\.1\]"):
        Intervals(*levels)


@given(low=st.floats(1e-3, 0.1), high=st.floats(0.51, 0.999), proven=st.booleans())
def test_widened_levels_leave_half_the_room_outside_and_stay_as_proven_as_they_were(low, high, proven):
    intervals = Intervals(low, 0.5, high, proven)
    wide = intervals.widened()
    assert wide.low == pytest.approx(low / 2)
    assert 1 - wide.high == pytest.approx((1 - high) / 2)
    assert (wide.mid, wide.proven) == (0.5, proven)


def test_a_range_at_widened_levels_contains_the_other():
    law = SpendLaw(400, 1, 1.0, 1.0, (0.0, 0.3))
    intervals = fit(law)
    (low, _, high), (lower, _, higher) = (
        [law.quantile(level) for level in levels] for levels in (intervals.levels, intervals.widened().levels)
    )
    assert ((lower <= low) & (high <= higher)).all()
    assert law.coverage(intervals.widened()) > law.coverage(intervals)
