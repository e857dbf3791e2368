"""Standard errors by bootstrap over customers, against formulas and plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.randomness import generator
from training import metrics
from training.bootstrap import Bootstrap, Difference, compare

ALL = np.ones(400, dtype=bool)


def names(customers):
    return np.array([f"c{number}" for number in customers], dtype=object)


def invent(rows, seed=1):
    draw = generator(seed, "bootstrap tests")
    return draw.normal(5, 2, rows), (draw.random(rows) < 0.4).astype(np.float64)


def test_the_error_of_a_mean_is_close_to_the_analytic_one():
    values, _ = invent(4000)
    error = Bootstrap(names(range(4000))).error(values)
    # 200 replicates leave the error itself an error of a twentieth: 15 % is three of them.
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(4000), rel=0.15)


def test_a_customers_rows_move_together():
    values, _ = invent(500)
    single = Bootstrap(names(range(500))).error(values)
    # The same customers four times over tell no more than once.
    fourfold = Bootstrap(names(np.tile(np.arange(500), 4))).error(np.tile(values, 4))
    assert fourfold == pytest.approx(single, rel=1e-6)
    strangers = Bootstrap(names(range(2000))).error(np.tile(values, 4))
    assert strangers == pytest.approx(single / 2, rel=0.2)


def test_every_row_of_a_customer_is_drawn_as_often_as_the_others():
    customers = names(np.repeat(np.arange(30), 3))
    weights = Bootstrap(customers, replicates=20).weights
    for place in range(0, 90, 3):
        np.testing.assert_array_equal(weights[:, place], weights[:, place + 1])
        np.testing.assert_array_equal(weights[:, place], weights[:, place + 2])
    np.testing.assert_array_equal(weights[:, ::3].sum(axis=1), 30)


def test_means_are_those_of_rows_repeated_as_often_as_they_were_drawn():
    values, _ = invent(60)
    bootstrap = Bootstrap(names(range(60)), replicates=25)
    rows = np.arange(60) % 3 != 0
    for found, weights in zip(bootstrap.means(values, rows), bootstrap.weights, strict=True):
        drawn = np.repeat(values[rows], weights[rows].astype(int))
        assert found == pytest.approx(drawn.mean(), rel=1e-6)


def test_the_error_of_an_auc_is_that_of_a_loop_over_resamples():
    _, churned = invent(80)
    # Scores with many ties, of which some are right.
    score = np.round(generator(3, "scores").random(80) + 0.5 * churned, 1)
    bootstrap = Bootstrap(names(range(80)), replicates=30)
    rows = np.arange(80) % 4 != 0
    aucs = []
    for weights in bootstrap.weights:
        again = np.repeat(np.flatnonzero(rows), weights[rows].astype(int))
        aucs.append(metrics.auc(churned[again], score[again]))
    assert bootstrap.auc_error(churned, score, rows) == pytest.approx(np.std(aucs, ddof=1), rel=1e-9)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_an_auc_that_does_not_exist_has_no_error(label):
    bootstrap = Bootstrap(names(range(400)))
    assert np.isnan(bootstrap.auc_error(np.full(400, label), np.arange(400.0), ALL))


def test_equal_seeds_give_equal_answers_and_others_others():
    values, _ = invent(400)
    first, again, other = (Bootstrap(names(range(400)), seed).error(values) for seed in (1, 1, 2))
    assert first == again != other


def test_an_interval_surrounds_the_mean_by_two_errors():
    values, _ = invent(4000)
    bootstrap = Bootstrap(names(range(4000)))
    low, high = bootstrap.interval(values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * bootstrap.error(values), rel=0.2)


def test_without_rows_there_is_no_interval_and_with_one_replicate_no_error():
    values = np.arange(400.0)
    low, high = Bootstrap(names(range(400))).interval(values, ~ALL)
    assert np.isnan([low, high]).all()
    assert Bootstrap(names(range(400)), replicates=1).error(values) == 0.0


@given(gap=st.floats(-5, 5), spread=st.floats(0, 3))
def test_a_verdict_needs_more_than_one_standard_error(gap, spread):
    verdict = Difference(gap, spread).verdict
    wanted = "tie" if abs(gap) <= spread else ("better" if gap < 0 else "worse")
    assert verdict == wanted


def test_losses_are_compared_pair_by_pair():
    values, _ = invent(400)
    bootstrap = Bootstrap(names(range(400)))
    # Two losses that vary much and differ always by the same: paired, there is no error at all.
    found = compare(bootstrap, values, values + 0.01, ALL)
    assert found.mean == pytest.approx(-0.01)
    assert found.error == pytest.approx(0.0, abs=1e-6)
    assert found.verdict == "better"
    assert compare(bootstrap, values, values, ALL).verdict == "tie"


def test_only_the_rows_asked_for_are_compared():
    rows = np.arange(400) < 100
    own = np.where(rows, 1.0, 0.0)
    found = compare(Bootstrap(names(range(400))), own, np.zeros(400), rows)
    assert (found.mean, found.verdict) == (1.0, "worse")
