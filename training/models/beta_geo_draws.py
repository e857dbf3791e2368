"""Draws of purchase counts of BG/NBD, by inversion of one fixed point set.

Given alive and at least one purchase in a window (0, w], the first comes at tau with distribution
(1 - (A / (A + tau))^s) / (1 - (A / (A + w))^s), where s = r + x and A = alpha + T; given tau, lambda is
Gamma(s + 1, A + tau). Dropout comes at purchase K, p ~ Beta(a, b + x), K geometric; until the end e of the
horizon N = 1 + min(Poisson(lambda (e - tau)), K - 1).
"""

import numpy as np
from scipy.special import betaincinv, gammaincinv

from training.models.history import Array
from training.models.point_set import Counts, poisson_counts, unit_points

LONGEST_LIFE = 1e9  # purchases


class BetaGeoDraws:
    """Draws for known parameters; what it keeps between calls depends on them only."""

    def __init__(self, r: float, alpha: float, a: float, b: float) -> None:
        self.r = r
        self.alpha = alpha
        self.a = a
        self.b = b
        self._known: dict[float, tuple[Array, Array]] = {}

    def purchases(self, frequency: Array, age: Array, window: float, end: float) -> Counts:
        """Return (n, POINTS) purchases >= 1 in (T, T + end] given alive and one in (T, T + window].

        ``frequency`` and ``age`` have shape (n,); 0 < ``window`` <= ``end``, in the time unit of the model.
        """
        rates, lives = self._by_frequency(frequency)
        s, A = (self.r + frequency)[:, None], (self.alpha + age)[:, None]
        bought = -np.expm1(-s * np.log1p(window / A))
        tau = np.minimum(A * np.expm1(-np.log1p(-unit_points()[0] * bought) / s), window)
        further = poisson_counts(rates / (A + tau) * (end - tau))
        return np.asarray(1 + np.minimum(further, lives.astype(np.int64) - 1))

    def _by_frequency(self, frequency: Array) -> tuple[Array, Array]:
        """Return (n, POINTS) each: lambda (A + tau), and the purchase K that ends it."""
        distinct, position = np.unique(frequency, return_inverse=True)
        for x in distinct:
            if float(x) not in self._known:
                self._known[float(x)] = self._invert(float(x))
        kept = [self._known[float(x)] for x in distinct]
        rates, lives = (np.stack(part)[position] for part in zip(*kept, strict=True))
        return rates, lives

    def _invert(self, x: float) -> tuple[Array, Array]:
        _, rate, dropout, life, *_ = unit_points()
        dropouts = np.clip(betaincinv(self.a, self.b + x, dropout), 1e-300, 1.0)
        with np.errstate(divide="ignore"):
            lives = 1.0 + np.floor(np.minimum(np.log1p(-life) / np.log1p(-dropouts), LONGEST_LIFE))
        return gammaincinv(self.r + x + 1.0, rate), lives
