"""Retention curves: the chance S(t) that a subscription still runs t days from now, for any t.

In each 30 days the hazard is constant. With h_j the chance of ending in period j, given that it was reached,

    L(t) = sum over periods of -log(1 - h_j) x (share of period j before t)       S(t) = exp(-c L(t))

c is a customer's own factor (1 unless the calibrator moved the chance at the churn horizon); periods after
the last learned one keep its hazard. S falls with t and never below 0, so the chance of having ended never
falls.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.errors import ContractError
from training.models.person_periods import PERIOD_DAYS

Floats = npt.NDArray[np.float64]


def period_shares(days: Floats | float, periods: int) -> Floats:
    """Return, (..., periods), how many periods of each hazard lie before ``days``; the last goes on for ever.

    Examples:
        >>> period_shares(45.0, 2).tolist(), period_shares(100.0, 2).round(3).tolist()
        ([1.0, 0.5], [1.0, 2.333])
    """
    ahead = np.asarray(days, dtype=np.float64)[..., None] / PERIOD_DAYS - np.arange(periods)
    shares = np.clip(ahead, 0.0, 1.0)
    shares[..., -1] = np.maximum(ahead[..., -1], 0.0)
    return shares


def cumulative_hazard(log_odds: Floats) -> Floats:
    """Return -log(1 - h) of log-odds of h, same shape, finite and > 0."""
    return np.logaddexp(0.0, log_odds)


@dataclass(frozen=True, eq=False)
class Retention:
    """The curves of n customers.

    Attributes:
        rates: (n, periods), cumulative hazard of each period, > 0.
        factors: (n,), each customer's own factor, > 0.
    """

    rates: Floats
    factors: Floats

    def __post_init__(self) -> None:
        """Raise ``ContractError`` unless shapes fit and every hazard is finite and positive."""
        fits = self.rates.ndim == 2 and self.rates.shape[1] > 0 and self.factors.shape == self.rates.shape[:1]
        if not fits or not all((np.isfinite(part) & (part > 0)).all() for part in (self.rates, self.factors)):
            raise ContractError(
                f"Retention of rates {self.rates.shape} and factors {self.factors.shape}: a shape does not "
                "fit, or a hazard that is not above 0."
            )

    @classmethod
    def constant(cls, hazard: npt.ArrayLike) -> "Retention":
        """Return curves of constant ``hazard`` (n,), a probability per 30 days in (0, 1)."""
        rates = -np.log1p(-np.asarray(hazard, dtype=np.float64))
        return cls(rates[:, None], np.ones(len(rates)))

    def survival(self, days: Floats | float) -> Floats:
        """Return S(days), (n,) for a number or (n,), (n, k) for (n, k) days >= 0; 1 at 0."""
        return np.asarray(np.exp(-self._cumulative(days)))

    def ended(self, days: Floats | float) -> Floats:
        """Return 1 - S(days), exact where it is small."""
        return np.asarray(-np.expm1(-self._cumulative(days)))

    def _cumulative(self, days: Floats | float) -> Floats:
        at = np.asarray(days, dtype=np.float64)
        if at.ndim < 2:
            return self._cumulative(np.broadcast_to(at, self.factors.shape)[:, None])[:, 0]
        shares = period_shares(at, self.rates.shape[1])
        return np.asarray(self.factors[:, None] * (shares * self.rates[:, None, :]).sum(axis=-1))
