"""One fixed set of points in the unit cube, and Poisson counts by inversion at them."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, ndtri
from scipy.stats import qmc

from training.models.history import Array

POINTS = 512
TABULATED = 256  # Poisson counts beyond are approximated
COUNT_AXIS = 4
FEW = 3_000  # purchases of all points together; below, counting up is the quicker way

Counts = npt.NDArray[np.int64]


@lru_cache(maxsize=1)
def unit_points() -> Array:
    """Return (7, POINTS) in (0, 1): a Sobol set moved to the middle of its cells, one axis per unknown."""
    points = qmc.Sobol(d=7, scramble=False).random_base2(int(np.log2(POINTS)))
    return np.ascontiguousarray(points.T + 0.5 / POINTS)


@lru_cache(maxsize=1)
def _poisson_thresholds() -> Array:
    """Return (POINTS, TABULATED): the Poisson quantile of a point is n or more above its element n - 1."""
    upper = 1.0 - unit_points()[COUNT_AXIS][:, None]
    return np.asarray(gammaincinv(np.arange(1.0, TABULATED + 1), upper))


def poisson_counts(mean: Array) -> Counts:
    """Return the Poisson quantiles of shape (n, POINTS), for means of that shape, at ``COUNT_AXIS``."""
    thresholds = _poisson_thresholds()
    if mean.size * float(mean.mean()) < FEW:
        counts = _count_up(mean, thresholds)
    else:
        counts = np.empty(mean.shape, dtype=np.int64)
        for j in range(POINTS):
            counts[:, j] = thresholds[j].searchsorted(mean[:, j])
    row, point = np.nonzero(counts == TABULATED)
    z, mu = ndtri(unit_points()[COUNT_AXIS][point]), mean[row, point]
    # Cornish-Fisher: within one purchase for means above 200.
    far = np.floor(mu + z * np.sqrt(mu) + (z * z - 1) / 6 + 0.5)
    counts[row, point] = np.maximum(far, TABULATED).astype(np.int64)
    return counts


def _count_up(mean: Array, thresholds: Array) -> Counts:
    """Return the counts step by step, each step for those points only that reached the one before."""
    counts = np.zeros(mean.size, dtype=np.int64)
    left, point, value = np.arange(mean.size), np.tile(np.arange(POINTS), len(mean)), mean.ravel()
    for step in thresholds.T:
        more = value > step[point]
        left, point, value = left[more], point[more], value[more]
        if not left.size:
            break
        counts[left] += 1
    return counts.reshape(mean.shape)
