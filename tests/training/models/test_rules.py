"""Simple rules against plain loops, over their own window and over any other number of days."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import BundleRefused
from contracts.randomness import generator
from testkit.frames import build_frame
from testkit.invented_folds import invent_fold
from training.losses import to_probability
from training.models.columns import find_offset
from training.models.rules import (
    BUYING_RHYTHM,
    EDGE,
    FEWEST,
    RULE_FEATURES,
    Rule,
    expected_orders,
    find_constant,
    find_silence,
)

WINDOW = 90
RULES = (
    Rule("constant", WINDOW, (0.6, 0.6)),
    Rule("silence", WINDOW, (0.9, 0.4), 74),
    Rule("rate", WINDOW),
)


def silent_frame(days):
    return build_frame({"rfm.days_since_last_order": days})


def invent(rows, seed, whole_days):
    """Return days of silence and labels: who was silent longer churned more often."""
    draw = generator(seed, "rules")
    days = draw.uniform(0, 300, rows)
    days = np.floor(days) if whole_days else days
    return days, (draw.random(rows) < 0.2 + 0.6 * (days > 120)).astype(np.float64)


def total_loss(p, labels):
    p = min(max(p, EDGE), 1 - EDGE)
    return -sum(math.log(p) if label else math.log(1 - p) for label in labels)


def find_silence_slowly(days, churned):
    """Return (loss, {N that reach it}) of the best rule over every whole N."""
    found = {}
    for limit in range(int(max(days)) + 2):
        silent = [label for day, label in zip(days, churned, strict=True) if day > limit]
        others = [label for day, label in zip(days, churned, strict=True) if day <= limit]
        if min(len(silent), len(others)) >= FEWEST:
            found[limit] = sum(total_loss(sum(side) / len(side), side) for side in (silent, others))
    best = min(found.values())
    return best, {limit for limit, loss in found.items() if loss < best + 1e-9}


@pytest.mark.parametrize("whole_days", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_the_silence_rule_is_the_best_over_every_number_of_days(seed, whole_days):
    days, churned = invent(300, seed, whole_days)
    rule = find_silence(silent_frame(days), churned, WINDOW)
    best, limits = find_silence_slowly(days, churned)
    assert rule.kind == "silence"
    assert rule.silent_days in limits
    p = to_probability(rule.log_odds(silent_frame(days), WINDOW))
    own = sum(total_loss(each, [label]) for each, label in zip(p, churned, strict=True))
    assert own == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("whole_days", [True, False])
def test_the_rates_of_the_silence_rule_are_those_of_the_customers_it_names(whole_days):
    days, churned = invent(400, 9, whole_days)
    rule = find_silence(silent_frame(days), churned, WINDOW)
    named = days > rule.silent_days
    assert rule.rates == pytest.approx((churned[named].mean(), churned[~named].mean()))
    assert min(named.sum(), (~named).sum()) >= FEWEST


@pytest.mark.parametrize("rows", [0, 1, 59])
def test_too_few_customers_for_two_sides_leave_the_constant(rows):
    days, churned = invent(rows, 1, True)
    assert find_silence(silent_frame(days), churned, WINDOW) == find_constant(churned, WINDOW)


def test_equal_silence_or_equal_labels_leave_the_constant():
    churned = np.tile([0.0, 1.0], 100)
    assert find_silence(silent_frame(np.full(200, 40.0)), churned, WINDOW).kind == "constant"
    days, _ = invent(200, 1, True)
    assert find_silence(silent_frame(days), np.ones(200), WINDOW).kind == "constant"


@pytest.mark.parametrize(("labels", "rate"), [([1.0] * 9, 1 - EDGE), ([0.0] * 9, EDGE), ([], 0.5)])
def test_a_rate_of_all_or_nobody_is_kept_off_the_edge(labels, rate):
    assert find_constant(np.array(labels), WINDOW).rates == (rate, rate)


def test_the_rate_formula_agrees_with_a_loop():
    frame = build_frame({"rfm.orders": [1, 4, 9, 2, 0], "rfm.age_days": [200, 30, 0, np.nan, 50]})
    p = to_probability(RULES[2].log_odds(frame, 45))
    rows = zip([1, 4, 9, 2, 0], [200, 30, 1, 1, 50], p, expected_orders(frame, 45), strict=True)
    for orders, age, said, expected in rows:
        assert expected == pytest.approx(orders / age * 45)
        assert said == pytest.approx(min(max(math.exp(-orders / age * 45), EDGE), 1 - EDGE))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@given(days=st.floats(1, 365))
def test_over_other_days_the_probability_is_a_power_of_that_of_the_window(rule, days):
    frame = build_frame({
        "rfm.days_since_last_order": [10.0, 200.0],
        "rfm.orders": [2.0, 3.0],
        "rfm.age_days": [300.0, 500.0],
    })  # fmt: skip
    window, other = (to_probability(rule.log_odds(frame, asked)) for asked in (WINDOW, days))
    np.testing.assert_allclose(other, np.clip(window ** (days / WINDOW), EDGE, 1 - EDGE), rtol=1e-9)


def test_buying_rhythm_is_the_offset_of_the_frame_whatever_the_days():
    fold = invent_fold(rows=40)
    np.testing.assert_array_equal(Rule().log_odds(fold.frame, 7), find_offset(fold.frame))
    assert Rule().feature is BUYING_RHYTHM
    assert Rule().said == {}


def test_a_rule_says_the_number_its_sentence_needs():
    assert [rule.said for rule in RULES] == [
        {"rule.constant": 0.6},
        {"rule.silence": 74.0},
        {"rule.rate": 90.0},
    ]
    assert [rule.feature for rule in RULES] == list(RULE_FEATURES.values())


@pytest.mark.parametrize("rule", [Rule(), *RULES], ids=lambda rule: rule.kind)
def test_a_rule_comes_back_from_plain_data(rule):
    assert Rule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule


@pytest.mark.parametrize(
    "changes",
    [{"kind": "oracle"}, {"window_days": 0}, {"rates": (0.0, 0.5)}, {"rates": (0.5, 1.0)}],
    ids=str,
)
def test_what_is_no_rule_is_refused_with_its_numbers(changes):
    plain = Rule("silence", WINDOW, (0.9, 0.4), 74).to_dict() | changes
    with pytest.raises(
        BundleRefused, match=rf"Rule {plain['kind']}: rates .* over {plain['window_days']} days"
    ):
        Rule.from_dict(plain)
