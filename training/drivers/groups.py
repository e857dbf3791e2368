"""What goes with belonging to a group of answers: money and leaving afterwards, adjusted for the past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.drivers.facts import Facts
from training.drivers.ledger import Array, Codes, Rows
from training.drivers.past import expand_past
from training.drivers.regression import Estimate, Regression, fit

LEAST = 30
"""Fewer rows than this, or customers, and no figure is given: the count alone."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Adjusted means of groups of dated rows; ``counts`` and ``customers`` are of rows in ripe windows."""

    names: tuple[str, ...]
    counts: Codes
    customers: Codes
    regression: Regression
    shares: Array

    def enough(self, name: str) -> bool:
        """Return whether a group has rows and customers enough for a figure."""
        place = self.names.index(name)
        return bool(self.counts[place] >= LEAST and self.customers[place] >= LEAST)

    def mean(self, name: str, outcome: int = 0) -> Estimate | None:
        """Return the adjusted mean of a group, None where it is too small."""
        return self._weigh({name: 1.0}, outcome) if self.enough(name) else None

    def difference(self, one: str, other: str, outcome: int = 0) -> Estimate | None:
        """Return the adjusted mean of ``one`` less that of ``other``, None where either is too small."""
        if not (self.enough(one) and self.enough(other)):
            return None
        return self._weigh({one: 1.0, other: -1.0}, outcome)

    def against_rest(self, name: str, outcome: int = 0) -> Estimate | None:
        """Return the adjusted mean of a group less that of all other rows, None where it is too small."""
        place = self.names.index(name)
        rest = 1.0 - self.shares[place]
        if not self.enough(name) or rest * self.counts.sum() < LEAST:
            return None
        weights = {other: -float(share) / rest for other, share in zip(self.names, self.shares, strict=True)}
        return self._weigh(weights | {name: 1.0}, outcome)

    def _weigh(self, chosen: Mapping[str, float], outcome: int) -> Estimate:
        weights = np.zeros(self.regression.coefficients.shape[0])
        for name, weight in chosen.items():
            weights[self.names.index(name)] = weight
        return self.regression.contrast(weights, outcome)


SPEND, LEFT = 0, 1
"""The outcomes: money within the horizon after the row, and whether nothing was paid in it."""


def compare_groups(
    facts: Facts, who: Codes, at: Array, label: Sequence[str] | Array, seed: int
) -> Groups | None:
    """Return the groups of dated rows by ``label`` (n,), "" for rows in none; None without ripe rows.

    One regression of what came after each row on all groups at once and on the past before the row.
    """
    labels = np.asarray(label, dtype=object).astype(str)
    ripe: Rows = facts.is_ripe(at) & (labels != "")
    who, at, labels = who[ripe], at[ripe], labels[ripe]
    names, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if names.size == 0:
        return None
    member = np.zeros((labels.size, names.size))
    member[np.arange(labels.size), place] = 1.0
    columns = np.column_stack([member, expand_past(facts, who, at)])
    outcomes = np.column_stack([facts.spend_after(who, at), facts.left_after(who, at)])
    regression = fit(columns, outcomes, np.ones(labels.size), who, seed)
    customers = np.array([np.unique(who[place == number]).size for number in range(names.size)])
    return Groups(tuple(names), counts, customers, regression, counts / counts.sum())
