"""Cutoffs mature before the run's as_of and leave the last one for the report."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import NotEnoughData
from training.cutoffs import LEAST_HISTORY_DAYS, MOST_CUTOFFS, plan_cutoffs

FIRST = datetime(1997, 1, 1, tzinfo=UTC)


@given(
    history=st.integers(1, 3000),
    horizon=st.integers(1, 400),
    lag=st.floats(0, 40, allow_nan=False, allow_infinity=False),
)
def test_every_window_and_its_lag_end_before_as_of_and_windows_never_overlap(
    history: int, horizon: int, lag: float
) -> None:
    as_of = FIRST + timedelta(days=history)
    plan = plan_cutoffs(FIRST, as_of, horizon, lag)
    assert len(plan.cutoffs) <= MOST_CUTOFFS
    assert plan.window_days <= horizon
    for cutoff in plan.cutoffs:
        assert cutoff + timedelta(days=plan.window_days + lag) <= as_of
        assert cutoff >= FIRST + timedelta(days=LEAST_HISTORY_DAYS)
    gaps = [later - earlier for earlier, later in zip(plan.cutoffs, plan.cutoffs[1:], strict=False)]
    assert all(gap == timedelta(days=plan.window_days) for gap in gaps)


def test_cdnow_as_of_october_learns_273_days_from_seven_shorter_windows() -> None:
    plan = plan_cutoffs(FIRST, datetime(1997, 10, 1, tzinfo=UTC), 273, 0)
    assert plan.is_shorter
    assert plan.window_days == 30
    assert len(plan.cutoffs) == 7


@pytest.mark.parametrize(
    ("history", "window", "cutoffs"),
    [
        (60 + 180, 90, 2),
        (60 + 179, 30, 5),
        (60 + 150, 30, 5),
        (60 + 149, 30, 4),
        (60 + 30, 30, 1),
        (60, 90, 0),
    ],
)
def test_the_horizon_itself_is_used_from_two_of_its_windows_on_and_short_ones_before(
    history: int, window: int, cutoffs: int
) -> None:
    plan = plan_cutoffs(FIRST, FIRST + timedelta(days=history), 90, 0)
    assert (plan.window_days, len(plan.cutoffs)) == (window, cutoffs)


def test_the_longest_short_window_that_leaves_five_cutoffs_is_taken() -> None:
    plan = plan_cutoffs(FIRST, FIRST + timedelta(days=60 + 5 * 60), 273, 0)
    assert (plan.window_days, len(plan.cutoffs)) == (60, 5)


def test_a_long_history_uses_the_horizon_itself() -> None:
    plan = plan_cutoffs(FIRST, datetime(1998, 7, 1, tzinfo=UTC), 90, 0)
    assert plan.window_days == 90
    assert plan.report == datetime(1998, 4, 2, tzinfo=UTC)
    assert plan.choice == datetime(1998, 1, 2, tzinfo=UTC)


def test_no_fact_before_as_of_names_the_first_fact() -> None:
    with pytest.raises(NotEnoughData, match="the first is of 1997-01-01T00:00:00Z"):
        plan_cutoffs(FIRST, FIRST, 90, 0)
