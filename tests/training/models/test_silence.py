"""Tilts and ranges of the silent: laws that hold for any answers and any estimates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.randomness import generator
from training.models.silence import WORTH, Base, Tilt, corners


@st.composite
def bases(draw, most_silent=12, fewest_silent=0):
    random = generator(draw(st.integers(2000, 9999)), "silence")
    said, silent = draw(st.integers(1, 12)), draw(st.integers(fewest_silent, most_silent))
    spread = draw(st.floats(0.1, 4.0))
    return Base(
        random.integers(0, 3, said),
        random.dirichlet([spread] * 3, said),
        random.uniform(0.1, 5.0, said) * (silent > 0),
        random.dirichlet([spread] * 3, silent),
    )


ratios = st.floats(1.0, 20.0)


@given(bases(), st.floats(-3, 3), st.floats(-3, 3))
def test_tilted_probabilities_are_probabilities(base, detractor, promoter):
    shares = Tilt(detractor, promoter).apply(base.silent)
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert (shares >= 0).all()


@given(bases())
def test_a_range_for_no_dependence_is_the_corrected_figure_itself(base):
    span = base.range(1.0)
    assert span.low == span.high == base.figure(Tilt()).nps


@given(bases(), ratios, ratios)
def test_the_more_dependence_is_allowed_the_wider_the_range(base, one, other):
    narrow, wide = (base.range(odds) for odds in sorted((one, other)))
    assert wide.low <= narrow.low + 1e-9
    assert wide.high >= narrow.high - 1e-9


@given(bases(), ratios)
def test_no_range_leaves_the_bounds_that_assume_nothing(base, odds):
    span, bounds = base.range(odds), base.bounds()
    assert bounds.low - 1e-9 <= span.low <= span.high <= bounds.high + 1e-9


@given(bases(), st.floats(1.01, 5.0), st.floats(-1, 1), st.floats(-1, 1))
def test_every_pair_of_ratios_inside_gives_a_figure_inside_the_range(base, odds, detractor, promoter):
    reach, span = np.log(odds), base.range(odds)
    inside = base.mean(Tilt(detractor * reach, promoter * reach))
    assert span.low - 1e-9 <= inside <= span.high + 1e-9


@given(bases(most_silent=0))
def test_where_nobody_is_silent_every_figure_is_what_was_said(base):
    raw, corrected, span = base.raw(), base.figure(Tilt()), base.range(3.0)
    assert raw.nps == corrected.nps == span.low == span.high
    assert raw.low == raw.high == corrected.low == corrected.high


@given(bases(fewest_silent=1), st.floats(-2, 2), st.floats(-2, 2))
def test_a_tilt_is_found_again_from_the_shares_it_makes(base, detractor, promoter):
    wanted = Tilt(detractor, promoter)
    shares = wanted.apply(base.silent).mean(axis=0)
    found = base.find_tilt(shares)
    assert np.allclose(found.apply(base.silent).mean(axis=0), shares, atol=1e-6)


def test_bayes_rule_gives_the_tilt_that_the_formula_says():
    prior, answers = np.array([0.2, 0.5, 0.3]), np.array([0.1, 0.3, 0.6])
    odds = answers / (1 - answers)
    said = prior * answers / (prior @ answers)
    silent = prior * (1 - answers) / (prior @ (1 - answers))
    tilt = Tilt(float(np.log(odds[0] / odds[1])), float(np.log(odds[2] / odds[1])))
    np.testing.assert_allclose(tilt.apply(said[None, :])[0], silent, atol=1e-12)


def test_the_worst_corner_has_detractors_that_hide_and_promoters_that_speak():
    least, greatest = corners(2.0)
    shares = np.array([[0.3, 0.4, 0.3]])
    assert least.apply(shares) @ WORTH < shares @ WORTH < greatest.apply(shares) @ WORTH
    assert least.detractor == pytest.approx(-np.log(2))
