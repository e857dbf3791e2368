"""Whether a log tells true first orders is seen from how it begins, unless the settings say."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.settings import Settings
from testkit.frames import build_frame
from training.truncation import FEWEST, find_complete_from

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
GAP = 90
OPENS = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = (AS_OF - OPENS).days


def first_orders(*quarters):
    """Return the frame of a log opened on 2025-01-01 with so many first orders in each 90 days of it."""
    ages = [DAYS - 1 - (GAP * quarter + np.arange(count) % GAP) for quarter, count in enumerate(quarters)]
    return build_frame({"rfm.age_days": np.concatenate(ages).astype(float)})


def find(frame, **history):
    return find_complete_from(frame, AS_OF, Settings(history=history).history)


def test_a_log_that_opens_with_a_burst_is_complete_one_usual_gap_later():
    assert find(first_orders(900, 300, 300, 300)) == OPENS + timedelta(days=GAP)


@pytest.mark.parametrize("counts", [(300, 300, 300, 300), (100, 300, 900, 2000), (400, 300, 300, 300)])
def test_a_company_that_begins_with_its_log_is_complete_from_its_start(counts):
    assert find(first_orders(*counts)) is None


def test_a_cohort_whose_acquisition_ended_is_no_burst():
    assert find(first_orders(2000, 0, 0, 0)) is None
    assert find(first_orders(2000, FEWEST - 1, 0, 0)) is None


def test_a_log_under_two_usual_gaps_tells_nothing():
    young = build_frame({"rfm.age_days": np.repeat([GAP * 2 - 2.0, 10.0], [900, 300])})
    assert find(young) is None


def test_the_setting_decides_where_it_is_given():
    burst, even = first_orders(900, 300, 300, 300), first_orders(300, 300, 300, 300)
    assert find(burst, complete_log=True) is None
    assert find(even, complete_log=False) == OPENS + timedelta(days=GAP)


def test_another_usual_gap_looks_at_another_opening():
    frame = first_orders(900, 300, 300, 300)
    assert find(frame, usual_gap_days=30) is None
    assert find(frame, usual_gap_days=30, complete_log=False) == OPENS + timedelta(days=30)


def test_nobody_at_all_tells_nothing():
    assert find(build_frame({"rfm.age_days": []}), complete_log=False) is None


@given(opening=st.integers(0, 2000), after=st.integers(1, 1000))
def test_a_burst_is_more_than_one_and_a_half_times_what_follows(opening, after):
    # One customer on the first day fixes where the log begins.
    found = find(first_orders(opening + 1, after, 50, 50))
    assert (found is not None) == (after >= FEWEST and opening + 1 > 1.5 * after)
