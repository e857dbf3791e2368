"""Figures are PNG, the same for the same numbers, and the numbers in them are right."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.randomness import generator
from training.plots import calibration_points, gain_points, render_plots

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(-5, 5)), min_size=1, max_size=60)


def draw(rows=400, seed=3):
    stream = generator(seed, "plots")
    p = stream.random(rows)
    return (stream.random(rows) < p).astype(float), p, np.log(p / (1 - p))


def test_four_figures_are_drawn_and_drawn_the_same_again():
    first = render_plots(*draw(), {"rhythm": 0.9, "support": 0.2})
    assert first.keys() == {"calibration.png", "lift.png", "gain.png", "reasons.png"}
    assert all(data.startswith(b"\x89PNG\r\n") and len(data) > 2000 for data in first.values())
    assert render_plots(*draw(), {"rhythm": 0.9, "support": 0.2}) == first


def test_drawing_uses_no_global_state_of_matplotlib():
    render_plots(*draw(), {"rhythm": 0.9})
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


@pytest.mark.parametrize("churned", [[], [1.0], [0.0, 0.0], [1.0, 1.0]])
def test_few_rows_or_one_class_alone_still_draw(churned):
    assert len(render_plots(churned, [0.5] * len(churned), [0.0] * len(churned), {})) == 4


@given(ROWS)
def test_the_gain_curve_counts_like_a_plain_loop(rows):
    churned, raw = [label for label, _ in rows], [float(score) for _, score in rows]
    contacted, found = gain_points(churned, raw)
    for share, part in zip(contacted, found, strict=True):
        listed = round(share * len(rows))
        first = sorted(rows, key=lambda row: -row[1])[:listed]
        assert part == pytest.approx(sum(label for label, _ in first) / max(sum(churned), 1)) or listed == 0


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_no_point_of_the_gain_curve(rows, shuffler):
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    one, other = (gain_points(*zip(*each, strict=True)) for each in (rows, shuffled))
    assert all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))


@given(ROWS)
def test_calibration_groups_hold_every_row_once(rows):
    churned, p = [label for label, _ in rows], [(score + 5) / 10 for _, score in rows]
    sizes = [len(group) for group in np.array_split(np.arange(len(rows)), 10) if len(group)]
    predicted, observed = calibration_points(churned, p)
    assert np.average(predicted, weights=sizes) == pytest.approx(np.mean(p))
    assert np.average(observed, weights=sizes) == pytest.approx(np.mean(churned))
