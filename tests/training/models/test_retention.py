"""Laws of retention curves and of the fees paid along them, against simulation and by Hypothesis."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.randomness import generator
from training.models.fee_law import FeeLaw
from training.models.retention import Retention
from training.models.subscription_model import expected_coverage

few = settings(max_examples=60, deadline=None)
hazards = st.lists(st.floats(1e-5, 0.9), min_size=1, max_size=12)


@st.composite
def laws(draw):
    """Return a fee law of one subscriber."""
    rates = -np.log1p(-np.array([draw(hazards)]))
    factor = np.array([draw(st.floats(0.05, 5.0))])
    fee, due = np.array([draw(st.floats(0.0, 200.0))]), np.array([draw(st.floats(0.0, 29.99))])
    return FeeLaw(Retention(rates, factor), fee, due, draw(st.sampled_from([0.0, 0.1])))


@given(law=laws(), days=st.lists(st.floats(0, 2000), min_size=2, max_size=8))
@few
def test_the_chance_of_having_ended_never_falls_with_time(law, days):
    at = np.sort(np.array(days))
    ended, runs = (part(at[None, :])[0] for part in (law.retention.ended, law.retention.survival))
    assert (np.diff(ended) >= 0).all()
    np.testing.assert_allclose(ended + runs, 1.0, atol=1e-12)
    assert law.retention.survival(0.0)[0] == 1.0


@given(law=laws(), horizon=st.integers(1, 365))
@few
def test_the_numbers_of_one_subscriber_never_contradict_each_other(law, horizon):
    found = law.predict(float(horizon), 365.0)
    p = law.retention.ended(float(horizon))
    assert 0 <= found.p10[0] <= found.p50[0] <= found.p90[0]
    assert found.value_if_stays[0] >= found.value_if_leaves[0] >= 0
    assert found.value_if_leaves[0] - 1e-9 <= found.clv_mean[0] <= found.value_if_stays[0] + 1e-9
    mixed = (1 - p) * found.value_if_stays + p * found.value_if_leaves
    np.testing.assert_allclose(found.clv_mean, mixed, rtol=1e-9, atol=1e-9)
    if law.fee[0] > 0:
        assert (found.p50[0] == 0) == (found.p_no_spend[0] >= 0.5)
    fees, money = law.expected(365.0)
    np.testing.assert_allclose(money, found.clv_mean, rtol=1e-12)
    assert fees[0] <= 13


@given(law=laws())
@few
def test_fees_and_money_never_fall_with_time(law):
    fees, money = zip(*(law.expected(float(days)) for days in (10, 30, 60, 90, 180, 365, 730)), strict=True)
    assert (np.diff(np.array(fees), axis=0) >= 0).all()
    assert (np.diff(np.array(money), axis=0) >= 0).all()


def test_the_law_is_that_of_simulated_ends():
    retention = Retention.constant(np.array([0.08]))
    law = FeeLaw(retention, np.array([10.0]), np.array([12.0]))
    ends = generator(3, "ends").exponential(30 / -np.log(0.92), 200_000)
    due = 12.0 + 30.0 * np.arange(12)
    spend = 10.0 * (ends[:, None] > due).sum(axis=1)
    found = law.predict(90.0, 365.0)
    assert found.clv_mean[0] == pytest.approx(spend.mean(), rel=0.01)
    assert found.p_no_spend[0] == pytest.approx((spend == 0).mean(), abs=0.005)
    assert found.value_if_stays[0] == pytest.approx(spend[ends >= 90].mean(), rel=0.01)
    assert found.value_if_leaves[0] == pytest.approx(spend[ends < 90].mean(), rel=0.02)
    assert [found.p10[0], found.p50[0], found.p90[0]] == np.quantile(spend, [0.1, 0.5, 0.9]).tolist()


def test_a_fee_due_at_this_very_instant_is_paid_and_one_after_the_horizon_is_not():
    law = FeeLaw(Retention.constant(np.array([0.5])), np.array([7.0]), np.array([0.0]))
    assert law.expected(1.0) == (1.0, 7.0)
    late = FeeLaw(Retention.constant(np.array([0.5])), np.array([7.0]), np.array([25.0]))
    assert late.predict(20.0, 20.0).p_no_spend[0] == 1.0
    assert late.predict(20.0, 20.0).clv_mean[0] == 0.0


def test_a_free_subscription_is_worth_nothing_and_says_so():
    found = FeeLaw(Retention.constant(np.array([0.1])), np.array([0.0]), np.array([3.0])).predict(90.0, 365.0)
    assert (found.clv_mean[0], found.p90[0], found.p_no_spend[0]) == (0.0, 0.0, 1.0)


def test_later_fees_are_discounted_at_the_rate_of_the_contract():
    plain, dear = (
        FeeLaw(Retention.constant(np.array([1e-6])), np.array([1.0]), np.array([5.0]), rate).expected(365.0)
        for rate in (0.0, 0.1)
    )
    due = 5.0 + 30.0 * np.arange(12)
    assert dear[1][0] == pytest.approx((1.1 ** (-due / 365)).sum(), rel=1e-4)
    assert dear[0] == plain[0]


def test_the_range_of_true_laws_covers_eight_in_ten():
    law = FeeLaw(Retention.constant(np.full(40_000, 0.1)), np.full(40_000, 1.0), np.full(40_000, 4.0))
    ends = generator(5, "cover").exponential(30 / -np.log(0.9), 40_000)
    paid = (ends[:, None] > 4.0 + 30.0 * np.arange(3)).sum(axis=1)
    assert expected_coverage(*law.pit(90.0, paid)).mean() == pytest.approx(0.8, abs=0.005)


def test_beyond_what_was_learned_the_last_hazard_holds():
    retention = Retention(np.array([[0.3, 0.1]]), np.ones(1))
    np.testing.assert_allclose(-np.log(retention.survival(90.0)), [0.3 + 0.1 + 0.1])
    np.testing.assert_allclose(-np.log(retention.survival(45.0)), [0.3 + 0.05])


@pytest.mark.parametrize("rates", [np.array([[0.0]]), np.array([[np.nan]]), np.empty((1, 0))])
def test_a_hazard_that_is_none_is_refused(rates):
    with pytest.raises(ContractError, match="a hazard that is not above 0"):
        Retention(rates, np.ones(1))


def test_a_missing_fee_is_refused():
    with pytest.raises(ContractError, match="one is missing or negative"):
        FeeLaw(Retention.constant(np.array([0.1])), np.array([np.nan]), np.array([1.0]))
