"""The range of what a group of customers spends together.

A sum of independent draws is far too narrow: what the model does not know of the season, the market or its
own parameters moves all customers at once. The total is S = F Y. Y is the sum of independent customers, with
the mean and variance that follow, nothing with the product of their probabilities of no spend and else Gamma
distributed. F is the common level, log-normal with mean 1, so that the mean of a total stays the sum of the
customers' means. Its spread is found on past cutoffs, and in the uncertainty of the fitted parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import expm1, fsum, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, ndtri

from contracts.errors import ContractError
from training.models.history import Array
from training.models.mixture import SpendMoments
from training.models.purchase_model import PurchaseModel

DEFAULT_LEVEL_SPREAD = 0.15
MINIMUM_CUTOFFS = 3
PRIOR_CUTOFFS = 3.0  # what the default counts for against past cutoffs
LEVELS = (0.1, 0.5, 0.9)
GRID = 256
STEP = 1e-3
SMALLEST_VARIATION = 1e-12


@dataclass(frozen=True)
class GroupTotal:
    """Mean and quantiles of a group's total, >= 0, in money; ``level_spread`` is that of the common level."""

    mean: float
    p10: float
    p50: float
    p90: float
    level_spread: float


def level_spread(level_errors: npt.ArrayLike) -> float:
    """Return the spread of the common level, > 0, the standard deviation of its log.

    ``level_errors`` holds log(real total / predicted total) of past cutoffs, each scored by a model fitted
    before it. Under three the answer is the default, 15 %; from three on it is the root mean square of the
    errors and of three more of the default's size. Bias counts as spread: nobody knows if it will come again.

    Raises:
        ContractError: an error is missing or infinite.

    Examples:
        >>> level_spread([0.5, 0.4])
        0.15
        >>> round(level_spread([0.02, -0.05, 0.01, -0.02]), 3)
        0.101
    """
    errors = np.asarray(level_errors, dtype=np.float64)
    if not np.isfinite(errors).all():
        raise ContractError(
            f"a level error among {errors.size} is missing or infinite; leave out cutoffs without any spend"
        )
    if errors.size < MINIMUM_CUTOFFS:
        return DEFAULT_LEVEL_SPREAD
    squares = PRIOR_CUTOFFS * DEFAULT_LEVEL_SPREAD**2 + float((errors**2).sum())
    return sqrt(squares / (PRIOR_CUTOFFS + errors.size))


def parameter_spread(
    purchase_model: PurchaseModel, covariance: Array, total: Callable[[PurchaseModel], float]
) -> float:
    """Return the standard deviation of the log of a total that the parameters' uncertainty makes, >= 0.

    Args:
        purchase_model: as fitted.
        covariance: shape (4, 4), of the log-parameters (``covariance_``). NaN, where the fit could tell
            nothing, counts as the default level spread.
        total: a group's expected spend (or purchases) under a model, > 0.

    Examples:
        >>> from training.models.beta_geo_parameters import BetaGeoParameters
        >>> cdnow = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
        >>> mean = lambda model: float(model.expected_purchases(39, 2, 30.43, 38.86))
        >>> round(parameter_spread(cdnow, 0.01 * np.eye(4), mean), 4)
        0.0512
    """
    if not np.isfinite(covariance).all():
        return DEFAULT_LEVEL_SPREAD
    axes = STEP * np.eye(4)
    ahead, behind = (
        np.array([total(purchase_model.moved(sign * axis)) for axis in axes]) for sign in (1, -1)
    )
    slope = np.log(ahead / behind) / (2 * STEP)
    return sqrt(max(float(slope @ covariance @ slope), 0.0))


def group_total(
    moments: SpendMoments,
    level_spread: float = DEFAULT_LEVEL_SPREAD,
    parameter_spread: float = 0.0,
    levels: tuple[float, float, float] = LEVELS,
) -> GroupTotal:
    """Return mean and range of the total of the customers in ``moments``; their order changes no bit.

    Args:
        moments: of n >= 0 customers, from ``JointModel.moments``.
        level_spread: of the common level, from the function of that name.
        parameter_spread: added in squares.
        levels: three ascending levels in [0, 1] for ``p10``, ``p50`` and ``p90``.

    Raises:
        ContractError: a spread is negative or no number.

    Examples:
        >>> alike = SpendMoments(np.full(400, 10.0), np.full(400, 900.0), np.full(400, 0.7))
        >>> total = group_total(alike)
        >>> print(round(total.mean), round(total.p10), round(total.p50), round(total.p90))
        4000 2975 3918 5129
        >>> alone = group_total(alike, level_spread=0.0)
        >>> print(round(alone.p10), round(alone.p90))
        3252 4787
    """
    if not (0 <= level_spread < np.inf and 0 <= parameter_spread < np.inf):
        raise ContractError(
            f"level_spread is {level_spread} and parameter_spread {parameter_spread}; give numbers >= 0"
        )
    spread = sqrt(level_spread**2 + parameter_spread**2)
    mean, variance = fsum(moments.mean), fsum(moments.variance)
    with np.errstate(divide="ignore"):
        log_nothing = fsum(np.log(moments.p_no_spend))
    some = -expm1(log_nothing)
    if mean <= 0 or some <= 0:
        return GroupTotal(mean, 0.0, 0.0, 0.0, spread)
    products = _products(mean, variance, some, spread)
    given_some = np.clip((np.asarray(levels) - (1 - some)) / some, 0.0, 1.0)
    # A level on the very edge of the atom is in it, whichever way logarithms round.
    above = np.asarray(levels) - (1 - some) > SMALLEST_VARIATION
    quantiles = np.where(above, np.quantile(products, given_some), 0.0)
    low, mid, high = (float(value) for value in quantiles)
    return GroupTotal(mean, low, mid, high, spread)


def _products(mean: float, variance: float, some: float, spread: float) -> Array:
    """Return equally likely values of F Y given that anything is spent."""
    at = (np.arange(GRID) + 0.5) / GRID
    # Var(Y | Y > 0) / E(Y | Y > 0)^2, from moments that count the atom.
    variation = max((variance / mean**2 + 1) * some - 1, SMALLEST_VARIATION)
    independent = mean / some * variation * gammaincinv(1 / variation, at)
    common = np.exp(spread * ndtri(at) - spread**2 / 2)
    return np.asarray(np.outer(independent, common).ravel())
