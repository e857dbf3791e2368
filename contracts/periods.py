"""Conversions between days, weeks and years, and of annual rates. Nothing else converts them."""

import math

DAYS_PER_WEEK = 7.0
DAYS_PER_YEAR = 365.0
DAYS_PER_MONTH = 365.25 / 12
"""Of a calendar month, on average."""
DAYS_PER_UNIT = {"day": 1.0, "week": DAYS_PER_WEEK}
FEE_DAYS = 30
"""A subscription's fee falls due at its start and every 30 days while it lasts."""


def to_units(days: float, time_unit: str) -> float:
    """Return ``days`` in the time unit of a model (``day`` or ``week``).

    Examples:
        >>> to_units(273, "week")
        39.0
    """
    return days / DAYS_PER_UNIT[time_unit]


def continuous_rate(annual_rate: float, time_unit: str = "day") -> float:
    """Return the force of interest per ``time_unit`` that equals ``annual_rate`` (0.1: 10 %) over 365 days.

    Examples:
        >>> round(continuous_rate(0.1), 8)
        0.00026112
        >>> continuous_rate(0.0, "week")
        0.0
    """
    return math.log1p(annual_rate) * DAYS_PER_UNIT[time_unit] / DAYS_PER_YEAR


def discount_factor(annual_rate: float, days: float) -> float:
    """Return what one unit of money ``days`` from now is worth now.

    Examples:
        >>> round(discount_factor(0.1, 365), 6)
        0.909091
    """
    return math.exp(-continuous_rate(annual_rate) * days)
