"""Draws of future spend from the joint law of BG/NBD and Gamma-Gamma, by inversion of one fixed point set.

The draws of a customer depend on the parameters, the history and the horizons only: never on the row, the
batch or a random state. Given alive and at least one purchase in a window (0, w], the first comes at tau with
distribution (1 - (A / (A + tau))^s) / (1 - (A / (A + w))^s), where s = r + x and A = alpha + T; given tau,
lambda is Gamma(s + 1, A + tau). Dropout comes at purchase K, p ~ Beta(a, b + x), K geometric; until the end e
of the horizon N = 1 + min(Poisson(lambda (e - tau)), K - 1). Spend is Gamma(p N) over
nu ~ Gamma(q + p x, v + x m).
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, gammaincinv, ndtri
from scipy.stats import qmc

from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import Array

POINTS = 512
TABULATED = 256  # Poisson counts beyond are approximated
SUMS_TABULATED = 64  # sums of more transactions are computed one by one
TINY_SPEND = 1e-9
LONGEST_LIFE = 1e9  # purchases

Counts = npt.NDArray[np.int64]


@lru_cache(maxsize=1)
def _points() -> Array:
    """Return (7, POINTS) in (0, 1): a Sobol set moved to the middle of its cells, one axis per unknown."""
    points = qmc.Sobol(d=7, scramble=False).random_base2(int(np.log2(POINTS)))
    return np.ascontiguousarray(points.T + 0.5 / POINTS)


@lru_cache(maxsize=1)
def _poisson_thresholds() -> Array:
    """Return (POINTS, TABULATED): the Poisson quantile of a point is n or more above its element n - 1."""
    upper = 1.0 - _points()[4][:, None]
    return np.asarray(gammaincinv(np.arange(1.0, TABULATED + 1), upper))


def _poisson(mean: Array) -> Counts:
    """Return the Poisson quantiles of shape (n, POINTS) at the points of axis 4."""
    thresholds = _poisson_thresholds()
    counts = np.empty(mean.shape, dtype=np.int64)
    for j in range(POINTS):
        counts[:, j] = np.searchsorted(thresholds[j], mean[:, j], side="left")
    row, point = np.nonzero(counts == TABULATED)
    z, mu = ndtri(_points()[4][point]), mean[row, point]
    # Cornish-Fisher: within one purchase for means above 200.
    far = np.floor(mu + z * np.sqrt(mu) + (z * z - 1) / 6 + 0.5)
    counts[row, point] = np.maximum(far, TABULATED).astype(np.int64)
    return counts


class PredictiveDraws:
    """Draws for one pair of models; what it keeps between calls depends on the parameters only."""

    def __init__(self, beta_geo: BetaGeoParameters, gamma_gamma: GammaGammaParameters) -> None:
        self.beta_geo = beta_geo
        self.gamma_gamma = gamma_gamma
        self._sums = np.empty((POINTS, 0))
        self._known: dict[float, tuple[Array, Array, Array]] = {}

    def purchases(self, frequency: Array, age: Array, window: float, end: float) -> Counts:
        """Return (n, POINTS) purchases >= 1 in (T, T + end] given alive and one in (T, T + window].

        ``frequency`` and ``age`` have shape (n,); 0 < ``window`` <= ``end``, in the time unit of the model.
        """
        rates, lives, _ = self._by_frequency(frequency)
        s, A = (self.beta_geo.r + frequency)[:, None], (self.beta_geo.alpha + age)[:, None]
        bought = -np.expm1(-s * np.log1p(window / A))
        tau = np.minimum(A * np.expm1(-np.log1p(-_points()[0] * bought) / s), window)
        return np.asarray(
            1 + np.minimum(_poisson(rates / (A + tau) * (end - tau)), lives.astype(np.int64) - 1)
        )

    def spend(self, frequency: Array, purchases: Counts) -> Array:
        """Return (n, POINTS) spend > 0 of ``purchases`` transactions, in multiples of v + x m."""
        _, _, levels = self._by_frequency(frequency)
        within = np.minimum(purchases, SUMS_TABULATED)
        total = self._sum_table(int(within.max(initial=1)))[np.arange(POINTS), within - 1]
        row, j = np.nonzero(purchases > SUMS_TABULATED)
        total[row, j] = gammaincinv(self.gamma_gamma.p * purchases[row, j], _points()[5][j])
        return np.asarray(np.maximum(total / levels, TINY_SPEND))

    def _by_frequency(self, frequency: Array) -> tuple[Array, Array, Array]:
        """Return (n, POINTS) each: lambda (A + tau), the purchase K that ends it, and nu (v + x m)."""
        distinct, position = np.unique(frequency, return_inverse=True)
        for x in distinct:
            if float(x) not in self._known:
                self._known[float(x)] = self._invert(float(x))
        kept = [self._known[float(x)] for x in distinct]
        rates, lives, levels = (np.stack(part)[position] for part in zip(*kept, strict=True))
        return rates, lives, levels

    def _invert(self, x: float) -> tuple[Array, Array, Array]:
        a, b, p, q = self.beta_geo.a, self.beta_geo.b, self.gamma_gamma.p, self.gamma_gamma.q
        _, rate, dropout, life, _, _, level = _points()
        dropouts = np.clip(betaincinv(a, b + x, dropout), 1e-300, 1.0)
        with np.errstate(divide="ignore"):
            lives = 1.0 + np.floor(np.minimum(np.log1p(-life) / np.log1p(-dropouts), LONGEST_LIFE))
        return gammaincinv(self.beta_geo.r + x + 1.0, rate), lives, gammaincinv(q + p * x, level)

    def _sum_table(self, largest: int) -> Array:
        """Return (POINTS, k >= largest): sums of 1, 2, ... transactions; longer ones start alike."""
        if self._sums.shape[1] < largest:
            counts = np.arange(1.0, 2.0 ** np.ceil(np.log2(largest)) + 1)
            self._sums = np.asarray(gammaincinv(self.gamma_gamma.p * counts, _points()[5][:, None]))
        return self._sums
