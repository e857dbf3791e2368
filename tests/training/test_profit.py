import numpy as np
import pytest
from empulse.metrics import empc_score
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from contracts.randomness import generator
from training.profit import Campaign, empc, expected_profit, value_kept

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8), st.integers(0, 600)), min_size=1, max_size=30)
OTHER = Campaign(value=50.0, incentive=5.0, contact=2.0, alpha=2.0, beta=3.0)


def split(rows):
    return tuple(np.array(part, dtype=float) for part in zip(*rows, strict=True))


def profit_by_hand(churned, score, value, campaign, gamma):
    """The best profit per customer over all thresholds, for one probability of acceptance."""
    found = [0.0]
    for threshold in sorted(set(score.tolist())):
        total = 0.0
        for left, own, worth in zip(churned, score, value, strict=True):
            if own >= threshold and left:
                total += gamma * (worth - campaign.incentive) - campaign.contact
            elif own >= threshold:
                total -= campaign.incentive + campaign.contact
        found.append(total / len(score))
    return max(found)


@pytest.mark.parametrize("campaign", [Campaign(), OTHER])
@pytest.mark.parametrize("rows", [2, 20, 2000])
def test_empc_equals_the_published_implementation(rows, campaign):
    draw = generator(rows, "profit")
    churned = (draw.random(rows) < 0.3).astype(float)
    churned[:2] = 0, 1
    score = np.round(draw.random(rows) + 0.3 * churned, 2)
    terms = {"alpha": campaign.alpha, "beta": campaign.beta, "clv": campaign.value}
    wanted = empc_score(
        churned, score, incentive_cost=campaign.incentive, contact_cost=campaign.contact, **terms
    )
    assert empc(churned, score, campaign) == pytest.approx(wanted, rel=1e-12, abs=1e-12)


@given(rows=ROWS)
@settings(max_examples=25, deadline=None)
def test_expected_profit_is_the_integral_of_the_best_threshold(rows):
    churned, score, value = split(rows)
    gamma = np.linspace(0, 1, 401)
    best = [profit_by_hand(churned, score, value, OTHER, each) for each in gamma]
    wanted = integrate.trapezoid(best * stats.beta(OTHER.alpha, OTHER.beta).pdf(gamma), gamma)
    assert expected_profit(churned, score, value, OTHER) == pytest.approx(wanted, rel=1e-3, abs=2e-2)


@given(rows=ROWS)
def test_equal_values_give_the_empc(rows):
    churned, score, _ = split(rows)
    same = np.full(len(score), 200.0)
    assert expected_profit(churned, score, same) == pytest.approx(empc(churned, score), abs=1e-12)


@given(rows=ROWS, seed=st.integers(0, 99))
def test_profit_depends_on_the_order_of_scores_and_not_on_the_order_of_rows(rows, seed):
    churned, score, value = split(rows)
    order = generator(seed, "order").permutation(len(score))
    own = expected_profit(churned, score, value)
    assert expected_profit(churned[order], score[order], value[order]) == pytest.approx(own, abs=1e-9)
    assert expected_profit(churned, np.exp(score) + 3, value) == pytest.approx(own, abs=1e-12)


@given(rows=ROWS)
def test_profit_is_never_below_that_of_contacting_nobody_and_a_perfect_order_is_best(rows):
    churned, score, _ = split(rows)
    assert 0 <= empc(churned, score) <= empc(churned, churned) + 1e-12


@given(rows=ROWS)
def test_calling_stayers_churners_turns_the_order_round(rows):
    churned, score, _ = split(rows)
    assume(0 < churned.sum() < len(churned))
    perfect, worst = empc(1 - churned, -churned), empc(1 - churned, churned)
    assert empc(1 - churned, -score) == pytest.approx(empc(1 - churned, 8 - score), abs=1e-12)
    assert worst - 1e-12 <= empc(1 - churned, -score) <= perfect + 1e-12


def test_a_ranking_by_value_earns_more_where_values_differ():
    churned, score = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.4, 0.5, 0.6])
    assert expected_profit(churned, score, np.array([900.0, 5.0, 5.0, 5.0])) > expected_profit(
        churned, score, np.array([5.0, 900.0, 5.0, 5.0])
    )


@given(rows=ROWS, contacts=st.integers(0, 40))
def test_value_kept_counts_churners_among_the_contacts(rows, contacts):
    churned, score, value = split(rows)
    left, found = contacts, 0.0
    for own in sorted(set(score.tolist()), reverse=True):
        tied = score == own
        taken = min(left, int(tied.sum()))
        found += 0.3 * (churned * value)[tied].mean() * taken
        left -= taken
    assert value_kept(churned, score, value, contacts) == pytest.approx(found, abs=1e-9)


def test_nobody_to_contact_keeps_nothing():
    nobody = np.empty(0)
    assert value_kept(nobody, nobody, nobody, 10) == 0
    assert np.isnan(expected_profit(nobody, nobody, nobody))
