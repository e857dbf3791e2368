"""The report judges every family on the last cutoff, with nothing that was learned from it."""

from dataclasses import replace

import numpy as np
import pytest

from testkit.workspaces import find_folds
from training.families import Forecast, measure_churn
from training.learning import OutOfSample, Rounds, score_ahead
from training.models.trees import TreeSettings
from training.report import BTYD, TREES, Report, write_report

pytestmark = pytest.mark.xdist_group("shop")

SETTINGS = TreeSettings(leaf_rows=20)
SOME = Rounds(churn=8, value=5)


@pytest.fixture(scope="module")
def folds():
    return find_folds()


def report_of(folds, rounds, calibrates=True):
    return write_report(folds, score_ahead(folds, rounds, SETTINGS), rounds, calibrates)


@pytest.fixture(scope="module")
def report(folds):
    return report_of(folds, SOME)


def test_every_family_is_measured_on_those_in_play_and_on_everyone(report):
    names = {"naive_rate", "naive_constant", "naive_silence", BTYD, TREES}
    assert set(report.families) == set(report.everyone) == names
    assert report.served == TREES
    for figures in (*report.families.values(), *report.everyone.values()):
        assert {"auc", "brier", "log_loss", "lift_at_10", "ece", "base_rate"} <= set(figures["churn"])
    assert {"mae", "rmse", "gini", "spearman", "total_error", "coverage_80"} <= set(
        report.families[TREES]["clv"]
    )
    assert report.families["naive_silence"]["clv"] == {}


def test_the_headline_is_that_of_the_customers_in_play(report, folds):
    last = folds[-1]
    np.testing.assert_array_equal(report.churned, last.churned[last.in_play])
    own = measure_churn(report.churned, Forecast(report.probability, report.raw))
    assert own == report.families[TREES]["churn"]
    assert len(report.churned) < len(last.churned)


def test_what_happened_at_the_last_cutoff_changes_no_prediction_for_it(report, folds):
    last = replace(folds[-1], churned=1.0 - folds[-1].churned, spend=folds[-1].spend[::-1].copy())
    other = report_of((*folds[:-1], last), SOME)
    np.testing.assert_array_equal(other.probability, report.probability)
    np.testing.assert_array_equal(other.raw, report.raw)
    assert other.folds == report.folds
    assert other.families[TREES]["churn"] != report.families[TREES]["churn"]


def test_earlier_cutoffs_are_measured_one_by_one_with_the_gain_of_the_trees(report, folds):
    assert len(report.folds) == len(folds) - 2
    assert all("gain_over_btyd" in fold for fold in report.folds)


def test_each_reason_family_weighs_something_and_rhythm_is_one_of_them(report):
    assert "rhythm" in report.weights
    assert all(weight >= 0 for weight in report.weights.values())
    assert {"rfm", "support", "engagement"} <= set(report.weights)


def test_without_trees_buying_rhythm_is_what_serves(folds):
    report = report_of(folds, Rounds())
    assert report.served == BTYD
    assert set(report.families) == {"naive_rate", "naive_constant", "naive_silence", BTYD}
    assert report.weights["rhythm"] > 0
    assert all(fold["gain_over_btyd"] == 0 for fold in report.folds)


def test_shorter_windows_leave_probabilities_as_the_trees_say_them(folds):
    report = report_of(folds, SOME, calibrates=False)
    np.testing.assert_allclose(report.probability, 1 / (1 + np.exp(-report.raw)), atol=1e-6)


def test_a_single_cutoff_races_buying_rhythm_against_the_formula_alone(folds):
    report = report_of(folds[:1], Rounds())
    assert set(report.families) == {BTYD, "naive_rate"}
    assert report.folds == ()


def test_no_cutoff_gives_an_empty_report():
    report = write_report((), OutOfSample((), (), ()), Rounds(), True)
    assert report == Report(BTYD, churned=report.churned, probability=report.probability, raw=report.raw)
    assert report.churned.size == 0


def test_where_everyone_has_lapsed_everyone_is_judged(folds):
    nobody = [replace(fold, in_play=np.zeros_like(fold.in_play)) for fold in folds]
    report = report_of(nobody, SOME)
    assert report.families == report.everyone
