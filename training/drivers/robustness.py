"""How strong a hidden taste would have to be to explain a difference away (Cinelli and Hazlett, 2020)."""

import math

import numpy as np

from training.drivers.ledger import Array
from training.drivers.regression import NORMAL_95


def robustness_value(t: float, freedom: float, critical: float = 0.0) -> float:
    """Return the share of what is left of both sides that a hidden fact would have to explain, 0 to 1.

    With ``critical`` 0 to bring the estimate of t-value ``t`` to nought, with 1.96 to bring nought into its
    95 % interval. RV = (sqrt(f^4 + 4 f^2) - f^2) / 2 with f = |t| / sqrt(df) less the critical one; 0 where
    nought is in the interval already.

    Examples:
        >>> round(robustness_value(4.18, 783), 3), robustness_value(1.0, 500, 1.96)
        (0.139, 0.0)
    """
    if freedom <= 1:
        return 0.0
    f = max(abs(t) / math.sqrt(freedom) - critical / math.sqrt(freedom - 1), 0.0)
    return (math.sqrt(f**4 + 4 * f**2) - f**2) / 2


def find_robustness(columns: Array, outcome: Array, weights: Array) -> tuple[float, float]:
    """Return the robustness values of the first column's coefficient: of the estimate, of its interval."""
    inverse = np.linalg.pinv((columns * weights[:, None]).T @ columns)
    coefficients = inverse @ ((columns * weights[:, None]).T @ outcome)
    freedom = float(len(outcome) - columns.shape[1])
    residual = outcome - columns @ coefficients
    variance = float((weights * residual**2).sum()) / max(freedom, 1.0)
    error = math.sqrt(max(variance * float(inverse[0, 0]), 0.0))
    t = float(coefficients[0]) / error if error > 0 else 0.0
    return robustness_value(t, freedom), robustness_value(t, freedom, NORMAL_95)


def partial_share(columns: Array, without: Array, outcome: Array, weights: Array) -> float:
    """Return what share of what is left of ``outcome`` the ``columns`` beyond ``without`` explain, 0 to 1."""
    whole, part = (_squares(each, outcome, weights) for each in (columns, without))
    return max(1.0 - whole / part, 0.0) if part > 0 else 0.0


def _squares(columns: Array, outcome: Array, weights: Array) -> float:
    root = np.sqrt(weights)
    solution, *_ = np.linalg.lstsq(columns * root[:, None], outcome * root, rcond=None)
    return float((weights * (outcome - columns @ solution) ** 2).sum())
