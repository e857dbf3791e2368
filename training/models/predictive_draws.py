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
KEPT = 4_000
"""Histories whose draws are kept, 4 kB each: customers who came on one day and bought as often share them."""


class PredictiveDraws:
    """Draws for one pair of models; what it keeps between calls depends on the parameters only."""

    def __init__(self, purchase_model: PurchaseModel, gamma_gamma: GammaGammaParameters) -> None:
        self.counts = purchase_model.purchase_draws()
        self.gamma_gamma = gamma_gamma
        self._sums = np.empty((POINTS, 0))
        self._levels: dict[float, Array] = {}
        self._known: dict[tuple[float, float, float, float], Array] = {}

    def of(self, frequency: Array, age: Array, window: float, end: float) -> Array:
        """Return (n, POINTS) spend > 0 in (T, T + end] given alive and a purchase in (T, T + window].

        In multiples of v + x m; arguments as for ``PurchaseDraws.purchases``. Of few customers they are kept,
        for a service is asked again and again about customers with the same history.
        """
        if frequency.size > KEPT // 4:
            return self.spend(frequency, self.counts.purchases(frequency, age, window, end))
        asked = [(x, T, window, end) for x, T in zip(frequency.tolist(), age.tolist(), strict=True)]
        known = self._known if len(self._known) < KEPT else {}
        new = [place for place, each in enumerate(asked) if each not in known]
        if new:
            x, T = frequency[new], age[new]
            found = self.spend(x, self.counts.purchases(x, T, window, end))
            known |= zip((asked[place] for place in new), found, strict=True)
        self._known = known
        return np.stack([known[each] for each in asked]) if asked else np.empty((0, POINTS))

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
