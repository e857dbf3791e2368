"""The final model is refitted on every cutoff and compares a customer with those in play now."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.scores import SEGMENTS
from contracts.settings import Settings
from contracts.time import to_text
from testkit.workspaces import find_shop
from training.assembly import assemble
from training.fitting import judge_race
from training.lanes import Lane
from training.learning import OutOfSample, School, find_tree_settings
from training.models.calibrator import Calibrator
from training.models.explain import sum_families
from training.models.intervals import Intervals
from training.race import Race, replace_served, serve

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture(scope="module")
def training():
    return find_shop().training


def in_play(training):
    present = training.training_set.present
    return present.rows((present.index["segment"] != "lapsed").to_numpy())


def assembled(training, settings=None, **changes):
    """Return the model of a run without cutoffs."""
    nothing = OutOfSample((), (), (), ())
    lane = Lane(training.race.lane.present, ())
    training_set = replace(training.training_set, **changes)
    return assemble(training_set, Race(lane, serve(lane)), nothing, settings or Settings())


def test_the_trees_are_those_of_all_folds_together(training):
    school = School.of(training.race.lane.folds, find_tree_settings(Settings()), False)
    expected = school.teach(training.race.choice)
    for family, member in training.model.churn.members.items():
        assert member.trees.to_text() == expected.churn.members[family].trees.to_text()
    for family, member in training.model.value.members.items():
        assert member.trees.to_text() == expected.value.members[family].trees.to_text()
    assert training.model.encoder == expected.encoder
    assert dict(training.model.churn.served) == dict(training.race.choice.churn)


def test_the_calibrator_and_the_ranges_are_of_scores_ahead_of_their_models(training):
    assert training.model.calibrator == training.ahead.calibrator()
    assert training.model.intervals == training.ahead.intervals(training.ahead.calibrator())
    assert training.model.intervals.proven


def test_ranges_that_the_last_cutoff_refuted_are_unproven(training):
    given = (training.training_set, training.race, training.ahead, Settings())
    refuted = assemble(*given, refuted=True)
    assert refuted.intervals == replace(training.model.intervals, proven=False)


def test_a_history_under_a_year_widens_the_ranges(training):
    assert assembled(training, history_days=200.0).intervals == Intervals().widened()
    assert assembled(training, history_days=400.0).intervals == Intervals()


def test_a_simple_rule_that_did_better_is_what_serves(training):
    race = replace_served(training.race, "naive_silence", "naive_rate")
    found = judge_race(training.training_set, training.lanes, race, Settings())
    assert set(found.model.churn.members) == {"naive_silence"}
    assert set(found.model.value.members) == {"naive_rate"}
    assert found.served == {
        "churn": dict.fromkeys(SEGMENTS, "naive_silence"),
        "clv": dict.fromkeys(SEGMENTS, "naive_rate"),
    }
    rule = found.model.churn.members["naive_silence"].rule
    prediction = found.model.predict(training.training_set.present)
    assert len(np.unique(prediction.raw)) == 2
    silent = training.training_set.present.column("rfm.days_since_last_order") > rule.silent_days
    assert prediction.raw[silent].min() > prediction.raw[~silent].max()


def test_customers_older_than_the_log_are_told_from_the_training_set(training):
    assert training.model.reference.complete_from is None
    begins = find_shop().company.parameters.begins_at
    assert assembled(training, complete_from=begins).reference.complete_from == to_text(begins)


def test_buying_rhythm_is_that_of_the_present(training):
    assert training.model.purchase_model == training.btyd.purchase_model
    assert training.model.gamma_gamma == training.btyd.gamma_gamma
    assert training.model.features == training.training_set.present.features


def test_the_reference_holds_the_aggregates_of_those_in_play(training):
    reference = training.model.reference
    prediction = training.model.predict(in_play(training))
    assert reference.offset_mean == pytest.approx(prediction.scores.offset.mean(), abs=1e-8)
    np.testing.assert_allclose(
        reference.raw_grid, np.quantile(prediction.raw, np.linspace(0, 1, 1001)), atol=1e-8
    )
    assert reference.history_days == training.training_set.history_days
    assert not reference.season_unseen


def test_the_percentiles_of_those_in_play_are_spread_evenly(training):
    raw = np.sort(training.model.predict(in_play(training)).raw)
    percentile = training.model.reference.percentile(raw)
    assert (np.diff(percentile) >= 0).all()
    np.testing.assert_allclose(percentile[[0, -1]], [0, 1], atol=1e-9)
    assert abs(percentile.mean() - 0.5) < 0.02


def test_the_bands_begin_at_the_upper_half_and_fifth_but_never_above_one_and_two_thirds(training):
    p = training.model.predict(in_play(training)).churn_probability
    bands = training.model.reference.bands
    assert bands.owner == "training"
    assert bands.medium == round(min(float(np.quantile(p, 0.5)), 1 / 3), 2)
    assert bands.high == round(min(float(np.quantile(p, 0.8)), 2 / 3), 2)


def test_bands_of_the_settings_are_taken_as_they_are(training):
    settings = Settings(bands={"medium": 0.333, "high": 0.666, "owner": "sales"})
    bands = assembled(training, settings=settings).reference.bands
    assert (bands.medium, bands.high, bands.owner) == (0.333, 0.666, "sales")


def test_the_reasons_of_a_customer_add_up_to_the_score(training):
    prediction = training.model.predict(training.training_set.present)
    offset_mean = training.model.reference.offset_mean
    scores = prediction.scores
    sums = sum_families(scores.contributions, scores.offset, offset_mean, prediction.frame.features)
    total = sums.sums.sum(axis=1) + scores.base + offset_mean
    np.testing.assert_allclose(total, prediction.raw, atol=1e-9)


def test_without_folds_the_model_is_buying_rhythm_with_ranges_unproven(training):
    model = assembled(training)
    family = training.race.lane.family
    assert set(model.churn.members) == set(model.value.members) == {family}
    assert model.churn.members[family].trees.rounds_ == model.value.members[family].trees.rounds_ == 0
    assert model.calibrator == Calibrator.identity()
    assert model.intervals == Intervals()
    prediction = model.predict(training.training_set.present)
    np.testing.assert_allclose(prediction.raw, prediction.scores.offset, atol=1e-12)
    np.testing.assert_allclose(prediction.churn_probability, prediction.btyd_probability, atol=2e-6)


def test_a_model_promises_the_horizons_of_its_plan_and_settings(training):
    terms = training.model.terms
    assert (terms.horizon_days, terms.clv_horizon_days, terms.window_days) == (90, 365, 90)
    assert (terms.currency, terms.clv_basis, terms.is_shorter) == ("EUR", "revenue", False)
