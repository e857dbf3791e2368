"""What each family predicts, against plain loops; and how all are measured."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from contracts.randomness import generator
from testkit.frames import build_frame
from training.families import (
    EDGE,
    SILENCES,
    Forecast,
    forecast_constant,
    forecast_rate,
    forecast_silence,
    measure_churn,
    measure_clv,
    restrict,
)
from training.folds import Fold

CUTOFF = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = 90


def invent_fold(rows=80, seed=1, churned=None):
    """Return a fold of frame and labels; who was silent longer churned more often."""
    draw = generator(seed, "families")
    silent = draw.integers(0, 400, rows).astype(float)
    left = (draw.random(rows) < 0.2 + 0.7 * (silent > 120)).astype(float) if churned is None else churned
    frame = build_frame(
        {
            "rfm.days_since_last_order": silent,
            "rfm.orders": draw.integers(1, 9, rows).astype(float),
            "rfm.age_days": np.where(np.arange(rows) == 0, 0.0, draw.integers(1, 700, rows)),
            "rfm.average_order_value": np.where(np.arange(rows) == 1, np.nan, draw.gamma(3, 10, rows)),
        }
    )
    spend = np.where(left > 0, 0.0, draw.gamma(2, 30, rows))
    nothing = np.zeros(rows)
    return Fold(CUTOFF, WINDOW, None, frame, None, nothing, left, spend, np.ones(rows, dtype=bool))


def log_loss(p, churned):
    return -sum(math.log(a if c else 1 - a) for a, c in zip(p, churned, strict=True)) / len(churned)


EARLIER, LATER = invent_fold(seed=1), invent_fold(seed=2)


def test_the_constant_family_says_the_earlier_rate_and_mean_to_everyone():
    found = forecast_constant(EARLIER, LATER)
    assert set(found.churn_probability) == {sum(EARLIER.churned) / len(EARLIER.churned)}
    assert found.clv_mean.tolist() == [pytest.approx(sum(EARLIER.spend) / len(EARLIER.spend))] * 80


@pytest.mark.parametrize(("label", "said"), [(1.0, 1 - EDGE), (0.0, EDGE)])
def test_a_rate_of_all_or_nobody_is_kept_off_the_edge(label, said):
    earlier = invent_fold(churned=np.full(80, label))
    assert set(forecast_constant(earlier, LATER).churn_probability) == {said}
    assert set(forecast_silence(earlier, LATER).churn_probability) == {said}


def test_the_silence_rule_agrees_with_a_loop_over_all_its_lengths():
    then = EARLIER.frame.column("rfm.days_since_last_order").tolist()
    overall = sum(EARLIER.churned) / len(EARLIER.churned)
    best = None
    for days in SILENCES:
        parts = {True: [], False: []}
        for silent, churned in zip(then, EARLIER.churned, strict=True):
            parts[silent > days].append(churned)
        rate = {
            side: min(max(sum(labels) / len(labels) if labels else overall, EDGE), 1 - EDGE)
            for side, labels in parts.items()
        }
        loss = log_loss([rate[silent > days] for silent in then], EARLIER.churned)
        if best is None or loss < best[0]:
            best = (loss, days, rate)
    now = LATER.frame.column("rfm.days_since_last_order").tolist()
    expected = [best[2][silent > best[1]] for silent in now]
    np.testing.assert_allclose(forecast_silence(EARLIER, LATER).churn_probability, expected, rtol=1e-12)
    assert forecast_silence(EARLIER, LATER).clv_mean is None


def test_the_rate_formula_agrees_with_a_loop():
    found = forecast_rate(LATER)
    rows = LATER.frame.values.to_dict("records")
    for row, p, clv in zip(rows, found.churn_probability, found.clv_mean, strict=True):
        expected = row["rfm.orders"] / max(row["rfm.age_days"], 1.0) * WINDOW
        value = row["rfm.average_order_value"]
        assert p == pytest.approx(min(max(math.exp(-expected), EDGE), 1 - EDGE))
        assert clv == pytest.approx(0.0 if math.isnan(value) else expected * value)


def test_what_a_family_says_of_a_fold_does_not_depend_on_its_labels():
    other = replace(LATER, churned=1.0 - LATER.churned, spend=LATER.spend + 1)
    for forecast in (forecast_constant, forecast_silence):
        ours, theirs = forecast(EARLIER, LATER), forecast(EARLIER, other)
        np.testing.assert_array_equal(ours.churn_probability, theirs.churn_probability)
    np.testing.assert_array_equal(forecast_rate(LATER).clv_mean, forecast_rate(other).clv_mean)


def test_churn_is_measured_by_the_fixed_names():
    p = np.linspace(0.1, 0.9, 80)
    found = measure_churn(LATER.churned, Forecast(p, p))
    assert set(found) == {
        "auc", "brier", "log_loss", "lift_at_10", "ece", "base_rate", "average_precision",
    }  # fmt: skip
    assert found["log_loss"] == pytest.approx(log_loss(p, LATER.churned), abs=1e-9)
    pairs = [
        (a > b) + (a == b) / 2
        for a, left in zip(p, LATER.churned, strict=True)
        for b, other in zip(p, LATER.churned, strict=True)
        if left and not other
    ]
    assert found["auc"] == pytest.approx(sum(pairs) / len(pairs), abs=1e-9)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_figure_that_does_not_exist_is_left_out_instead_of_nan(label):
    p = np.full(20, 0.4)
    found = measure_churn(np.full(20, label), Forecast(p, p))
    assert "auc" not in found
    assert all(math.isfinite(value) for value in found.values())
    assert found["base_rate"] == label


def test_money_is_measured_by_the_median_where_there_is_one_and_else_by_the_mean():
    mean, p50 = np.full(80, 20.0), np.full(80, 5.0)
    p = np.full(80, 0.5)
    of_mean = measure_clv(LATER.spend, Forecast(p, p, mean))
    of_median = measure_clv(LATER.spend, Forecast(p, p, mean, p50 * 0, p50, p50 * 9, p))
    assert of_mean["mae"] == of_mean["mae_of_mean"] == of_median["mae_of_mean"]
    assert of_median["mae"] == pytest.approx(np.mean([abs(spend - 5.0) for spend in LATER.spend]))
    assert "coverage_80" in of_median
    assert "coverage_80" not in of_mean
    assert measure_clv(LATER.spend, Forecast(p, p)) == {}


def test_the_coverage_counts_no_spend_by_its_share_of_the_atom():
    spend, p = np.array([0.0, 30.0, 90.0]), np.array([0.5, 0.5, 0.5])
    forecast = Forecast(p, p, p, np.zeros(3), np.zeros(3), np.full(3, 40.0), np.array([0.95, 0.4, 0.4]))
    expected = ((0.9 - 0.1) / 0.95 + 1.0 + 0.0) / 3
    assert measure_clv(spend, forecast)["coverage_80"] == pytest.approx(expected, abs=1e-9)


def test_a_part_of_a_forecast_keeps_what_is_absent_absent():
    rows = np.arange(80) % 2 == 0
    part = restrict(forecast_silence(EARLIER, LATER), rows)
    assert len(part.churn_probability) == 40
    assert part.clv_mean is None
    np.testing.assert_array_equal(
        restrict(forecast_rate(LATER), rows).clv_mean, forecast_rate(LATER).clv_mean[rows]
    )
