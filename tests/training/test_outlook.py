"""What everybody together will bring: cumulative months, with a range that admits its level."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.periods import DAYS_PER_MONTH
from testkit.invented_folds import BTYD, invent_customers, invent_lane
from testkit.panel_models import build_panel_model
from training.learning import OutOfSample, score_ahead
from training.models.group_totals import DEFAULT_LEVEL_SPREAD, level_spread
from training.models.trees import TreeSettings
from training.outlook import describe_outlook
from training.race import serve

MODEL = build_panel_model("mixed")
FRAME = invent_customers(100, 4)
NOTHING = OutOfSample((), (), (), ())


@pytest.fixture(scope="module")
def ahead():
    lane = invent_lane("pnbd_gg", rows=250)
    return score_ahead(lane.folds, serve(lane), TreeSettings())


def describe(model=MODEL, ahead=NOTHING, btyd=BTYD["pnbd_gg"], frame=FRAME):
    return describe_outlook(model, model.predict(frame), btyd, ahead)


@pytest.fixture(scope="module")
def outlook(ahead):
    model = replace(MODEL, terms=replace(MODEL.terms, annual_discount_rate=0.12))
    return describe(model, ahead)


def test_twelve_months_are_told_and_none_brings_less_than_the_one_before(outlook):
    months = outlook["monthly"]
    assert [each["month"] for each in months] == list(range(1, 13))
    for name in ("mean", "p10", "p50", "p90", "discounted_mean"):
        amounts = [each[name] for each in months]
        assert amounts == sorted(amounts)
        assert amounts[0] > 0


def test_the_range_is_ordered_and_contains_the_mean(outlook):
    for each in outlook["monthly"]:
        assert each["p10"] < each["p50"] < each["p90"]
        assert each["p10"] < each["mean"] < each["p90"]


def test_discounted_money_is_less_and_ever_more_so(outlook):
    shares = [each["discounted_mean"] / each["mean"] for each in outlook["monthly"]]
    assert all(share < 1 for share in shares)
    assert shares == sorted(shares, reverse=True)
    plain = describe()["monthly"]
    assert all(each["discounted_mean"] == pytest.approx(each["mean"]) for each in plain)


def test_months_are_sums_of_the_customers_curves():
    prediction = MODEL.predict(FRAME)
    curve = MODEL.curve(prediction, [DAYS_PER_MONTH, 6 * DAYS_PER_MONTH, 12 * DAYS_PER_MONTH])
    monthly = describe()["monthly"]
    found = [monthly[place]["mean"] for place in (0, 5, 11)]
    np.testing.assert_allclose(found, curve.clv_mean.sum(axis=0), rtol=1e-9)


def test_under_three_past_cutoffs_the_level_has_its_default_spread(ahead):
    two = OutOfSample(ahead.folds[:2], ahead.models[:2], ahead.raws[:2], ahead.scales[:2])
    assert describe(ahead=two)["level_spread"] == DEFAULT_LEVEL_SPREAD == describe()["level_spread"]


def test_from_three_on_the_spread_is_that_of_the_past_errors(ahead, outlook):
    assert len(ahead.folds) == 4
    wanted = level_spread(ahead.level_errors(MODEL.calibrator))
    assert outlook["level_spread"] == pytest.approx(wanted)
    assert wanted != DEFAULT_LEVEL_SPREAD


def test_unknown_parameters_count_for_the_default_and_widen_the_range():
    known, unknown = BTYD["pnbd_gg"], replace(BTYD["pnbd_gg"], covariance=np.full((4, 4), np.nan))
    sure = replace(known, covariance=np.zeros((4, 4)))
    spreads = [describe(btyd=btyd)["parameter_spread"] for btyd in (sure, known, unknown)]
    assert spreads[0] == 0.0
    assert 0 < spreads[1] < spreads[2] == DEFAULT_LEVEL_SPREAD
    wide, narrow = (describe(btyd=btyd)["monthly"][-1] for btyd in (unknown, sure))
    assert wide["p90"] - wide["p10"] > narrow["p90"] - narrow["p10"]
    assert wide["mean"] == narrow["mean"]


def test_many_customers_are_as_certain_as_their_common_level_allows():
    few = describe(frame=invent_customers(20, 4))["monthly"][-1]
    many = describe(frame=invent_customers(2100, 4))["monthly"][-1]
    width = [(each["p90"] - each["p10"]) / each["mean"] for each in (few, many)]
    # What is left is the level: 1.2816 standard deviations of it on either side, and of the parameters.
    assert width[0] > width[1] > 2 * 1.2816 * DEFAULT_LEVEL_SPREAD * 0.95
