"""The primary losses row by row: what choices and gates compare, customer by customer."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

TINY = 1e-12
LEAST_MEAN = 0.01


def log_losses(churned: Array, p: Array) -> Array:
    """Return each row's log loss, (n,), of 0/1 labels and probabilities; 0 and 1 count as 1e-12 inside.

    Examples:
        >>> log_losses(np.array([1.0, 0.0]), np.array([0.5, 0.5])).round(6).tolist()
        [0.693147, 0.693147]
    """
    inside = np.clip(p, TINY, 1 - TINY)
    return np.asarray(-(churned * np.log(inside) + (1 - churned) * np.log1p(-inside)))


def tweedie_losses(spend: Array, mean: Array) -> Array:
    """Return each row's Tweedie deviance of power 1.5, (n,); means under a hundredth count as that.

    Examples:
        >>> tweedie_losses(np.array([4.0, 0.0]), np.array([4.0, 1.0])).tolist()
        [0.0, 4.0]
    """
    y, mu = np.maximum(spend, 0.0), np.maximum(mean, LEAST_MEAN)
    return np.asarray(4.0 * (np.sqrt(mu) + y / np.sqrt(mu) - 2.0 * np.sqrt(y)))


def interval_scores(spend: Array, p10: Array, p90: Array) -> Array:
    """Return each row's interval score of the 80 % range, (n,), in money: width and ten times what it misses.

    Gneiting and Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation" (2007), equation 43.
    """
    missed = np.maximum(p10 - spend, 0.0) + np.maximum(spend - p90, 0.0)
    return np.asarray(p90 - p10 + 10.0 * missed)


def to_probability(raw: Array) -> Array:
    """Return the probabilities of log-odds, (n,), in (0, 1)."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -raw)))
