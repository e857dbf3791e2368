"""Marks of charts stand inside the picture and where their values say."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.page.plots import (
    FOOT,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    across,
    draw_band,
    draw_columns,
    draw_line,
    group_ticks,
    round_steps,
    upward,
)

VALUES = st.floats(-1e9, 1e9)


@given(VALUES, st.floats(1e-6, 1e9))
def test_round_steps_reach_round_the_values_and_are_few_and_even(low, width):
    steps = round_steps(low, low + width)
    assert 2 <= len(steps) <= 6
    slack = 1e-6 * max(abs(low), width)
    assert steps[0] <= low + slack
    assert steps[-1] >= low + width - slack
    gaps = [after - before for before, after in pairwise(steps)]
    assert min(gaps) > 0
    assert max(gaps) - min(gaps) <= slack


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=20))
def test_every_point_of_a_line_is_inside_the_picture_even_where_its_value_is_not(points):
    line = draw_line(points, across(0, 1), upward(0, 1), "", "served", marked=True)
    assert len(line.marks) == len(points)
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - FOOT for x, y in line.marks)
    assert line.path.startswith("M")


def test_a_higher_value_stands_higher_and_a_later_one_further_right():
    x, y = across(0, 10), upward(0, 10)
    assert x.place(2) < x.place(3)
    assert y.place(3) < y.place(2)
    assert (x.place(0), x.place(10)) == (LEFT, WIDTH - RIGHT)
    assert (y.place(0), y.place(10)) == (HEIGHT - FOOT, TOP)


def test_a_band_goes_out_along_its_top_and_back_along_its_foot():
    path = draw_band([(0, 0, 1), (1, 0, 1)], across(0, 1), upward(0, 1))
    assert path == f"M{LEFT:g} {TOP:g}L{WIDTH - RIGHT:g} {TOP:g}L{WIDTH - RIGHT:g} 186L{LEFT:g} 186Z"
    assert draw_band([], across(0, 1), upward(0, 1)) == ""


@pytest.mark.parametrize("groups", [1, 3, 10])
def test_columns_stand_on_the_foot_side_by_side_and_never_overlap(groups):
    columns = draw_columns([(1.0, 2.0)] * groups, upward(0, 2), ("served", "rule"))
    assert len(columns) == 2 * groups
    assert all(round(each.y + each.height, 1) == HEIGHT - FOOT for each in columns)
    assert all(before.x + before.width <= after.x + 0.15 for before, after in pairwise(columns))
    assert columns[-1].x + columns[-1].width <= WIDTH - RIGHT
    assert len(group_ticks(["a"] * groups)) == groups
