"""A customer's spend as a mixture: nothing with probability p0, else one of several sets of draws."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.models.history import Array


@dataclass(frozen=True, eq=False)
class SpendMoments:
    """Per customer the mean >= 0, the variance >= 0 and the probability of no spend, shape (n,) each."""

    mean: Array
    variance: Array
    p_no_spend: Array


@dataclass(frozen=True, eq=False)
class SpendMixture:
    """Per customer the probability of no spend, and sorted draws with the cumulative probability of each.

    Attributes:
        p_no_spend: shape (n,), in [0, 1].
        draws: shape (n, k), > 0, ascending.
        weights: shape (n, k), the probability of each; with ``p_no_spend`` a row sums to 1.
        cumulative: shape (n, k), the distribution function at the draws; linear in between, from (0,
            p_no_spend).
    """

    p_no_spend: Array
    draws: Array
    weights: Array
    cumulative: Array

    @classmethod
    def of(cls, p_no_spend: Array, branches: tuple[tuple[Array, Array], ...]) -> "SpendMixture":
        """Return the mixture of ``p_no_spend`` and branches: draws (n, k) > 0 with their probability (n,)."""
        draws = np.concatenate([values for values, _ in branches], axis=1)
        sizes = [values.shape[1] for values, _ in branches]
        shares = np.column_stack([share / size for size, (_, share) in zip(sizes, branches, strict=True)])
        weights = np.repeat(shares, sizes, axis=1)
        order, ordered = _sort_rows(draws)
        weights = np.take_along_axis(weights, order, axis=1)
        cumulative = p_no_spend[:, None] + np.cumsum(weights, axis=1) - weights / 2
        return cls(p_no_spend, ordered, weights, cumulative)

    def quantile(self, level: Array) -> Array:
        """Return (n,) quantiles at ``level`` (n,) in [0, 1]; 0 exactly where level <= p_no_spend."""
        above = (self.cumulative < level[:, None]).sum(axis=1)
        low, high, c_low, c_high = self._neighbours(above)
        share = (level - c_low) / np.where(c_high > c_low, c_high - c_low, 1.0)
        value = low + np.clip(share, 0.0, 1.0) * (high - low)
        return np.where(level > self.p_no_spend, value, 0.0)

    def pit(self, spend: Array) -> tuple[Array, Array]:
        """Return F(spend-) and F(spend), (n,) each; spend <= 0 counts as nothing: 0 and ``p_no_spend``."""
        below = (self.draws < spend[:, None]).sum(axis=1)
        low, high, c_low, c_high = self._neighbours(below)
        share = (spend - low) / np.where(high > low, high - low, 1.0)
        inside = c_low + np.clip(share, 0.0, 1.0) * (c_high - c_low)
        value = np.clip(np.where(below == self.draws.shape[1], 1.0, inside), 0.0, 1.0)
        nothing = spend <= 0
        return np.where(nothing, 0.0, value), np.where(nothing, self.p_no_spend, value)

    def crps(self, spend: Array) -> Array:
        """Return (n,) continuous ranked probability scores against ``spend``, in money; <= 0 counts as 0.

        E|X - y| - E|X - X'| / 2 over the draws and the atom at zero; the second is the integral of F (1 - F).
        """
        y = np.maximum(spend, 0.0)
        away = self.p_no_spend * y + (self.weights * np.abs(self.draws - y[:, None])).sum(axis=1)
        below = self.p_no_spend[:, None] + np.cumsum(self.weights, axis=1) - self.weights
        gaps = np.diff(self.draws, axis=1, prepend=0.0)
        return np.asarray(away - (below * np.maximum(1.0 - below, 0.0) * gaps).sum(axis=1))

    def variation(self) -> Array:
        """Return (n,) squared coefficients of variation, Var X / (E X)^2, >= 0; 0 where nothing is spent."""
        mean = (self.weights * self.draws).sum(axis=1)
        unit = np.where(mean > 0, mean, 1.0)
        around = ((self.weights * (self.draws / unit[:, None] - 1.0) ** 2).sum(axis=1)) + self.p_no_spend
        return np.where(mean > 0, around, 0.0)

    def _neighbours(self, index: np.ndarray) -> tuple[Array, Array, Array, Array]:
        last = self.draws.shape[1] - 1
        row, here, before = np.arange(index.size), np.minimum(index, last), np.clip(index - 1, 0, last)
        low = np.where(index > 0, self.draws[row, before], 0.0)
        c_low = np.where(index > 0, self.cumulative[row, before], self.p_no_spend)
        return low, self.draws[row, here], c_low, self.cumulative[row, here]


def _sort_rows(draws: Array) -> tuple[npt.NDArray[np.intp], Array]:
    """Return the order of each row that a stable sort gives, at the price of a plain one, and the rows so.

    Where no two draws of a row are equal there is but one order, and equal ones are rare.
    """
    order = np.argsort(draws, axis=1)
    ordered = np.take_along_axis(draws, order, axis=1)
    tied = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    order[tied] = np.argsort(draws[tied], axis=1, kind="stable")
    return order, ordered
