import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from contracts.randomness import generator
from training import metrics

PAIRS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10)), min_size=1, max_size=40)
MONEY = st.lists(
    st.tuples(st.one_of(st.just(0), st.integers(0, 500)), st.integers(0, 300)), min_size=2, max_size=40
)


def split(pairs, scale=1.0):
    first, second = zip(*pairs, strict=True)
    return np.array(first, dtype=float), np.array(second, dtype=float) * scale


@given(pairs=PAIRS)
def test_auc_counts_pairs_with_ties_as_halves(pairs):
    churned, score = split(pairs)
    assume(0 < churned.sum() < len(churned))
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0 for a in score[churned == 1] for b in score[churned == 0]
    ]
    assert metrics.auc(churned, score) == pytest.approx(sum(wins) / len(wins))


@given(pairs=PAIRS)
def test_average_precision_is_the_step_area(pairs):
    churned, score = split(pairs)
    assume(0 < churned.sum() < len(churned))
    area, seen = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        picked = score >= threshold
        recall = churned[picked].sum() / churned.sum()
        area += (recall - seen) * churned[picked].mean()
        seen = recall
    assert metrics.average_precision(churned, score) == pytest.approx(area)


@given(pairs=PAIRS)
def test_log_loss_and_brier_are_means_over_rows(pairs):
    churned, p = split(pairs, 0.1)
    losses = [
        -math.log(max(q, 1e-12)) if y else -math.log1p(-min(q, 1 - 1e-12))
        for y, q in zip(churned, p, strict=True)
    ]
    assert metrics.log_loss(churned, p) == pytest.approx(sum(losses) / len(losses), abs=1e-9)
    squares = [(q - y) ** 2 for y, q in zip(churned, p, strict=True)]
    assert metrics.brier(churned, p) == pytest.approx(sum(squares) / len(squares))


def test_log_loss_and_brier_agree_with_scikit_learn():
    draw = generator(1, "metrics")
    p, churned = draw.uniform(0.01, 0.99, 200), draw.integers(0, 2, 200).astype(float)
    assert metrics.log_loss(churned, p) == pytest.approx(sk.log_loss(churned, p))
    assert metrics.brier(churned, p) == pytest.approx(sk.brier_score_loss(churned, p))


@given(pairs=PAIRS, share=st.floats(0.05, 1))
def test_lift_is_the_mean_over_all_ways_to_break_ties(pairs, share):
    churned, score = split(pairs)
    assume(churned.any())
    places = math.ceil(share * len(score) - 1e-9)
    found, room = 0.0, places
    for value in sorted(set(score), reverse=True):
        group = churned[score == value]
        taken = min(room, len(group))
        found += group.mean() * taken
        room -= taken
    wanted = found / places / churned.mean()
    assert metrics.lift_at(churned, score, share) == pytest.approx(wanted)


def test_lift_of_everyone_is_one():
    churned, score = np.array([0.0, 1.0, 1.0]), np.array([0.1, 0.3, 0.3])
    assert metrics.lift_at(churned, score, 1.0) == pytest.approx(1.0)


@given(pairs=PAIRS)
def test_reliability_bins_hold_every_row_once_and_keep_ties_together(pairs):
    churned, p = split(pairs, 0.1)
    table = metrics.reliability_table(churned, p)
    assert sum(row.rows for row in table) == len(p)
    assert sum(row.rows * row.predicted for row in table) == pytest.approx(p.sum())
    assert sum(row.rows * row.observed for row in table) == pytest.approx(churned.sum())
    assert len(table) <= min(10, len(set(p)))
    assert [row.predicted for row in table] == sorted(row.predicted for row in table)
    gaps = [row.rows * abs(row.predicted - row.observed) for row in table]
    assert metrics.ece(churned, p) == pytest.approx(sum(gaps) / len(p))


@given(pairs=MONEY)
def test_tweedie_deviance_is_the_formula_row_by_row(pairs):
    spend, mean = split(pairs)
    rows = []
    for y, mu in zip(spend, np.maximum(mean, 0.01), strict=True):
        rows.append(2 * (y**0.5 / (-0.5 * 0.5) + y * mu**-0.5 / 0.5 + mu**0.5 / 0.5))
    assert metrics.tweedie_deviance(spend, mean) == pytest.approx(sum(rows) / len(rows), abs=1e-9)


