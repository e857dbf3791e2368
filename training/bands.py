"""Where the risk bands begin: the upper half and the upper fifth, but never for a risk that is no low one."""

import numpy as np
import numpy.typing as npt

from contracts.scores import RiskBands
from contracts.settings import BandSection

MEDIUM_QUANTILE, HIGH_QUANTILE = 0.5, 0.8
MEDIUM_AT_MOST, HIGH_AT_MOST = 1 / 3, 2 / 3
"""Where nearly everybody stays silent a risk of 61 % is still no low one: bands never start above these."""


def find_bands(probability: npt.NDArray[np.float64], chosen: BandSection) -> RiskBands:
    """Return the bands of the customers in play, (n,) probabilities; ``chosen`` thresholds are kept.

    Thresholds have two decimals and are never 0 or 1, which nobody would be below or at.
    """
    medium, high = np.minimum(
        np.quantile(probability, [MEDIUM_QUANTILE, HIGH_QUANTILE]), [MEDIUM_AT_MOST, HIGH_AT_MOST]
    )
    return RiskBands(chosen.medium or _threshold(medium), chosen.high or _threshold(high), chosen.owner)


def _threshold(quantile: float) -> float:
    return round(min(max(float(quantile), 0.01), 0.99), 2)
