"""When a subscription's fees fall due: at its start and every 30 days while it lasts."""

from contracts.periods import FEE_DAYS
from features.engine import Value, days_between, later_of


def count_dues(start: Value, stop: Value) -> Value:
    """Return how many fees fall due from ``start`` on and before ``stop``; 0 where that is not later."""
    return later_of((days_between(start, stop) / FEE_DAYS).ceil().cast("int64"), 0)
