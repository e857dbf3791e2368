"""A fold holds what one cutoff knew: its buy-till-you-die model is of facts before it."""

from dataclasses import replace

import numpy as np
import pytest

from testkit.workspaces import find_folds, find_shop
from training.btyd import fit_btyd
from training.folds import build_folds, stack
from training.learning import fit_encoder
from training.train import TIME_UNIT

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture(scope="module")
def folds():
    return find_folds()


@pytest.fixture(scope="module")
def training_set():
    return find_shop().training.training_set


def test_there_is_one_fold_per_cutoff_in_time_order(folds, training_set):
    assert tuple(fold.cutoff for fold in folds) == training_set.plan.cutoffs
    assert {fold.window_days for fold in folds} == {training_set.plan.window_days}


def test_the_parameters_of_a_fold_are_those_of_its_own_customers_alone(folds, training_set):
    for fold in folds:
        assert fold.btyd == fit_btyd(training_set.at(fold.cutoff)[0], TIME_UNIT)


def test_the_offset_is_the_log_odds_of_no_purchase_in_the_window(folds):
    for fold in folds:
        p = fold.frame.column("btyd.p_no_purchase").to_numpy()
        np.testing.assert_allclose(1 / (1 + np.exp(-fold.offset)), p, atol=1e-9)


def test_the_expectation_agrees_with_a_loop_over_the_customers(folds):
    fold, weeks = folds[-1], folds[-1].window_days / 7
    beta_geo, gamma_gamma, history = fold.btyd.beta_geo, fold.btyd.gamma_gamma, fold.history
    for row in range(0, len(fold.churned), 17):
        x, t_x, T, m = (
            column[row : row + 1]
            for column in (history.frequency, history.recency, history.age, history.monetary_value)
        )
        some = 1 - float(beta_geo.p_no_purchase(weeks, x, t_x, T)[0])
        given_some = max(float(beta_geo.expected_purchases(weeks, x, t_x, T)[0]) / some, 1.0)
        expected = given_some * float(gamma_gamma.expected_spend(x, m)[0])
        assert fold.expectation[row] == pytest.approx(expected, rel=1e-9)


def test_who_has_lapsed_is_not_in_play(folds):
    for fold in folds:
        lapsed = (fold.frame.index["segment"] == "lapsed").to_numpy()
        np.testing.assert_array_equal(fold.in_play, ~lapsed)


def test_the_joint_law_of_a_fold_has_both_horizons_at_its_window(folds):
    joint = folds[0].joint()
    assert joint.horizon == joint.clv_horizon == folds[0].window_days / 7


def test_labels_of_later_cutoffs_reach_no_earlier_fold(folds, training_set):
    later = (training_set.past.index["as_of"] >= training_set.plan.cutoffs[2]).to_numpy()
    labels = training_set.labels.copy()
    labels.loc[later, "churned"] = 1.0 - labels.loc[later, "churned"]
    labels.loc[later, "spend"] = 7.0
    again = build_folds(replace(training_set, labels=labels), TIME_UNIT)
    for before, after in zip(folds[:2], again[:2], strict=True):
        np.testing.assert_array_equal(after.churned, before.churned)
        np.testing.assert_array_equal(after.spend, before.spend)
        np.testing.assert_array_equal(after.offset, before.offset)
    assert not np.array_equal(again[2].churned, folds[2].churned)


def test_stacked_folds_are_their_rows_one_after_another(folds):
    encoder = fit_encoder(folds)
    together = stack(folds, encoder)
    begin = 0
    for fold in folds:
        rows = slice(begin, begin + len(fold.churned))
        begin = rows.stop
        np.testing.assert_array_equal(together.matrix[rows], encoder.encode(fold.frame))
        for name in ("offset", "churned", "expectation", "spend"):
            np.testing.assert_array_equal(getattr(together, name)[rows], getattr(fold, name))
    assert begin == len(together.matrix)
