"""What each family says of a fold: simple rules by plain loops, models by the joint law."""

import math
from dataclasses import replace

import numpy as np
import pytest

from testkit.invented_folds import WINDOW, invent_fold
from training.forecasts import forecast, forecast_families, forecast_naive, tell
from training.learning import Learned, School, find_rule
from training.losses import to_probability
from training.models.calibrator import Calibrator
from training.models.columns import find_offset
from training.models.intervals import Intervals
from training.models.members import alone
from training.models.rules import EDGE
from training.models.trees import TreeSettings

EARLIER, LATER = invent_fold(0, 500), invent_fold(1, 500)
SCHOOL = School.of([EARLIER], TreeSettings(leaf_rows=20), centred=False)


@pytest.fixture(scope="module")
def naive():
    return forecast_naive(EARLIER, LATER)


def test_four_simple_rules_run_and_one_without_an_earlier_cutoff(naive):
    assert set(naive) == {"naive_zero", "naive_constant", "naive_silence", "naive_rate"}
    assert set(forecast_naive(None, LATER)) == {"naive_rate"}


def test_the_constant_says_the_earlier_rate_and_mean_to_everyone(naive):
    found = naive["naive_constant"]
    np.testing.assert_allclose(found.churn_probability, EARLIER.churned.mean(), rtol=1e-12)
    np.testing.assert_allclose(found.mean, EARLIER.spend.mean(), rtol=1e-12)


def test_zero_says_the_constant_rate_and_that_nobody_spends(naive):
    found = naive["naive_zero"]
    np.testing.assert_array_equal(found.churn_probability, naive["naive_constant"].churn_probability)
    assert not found.mean.any()
    np.testing.assert_array_equal(found.crps, LATER.spend)


def test_silence_is_the_earlier_folds_rule_and_says_nothing_of_money(naive):
    rule, found = find_rule("naive_silence", EARLIER), naive["naive_silence"]
    silent = LATER.frame.column("rfm.days_since_last_order") > rule.silent_days
    np.testing.assert_allclose(found.churn_probability, np.where(silent, *rule.rates), rtol=1e-9)
    assert found.mean is None
    assert found.crps is None


def test_the_rate_formula_agrees_with_a_loop(naive):
    found = naive["naive_rate"]
    rows = zip(LATER.frame.values.to_dict("records"), found.churn_probability, found.mean, strict=True)
    for row, p, mean in rows:
        expected = row["rfm.orders"] / row["rfm.age_days"] * WINDOW
        assert p == pytest.approx(min(max(math.exp(-expected), EDGE), 1 - EDGE))
        assert mean == pytest.approx(expected * row["rfm.average_order_value"])


def test_a_point_is_its_own_median_and_its_crps_the_distance(naive):
    found = naive["naive_rate"]
    np.testing.assert_array_equal(found.p50, found.mean)
    np.testing.assert_allclose(found.crps, np.abs(LATER.spend - found.mean))
    assert found.p10 is None


def test_what_a_family_says_of_a_fold_does_not_depend_on_its_labels(naive):
    other = replace(LATER, churned=1.0 - LATER.churned, spend=LATER.spend + 1)
    for name, said in forecast_naive(EARLIER, other).items():
        np.testing.assert_array_equal(said.churn_probability, naive[name].churn_probability)
        np.testing.assert_array_equal(said.mean, naive[name].mean)
    families = {"bgnbd_gg": (0, 0), "lgbm": (5, 5)}
    ours, theirs = (forecast_families(SCHOOL, families, fold) for fold in (LATER, other))
    for name in families:
        np.testing.assert_array_equal(ours[name].rank, theirs[name].rank)
        np.testing.assert_array_equal(ours[name].p90, theirs[name].p90)


def test_a_purchase_model_by_itself_says_its_own_probability():
    said = forecast_families(SCHOOL, {"bgnbd_gg": (0, 0)}, LATER)["bgnbd_gg"]
    p = LATER.frame.column("btyd.p_no_purchase")
    np.testing.assert_allclose(said.churn_probability, np.clip(p, 1e-6, 1 - 1e-6), rtol=1e-6)
    np.testing.assert_allclose(said.rank, find_offset(LATER.frame), atol=1e-12)
    assert ((said.p10 <= said.p50) & (said.p50 <= said.p90)).all()
    np.testing.assert_allclose(said.p_no_spend, said.churn_probability, atol=1e-9)


def test_a_family_is_grown_to_the_trees_it_is_given():
    said = forecast_families(SCHOOL, {"lgbm_btyd": (7, 3)}, LATER)["lgbm_btyd"]
    member = SCHOOL.teach_churn("lgbm_btyd", 7)
    np.testing.assert_array_equal(said.rank, member.raw(LATER.see(SCHOOL.encoder)))
    assert member.trees.rounds_ == 7


def test_the_calibrator_moves_what_is_shown_and_not_the_rank():
    raw, scale = find_offset(LATER.frame), np.ones(len(LATER))
    calibrator = Calibrator.fit(raw - 1.0, LATER.churned)
    said, plain = (tell(LATER, raw, scale, each, Intervals()) for each in (calibrator, Calibrator.identity()))
    np.testing.assert_array_equal(said.rank, plain.rank)
    np.testing.assert_array_equal(said.churn_probability, calibrator.predict(raw)[0])
    np.testing.assert_allclose(plain.churn_probability, to_probability(raw), atol=1e-6)


def test_wider_levels_widen_the_range_and_leave_the_mean():
    member, money = SCHOOL.teach_churn("bgnbd_gg"), SCHOOL.teach_value("bgnbd_gg")
    panels = Learned(SCHOOL.encoder, alone(member), alone(money))
    usual, wide = (
        forecast(panels, LATER, Calibrator.identity(), levels)
        for levels in (Intervals(), Intervals().widened())
    )
    assert (wide.p90 >= usual.p90).all()
    assert (wide.p10 <= usual.p10).all()
    np.testing.assert_array_equal(wide.mean, usual.mean)
