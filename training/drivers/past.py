"""What was on record about a customer before an instant: the facts that comparisons are adjusted for."""

import numpy as np

from contracts.periods import DAYS_PER_YEAR
from training.drivers.facts import Facts
from training.drivers.ledger import Array, Codes

PAST = ("orders", "silence", "age", "value", "spend_year", "spend_quarter", "first")
"""Payments so far, days since the last, days since the first, mean amount (all ln(1 + x)), the same for what
was spent in 365 and in 90 days, and whether nothing had been paid yet."""
QUARTER_DAYS = 90.0


def describe_past(facts: Facts, who: Codes, at: Array) -> Array:
    """Return the columns of ``PAST`` from payments strictly before ``at``, (m, 7); nothing is missing.

    Amounts are as ordered: what was refunded later was not known to be.
    """
    payments = facts.payments
    orders = payments.count_before(who, at).astype(np.float64)
    none = orders == 0
    spent = payments.total_before("gross", who, at)
    silence = np.where(none, 0.0, at - payments.last(who, at))
    age = np.where(none, 0.0, at - payments.first(who))
    year, quarter = (
        spent - payments.total_before("gross", who, at - days) for days in (DAYS_PER_YEAR, QUARTER_DAYS)
    )
    value = np.where(none, 0.0, spent / np.maximum(orders, 1.0))
    logs = [np.log1p(np.maximum(each, 0.0)) for each in (orders, silence, age, value, year, quarter)]
    return np.column_stack([*logs, none.astype(np.float64)])


def expand_past(facts: Facts, who: Codes, at: Array) -> Array:
    """Return standardised columns for a regression, (m, k): the past, its bends, and the time of year."""
    past = standardise(describe_past(facts, who, at))
    orders, silence, age, value = past[:, 0], past[:, 1], past[:, 2], past[:, 3]
    bends = [orders**2, silence**2, age**2, value**2, orders * silence, orders * value, silence * age]
    turn = 2 * np.pi * at / (DAYS_PER_YEAR + 0.25)
    return np.column_stack([past, standardise(np.column_stack(bends)), np.sin(turn), np.cos(turn)])


def standardise(columns: Array) -> Array:
    """Return columns of mean 0 and standard deviation 1; zeros where one does not vary, (n, k)."""
    deviation = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(deviation > 1e-9, deviation, np.inf))
