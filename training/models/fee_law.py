"""What a subscriber will pay: fees of known dates, each paid if the subscription still runs then.

A fee falls due at the start and every 30 days. With T the time of the end and d_1 < d_2 < ... the dates due
before the CLV horizon, the number paid is N = #{k: d_k < T}, which rises with T: so its whole law is that of
T read at the dates, and nothing is drawn.

    E[money]     = fee x sum of S(d_k) v(d_k)                    v: what a unit due then is worth now
    P(N < k)     = 1 - S(d_k)
    stays, leaves: the same given T >= H and given T < H, H the churn horizon; they mix to the mean
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.errors import ContractError
from contracts.periods import FEE_DAYS, continuous_rate
from training.models.retention import Floats, Retention

LEVELS = (0.1, 0.5, 0.9)


@dataclass(frozen=True, eq=False)
class FeePrediction:
    """Arrays (n,), finite and >= 0: money of the CLV horizon, ``expected_fees`` a count in the churn one."""

    expected_fees: Floats
    p_no_spend: Floats
    value_if_stays: Floats
    value_if_leaves: Floats
    clv_mean: Floats
    p10: Floats
    p50: Floats
    p90: Floats


@dataclass(frozen=True, eq=False)
class FeeLaw:
    """The law of n subscribers' payments.

    Attributes:
        retention: their curves.
        fee: (n,) money a month, >= 0.
        first_due: (n,) days to the next fee, >= 0.
        annual_discount_rate: share per year.
    """

    retention: Retention
    fee: Floats
    first_due: Floats
    annual_discount_rate: float = 0.0

    def __post_init__(self) -> None:
        """Raise ``ContractError`` unless fees and dates are finite, not negative, and one per customer."""
        parts = (self.fee, self.first_due)
        fits = all(part.shape == self.retention.factors.shape for part in parts)
        if not fits or not all((np.isfinite(part) & (part >= 0)).all() for part in parts):
            raise ContractError(
                f"Fees of {len(self.fee)} and dates of {len(self.first_due)} subscribers: one is missing or "
                "negative, rebuild the frame."
            )

    def predict(self, horizon: float, clv_horizon: float) -> FeePrediction:
        """Return all about the fees due within ``clv_horizon`` days; who runs at ``horizon`` has stayed."""
        due, counts = self._dues(clv_horizon)
        worth = self._worth(due, counts)
        runs, held = self.retention.survival(due), self.retention.survival(horizon)[:, None]
        gone = self.retention.ended(horizon)[:, None]
        before = due < horizon
        stays = np.where(due <= horizon, 1.0, runs / held)
        # S(d) - S(H) as a difference of what has ended: exact where hardly anybody ends.
        leaves = np.where(before, np.maximum(gone - self.retention.ended(due), 0.0) / gone, 0.0)
        none = np.where(counts.any(axis=1) & (self.fee > 0), self.retention.ended(due[:, 0]), 1.0)
        low, middle, high = (self._quantile(level, due, counts, worth) for level in LEVELS)
        return FeePrediction(
            expected_fees=_total(runs * (counts & before)),
            p_no_spend=none,
            value_if_stays=(stays * worth).sum(axis=1),
            value_if_leaves=(leaves * worth).sum(axis=1),
            clv_mean=_total(runs * worth),
            p10=low,
            p50=middle,
            p90=high,
        )

    def expected(self, days: float) -> tuple[Floats, Floats]:
        """Return how many fees are expected within ``days``, and their money now."""
        due, counts = self._dues(days)
        runs = self.retention.survival(due)
        return _total(runs * counts), _total(runs * self._worth(due, counts))

    def pit(self, days: float, paid: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return P(N < paid) and P(N <= paid) of the number of fees within ``days``, (n,) each."""
        due, counts = self._dues(days)
        number = np.clip(np.asarray(paid, dtype=np.int64), 0, counts.sum(axis=1))
        # A column before the first date (nothing is below zero fees) and one after the last.
        gone = np.where(counts, self.retention.ended(due), 1.0)
        steps = np.column_stack([np.zeros(len(due)), gone, np.ones(len(due))])
        rows = np.arange(len(due))
        return steps[rows, number], steps[rows, number + 1]

    def _dues(self, days: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
        most = int(days // FEE_DAYS) + 1
        due = self.first_due[:, None] + FEE_DAYS * np.arange(most)
        return due, due < days

    def _worth(self, due: Floats, counts: npt.NDArray[np.bool_]) -> Floats:
        now = np.exp(-continuous_rate(self.annual_discount_rate) * due)
        return np.asarray(self.fee[:, None] * now * counts)

    def _quantile(self, level: float, due: Floats, counts: npt.NDArray[np.bool_], worth: Floats) -> Floats:
        paid = counts & (self.retention.ended(due) < level)
        return np.asarray((worth * paid).sum(axis=1))


def _total(parts: Floats) -> Floats:
    """Return row sums, added from the left: with more parts >= 0 they never fall, not even by rounding."""
    return np.asarray(np.cumsum(parts, axis=1)[:, -1])
