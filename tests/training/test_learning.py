"""Each cutoff is scored by what earlier ones taught; the last one chooses nothing."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.settings import Settings
from testkit.workspaces import find_folds
from training.learning import (
    OutOfSample,
    Rounds,
    choose_rounds,
    find_tree_settings,
    fit_encoder,
    learn,
    score_ahead,
)
from training.models.calibrator import Calibrator
from training.models.intervals import Intervals
from training.models.trees import TreeSettings

pytestmark = pytest.mark.xdist_group("shop")

TREES = TreeSettings(leaf_rows=20)
SOME = Rounds(churn=8, value=5)


@pytest.fixture(scope="module")
def folds():
    return find_folds()


@pytest.fixture(scope="module")
def ahead(folds):
    return score_ahead(folds, SOME, TREES)


def turned(fold):
    """Return the fold with the opposite of what happened."""
    return replace(fold, churned=1.0 - fold.churned, spend=np.where(fold.spend > 0, 0.0, 50.0))


def test_the_settings_of_the_workspace_grow_its_trees():
    settings = Settings(training={"seed": 5, "threads": 2})
    trees = find_tree_settings(settings)
    assert (trees.seed, trees.num_threads) == (5, 2)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_folds_choose_no_trees(folds, count):
    assert choose_rounds(folds[:count], TREES) == Rounds(0, 0)


def test_the_last_cutoff_has_no_say_in_the_number_of_trees(folds):
    chosen = choose_rounds(folds, TREES)
    assert chosen == choose_rounds((*folds[:-1], turned(folds[-1])), TREES)
    assert chosen.churn > 0


def test_each_fold_is_scored_by_a_model_of_the_folds_before_it(folds, ahead):
    assert ahead.folds == folds[1:]
    for place, raw in enumerate(ahead.raws, start=1):
        np.testing.assert_array_equal(raw, learn(folds[:place], SOME, TREES).raw(folds[place]))


@pytest.mark.parametrize("place", [1, 2, 3])
def test_what_happened_at_a_cutoff_changes_no_score_at_it_or_before_it(folds, ahead, place):
    other = [*folds[:place], *(turned(fold) for fold in folds[place:])]
    raws = score_ahead(other, SOME, TREES).raws
    for earlier in range(place):
        np.testing.assert_array_equal(raws[earlier], ahead.raws[earlier])
    assert all(not np.array_equal(raws[later], ahead.raws[later]) for later in range(place, 3))


def test_without_trees_every_fold_is_scored_and_the_score_is_its_offset(folds):
    bare = score_ahead(folds, Rounds(), TREES)
    assert bare.folds == folds
    for fold, raw in zip(folds, bare.raws, strict=True):
        np.testing.assert_allclose(raw, fold.offset, atol=1e-12)


def test_a_single_fold_is_scored_by_its_own_buying_rhythm(folds):
    alone = score_ahead(folds[:1], Rounds(), TREES)
    np.testing.assert_allclose(alone.raws[0], folds[0].offset, atol=1e-12)


def test_the_calibrator_is_that_of_the_pooled_scores(ahead):
    raw = np.concatenate(ahead.raws)
    churned = np.concatenate([fold.churned for fold in ahead.folds])
    assert ahead.calibrator() == Calibrator.fit(raw, churned)
    assert ahead.earlier.folds == ahead.folds[:-1]


def test_calibrator_and_ranges_before_the_last_cutoff_do_not_see_it(folds, ahead):
    other = score_ahead((*folds[:-1], turned(folds[-1])), SOME, TREES)
    calibrator = ahead.earlier.calibrator()
    assert other.earlier.calibrator() == calibrator
    assert other.earlier.intervals(calibrator) == ahead.earlier.intervals(calibrator)
    assert other.calibrator() != ahead.calibrator()


def test_without_folds_nothing_is_calibrated_and_no_range_is_proven():
    nothing = OutOfSample((), (), ())
    assert nothing.calibrator() == Calibrator.identity()
    assert nothing.intervals(Calibrator.identity()) == Intervals()


def test_ranges_of_pooled_scores_are_proven(ahead):
    intervals = ahead.intervals(ahead.calibrator())
    assert intervals.proven
    assert 0 < intervals.low <= 0.1 < intervals.high < 1


def test_an_encoder_knows_the_categories_of_all_its_folds(folds):
    encoder = fit_encoder(folds)
    for name in encoder.categorical:
        seen = set().union(*(set(fold.frame.values[name].dropna()) for fold in folds))
        assert set(encoder.vocabularies[name]) == seen
    assert encoder.names == folds[0].frame.features.names


def test_equal_folds_and_seeds_grow_equal_trees(folds):
    first, again = learn(folds, SOME, TREES), learn(folds, SOME, TREES)
    assert first.churn.to_text() == again.churn.to_text()
    assert first.value.to_text() == again.value.to_text()
    assert (first.churn.rounds_, first.value.rounds_) == (8, 5)


def test_the_money_of_a_fold_obeys_the_joint_law(folds, ahead):
    model, fold = ahead.models[-1], ahead.folds[-1]
    p = ahead.calibrator().predict(ahead.raws[-1])[0]
    joint = model.joint(fold, p, Intervals())
    assert (joint.expected_purchases >= 1 - p - 1e-9).all()
    assert (joint.p10 <= joint.p50).all()
    assert (joint.p50 <= joint.p90).all()
    np.testing.assert_allclose(joint.p_no_spend, p, atol=1e-9)
