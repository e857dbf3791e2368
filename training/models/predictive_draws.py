"""Draws of future spend from the joint law of a purchase model and Gamma-Gamma, from one fixed point set.

The draws of a customer depend on the parameters, the history and the horizons only: never on the row, the
batch or a random state. Counts N >= 1 are the purchase model's own (``beta_geo_draws``,
``pareto_nbd_draws``); spend is Gamma(p N) over nu ~ Gamma(q + p x, v + x m).
"""

import numpy as np
from scipy.special import gammaincinv

from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import Array
from training.models.point_set import POINTS, Counts, unit_points
from training.models.purchase_model import PurchaseModel

SUMS_TABULATED = 64  # sums of more transactions are computed one by one
TINY_SPEND = 1e-9


class PredictiveDraws:
    """Draws for one pair of models; what it keeps between calls depends on the parameters only."""

    def __init__(self, purchase_model: PurchaseModel, gamma_gamma: GammaGammaParameters) -> None:
        self.counts = purchase_model.purchase_draws()
        self.gamma_gamma = gamma_gamma
        self._sums = np.empty((POINTS, 0))
        self._levels: dict[float, Array] = {}

    def purchases(self, frequency: Array, age: Array, window: float, end: float) -> Counts:
        """Return (n, POINTS) purchases >= 1, as ``PurchaseDraws.purchases``."""
        return self.counts.purchases(frequency, age, window, end)

    def spend(self, frequency: Array, purchases: Counts) -> Array:
        """Return (n, POINTS) spend > 0 of ``purchases`` transactions, in multiples of v + x m."""
        within = np.minimum(purchases, SUMS_TABULATED)
        total = self._sum_table(int(within.max(initial=1)))[np.arange(POINTS), within - 1]
        row, j = np.nonzero(purchases > SUMS_TABULATED)
        total[row, j] = gammaincinv(self.gamma_gamma.p * purchases[row, j], unit_points()[5][j])
        return np.asarray(np.maximum(total / self._levels_of(frequency), TINY_SPEND))

    def _levels_of(self, frequency: Array) -> Array:
        """Return (n, POINTS): nu (v + x m)."""
        p, q = self.gamma_gamma.p, self.gamma_gamma.q
        distinct, position = np.unique(frequency, return_inverse=True)
        for x in distinct:
            if float(x) not in self._levels:
                self._levels[float(x)] = gammaincinv(q + p * float(x), unit_points()[6])
        return np.stack([self._levels[float(x)] for x in distinct])[position]

    def _sum_table(self, largest: int) -> Array:
        """Return (POINTS, k >= largest): sums of 1, 2, ... transactions; longer ones start alike."""
        if self._sums.shape[1] < largest:
            counts = np.arange(1.0, 2.0 ** np.ceil(np.log2(largest)) + 1)
            self._sums = np.asarray(gammaincinv(self.gamma_gamma.p * counts, unit_points()[5][:, None]))
        return self._sums
