"""Standard errors by bootstrap over customers: whoever is drawn brings all their rows, of all cutoffs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from contracts.randomness import generator

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]

REPLICATES = 200
LOW, HIGH = 2.5, 97.5


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Replicates of (n,) rows that belong to ``customers`` (n,); equal rows and seed give equal answers."""

    customers: npt.NDArray[np.object_]
    seed: int = 0
    replicates: int = REPLICATES

    @cached_property
    def weights(self) -> npt.NDArray[np.float32]:
        """How often each row is drawn in each replicate, (replicates, n)."""
        names, place = np.unique(self.customers.astype(str), return_inverse=True)
        random = generator(self.seed, "bootstrap")
        drawn = random.integers(0, names.size, (self.replicates, names.size))
        shifted = drawn + np.arange(self.replicates)[:, None] * names.size
        counts = np.bincount(shifted.ravel(), minlength=self.replicates * names.size)
        return counts.reshape(self.replicates, names.size)[:, place].astype(np.float32)

    def means(self, values: Array, rows: Rows | None = None) -> Array:
        """Return the mean of (n,) ``values`` over ``rows`` in each replicate that drew some of them."""
        chosen = np.ones(values.size, dtype=bool) if rows is None else rows
        weights = self.weights[:, chosen]
        total = weights.sum(axis=1, dtype=np.float64)
        some = total > 0
        return np.asarray((weights @ values[chosen])[some] / total[some], dtype=np.float64)

    def error(self, values: Array, rows: Rows | None = None) -> float:
        """Return the standard error of the mean of ``values`` over ``rows``; 0 for a single replicate."""
        means = self.means(values, rows)
        return float(means.std(ddof=1)) if means.size > 1 else 0.0

    def interval(self, values: Array, rows: Rows | None = None) -> tuple[float, float]:
        """Return the 95 % interval of that mean, by percentiles; NaN without rows."""
        means = self.means(values, rows)
        if not means.size:
            return float("nan"), float("nan")
        low, high = np.percentile(means, [LOW, HIGH])
        return float(low), float(high)

    def auc_error(self, churned: Array, score: Array, rows: Rows) -> float:
        """Return the standard error of the AUC of ``score`` over ``rows``; NaN where one label is absent."""
        order = np.argsort(score[rows], kind="stable")
        label, ranked = churned[rows][order], score[rows][order]
        starts = np.flatnonzero(np.concatenate([[True], np.diff(ranked) != 0]))
        weights = self.weights[:, rows][:, order].astype(np.float64)
        left = np.add.reduceat(weights * label, starts, axis=1)
        stayed = np.add.reduceat(weights * (1 - label), starts, axis=1)
        below = np.cumsum(stayed, axis=1) - stayed / 2
        pairs = left.sum(axis=1) * stayed.sum(axis=1)
        some = pairs > 0
        aucs = (left * below).sum(axis=1)[some] / pairs[some]
        return float(aucs.std(ddof=1)) if aucs.size > 1 else float("nan")


@dataclass(frozen=True)
class Difference:
    """Mean loss of one family minus that of another on the same rows, and its standard error."""

    mean: float
    error: float

    @property
    def verdict(self) -> str:
        """``better``, ``tie`` (under one standard error either way) or ``worse``; lower losses are better."""
        if abs(self.mean) <= self.error:
            return "tie"
        return "better" if self.mean < 0 else "worse"


def compare(bootstrap: Bootstrap, own: Array, other: Array, rows: Rows) -> Difference:
    """Return how much lower or higher ``own`` losses are than ``other`` ones over ``rows``, (n,) each."""
    gaps = own - other
    return Difference(float(gaps[rows].mean()), bootstrap.error(gaps, rows))
