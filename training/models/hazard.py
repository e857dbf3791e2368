"""A discrete-time hazard: the chance that a subscription ends in each 30 days ahead, by trees on a base.

    log-odds of ending in period j = base at the tenure then + trees(features at the cutoff, j)

No trees is the base alone. Periods after the last learned one keep its hazard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contracts.errors import BundleRefused
from training.models.base_hazard import BaseHazard
from training.models.churn import ChurnTrees
from training.models.horizon_score import HorizonScore, explain_horizon
from training.models.person_periods import PERIOD_DAYS, PersonPeriods, hazard_columns
from training.models.retention import Floats, Retention, cumulative_hazard, period_shares
from training.models.trees import TreeSettings

TENURE = "subscription.tenure_days"


@dataclass(frozen=True)
class Hazard:
    """Fitted parts, no data.

    ``names`` are the encoder's columns, tenure among them; ``trees`` have those and the period ahead.
    """

    names: tuple[str, ...]
    base: BaseHazard
    trees: ChurnTrees

    def __post_init__(self) -> None:
        """Raise ``BundleRefused`` where nothing tells the tenure."""
        if TENURE not in self.names:
            raise BundleRefused(f"The hazard's features lack {TENURE!r}: train the model again.")

    @classmethod
    def bare(cls, base: BaseHazard, names: Sequence[str]) -> "Hazard":
        """Return the base alone over an encoder's ``names``."""
        empty = np.empty((0, len(names) + 1))
        trees = ChurnTrees(TreeSettings(rounds=0))
        return cls(tuple(names), base, trees.fit(empty, hazard_columns(names), np.empty(0), np.empty(0)))

    @property
    def rounds(self) -> int:
        """How many trees there are."""
        return self.trees.rounds_

    def log_odds(self, matrix: Floats) -> Floats:
        """Return, (n, periods), the log-odds of ending in each learned period of an encoder's rows (n, k)."""
        periods = range(self.base.periods)
        return np.column_stack(
            [
                self._base(matrix, period) + self.trees.trees_.raw(_with_period(matrix, period))
                for period in periods
            ]
        )

    def base_log_odds(self, matrix: Floats) -> Floats:
        """Return the same by tenure alone."""
        return np.column_stack([self._base(matrix, period) for period in range(self.base.periods)])

    def explain(self, matrix: Floats, horizon_days: float) -> HorizonScore:
        """Return the raw score of ending within ``horizon_days`` and what each column adds to it.

        Contributions are (n, k + 1): tenure's holds what the base says of it, the last column is the period's
        own part.
        """
        weights = period_shares(horizon_days, self.base.periods)
        used = int(np.flatnonzero(weights).max()) + 1
        tenure = self.names.index(TENURE)
        parts, bases = [], []
        for period in range(used):
            contributions, base = self.trees.contributions(_with_period(matrix, period))
            contributions[:, tenure] += self._base(matrix, period) - self.base.pooled
            parts.append(contributions)
            bases.append(self.base.pooled + base)
        return explain_horizon(np.stack(parts), np.array(bases), weights[:used])

    def to_text(self) -> str:
        """Return the trees as text."""
        return self.trees.to_text()

    @classmethod
    def from_parts(cls, base: Mapping[str, Any], text: str, names: Sequence[str]) -> "Hazard":
        """Return the hazard of a bundle's parts; ``BundleRefused`` when they are not sound."""
        if not isinstance(base, Mapping):
            raise BundleRefused("The base hazard is no JSON object: restore the bundle.")
        trees = ChurnTrees.from_text(text, hazard_columns(names))
        return cls(tuple(names), BaseHazard.from_dict(base), trees)

    def _base(self, matrix: Floats, period: int) -> Floats:
        return self.base.at(matrix[:, self.names.index(TENURE)] + PERIOD_DAYS * period)


def draw_retention(log_odds: Floats, factors: Floats | None = None) -> Retention:
    """Return the curves of ``log_odds`` (n, periods), everyone's factor 1 unless given."""
    return Retention(cumulative_hazard(log_odds), np.ones(len(log_odds)) if factors is None else factors)


def fit_hazard(matrix: Floats, names: Sequence[str], rows: PersonPeriods, settings: TreeSettings) -> Hazard:
    """Return the hazard of person-periods: the base of all of them, then exactly ``settings.rounds`` trees.

    Args:
        matrix: (people, k) of an encoder, one row per subscriber and cutoff.
        names: its columns, tenure among them.
        rows: at least one; ``person`` is a row of ``matrix``.
        settings: size of the trees; no rounds, no trees.
    """
    base = fit_base(matrix, names, rows)
    if not settings.rounds:
        return Hazard.bare(base, names)
    sample, offset = tree_rows(matrix, names, rows, base)
    trees = ChurnTrees(settings).fit(sample, hazard_columns(names), offset, rows.ended, weights=rows.weights)
    return Hazard(tuple(names), base, trees)


def fit_base(matrix: Floats, names: Sequence[str], rows: PersonPeriods) -> BaseHazard:
    """Return the base hazard of person-periods."""
    return BaseHazard.fit(rows, _tenure(matrix, names, rows))


def tree_rows(
    matrix: Floats, names: Sequence[str], rows: PersonPeriods, base: BaseHazard
) -> tuple[Floats, Floats]:
    """Return what the trees see of person-periods: the matrix (r, k + 1) and the offset (r,).

    Periods after the last learned one are told as that one, as they will be when scoring.
    """
    period = np.minimum(rows.period, base.periods - 1)
    return np.column_stack([matrix[rows.person], period]), base.at(_tenure(matrix, names, rows))


def _tenure(matrix: Floats, names: Sequence[str], rows: PersonPeriods) -> Floats:
    tenure: Floats = matrix[rows.person, list(names).index(TENURE)] + PERIOD_DAYS * rows.period
    return tenure


def _with_period(matrix: Floats, period: int) -> Floats:
    return np.column_stack([matrix, np.full(len(matrix), float(period))])
