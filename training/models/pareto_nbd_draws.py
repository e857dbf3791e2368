"""Draws of purchase counts of Pareto/NBD, by inversion of one fixed point set.

With A = alpha + T, B = beta + T and s' = r + x: given alive and at least one purchase in a window (0, w], the
first comes at tau with density proportional to (1 + tau / A)^-(s' + 1) (1 + tau / B)^-s. Given tau, lambda is
Gamma(s' + 1, A + tau) and mu is Gamma(s, B + tau), independently, so that what is left of life is Lomax:
L = (B + tau) (U^(-1/s) - 1). Until the end e of the horizon N = 1 + Poisson(lambda min(L, e - tau)).
"""

import numpy as np
from scipy.special import gammaincinv

from training.models.history import Array
from training.models.pareto_quadrature import grade
from training.models.point_set import POINTS, Counts, poisson_counts, unit_points

CELLS = 256
LONGEST_LOG_LIFE = 500.0


class ParetoNBDDraws:
    """Draws for known parameters; what it keeps between calls depends on them only."""

    def __init__(self, r: float, alpha: float, s: float, beta: float) -> None:
        self.r = r
        self.alpha = alpha
        self.s = s
        self.beta = beta
        self._rates: dict[float, Array] = {}

    def purchases(self, frequency: Array, age: Array, window: float, end: float) -> Counts:
        """Return (n, POINTS) purchases >= 1 in (T, T + end] given alive and one in (T, T + window].

        ``frequency`` and ``age`` have shape (n,); 0 < ``window`` <= ``end``, in the time unit of the model.
        """
        A, B = (self.alpha + age)[:, None], (self.beta + age)[:, None]
        tau = self._first(frequency, age, window)
        log_life = np.minimum(-np.log1p(-unit_points()[2]) / self.s, LONGEST_LOG_LIFE)
        busy = np.minimum((B + tau) * np.expm1(log_life), end - tau)
        return np.asarray(1 + poisson_counts(self._rates_of(frequency) / (A + tau) * busy))

    def _first(self, frequency: Array, age: Array, window: float) -> Array:
        """Return (n, POINTS) tau in (0, window]: the distribution summed over a grid, even in log time."""
        A, B, p = self.alpha + age, self.beta + age, self.r + frequency + 1.0
        rate, end = grade(A, p, B, np.full(A.shape, self.s), np.full(A.shape, window))
        level = end[:, None] * (np.arange(CELLS + 1) / CELLS)
        u = np.expm1(level) / rate[:, None]
        log_density = level - p[:, None] * np.log1p(u / A[:, None]) - self.s * np.log1p(u / B[:, None])
        density = np.exp(log_density)
        below = np.zeros(u.shape)
        np.cumsum(density[:, 1:] + density[:, :-1], axis=1, out=below[:, 1:])
        drawn = np.empty((frequency.size, POINTS))
        for row in range(frequency.size):
            drawn[row] = np.interp(unit_points()[0] * below[row, -1], below[row], level[row])
        return np.asarray(np.minimum(np.expm1(drawn) / rate[:, None], window))

    def _rates_of(self, frequency: Array) -> Array:
        """Return (n, POINTS): lambda (A + tau)."""
        distinct, position = np.unique(frequency, return_inverse=True)
        for x in distinct:
            if float(x) not in self._rates:
                self._rates[float(x)] = gammaincinv(self.r + x + 1.0, unit_points()[1])
        return np.stack([self._rates[float(x)] for x in distinct])[position]