@given(pairs=MONEY)
def test_errors_are_means_over_rows(pairs):
    spend, predicted = split(pairs)
    gaps = [y - z for y, z in zip(spend, predicted, strict=True)]
    assert metrics.mae(spend, predicted) == pytest.approx(sum(map(abs, gaps)) / len(gaps))
    assert metrics.rmse(spend, predicted) == pytest.approx(math.sqrt(sum(gap**2 for gap in gaps) / len(gaps)))
    if spend.sum():
        wanted = (sum(predicted) - sum(spend)) / sum(spend)
        assert metrics.total_error(spend, predicted) == pytest.approx(wanted)


@given(pairs=MONEY)
@settings(deadline=None)
def test_gini_is_the_area_between_lorenz_curve_and_chance(pairs):
    spend, predicted = split(pairs)
    assume(np.ptp(spend) > 0)

    def area(score):
        """Twice the area between chance and the curve of spend gained, straight over tied rows."""
        share, gained, total = 0.0, 0.0, 0.0
        for value in sorted(set(score)):
            group = spend[score == value]
            step, gain = len(group) / len(spend), group.sum() / spend.sum()
            total += step * (share + step / 2 - gained - gain / 2)
            share, gained = share + step, gained + gain
        return 2 * total

    assert metrics.normalised_gini(spend, predicted) == pytest.approx(area(predicted) / area(spend), abs=1e-9)


def test_gini_is_one_for_the_right_order_and_minus_one_for_the_wrong_one():
    spend = np.array([0.0, 1.0, 5.0, 9.0])
    assert metrics.normalised_gini(spend, spend * 3 + 1) == pytest.approx(1.0)
    assert metrics.normalised_gini(spend, -spend) == pytest.approx(-1.0)
    assert metrics.normalised_gini(spend, np.ones(4)) == pytest.approx(0.0)


@given(pairs=MONEY)
def test_spearman_is_the_correlation_of_middle_ranks(pairs):
    spend, predicted = split(pairs)
    assume(np.ptp(spend) > 0 and np.ptp(predicted) > 0)

    def ranks(values):
        return [
            sum(other < v for other in values) + (sum(other == v for other in values) + 1) / 2 for v in values
        ]

    wanted = np.corrcoef(ranks(spend), ranks(predicted))[0, 1]
    assert metrics.spearman(spend, predicted) == pytest.approx(wanted)


def test_decile_mape_is_the_mean_error_of_ten_totals():
    predicted = np.arange(1.0, 101.0)
    assert metrics.decile_mape(predicted * 2, predicted) == pytest.approx(0.5)
    assert metrics.decile_mape(predicted, predicted) == 0.0
    spend = predicted.copy()
    spend[:10] = 0.0
    assert metrics.decile_mape(spend, predicted) == 0.0


def test_coverage_is_the_mean_expected_coverage():
    spend, p10, p90 = np.array([0.0, 5.0, 9.0]), np.zeros(3), np.array([0.0, 6.0, 6.0])
    p_no_spend = np.array([0.4, 0.4, 0.4])
    assert metrics.coverage_80(spend, p10, p90, p_no_spend) == pytest.approx((0.75 + 1 + 0) / 3)


@given(
    spend=st.lists(st.floats(0, 100), min_size=1, max_size=5),
    many=st.integers(1, 8),
    seed=st.integers(0, 99),
)
def test_crps_is_the_mean_distance_less_half_the_spread(spend, many, seed):
    draws = generator(seed, "crps").gamma(1.0, 30.0, (len(spend), many))
    rows = []
    for y, row in zip(spend, draws, strict=True):
        spread = sum(abs(a - b) for a in row for b in row) / many**2
        rows.append(sum(abs(a - y) for a in row) / many - spread / 2)
    assert metrics.crps(np.array(spend), draws) == pytest.approx(sum(rows) / len(rows), abs=1e-9)


@pytest.mark.parametrize(
    "found",
    [
        metrics.auc(np.ones(3), np.arange(3.0)),
        metrics.average_precision(np.zeros(3), np.arange(3.0)),
        metrics.lift_at(np.zeros(3), np.arange(3.0), 0.1),
        metrics.normalised_gini(np.ones(3), np.arange(3.0)),
        metrics.spearman(np.ones(3), np.arange(3.0)),
        metrics.total_error(np.zeros(3), np.arange(3.0)),
        metrics.decile_mape(np.zeros(3), np.arange(3.0)),
    ],
)
def test_what_cannot_be_measured_is_nan(found):
    assert math.isnan(found)
