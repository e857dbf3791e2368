"""A fold holds what one cutoff knew: its buy-till-you-die model is of facts before it."""

from dataclasses import replace

import numpy as np
import pytest

from testkit.workspaces import find_folds, find_shop
from training.btyd import fit_btyd
from training.fitting import TIME_UNIT
from training.folds import build_fold, stack
from training.learning import fit_encoder
from training.models.columns import find_offset

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
    for fold in folds[::3]:
        alone = fit_btyd(training_set.at(fold.cutoff)[0], TIME_UNIT)
        assert fold.btyd.purchase_model == alone.purchase_model
        assert fold.btyd.gamma_gamma == alone.gamma_gamma


def test_rows_see_buying_rhythm_over_the_window(folds):
    sight = folds[0].see(fit_encoder(folds))
    assert (sight.days, sight.window_days) == (90, 90)
    np.testing.assert_array_equal(1 - sight.p_some, folds[0].frame.column("btyd.p_no_purchase"))
    assert sight.far is sight.frame is folds[0].frame


def test_rows_are_named_and_parted_by_segment(folds):
    fold = folds[-1]
    assert fold.customers.tolist() == fold.frame.index["customer_id"].tolist()
    parts = [fold.segment(name) for name in ("thin", "regular", "lapsed")]
    np.testing.assert_array_equal(sum(part.astype(int) for part in parts), 1)


def test_figures_are_of_those_in_play_and_of_everyone_where_nobody_is(folds):
    fold = folds[-1]
    np.testing.assert_array_equal(fold.judged, fold.in_play)
    nobody = replace(fold, in_play=np.zeros_like(fold.in_play))
    assert nobody.judged.all()


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
    other = replace(training_set, labels=labels)
    again = [build_fold(other, fold.cutoff, fold.btyd) for fold in folds[:3]]
    for before, after in zip(folds[:2], again[:2], strict=True):
        np.testing.assert_array_equal(after.churned, before.churned)
        np.testing.assert_array_equal(after.spend, before.spend)
        np.testing.assert_array_equal(find_offset(after.frame), find_offset(before.frame))
    assert not np.array_equal(again[2].churned, folds[2].churned)


def test_stacked_folds_are_their_rows_one_after_another(folds):
    encoder = fit_encoder(folds)
    together = stack(folds, encoder)
    begin = 0
    for fold in folds:
        rows = slice(begin, begin + len(fold.churned))
        begin = rows.stop
        np.testing.assert_array_equal(together.matrix[rows], encoder.encode(fold.frame))
        np.testing.assert_array_equal(together.expectation[rows], fold.see(encoder).expectation)
        for name in ("churned", "spend", "in_play"):
            np.testing.assert_array_equal(getattr(together, name)[rows], getattr(fold, name))
    assert begin == len(together.matrix)
