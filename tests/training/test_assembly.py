"""The final model is refitted on every cutoff and compares a customer with those in play now."""

import numpy as np
import pytest

from contracts.settings import Settings
from testkit.workspaces import find_folds, find_shop
from training.assembly import assemble
from training.learning import OutOfSample, Rounds, find_tree_settings, learn, score_ahead
from training.models.calibrator import Calibrator
from training.models.explain import sum_families
from training.models.intervals import Intervals

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture(scope="module")
def training():
    return find_shop().training


def in_play(training):
    present = training.training_set.present
    return present.rows((present.index["segment"] != "lapsed").to_numpy())


def assembled(training, settings=None):
    """Return the model of a run without cutoffs."""
    nothing = OutOfSample((), (), ())
    return assemble(training.training_set, (), nothing, Rounds(), training.btyd, settings or Settings())


def test_the_trees_are_those_of_all_folds_together(training):
    expected = learn(find_folds(), training.rounds, find_tree_settings(Settings()))
    assert training.model.churn.to_text() == expected.churn.to_text()
    assert training.model.encoder == expected.encoder


def test_the_calibrator_and_the_ranges_are_of_scores_ahead_of_their_models(training):
    ahead = score_ahead(find_folds(), training.rounds, find_tree_settings(Settings()))
    assert training.model.calibrator == ahead.calibrator()
    assert training.model.intervals == ahead.intervals(ahead.calibrator())


def test_buying_rhythm_is_that_of_the_present(training):
    assert training.model.beta_geo == training.btyd.beta_geo
    assert training.model.gamma_gamma == training.btyd.gamma_gamma
    assert training.model.features == training.training_set.present.features


def test_the_reference_holds_the_aggregates_of_those_in_play(training):
    reference = training.model.reference
    prediction = training.model.predict(in_play(training))
    assert reference.offset_mean == pytest.approx(prediction.offset.mean(), abs=1e-8)
    trees = prediction.contributions.sum(axis=1) + prediction.base
    assert reference.tree_mean == pytest.approx(trees.mean(), abs=1e-8)
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
    sums = sum_families(prediction.contributions, prediction.offset, offset_mean, prediction.frame.features)
    total = sums.sums.sum(axis=1) + prediction.base + offset_mean
    np.testing.assert_allclose(total, prediction.raw, atol=1e-9)


def test_without_folds_the_model_is_buying_rhythm_with_ranges_unproven(training):
    model = assembled(training)
    assert (model.churn.rounds_, model.value.rounds_) == (0, 0)
    assert model.calibrator == Calibrator.identity()
    assert model.intervals == Intervals()
    prediction = model.predict(training.training_set.present)
    np.testing.assert_allclose(prediction.raw, prediction.offset, atol=1e-12)
    np.testing.assert_allclose(prediction.churn_probability, prediction.btyd_probability, atol=2e-6)


def test_a_model_promises_the_horizons_of_its_plan_and_settings(training):
    terms = training.model.terms
    assert (terms.horizon_days, terms.clv_horizon_days, terms.window_days) == (90, 365, 90)
    assert (terms.currency, terms.clv_basis, terms.is_shorter) == ("EUR", "revenue", False)
