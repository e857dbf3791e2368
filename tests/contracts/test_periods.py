"""Days, weeks and years turn into one another in one place."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.periods import DAYS_PER_YEAR, continuous_rate, to_units


def test_the_cdnow_holdout_of_273_days_is_39_weeks():
    assert to_units(273, "week") == 39.0
    assert to_units(273, "day") == 273.0


@pytest.mark.parametrize("unit", ["day", "week"])
@given(rate=st.floats(0, 1))
def test_a_year_of_the_force_of_interest_gives_the_annual_rate_back(unit, rate):
    grown = math.exp(continuous_rate(rate, unit) * to_units(DAYS_PER_YEAR, unit))
    assert grown == pytest.approx(1 + rate, rel=1e-12)


def test_an_unknown_time_unit_is_named_in_the_error():
    with pytest.raises(KeyError, match="month"):
        to_units(30, "month")
