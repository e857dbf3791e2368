"""The report judges every family on the last cutoff, with nothing that was learned from it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from contracts.scores import SEGMENTS
from testkit.invented_folds import invent_lane
from training.forecasts import SERVED, forecast_naive
from training.learning import OutOfSample, School, score_ahead
from training.losses import log_losses, tweedie_losses
from training.measures import measure_churn
from training.models.trees import TreeSettings
from training.race import Choice, Race, serve
from training.report import Report, write_report

SETTINGS = TreeSettings(leaf_rows=20)
NAIVE = {"naive_zero", "naive_constant", "naive_silence", "naive_rate"}
ROUNDS = {"bgnbd_gg": 0, "lgbm_btyd": 8, "lgbm": 8}
GROWN = dict.fromkeys(SEGMENTS, "lgbm_btyd")
CHOICE = Choice(GROWN, GROWN | {"thin": "lgbm"}, ROUNDS, ROUNDS)


@pytest.fixture(scope="module")
def lanes():
    def effect(frame):
        return 1.2 * frame.column("support.tickets") - 1.2

    return tuple(invent_lane(family, rows=250, effect=effect) for family in ("bgnbd_gg", "pnbd_gg"))


def report_of(lanes, choice=CHOICE, centred=False):
    folds = lanes[0].folds
    ahead = score_ahead(folds, choice, SETTINGS, centred)
    return write_report(lanes, Race(lanes[0], choice), ahead, SETTINGS, centred=centred, seed=0)


@pytest.fixture(scope="module")
def report(lanes):
    return report_of(lanes)


def replaced(lane, **changes):
    """Return the lane with its last fold changed."""
    return replace(lane, folds=(*lane.folds[:-1], replace(lane.folds[-1], **changes)))


def test_every_family_is_measured_on_those_in_play_and_on_everyone(report):
    names = NAIVE | {"bgnbd_gg", "pnbd_gg", "lgbm", "lgbm_btyd", SERVED}
    assert set(report.families) == set(report.everyone) == names
    for figures in (*report.families.values(), *report.everyone.values()):
        assert {"auc", "brier", "log_loss", "lift_at_10", "empc", "base_rate"} <= set(figures["churn"])
    assert {"mae", "rmse", "gini", "crps", "total_error", "coverage_80"} <= set(
        report.families[SERVED]["clv"]
    )
    assert report.families["naive_silence"]["clv"] == {}


def test_the_headline_figures_are_those_of_the_customers_in_play(report, lanes):
    last = lanes[0].folds[-1]
    np.testing.assert_array_equal(report.churned, last.churned[last.in_play])
    own = measure_churn(report.churned, report.probability, report.raw)
    served = report.families[SERVED]["churn"]
    assert own == {name: value for name, value in served.items() if name in own}
    assert len(report.churned) < len(last.churned) == len(report.losses)
    assert report.losses[last.in_play].mean() == pytest.approx(served["log_loss"], abs=1e-8)


def test_what_happened_at_the_last_cutoff_changes_no_prediction_for_it(report, lanes):
    turned = [
        replaced(lane, churned=1.0 - lane.folds[-1].churned, spend=lane.folds[-1].spend[::-1].copy())
        for lane in lanes
    ]
    other = report_of(turned)
    np.testing.assert_array_equal(other.probability, report.probability)
    np.testing.assert_array_equal(other.raw, report.raw)
    assert other.folds == report.folds
    assert other.details["cutoffs"][:-1] == report.details["cutoffs"][:-1]
    assert other.families[SERVED]["churn"] != report.families[SERVED]["churn"]


def test_differences_are_paired_and_of_every_family_that_says_something(report, lanes):
    last = lanes[0].folds[-1]
    found = {(each["metric"], each["family"]): each for each in report.differences}
    others = set(report.families) - {SERVED}
    assert {family for metric, family in found if metric == "log_loss"} == others
    assert {family for metric, family in found if metric == "tweedie_deviance"} == others - {"naive_silence"}
    naive = forecast_naive(lanes[0].folds[-2], last)
    rate = naive["naive_rate"]
    gap = report.losses - log_losses(last.churned, rate.churn_probability)
    each = found["log_loss", "naive_rate"]
    assert each["difference"] == pytest.approx(gap[last.in_play].mean(), abs=1e-8)
    assert each["se"] == pytest.approx(gap[last.in_play].std() / np.sqrt(last.in_play.sum()), rel=0.25)
    assert each["verdict"] == "better"
    money = found["tweedie_deviance", "naive_rate"]
    deviance = tweedie_losses(last.spend, rate.mean)[last.in_play].mean()
    own = report.families[SERVED]["clv"]["tweedie_deviance"]
    assert money["difference"] == pytest.approx(own - deviance, abs=1e-6)


def test_earlier_cutoffs_are_measured_one_by_one_with_the_gain_of_the_trees(report, lanes):
    assert len(report.folds) == len(lanes[0].folds) - 2
    assert all(fold["gain_over_btyd"] > 0 for fold in report.folds)


def test_each_reason_family_weighs_something_and_rhythm_is_one_of_them(report):
    assert all(weight >= 0 for weight in report.weights.values())
    assert {"rhythm", "rfm", "support"} == set(report.weights)
    assert report.weights["support"] > 0


def test_each_cutoff_has_its_role_and_the_figures_of_models_before_it(report, lanes):
    told = report.details["cutoffs"]
    assert [each["role"] for each in told] == ["fit", "fit", "choice", "report"]
    assert [each["customers"] for each in told] == [int(fold.in_play.sum()) for fold in lanes[0].folds]
    assert set(told[0]["families"]) == {"naive_rate"}
    assert all(set(each["families"]) == NAIVE | {SERVED} for each in told[1:])
    assert set(told[1]["families"][SERVED]) == {"log_loss", "auc", "tweedie_deviance", "total_error"}


def test_the_document_has_its_parts_in_plain_finite_values(report):
    assert set(report.details) == {
        "cutoffs", "errors", "segments", "headline", "reliability", "gains", "deciles", "coverage", "pit",
    }  # fmt: skip
    assert json.loads(json.dumps(report.details, allow_nan=False)) == report.details
    assert set(report.details["errors"][SERVED]) == {"log_loss", "auc", "tweedie_deviance", "crps"}
    assert set(report.details["errors"]["naive_silence"]) == {"log_loss", "auc"}


def test_segments_are_measured_apart_and_add_up_to_everyone(report, lanes):
    last, parts = lanes[0].folds[-1], report.details["segments"]
    assert {name: part["customers"] for name, part in parts.items()} == {
        name: int(last.segment(name).sum()) for name in SEGMENTS
    }
    whole = sum(part["customers"] * part["base_rate"] for part in parts.values())
    assert whole == pytest.approx(last.churned.sum())
    loss = sum(part["customers"] * part["families"][SERVED]["churn"]["log_loss"] for part in parts.values())
    assert loss / len(last) == pytest.approx(report.everyone[SERVED]["churn"]["log_loss"], abs=1e-6)


def test_a_purchase_model_that_serves_is_measured_beside_itself_uncalibrated(lanes):
    report = report_of(lanes, serve(lanes[0]))
    assert set(report.families) == NAIVE | {"bgnbd_gg", "pnbd_gg", SERVED}
    assert all(fold["gain_over_btyd"] == 0 for fold in report.folds)
    assert report.families[SERVED]["churn"]["auc"] == report.families["bgnbd_gg"]["churn"]["auc"]


def test_a_rule_that_serves_ties_with_itself_but_for_its_calibrator(lanes):
    choice = replace(CHOICE, churn=dict.fromkeys(SEGMENTS, "naive_silence"))
    report = report_of(lanes, choice)
    own, rule = (report.families[name]["churn"] for name in (SERVED, "naive_silence"))
    assert own["auc"] == rule["auc"]
    assert own["lift_at_10"] == rule["lift_at_10"]


def test_a_lane_that_stepped_out_runs_no_family_of_its_own(lanes):
    first = lanes[0]
    out = replace(first, present=replace(first.present, stepped_out=True))
    alone = dict.fromkeys(SEGMENTS, "lgbm")
    report = report_of((out,), Choice(alone, alone, {"lgbm": 8}, {"lgbm": 8}))
    assert set(report.families) == NAIVE | {"lgbm", SERVED}


def test_shorter_windows_leave_probabilities_as_the_trees_say_them(lanes):
    report = report_of(lanes, centred=True)
    np.testing.assert_allclose(report.probability, 1 / (1 + np.exp(-report.raw)), atol=1e-6)


def test_a_single_cutoff_races_buying_rhythm_against_the_formula_alone(lanes):
    short = [replace(lane, folds=lane.folds[:1]) for lane in lanes]
    report = report_of(short, serve(short[0]))
    assert set(report.families) == {"bgnbd_gg", "pnbd_gg", "naive_rate", SERVED}
    assert report.folds == ()
    assert report.details["cutoffs"][0]["role"] == "report"
    assert "rule_days" not in report.details["headline"]


def test_a_single_cutoff_can_be_told_of_the_order_rate_that_serves(lanes):
    short = [replace(lane, folds=lane.folds[:1]) for lane in lanes]
    rate = dict.fromkeys(SEGMENTS, "naive_rate")
    report = report_of(short, Choice(rate, rate, {}, {}))
    own, rule = (report.families[name] for name in (SERVED, "naive_rate"))
    assert own["churn"]["log_loss"] == pytest.approx(rule["churn"]["log_loss"], rel=1e-4)
    assert {"crps", "coverage_80"} <= set(own["clv"])


def test_no_cutoff_gives_an_empty_report(lanes):
    none = [replace(lane, folds=()) for lane in lanes]
    race = Race(none[0], serve(none[0]))
    report = write_report(none, race, OutOfSample((), (), (), ()), SETTINGS, centred=False, seed=0)
    assert (report.families, report.differences, report.details) == ({}, (), {})
    assert report.churned.size == Report().churned.size == 0


def test_where_everyone_has_lapsed_everyone_is_judged(lanes):
    nobody = []
    for lane in lanes:
        folds = tuple(replace(fold, in_play=np.zeros_like(fold.in_play)) for fold in lane.folds)
        nobody.append(replace(lane, folds=folds))
    report = report_of(nobody)
    assert report.families == report.everyone


def test_models_of_the_report_learned_from_the_cutoffs_before_it(report, lanes):
    school = School.of(lanes[0].folds[:-1], SETTINGS, centred=False)
    last = lanes[0].folds[-1]
    raw = school.teach(CHOICE).raw(last)
    np.testing.assert_array_equal(report.raw, raw[last.in_play])
