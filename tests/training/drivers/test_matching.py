"""Matches are of the same stratum, near, of other customers; and errors are those of other libraries."""

import numpy as np
import pytest

from contracts.randomness import generator
from training.drivers.matching import CALIPER, match
from training.drivers.regression import fit, solve_clustered
from training.drivers.robustness import find_robustness, robustness_value


def draw(n=400):
    random = generator(2001, "matching")
    past = np.column_stack([random.normal(size=(n, 6)), np.zeros(n)])
    return past, random.integers(0, 3, n), random.integers(0, n // 2, n), random.random(n) < 0.3


def test_weights_of_counterparts_add_up_to_their_moments_in_every_stratum():
    past, stratum, who, met = draw()
    weights = match(past, stratum, who, met).weights
    for each in range(3):
        rows = stratum == each
        assert weights[rows & met].sum() == pytest.approx(weights[rows & ~met].sum())
    assert set(weights[met]) <= {0.0, 1.0}


def test_a_moment_without_a_near_counterpart_of_another_customer_is_left_out():
    past = np.zeros((4, 7))
    past[:, 0] = [0.0, 0.0, 30.0, 0.1]
    met = np.array([True, False, True, False])
    matches = match(past, np.zeros(4, dtype=np.int64), np.array([0, 0, 1, 2]), met)
    assert CALIPER <= 1.0
    assert matches.weights.tolist() == [1.0, 0.0, 0.0, 1.0]


def test_matching_takes_the_difference_between_the_arms_away():
    random = generator(2002, "imbalance")
    past = np.column_stack([random.normal(size=(2000, 6)), np.zeros(2000)])
    met = random.random(2000) < 1 / (1 + np.exp(1.5 - past[:, 0]))
    matches = match(past, np.zeros(2000, dtype=np.int64), np.arange(2000), met)
    assert matches.imbalance_before > 0.5
    assert matches.imbalance < 0.2


def test_permuting_customers_names_changes_no_coefficient():
    random = generator(2003, "rows")
    columns = np.column_stack([np.ones(300), random.normal(size=(300, 2))])
    outcome = columns @ [1.0, 2.0, -1.0] + random.normal(size=300)
    who, weights = random.integers(0, 80, 300), random.random(300) + 0.5
    one = solve_clustered(columns, outcome, weights, who)
    other = solve_clustered(columns, outcome, weights, 1000 - who)
    np.testing.assert_allclose(one[0], other[0])
    np.testing.assert_allclose(one[1], other[1])


def test_drawing_customers_gives_the_error_that_sums_by_customer_give():
    random = generator(2004, "errors")
    who = np.repeat(np.arange(200), 4)
    effect = np.repeat(random.normal(size=200), 4)
    columns = np.column_stack([np.ones(800), np.repeat(random.normal(size=200), 4)])
    outcome = columns @ [1.0, 0.5] + effect + random.normal(size=800)
    drawn = fit(columns, outcome[:, None], np.ones(800), who, seed=3).contrast(np.array([0.0, 1.0]))
    coefficients, covariance = solve_clustered(columns, outcome, np.ones(800), who)
    assert drawn.value == pytest.approx(coefficients[1])
    assert drawn.error == pytest.approx(np.sqrt(covariance[1, 1]), rel=0.15)


def test_the_robustness_value_of_the_paper_on_darfur_is_found_again():
    # Cinelli and Hazlett (2020), table 1: t 4.18 on 783 degrees of freedom; RV 13.9 %, at 5 % 7.6 %.
    assert robustness_value(4.18, 783) == pytest.approx(0.139, abs=5e-4)
    assert robustness_value(4.18, 783, 1.963) == pytest.approx(0.076, abs=5e-4)


def test_a_confounder_as_strong_as_the_robustness_value_erases_the_estimate():
    random = generator(2005, "confounder")
    used = random.normal(size=5000)
    spend = 0.3 * used + random.normal(size=5000)
    columns = np.column_stack([used, np.ones(5000)])
    value, at_interval = find_robustness(columns, spend, np.ones(5000))
    assert 0 < at_interval < value < 1
    f = abs(np.corrcoef(used, spend)[0, 1])
    f /= np.sqrt(1 - f**2)
    assert value == pytest.approx((np.sqrt(f**4 + 4 * f**2) - f**2) / 2, abs=1e-3)
