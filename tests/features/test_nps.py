"""Scales, bands and the score of a group; requests and who answered them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.randomness import generator
from features.nps import bands_of, find_answer_days, nps, response_rate, to_ten

answers = st.lists(st.integers(0, 10) | st.just(float("nan")), max_size=40)


@pytest.mark.parametrize(
    ("scale", "scores", "tens"),
    [
        ((0, 10), (0, 6, 7, 9, 10), (0, 6, 7, 9, 10)),
        ((1, 5), (1, 2, 3, 4, 5), (0, 2.5, 5, 7.5, 10)),
        ((1, 7), (1, 4, 6, 7), (0, 5, 25 / 3, 10)),
        ((1, 3), (1, 2, 3), (0, 5, 10)),
        ((-103, 103), (-103, -101, 100, 102, 103), (0, 10 / 3, 5, 25 / 3, 10)),
    ],
    ids=["nps", "stars", "effort", "smileys", "freshdesk"],
)
def test_every_scale_is_placed_by_its_two_ends(scale, scores, tens):
    assert to_ten(scores, *scale) == pytest.approx(tens)


@pytest.mark.parametrize(
    ("score", "low", "high"),
    [
        (11, 0, 10),
        (-1, 0, 10),
        (5, None, 10),
        (5, 0, None),
        (5, 5, 5),
        (5, 10, 0),
        (50, -103, 103),
        (None, 0, 10),
    ],
)
def test_a_score_that_cannot_be_placed_is_missing_and_never_guessed(score, low, high):
    assert np.isnan(to_ten([score], [low], [high])).all()


def test_the_bands_are_the_standard_ones_on_every_whole_answer():
    assert bands_of(np.arange(11)).tolist() == [-1] * 7 + [0] * 2 + [1] * 2
    assert bands_of(to_ten([1, 2, 3, 4, 5], 1, 5)).tolist() == [-1, -1, -1, 0, 1]
    assert bands_of(to_ten([4, 5, 6, 7], 1, 7)).tolist() == [-1, 0, 0, 1]


@given(given_answers=answers)
def test_the_score_of_a_group_lies_within_its_interval_and_the_bounds(given_answers):
    group = nps(given_answers)
    known = [each for each in given_answers if each == each]
    assert group.n == len(known)
    if known:
        assert -100 <= group.low <= group.value + 1e-9
        assert group.value - 1e-9 <= group.high <= 100
        share = [sum(low <= each <= high for each in known) / len(known) for low, high in ((9, 10), (0, 6))]
        assert group.value == pytest.approx(100 * (share[0] - share[1]))
    else:
        assert (group.value, group.low, group.high) == (None, None, None)


@given(given_answers=answers)
def test_turning_every_answer_round_turns_the_score_round(given_answers):
    bands = bands_of(given_answers)
    flipped = nps(np.where(bands == 1, 0.0, np.where(bands == -1, 10.0, given_answers)))
    group = nps(given_answers)
    if group.value is not None:
        assert (flipped.value, flipped.low) == pytest.approx((-group.value, -group.high))


@pytest.mark.parametrize("n", [8, 30, 200])
def test_the_interval_holds_the_true_score_about_95_times_of_100(n):
    draw, truth = generator(2014, "nps", n), 100 * (0.35 - 0.25)
    groups = [nps(draw.choice([3, 7, 10], n, p=[0.25, 0.4, 0.35])) for _ in range(2000)]
    held = np.mean([group.low <= truth <= group.high for group in groups])
    assert 0.935 < held < 0.985


def test_an_interval_at_more_confidence_is_wider():
    narrow, wide = (nps([10, 9, 3, 7], confidence) for confidence in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_each_request_is_answered_by_its_own_customers_first_answer_within_30_days():
    asked, asked_at = ["a", "a", "a", "b", "c"], [0, 50, 90, 0, 0]
    answered, answered_at = ["a", "a", "b", "b"], [3, 95, 31, 200]
    found = find_answer_days(asked, asked_at, answered, answered_at)
    assert found.tolist() == pytest.approx([3, np.nan, 5, np.nan, np.nan], nan_ok=True)


def test_a_request_that_can_still_be_answered_does_not_lower_the_rate():
    rate = response_rate([2.0, np.nan, np.nan], [60, 45, 29])
    assert (rate.n, rate.value) == (2, 0.5)
    assert 0 <= rate.low < 0.5 < rate.high <= 1
    assert response_rate([np.nan], [3]).value is None
