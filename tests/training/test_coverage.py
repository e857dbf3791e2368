"""Whether ranges held what they promised, against plain counts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkit.invented_folds import invent_fold
from training.bootstrap import Bootstrap
from training.coverage import FEWEST, describe_coverage, is_refuted
from training.forecasts import Forecast

FOLD = invent_fold(rows=600)
BOOTSTRAP = Bootstrap(FOLD.customers)
BAND = (0.0, 100.0)
P = np.full(600, 0.6)
MEAN = np.linspace(1, 90, 600)


def said(low=0.0, high=60.0, p_no_spend=0.6):
    """Return a forecast of one range for everyone."""
    columns = (np.full(600, value) for value in (low, high / 2, high, p_no_spend))
    return Forecast(P, P, MEAN, *columns)


def describe(forecast, fold=FOLD):
    return describe_coverage(fold, forecast, BAND, BOOTSTRAP)


def count(fold, forecast, rows):
    """Return the coverage of rows by a plain loop."""
    held = []
    for row in np.flatnonzero(rows):
        atom = forecast.p_no_spend[row]
        if fold.spend[row] > 0:
            held.append(float(forecast.p10[row] <= fold.spend[row] <= forecast.p90[row]))
        else:
            held.append(max(0.0, min(atom, 0.9) - 0.1) / atom)
    return np.mean(held), len(held)


def test_coverage_is_counted_overall_for_buyers_and_by_segment():
    forecast = said()
    found = describe(forecast)
    for part, rows in (("overall", FOLD.in_play), ("buyers", FOLD.in_play & (FOLD.spend > 0))):
        share, customers = count(FOLD, forecast, rows)
        assert found[part]["coverage"] == pytest.approx(share)
        assert found[part]["customers"] == customers
        assert found[part]["low"] <= share <= found[part]["high"]
    assert set(found["segments"]) == {"thin", "regular", "lapsed"}
    for name, part in found["segments"].items():
        assert part["coverage"] == pytest.approx(count(FOLD, forecast, FOLD.segment(name))[0])


def test_tenths_rise_by_predicted_mean_and_hold_everyone_in_play():
    found, forecast = describe(said()), said()
    order = np.flatnonzero(FOLD.in_play)
    for tenth, rows in zip(found["deciles"], np.array_split(order, 10), strict=True):
        inside = np.isin(np.arange(600), rows)
        assert tenth["coverage"] == pytest.approx(count(FOLD, forecast, inside)[0])
    assert sum(tenth["customers"] for tenth in found["deciles"]) == FOLD.in_play.sum()


def test_a_segment_of_few_customers_is_left_out():
    thin = FOLD.segment("thin")
    rows = ~thin | (np.cumsum(thin) < FEWEST)
    small = replace(
        FOLD,
        frame=FOLD.frame.rows(rows),
        churned=FOLD.churned[rows],
        spend=FOLD.spend[rows],
        in_play=FOLD.in_play[rows],
    )
    forecast = Forecast(*(None if part is None else part[rows] for part in vars(said()).values()))
    found = describe_coverage(small, forecast, BAND, Bootstrap(small.customers))
    assert "thin" not in found["segments"]


def test_the_interval_score_stands_beside_that_of_a_constant_band():
    found = describe(said(0.0, 100.0))
    assert found["interval_score"] == found["interval_score_constant"]
    assert describe(said(0.0, 60.0))["interval_score_constant"] == found["interval_score_constant"]
    assert describe(said(0.0, 60.0))["interval_score"] != found["interval_score"]


def test_where_nobody_bought_there_is_no_coverage_of_buyers():
    silent = replace(FOLD, spend=np.zeros(600))
    assert describe(said(), silent)["buyers"] == {"customers": 0}


def test_a_forecast_without_ranges_has_no_coverage():
    assert describe(Forecast(P, P, MEAN)) == {}


@given(low=st.floats(0, 1), wide=st.floats(0, 0.5))
def test_ranges_are_refuted_only_where_the_whole_interval_is_outside_the_promise(low, wide):
    high = min(low + wide, 1.0)
    found = is_refuted({"overall": {"coverage": low, "low": low, "high": high, "customers": 50}})
    assert found == (high < 0.75 or low > 0.85)


@pytest.mark.parametrize("coverage", [{}, {"overall": {"customers": 0}}])
def test_what_was_never_measured_refutes_nothing(coverage):
    assert not is_refuted(coverage)
