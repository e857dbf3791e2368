"""What goes with meeting a touchpoint, an owner or a stage: associations, never prices.

The last twelve ripe months (of 30 days) of everyone who had bought in the year before: what they met in the
month, all of it at once in one regression, beside how often they ordered in it and what was on record before
the month began; the outcome is spend after the month.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contracts.periods import DAYS_PER_YEAR
from training.drivers.facts import Facts
from training.drivers.feelings import Answered, Feeling
from training.drivers.groups import LEAST, LEFT, SPEND
from training.drivers.kinds import tell
from training.drivers.ledger import Array, Codes, Ledger
from training.drivers.past import expand_past, standardise
from training.drivers.regression import Estimate, Regression, fit

MONTH_DAYS, MONTHS = 30.0, 12
MOST = 40
"""Touchpoints beyond the most frequent ones are counted and not compared."""
DIMENSIONS = ("touchpoint", "owner", "stage")


@dataclass(frozen=True)
class Touch:
    """A touchpoint, owner or stage: how often, how it feels, and what goes with meeting it in a month.

    ``months`` counts customers' months with it that the figures rest on; figures are None where too few.
    """

    name: str
    events: int
    customers: int
    months: int
    feeling: Feeling
    money: Estimate | None
    leaving: Estimate | None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "name": self.name,
            "events": self.events,
            "customers": self.customers,
            "months": self.months,
            "feeling": self.feeling.to_dict(),
            "money": tell(self.money),
            "leaving": tell(self.leaving),
        }


@dataclass(frozen=True, eq=False)
class Panel:
    """One row per customer and month: who, when the month began, and what it is adjusted for."""

    who: Codes
    begin: Array
    known: Array
    outcomes: Array


def find_touches(facts: Facts, seed: int) -> dict[str, tuple[Touch, ...]]:
    """Return what was met, by dimension, the most frequent first."""
    panel, answered = build_panel(facts), Answered(facts)
    return {name: tuple(_find_dimension(facts, panel, answered, name, seed)) for name in DIMENSIONS}


def build_panel(facts: Facts) -> Panel:
    """Return the months that are over; nobody is in one who had not bought in the year before it."""
    begins = facts.ripe_until - MONTH_DAYS * np.arange(1, MONTHS + 1)
    customers = np.unique(facts.payments.customer)
    who, begin = np.tile(customers, MONTHS), np.repeat(begins, customers.size)
    last = facts.payments.last(who, begin)
    at_risk = begin - last <= DAYS_PER_YEAR
    who, begin = who[at_risk], begin[at_risk]
    end = begin + MONTH_DAYS
    orders = np.log1p(facts.payments.count(who, begin, end).astype(np.float64))
    met = standardise(np.column_stack([orders, orders**2])) if len(who) else np.zeros((0, 2))
    past = expand_past(facts, who, begin) if len(who) else np.zeros((0, 1))
    outcomes = np.column_stack([facts.spend_after(who, end), facts.left_after(who, end)])
    return Panel(who, begin, np.column_stack([np.ones(len(who)), met, past]), outcomes)


def _find_dimension(
    facts: Facts, panel: Panel, answered: Answered, dimension: str, seed: int
) -> Iterator[Touch]:
    rows = facts.touches[facts.touches[dimension].notna()]
    counts = rows[dimension].value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    names, everything = [str(name) for name in counts.index[:MOST]], _list_rows(rows)
    ledgers = {name: _list_rows(rows[rows[dimension] == name]) for name in names}
    months = {name: _meet(panel, ledger) for name, ledger in ledgers.items()}
    compared = [name for name in names if _enough(panel, months[name])]
    regression = _regress(panel, [months[name] for name in compared], seed) if compared else None
    for name in names:
        ledger, place = ledgers[name], compared.index(name) if name in compared else None
        yield Touch(
            name,
            len(ledger),
            int(np.unique(ledger.customer).size),
            int(months[name].sum()),
            answered.feel(ledger, everything),
            _take(regression, place, SPEND),
            _take(regression, place, LEFT),
        )


def _list_rows(rows: Any) -> Ledger:
    return Ledger(rows["who"].to_numpy(dtype=np.int64), rows["at"].to_numpy(dtype=np.float64))


def _meet(panel: Panel, ledger: Ledger) -> Array:
    met = ledger.count(panel.who, panel.begin, panel.begin + MONTH_DAYS) > 0
    return np.asarray(met, dtype=np.float64)


def _enough(panel: Panel, met: Array) -> bool:
    with_it = np.unique(panel.who[met > 0]).size
    return with_it >= LEAST and float((1 - met).sum()) >= LEAST


def _regress(panel: Panel, met: Sequence[Array], seed: int) -> Regression:
    columns = np.column_stack([*met, panel.known])
    return fit(columns, panel.outcomes, np.ones(len(columns)), panel.who, seed)


def _take(regression: Regression | None, place: int | None, outcome: int) -> Estimate | None:
    if regression is None or place is None:
        return None
    chosen = np.zeros(regression.coefficients.shape[0])
    chosen[place] = 1.0
    return regression.contrast(chosen, outcome)
