"""Each cutoff is scored by what earlier ones taught; members of every family are taught alike."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.scores import SEGMENTS
from contracts.settings import Settings
from testkit.invented_folds import WINDOW, invent_lane
from testkit.workspaces import find_folds
from training.learning import (
    Choice,
    OutOfSample,
    School,
    find_rule,
    find_tree_settings,
    fit_encoder,
    score_ahead,
)
from training.losses import to_probability
from training.models.calibrator import Calibrator
from training.models.columns import find_offset
from training.models.intervals import Intervals
from training.models.trees import TreeSettings

TREES = TreeSettings(leaf_rows=20)
ROUNDS = {"lgbm_btyd": 8, "lgbm": 8}


def choose(churn, value=None):
    """Return the choice of one family for churn and one for money, of eight trees where it has any."""
    families = [dict.fromkeys(SEGMENTS, name) for name in (churn, value or churn)]
    return Choice(*families, ROUNDS, ROUNDS)


GROWN, BARE = choose("lgbm_btyd"), choose("bgnbd_gg")


@pytest.fixture(scope="module")
def folds():
    return invent_lane(effect=lambda frame: 1.2 * frame.column("support.tickets") - 1.2).folds


@pytest.fixture(scope="module")
def ahead(folds):
    return score_ahead(folds, GROWN, TREES)


def turned(fold):
    """Return the fold with the opposite of what happened."""
    return replace(fold, churned=1.0 - fold.churned, spend=np.where(fold.spend > 0, 0.0, 50.0))


def test_the_settings_of_the_workspace_grow_its_trees():
    settings = Settings(training={"seed": 5, "threads": 2})
    trees = find_tree_settings(settings)
    assert (trees.seed, trees.num_threads) == (5, 2)


@pytest.mark.parametrize(
    ("churn", "value", "bare"),
    [
        ("bgnbd_gg", "bgnbd_gg", True),
        ("pnbd_gg", "naive_rate", True),
        ("lgbm_btyd", "bgnbd_gg", False),
        ("bgnbd_gg", "lgbm", False),
        ("naive_silence", "bgnbd_gg", False),
        ("bgnbd_gg", "naive_constant", False),
    ],
)
def test_a_choice_is_bare_where_no_label_teaches_it_anything(churn, value, bare):
    assert choose(churn, value).is_bare is bare


def test_each_fold_is_scored_by_a_model_of_the_folds_before_it(folds, ahead):
    assert ahead.folds == folds[1:]
    for place, (raw, scale) in enumerate(zip(ahead.raws, ahead.scales, strict=True), start=1):
        model = School.of(folds[:place], TREES, False).teach(GROWN)
        np.testing.assert_array_equal(raw, model.raw(folds[place]))
        np.testing.assert_array_equal(scale, model.scale(folds[place]))


@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("family", ["lgbm_btyd", "naive_silence"])
def test_what_happened_at_a_cutoff_changes_no_score_at_it_or_before_it(folds, family, place):
    choice = choose(family, "lgbm_btyd")
    raws = score_ahead(folds, choice, TREES).raws
    other = score_ahead([*folds[:place], *map(turned, folds[place:])], choice, TREES).raws
    for earlier in range(place):
        np.testing.assert_array_equal(other[earlier], raws[earlier])
    assert all(not np.array_equal(other[later], raws[later]) for later in range(place, 3))


def test_without_trees_every_fold_is_scored_and_the_score_is_its_offset(folds):
    bare = score_ahead(folds, BARE, TREES)
    assert bare.folds == folds
    for fold, raw, scale in zip(folds, bare.raws, bare.scales, strict=True):
        np.testing.assert_allclose(raw, find_offset(fold.frame), atol=1e-12)
        np.testing.assert_array_equal(scale, 1.0)


@pytest.mark.parametrize("family", ["bgnbd_gg", "naive_rate"])
def test_a_single_fold_is_scored_where_its_labels_are_not_needed(folds, family):
    alone = score_ahead(folds[:1], choose(family), TREES)
    wanted = find_rule(family, folds[0]) if family == "naive_rate" else None
    own = find_offset(folds[0].frame) if wanted is None else wanted.log_odds(folds[0].frame, WINDOW)
    np.testing.assert_allclose(alone.raws[0], own, atol=1e-12)
    np.testing.assert_array_equal(
        score_ahead([turned(folds[0])], choose(family), TREES).raws[0], alone.raws[0]
    )
    assert score_ahead(folds[:1], choose("naive_constant"), TREES).folds == ()


def test_a_naive_rule_has_the_numbers_of_the_last_fold_before(folds):
    ahead = score_ahead(folds, choose("naive_constant"), TREES)
    for place, raw in enumerate(ahead.raws):
        np.testing.assert_allclose(to_probability(raw), folds[place].churned.mean(), rtol=1e-9)


def test_the_calibrator_is_that_of_the_pooled_scores(ahead):
    raw = np.concatenate(ahead.raws)
    churned = np.concatenate([fold.churned for fold in ahead.folds])
    assert ahead.calibrator() == Calibrator.fit(raw, churned)
    assert ahead.earlier.folds == ahead.folds[:-1]
    assert len(ahead.earlier.models) == len(ahead.earlier.raws) == len(ahead.earlier.scales) == 2


def test_calibrator_and_ranges_before_the_last_cutoff_do_not_see_it(folds, ahead):
    other = score_ahead((*folds[:-1], turned(folds[-1])), GROWN, TREES)
    calibrator = ahead.earlier.calibrator()
    assert other.earlier.calibrator() == calibrator
    assert other.earlier.intervals(calibrator) == ahead.earlier.intervals(calibrator)
    assert other.calibrator() != ahead.calibrator()


def test_without_folds_nothing_is_calibrated_and_no_range_is_proven():
    nothing = OutOfSample((), (), (), ())
    assert nothing.calibrator() == Calibrator.identity()
    assert nothing.intervals(Calibrator.identity()) == Intervals()
    assert nothing.level_errors(Calibrator.identity()) == ()


def test_ranges_of_pooled_scores_are_proven(ahead):
    intervals = ahead.intervals(ahead.calibrator())
    assert intervals.proven
    assert 0 < intervals.low <= 0.1 < intervals.high < 1


def test_the_level_error_is_the_logarithm_of_real_over_expected_money(ahead):
    calibrator = ahead.calibrator()
    errors = ahead.level_errors(calibrator)
    for place, (fold, raw, model) in enumerate(zip(ahead.folds, ahead.raws, ahead.models, strict=True)):
        joint = fold.joint().predict(fold.history, calibrator.predict(raw)[0], model.scale(fold))
        assert errors[place] == pytest.approx(np.log(fold.spend.sum() / joint.clv_mean.sum()))


def test_a_cutoff_without_any_spend_has_no_level_error(ahead):
    folds = (replace(ahead.folds[0], spend=np.zeros(len(ahead.folds[0]))), *ahead.folds[1:])
    assert len(replace(ahead, folds=folds).level_errors(Calibrator.identity())) == 2


@pytest.mark.xdist_group("shop")
def test_an_encoder_knows_the_categories_of_all_its_folds():
    folds = find_folds()
    encoder = fit_encoder(folds)
    for name in encoder.categorical:
        seen = set().union(*(set(fold.frame.values[name].dropna()) for fold in folds))
        assert set(encoder.vocabularies[name]) == seen
    assert encoder.names == folds[0].frame.features.names


def test_equal_folds_and_seeds_grow_equal_trees(folds):
    first, again = (School.of(folds, TREES, False).teach(GROWN) for _ in range(2))
    for one, other in ((first.churn, again.churn), (first.value, again.value)):
        member, twin = one.members["lgbm_btyd"], other.members["lgbm_btyd"]
        assert member.trees.to_text() == twin.trees.to_text()
        assert member.trees.rounds_ == 8


def test_trees_grow_as_long_as_a_later_fold_gains_or_as_they_are_told(folds):
    school = School.of(folds[:2], TREES, False)
    judged = school.teach_churn("lgbm_btyd", judge=folds[2])
    assert judged.trees.rounds_ > 8
    again = school.teach_churn("lgbm_btyd", judged.trees.rounds_)
    assert again.trees.to_text().count("Tree=") == judged.trees.to_text().count("Tree=")
    assert school.teach_churn("lgbm_btyd").trees.rounds_ == 0
    assert school.teach_value("lgbm").trees.rounds_ == 0


def test_trees_without_btyd_start_from_the_rate_and_from_the_mean_spend_of_buyers(folds):
    school = School.of(folds, TREES, False)
    churned = np.concatenate([fold.churned for fold in folds])
    spend = np.concatenate([fold.spend for fold in folds])
    assert school.teach_churn("lgbm").rule.rates == (pytest.approx(churned.mean()),) * 2
    assert school.teach_value("lgbm").level == pytest.approx(spend[spend > 0].mean())
    assert school.teach_value("naive_constant").level == pytest.approx(folds[-1].spend.mean())


def test_centred_trees_add_nothing_on_average_over_those_in_play(folds):
    learned = School.of(folds[:2], TREES, True).teach(GROWN)
    fold = folds[2]
    trees = learned.raw(fold) - find_offset(fold.frame)
    assert trees[fold.in_play].mean() == pytest.approx(0.0, abs=1e-8)
    free = School.of(folds[:2], TREES, False).teach(GROWN).raw(fold) - find_offset(fold.frame)
    assert abs(free[fold.in_play].mean()) > 1e-4
    assert np.log(learned.scale(fold))[fold.in_play].mean() == pytest.approx(0.0, abs=1e-6)


def test_the_money_of_a_fold_obeys_the_joint_law(ahead):
    model, fold = ahead.models[-1], ahead.folds[-1]
    p = ahead.calibrator().predict(ahead.raws[-1])[0]
    joint = fold.joint().predict(fold.history, p, model.scale(fold))
    assert (joint.expected_purchases >= 1 - p - 1e-9).all()
    assert (joint.p10 <= joint.p50).all()
    assert (joint.p50 <= joint.p90).all()
    np.testing.assert_allclose(joint.p_no_spend, p, atol=1e-9)
