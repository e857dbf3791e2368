"""What each family says of one fold, and what it says it with: the panels of all that race there."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.folds import Fold
from training.learning import NAIVE, Learned, School, find_rule
from training.losses import to_probability
from training.models.calibrator import Calibrator
from training.models.intervals import Intervals
from training.models.members import alone
from training.models.rules import expected_orders

Array = npt.NDArray[np.float64]

SERVED = "served"
"""The key of what customers get: the chosen panel with its calibrator and ranges."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """One family's answer for a fold, (n,) each; a family without money has ``mean`` None.

    ``rank`` orders customers by risk (the raw score where there is one), ``churn_probability`` is what would
    be shown. ``crps`` is that of each customer's law; a family without a law has the quantiles None.
    """

    churn_probability: Array
    rank: Array
    mean: Array | None = None
    p10: Array | None = None
    p50: Array | None = None
    p90: Array | None = None
    p_no_spend: Array | None = None
    crps: Array | None = None


def forecast(learned: Learned, fold: Fold, calibrator: Calibrator, intervals: Intervals) -> Forecast:
    """Return what panels say of a fold, each customer's spend as a law."""
    return tell(fold, *learned.answer(fold), calibrator, intervals)


def tell(fold: Fold, raw: Array, scale: Array, calibrator: Calibrator, intervals: Intervals) -> Forecast:
    """Return the forecast of raw scores and factors on spend that are known already."""
    probability = calibrator.predict(raw)[0]
    law = fold.joint()
    said = law.predict(fold.history, probability, scale, levels=intervals.levels)
    crps = law.crps(fold.history, probability, fold.spend, scale)
    return Forecast(probability, raw, said.clv_mean, said.p10, said.p50, said.p90, said.p_no_spend, crps)


def forecast_naive(earlier: Fold | None, later: Fold) -> dict[str, Forecast]:
    """Return the simple rules: their numbers are the earlier fold's; without one the order rate alone.

    ``naive_zero`` says that nobody spends, ``naive_constant`` the churn rate and mean spend of the earlier
    fold, ``naive_silence`` is "silent for N days", ``naive_rate`` orders per day times the mean order.
    """
    found = {name: _apply(name, earlier or later, later) for name in NAIVE if earlier or name == "naive_rate"}
    nothing = np.zeros(len(later))
    if earlier is not None:
        constant = found["naive_constant"]
        found["naive_zero"] = _point(constant.churn_probability, nothing, later)
        found["naive_constant"] = _point(
            constant.churn_probability, np.full(len(later), float(earlier.spend.mean())), later
        )
    value = np.nan_to_num(later.frame.column("rfm.average_order_value").to_numpy(dtype=np.float64))
    spend = expected_orders(later.frame, later.window_days) * value
    found["naive_rate"] = _point(found["naive_rate"].churn_probability, spend, later)
    return found


def _apply(name: str, earlier: Fold, later: Fold) -> Forecast:
    p = to_probability(find_rule(name, earlier).log_odds(later.frame, later.window_days))
    return Forecast(p, p)


def _point(probability: Array, spend: Array, fold: Fold) -> Forecast:
    # A law that is one point: its CRPS is the distance from it, and its median the point itself.
    return Forecast(
        probability, probability, spend, p50=spend, crps=np.abs(np.maximum(fold.spend, 0) - spend)
    )


def forecast_families(
    school: School, families: Mapping[str, tuple[int, int]], fold: Fold
) -> dict[str, Forecast]:
    """Return what each family of {name: (churn trees, value trees)} says by itself, uncalibrated."""
    found = {}
    for name, (churn_rounds, value_rounds) in families.items():
        churn = alone(school.teach_churn(name, churn_rounds))
        value = alone(school.teach_value(name, value_rounds))
        learned = Learned(school.encoder, churn, value, school.centred)
        found[name] = forecast(learned, fold, Calibrator.identity(), Intervals())
    return found
