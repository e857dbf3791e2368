"""The slope of the Pareto/NBD log-likelihood in log r, log alpha, log s and log beta, without differences.

With pi = P(alive at T | x, t_x, T), each slope is the mean of that of the alive and of the dropped term of
eq. 18, weighted by pi and 1 - pi; in the dropped term powers of alpha + y and beta + y are averaged over the
time y of dropout, with the nodes of the likelihood itself.
"""

import numpy as np
from scipy.special import digamma, expit

from training.models.history import Array
from training.models.pareto_nbd_parameters import ParetoNBDParameters
from training.models.pareto_quadrature import ROWS_AT_ONCE, silence_nodes


def log_likelihood_slope(
    parameters: ParetoNBDParameters, histories: tuple[Array, Array, Array], weights: Array
) -> tuple[float, Array]:
    """Return the weighted log-likelihood of distinct (x, t_x, T), (n,) each, and its slope, shape (4,)."""
    total, slope = 0.0, np.zeros(4)
    for start in range(0, weights.size, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        x, t_x, T = (part[rows] for part in histories)
        value, slopes = _slopes(parameters, x, t_x, T)
        total += float((weights[rows] * value).sum())
        slope += (weights[rows] * slopes).sum(axis=1)
    return total, slope * np.array([parameters.r, parameters.alpha, parameters.s, parameters.beta])


def _slopes(at: ParetoNBDParameters, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    """Return log L, (n,), and its derivatives by r, alpha, s and beta, (4, n)."""
    r, alpha, s, beta = at.r, at.alpha, at.s, at.beta
    A, B, shape = alpha + t_x, beta + t_x, r + x
    u, share = silence_nodes(A, shape, B, np.full(x.shape, s + 1.0), T - t_x)
    integral = share.sum(axis=1)
    share /= np.where(integral > 0, integral, 1.0)[:, None]
    a, b = u / A[:, None], u / B[:, None]
    log_a = np.log(A) + np.einsum("ij,ij->i", share, np.log1p(a))
    log_b = np.log(B) + np.einsum("ij,ij->i", share, np.log1p(b))
    per_a = (share / (1 + a)).sum(axis=1) / A
    per_b = (share / (1 + b)).sum(axis=1) / B
    value, log_odds = at.log_likelihood_of(x, t_x, T, integral)
    alive, gone = expit(-log_odds), expit(log_odds)
    slopes = np.stack(
        [
            digamma(shape) - digamma(r) + np.log(alpha) - alive * np.log(alpha + T) - gone * log_a,
            r / alpha - shape * (alive / (alpha + T) + gone * per_a),
            np.log(beta) - alive * np.log(beta + T) + gone * (1 / s - log_b),
            s / beta - alive * s / (beta + T) - gone * (s + 1) * per_b,
        ]
    )
    return value, slopes
