import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.randomness import generator
from training.metrics import crps
from training.models.mixture import SpendMixture

money = st.floats(0.01, 1e4)
shares = st.floats(0.0, 1.0)


def mixture_of(p_no_spend, early, late, share):
    """One customer: nothing, or one of two sets of draws."""
    none = np.array([p_no_spend])
    some = 1 - none
    branches = ((np.array([early]), some * share), (np.array([late]), some * (1 - share)))
    return SpendMixture.of(none, branches)


laws = st.builds(
    mixture_of,
    shares,
    st.lists(money, min_size=1, max_size=6),
    st.lists(money, min_size=1, max_size=6),
    shares,
)


def values_of(law):
    """Values and probabilities of one customer's law, the atom among them."""
    return np.append(0.0, law.draws[0]), np.append(law.p_no_spend, law.weights[0])


@given(laws)
def test_the_probabilities_of_a_law_have_total_one(law):
    assert law.p_no_spend + law.weights.sum() == pytest.approx(1)


@given(laws, st.one_of(st.just(0.0), st.just(-5.0), money))
def test_the_score_is_that_of_all_pairs_of_values(law, spend):
    value, weight = values_of(law)
    y = max(spend, 0.0)
    pairs = weight[:, None] * weight * np.abs(value[:, None] - value)
    slow = (weight * np.abs(value - y)).sum() - pairs.sum() / 2
    assert law.crps(np.array([spend])) == pytest.approx(slow, rel=1e-9, abs=1e-9 * (value.max() + y))


@given(laws, money)
def test_a_score_is_never_below_nothing_and_grows_with_the_distance(law, spend):
    farther = law.draws.max() + np.array([spend, 2 * spend])
    near, far = (float(law.crps(np.array([y]))[0]) for y in farther)
    assert -1e-9 * law.draws.max() <= near <= far


@given(laws, money, st.floats(0.01, 100))
def test_the_score_is_in_money(law, spend, unit):
    scaled = SpendMixture(law.p_no_spend, law.draws * unit, law.weights, law.cumulative)
    once, twice = law.crps(np.array([spend])), scaled.crps(np.array([spend * unit]))
    assert twice == pytest.approx(unit * once, rel=1e-9, abs=1e-9 * unit * law.draws.max())


def test_without_an_atom_and_with_equal_weights_it_is_the_score_of_plain_draws():
    rng = generator(4, "crps")
    draws, spend = rng.gamma(2, 10, (50, 64)), rng.gamma(2, 10, 50)
    law = SpendMixture.of(np.zeros(50), ((draws, np.ones(50)),))
    assert law.crps(spend).mean() == pytest.approx(crps(spend, draws), rel=1e-9)


def test_certain_silence_scores_what_was_spent():
    law = mixture_of(1.0, [5.0], [7.0], 0.5)
    assert law.crps(np.array([12.0])) == pytest.approx([12.0])
    assert law.crps(np.array([0.0])) == pytest.approx([0.0])
    assert law.variation() == pytest.approx([0.0])


def test_the_true_law_scores_better_than_a_wider_a_narrower_and_a_shifted_one():
    rng = generator(5, "proper")
    draws = np.tile(np.quantile(rng.gamma(2, 10, 20_000), (np.arange(200) + 0.5) / 200), (4000, 1))
    spend = np.where(rng.random(4000) < 0.6, 0.0, rng.gamma(2, 10, 4000))

    def score(p_no_spend, values):
        atom = np.full(4000, p_no_spend)
        return SpendMixture.of(atom, ((values, 1 - atom),)).crps(spend).mean()

    true = score(0.6, draws)
    others = (score(0.4, draws), score(0.8, draws), score(0.6, draws * 2), score(0.6, 20 + (draws - 20) / 9))
    assert true < min(others)


@settings(max_examples=50)
@given(laws)
def test_the_variation_is_that_of_the_values(law):
    value, weight = values_of(law)
    mean = (weight * value).sum()
    if mean > 1e-6:
        expected = (weight * (value - mean) ** 2).sum() / mean**2
        assert law.variation() == pytest.approx(expected, rel=1e-9, abs=1e-12)
