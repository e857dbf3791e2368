"""Weighted least squares whose uncertainty is that of customers: each brings all rows of theirs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contracts.randomness import generator
from training.drivers.ledger import Array, Codes

REPLICATES = 400
GROUPS = 2_000
"""More customers than this are drawn in that many groups of equal size: what differs is time, not the law."""
NORMAL_95 = 1.959963984540054
_RIDGE = 1e-9
_MOST_LEVERAGE = 0.9


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and 95 % interval."""

    value: float
    error: float

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval."""
        return self.value - NORMAL_95 * self.error

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + NORMAL_95 * self.error

    @property
    def z(self) -> float:
        """The number in standard errors; 0 where there is no error to speak of."""
        return self.value / self.error if self.error > 0 else 0.0

    @property
    def p(self) -> float:
        """Two-sided p-value of nought, by the normal law."""
        return math.erfc(abs(self.z) / math.sqrt(2.0))

    def times(self, factor: float) -> "Estimate":
        """Return the estimate of ``factor`` times the number."""
        return Estimate(self.value * factor, self.error * abs(factor))

    def to_dict(self) -> dict[str, float]:
        """Return value and interval, to six decimals."""
        return {"value": round(self.value, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


def correct(ps: Sequence[float]) -> list[float]:
    """Return p-values after Holm (1979), in their own order.

    Examples:
        >>> correct([0.02, 0.01, 0.9])
        [0.04, 0.03, 0.9]
    """
    corrected, worst = [1.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        worst = max(worst, min(1.0, ps[place] * (len(ps) - rank)))
        corrected[place] = worst
    return corrected


@dataclass(frozen=True, eq=False)
class Regression:
    """Coefficients (k,) or (k, outcomes), and those of each replicate in front, (replicates, k, ...)."""

    coefficients: Array
    replicates: Array

    def contrast(self, weights: Array, outcome: int = 0) -> Estimate:
        """Return the estimate of ``weights`` (k,) times the coefficients of an outcome."""
        point = float(weights @ self.coefficients[:, outcome])
        drawn = self.replicates[:, :, outcome] @ weights
        return Estimate(point, float(drawn.std(ddof=1)))


def fit(columns: Array, outcomes: Array, weights: Array, who: Codes, seed: int) -> Regression:
    """Return least squares of ``outcomes`` (n, m) on ``columns`` (n, k) with row ``weights`` (n,).

    The bootstrap draws customers ``who`` (n,) with replacement; equal rows and seed give equal answers.
    """
    grams, moments = _sum_groups(columns, outcomes, weights, who, seed)
    count = len(grams)
    random = generator(seed, "drivers", "customers drawn")
    drawn = random.multinomial(count, np.full(count, 1.0 / count), REPLICATES).astype(np.float64)
    size = columns.shape[1]
    gram = (drawn @ grams.reshape(count, -1)).reshape(REPLICATES, size, size)
    moment = (drawn @ moments.reshape(count, -1)).reshape(REPLICATES, size, -1)
    # A level that a draw leaves out would make it singular: a ridge far below any real column decides.
    scale = np.trace(grams.sum(axis=0)) / size
    ridge = _RIDGE * scale * np.eye(size)
    return Regression(
        np.linalg.solve(grams.sum(axis=0) + ridge, moments.sum(axis=0)), np.linalg.solve(gram + ridge, moment)
    )


def _sum_groups(
    columns: Array, outcomes: Array, weights: Array, who: Codes, seed: int
) -> tuple[Array, Array]:
    """Return X'WX and X'Wy of each group of customers, (groups, k, k) and (groups, k, m)."""
    names, place = np.unique(who, return_inverse=True)
    group = generator(seed, "drivers", "groups").permutation(names.size)[place] % GROUPS
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(min(names.size, GROUPS)), "right")
    weighted = columns * weights[:, None]
    grams = np.empty((len(ends), columns.shape[1], columns.shape[1]))
    moments = np.empty((len(ends), columns.shape[1], outcomes.shape[1]))
    start = 0
    for number, end in enumerate(ends):
        rows = order[start:end]
        grams[number] = weighted[rows].T @ columns[rows]
        moments[number] = weighted[rows].T @ outcomes[rows]
        start = end
    return grams, moments


def solve_clustered(columns: Array, outcome: Array, weights: Array, who: Codes) -> tuple[Array, Array]:
    """Return the coefficients (k,) and their covariance (k, k), sums of residuals taken by customer.

    The sandwich of Liang and Zeger (1986); residuals are those each row would have without itself (HC3 of
    MacKinnon and White, 1985), because a few rows of great weight else look better known than they are.
    """
    weighted = columns * weights[:, None]
    size = columns.shape[1]
    gram = weighted.T @ columns
    inverse = np.linalg.inv(gram + _RIDGE * np.trace(gram) / size * np.eye(size))
    coefficients = inverse @ (weighted.T @ outcome)
    leverage = np.einsum("ij,jk,ik->i", weighted, inverse, columns)
    residual = (outcome - columns @ coefficients) / (1.0 - np.minimum(leverage, _MOST_LEVERAGE))
    names, place = np.unique(who, return_inverse=True)
    sums = np.zeros((names.size, size))
    np.add.at(sums, place, weighted * residual[:, None])
    return coefficients, inverse @ (sums.T @ sums) @ inverse


def estimate_first(columns: Array, outcome: Array, weights: Array, who: Codes) -> Estimate:
    """Return the coefficient of the first of ``columns`` (n, k), its error that of ``solve_clustered``."""
    coefficients, covariance = solve_clustered(columns, outcome, weights, who)
    return Estimate(float(coefficients[0]), float(np.sqrt(covariance[0, 0])))
