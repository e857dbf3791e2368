"""Losses row by row average to the figures that are reported."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import mean_tweedie_deviance

from training import metrics
from training.losses import interval_scores, log_losses, to_probability, tweedie_losses
from training.models.columns import CLIP

LABELS = arrays.arrays(np.float64, 12, elements=st.sampled_from([0.0, 1.0]))
SHARES = arrays.arrays(np.float64, 12, elements=st.floats(0, 1))
MONEY = arrays.arrays(np.float64, 12, elements=st.floats(0, 5000))


@given(churned=LABELS, p=SHARES)
def test_log_losses_average_to_the_log_loss(churned, p):
    losses = log_losses(churned, p)
    assert (losses >= 0).all()
    assert losses.mean() == pytest.approx(metrics.log_loss(churned, p))


@given(spend=MONEY, mean=MONEY)
def test_tweedie_losses_average_to_the_deviance_of_scikit_learn(spend, mean):
    losses = tweedie_losses(spend, mean)
    wanted = mean_tweedie_deviance(spend, np.maximum(mean, 0.01), power=1.5)
    assert losses.mean() == pytest.approx(wanted, rel=1e-9, abs=1e-7)
    assert losses.mean() == pytest.approx(metrics.tweedie_deviance(spend, mean), rel=1e-9, abs=1e-7)


@given(spend=MONEY)
def test_the_tweedie_loss_is_least_at_what_was_spent(spend):
    own = tweedie_losses(spend, spend)
    assert (own <= tweedie_losses(spend, spend * 1.1 + 1) + 1e-9).all()
    assert (own <= tweedie_losses(spend, spend * 0.9) + 1e-9).all()


def test_money_paid_back_counts_as_nothing_spent():
    assert tweedie_losses(np.array([-5.0]), np.array([4.0])) == tweedie_losses(np.zeros(1), np.array([4.0]))


@given(spend=MONEY, low=MONEY, wide=MONEY)
def test_interval_scores_are_those_of_a_plain_loop(spend, low, wide):
    for row, found in enumerate(interval_scores(spend, low, low + wide)):
        y, p10, p90 = spend[row], low[row], (low + wide)[row]
        wanted = p90 - p10
        if y < p10:
            wanted += 2 / 0.2 * (p10 - y)
        if y > p90:
            wanted += 2 / 0.2 * (y - p90)
        assert found == pytest.approx(wanted)


@given(raw=st.floats(-800, 800))
def test_probabilities_of_log_odds_are_those_of_the_formula_without_overflow(raw):
    p = float(to_probability(np.array([raw]))[0])
    assert 0 <= p <= 1
    if abs(raw) < 30:
        assert p == pytest.approx(1 / (1 + np.exp(-raw)))
    assert to_probability(np.array([np.log(CLIP / (1 - CLIP))]))[0] == pytest.approx(CLIP)
