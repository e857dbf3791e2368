"""Figures by fixed names: what does not exist is left out, and money is measured by median and mean."""

import math

import numpy as np
import pytest

from testkit.invented_folds import invent_fold
from training.forecasts import Forecast
from training.losses import interval_scores
from training.measures import CONTACTED, measure, measure_churn, measure_clv
from training.metrics import coverage_80
from training.profit import empc, expected_profit, value_kept

FOLD = invent_fold(rows=400)
P = np.linspace(0.05, 0.95, 400)
ROWS = FOLD.in_play
CHURN = {
    "auc", "brier", "log_loss", "lift_at_5", "lift_at_10", "lift_at_20", "ece", "base_rate",
    "average_precision",
}  # fmt: skip
PROFIT = {"empc", "profit", "value_kept"}
CLV = {
    "tweedie_deviance", "mae", "mae_of_mean", "rmse", "gini", "spearman", "total_error", "decile_mape",
}  # fmt: skip


def law(mean):
    """Return a forecast with a law around ``mean``."""
    return Forecast(P, P, mean, mean * 0, mean / 2, mean * 2, P, np.abs(mean - FOLD.spend))


def test_churn_is_measured_by_the_fixed_names_with_profit_where_value_is_known():
    assert set(measure_churn(FOLD.churned, P, P)) == CHURN
    assert set(measure_churn(FOLD.churned, P, P, np.ones(400))) == CHURN | PROFIT


def test_profits_are_those_of_the_customers_own_worth():
    worth = FOLD.frame.column("rfm.average_order_value").to_numpy()
    found = measure_churn(FOLD.churned, P, P, worth)
    assert found["empc"] == pytest.approx(empc(FOLD.churned, P), abs=1e-8)
    assert found["profit"] == pytest.approx(expected_profit(FOLD.churned, P, worth), abs=1e-8)
    contacts = int(CONTACTED * 400)
    assert found["value_kept"] == pytest.approx(value_kept(FOLD.churned, P, worth, contacts), abs=1e-8)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_figure_that_does_not_exist_is_left_out_instead_of_nan(label):
    p = np.full(20, 0.4)
    found = measure_churn(np.full(20, label), p, p)
    assert "auc" not in found
    assert ("lift_at_10" in found) == (label == 1.0)
    assert all(math.isfinite(value) for value in found.values())
    assert found["base_rate"] == label


def test_money_is_measured_by_the_median_where_there_is_one_and_else_by_the_mean():
    mean = np.full(400, 20.0)
    of_mean = measure_clv(FOLD.spend[ROWS], Forecast(P, P, mean), ROWS)
    of_median = measure_clv(FOLD.spend[ROWS], law(mean), ROWS)
    # A constant orders nobody: there is no rank correlation.
    assert set(of_mean) == CLV - {"spearman"}
    assert set(of_median) - set(of_mean) == {"crps", "coverage_80", "interval_score"}
    assert of_mean["mae"] == of_mean["mae_of_mean"] == of_median["mae_of_mean"]
    assert of_median["mae"] == pytest.approx(np.abs(FOLD.spend[ROWS] - 10.0).mean(), abs=1e-8)


def test_without_money_there_is_no_figure_of_money():
    assert measure_clv(FOLD.spend, Forecast(P, P), np.ones(400, dtype=bool)) == {}


def test_figures_of_ranges_are_means_over_the_rows_asked_for():
    mean = 10 + FOLD.frame.column("rfm.orders").to_numpy()
    found, said = measure_clv(FOLD.spend[ROWS], law(mean), ROWS), law(mean)
    assert found["crps"] == pytest.approx(said.crps[ROWS].mean(), abs=1e-8)
    scores = interval_scores(FOLD.spend, said.p10, said.p90)
    assert found["interval_score"] == pytest.approx(scores[ROWS].mean(), abs=1e-8)
    parts = (said.p10[ROWS], said.p90[ROWS], said.p_no_spend[ROWS])
    assert found["coverage_80"] == pytest.approx(coverage_80(FOLD.spend[ROWS], *parts), abs=1e-8)
    assert "spearman" in found


def test_both_halves_are_measured_on_the_same_rows():
    found = measure(FOLD, law(np.full(400, 20.0)), ROWS, np.ones(400))
    assert found["churn"]["base_rate"] == pytest.approx(FOLD.churned[ROWS].mean())
    assert found["clv"]["total_error"] == pytest.approx(
        20.0 * ROWS.sum() / FOLD.spend[ROWS].sum() - 1, abs=1e-8
    )
