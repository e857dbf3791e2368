"""Discounted residual value of existing customers: DERT, and the same cut at a horizon.

Discounting is continuous at the force of interest delta that equals the annual rate. While alive, expected
purchases by time u are E(u) (``expected_purchases_alive``), so the discounted ones are the Stieltjes
integral of e^-(delta u) dE(u) over (0, t] = e^-(delta t) E(t) + delta * integral of e^-(delta u) E(u) du, by
parts.
"""

from functools import lru_cache
from math import isinf

import numpy as np
import numpy.typing as npt

from contracts.errors import ContractError
from contracts.periods import continuous_rate
from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import Array, History
from training.models.purchase_model import PurchaseModel

NEGLIGIBLE_DISCOUNT = 45.0  # e^-45: what is bought later is worth nothing in double precision
NODES = 64


def check_annual_discount_rate(annual_discount_rate: float) -> None:
    """Raise ``ContractError`` unless the rate is between 0 and 10 (0.1 is 10 % a year); returns nothing."""
    if not 0.0 <= annual_discount_rate <= 10.0:
        raise ContractError(
            f"annual_discount_rate is {annual_discount_rate}; give a share per year such as 0.1 for 10 %"
        )


def discounted_purchases_alive(
    purchase_model: PurchaseModel,
    horizon: float | None,
    frequency: npt.ArrayLike,
    age: npt.ArrayLike,
    annual_discount_rate: float,
) -> Array:
    """Return expected purchases in (T, T + horizon] of customers alive at T, discounted to T; >= 0.

    ``frequency`` and ``age`` as in ``PurchaseModel``; ``horizon`` in its time unit, ``None`` for ever.

    Raises:
        ContractError: the rate is out of bounds, or it is 0, the horizon infinite and the sum diverges
            (a <= 1 in BG/NBD, s <= 1 in Pareto/NBD).
    """
    check_annual_discount_rate(annual_discount_rate)
    delta = continuous_rate(annual_discount_rate, purchase_model.time_unit)
    x, T = np.broadcast_arrays(np.asarray(frequency, np.float64), np.asarray(age, np.float64))
    if horizon is None or isinf(horizon):
        if delta == 0:
            return purchase_model.expected_purchases_for_ever(x, T)
        horizon = np.inf
    if delta == 0:
        return purchase_model.expected_purchases_alive(horizon, x, T)
    end = min(horizon, NEGLIGIBLE_DISCOUNT / delta)
    if end == 0:
        return np.zeros(x.shape)
    # Nodes are spread evenly in the logarithm of time, from the model's own scale on.
    grading = purchase_model.time_grading(end, x, T)
    answer = np.exp(-delta * end) * purchase_model.expected_purchases_alive(end, x, T)
    for step, weight in _gauss_legendre():
        u = end * np.expm1(grading * step) / np.expm1(grading)
        du = end * grading * np.exp(grading * step) / np.expm1(grading)
        purchases = purchase_model.expected_purchases_alive(u, x, T)
        answer = answer + delta * weight * du * np.exp(-delta * u) * purchases
    return np.asarray(answer)


@lru_cache(maxsize=1)
def _gauss_legendre() -> list[tuple[float, float]]:
    steps, weights = np.polynomial.legendre.leggauss(NODES)
    return list(zip(((steps + 1) / 2).tolist(), (weights / 2).tolist(), strict=True))


def discounted_purchases(
    purchase_model: PurchaseModel, history: History, *, horizon: float | None, annual_discount_rate: float
) -> Array:
    """Return shape (n,), expected discounted purchases from as_of on; DERT where ``horizon`` is ``None``.

    Errors as in ``discounted_purchases_alive``.
    """
    alive = purchase_model.p_alive(history.frequency, history.recency, history.age)
    return alive * discounted_purchases_alive(
        purchase_model, horizon, history.frequency, history.age, annual_discount_rate
    )


def residual_clv(
    purchase_model: PurchaseModel,
    gamma_gamma: GammaGammaParameters,
    history: History,
    *,
    horizon: float | None = None,
    annual_discount_rate: float = 0.0,
    margin: npt.ArrayLike = 1.0,
) -> Array:
    """Return shape (n,), expected spend x discounted expected purchases x margin >= 0: the future only.

    Args:
        purchase_model: BG/NBD or Pareto/NBD, fitted.
        gamma_gamma: fitted spend model.
        history: in the time unit of ``purchase_model``.
        horizon: in that unit; ``None`` for ever (then the purchases are DERT).
        annual_discount_rate: share per year, 0.1 for 10 %.
        margin: share of spend kept, one number or one per customer.

    Raises:
        ContractError: the horizon is negative or the sum diverges; see ``discounted_purchases_alive``.

    Examples:
        >>> from training.models.beta_geo_parameters import BetaGeoParameters
        >>> cdnow = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
        >>> spend = GammaGammaParameters(6.25, 3.74, 15.44)
        >>> one = History([2], [30.43], [38.86], [22.35])
        >>> print(residual_clv(cdnow, spend, one, horizon=39).round(2))
        [30.24]
        >>> print(residual_clv(cdnow, spend, one, annual_discount_rate=0.15).round(2))
        [127.7]
    """
    purchases = discounted_purchases(
        purchase_model, history, horizon=horizon, annual_discount_rate=annual_discount_rate
    )
    spend = gamma_gamma.expected_spend(history.frequency, history.monetary_value)
    return np.asarray(purchases * spend * np.asarray(margin, dtype=np.float64))
