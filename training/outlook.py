"""What all customers together are expected to bring, month by month, with a range that admits its level."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.periods import DAYS_PER_MONTH, to_units
from training.btyd import Btyd
from training.learning import OutOfSample
from training.models.calibrator import Calibrator
from training.models.customer_model import CustomerModel, Prediction
from training.models.group_totals import group_total, level_spread, parameter_spread
from training.models.history import History
from training.models.joint import JointModel
from training.models.mixture import SpendMoments
from training.models.purchase_model import PurchaseModel

Array = npt.NDArray[np.float64]

MONTHS = 12
MOST = 2000
"""Customers whose variance is worked out; of all others it is taken for the same on average."""


def describe_outlook(
    model: CustomerModel, prediction: Prediction, btyd: Btyd, ahead: OutOfSample
) -> dict[str, Any]:
    """Return ``monthly``, twelve cumulative totals with 80 % ranges, and the ``level_spread`` behind them.

    Amounts are undiscounted; ``discounted_mean`` is at the model's annual rate. The spread of the common
    level comes from past cutoffs, each scored by a model fitted before it, and from the uncertainty of the
    purchase model's parameters.
    """
    calibrator = Calibrator.identity() if model.terms.is_shorter else model.calibrator
    spread = level_spread(ahead.level_errors(calibrator))
    parameters = _find_parameter_spread(model, prediction.history, btyd)
    plain = replace(model.joint, annual_discount_rate=0.0)
    months = [month * DAYS_PER_MONTH for month in range(1, MONTHS + 1)]
    means = _sum_curve(plain, model, prediction, months)
    discounted = means
    if model.terms.annual_discount_rate:
        discounted = _sum_curve(model.joint, model, prediction, months)
    variation = _find_variation(plain, model, prediction)
    monthly = []
    for month, (mean, present_value) in enumerate(zip(means, discounted, strict=True), start=1):
        moments = SpendMoments(np.array([mean]), np.array([variation * mean]), np.zeros(1))
        total = group_total(moments, spread, parameters)
        monthly.append({
            "month": month,
            "mean": mean,
            "p10": total.p10,
            "p50": total.p50,
            "p90": total.p90,
            "discounted_mean": present_value,
        })  # fmt: skip
    return {"monthly": monthly, "level_spread": spread, "parameter_spread": parameters}


def _sum_curve(
    joint: JointModel, model: CustomerModel, prediction: Prediction, days: list[float]
) -> list[float]:
    horizons = [to_units(day, model.terms.time_unit) for day in days]
    curve = joint.curve(prediction.history, prediction.churn_probability, horizons, prediction.scale)
    return [float(total) for total in curve.clv_mean.sum(axis=0)]


def _find_variation(joint: JointModel, model: CustomerModel, prediction: Prediction) -> float:
    """Return variance per unit of mean of what customers spend in the CLV horizon, each by chance alone."""
    rows = _thin(len(prediction.history))
    law = replace(joint, clv_horizon=to_units(model.terms.clv_horizon_days, model.terms.time_unit))
    moments = law.moments(
        _pick(prediction.history, rows), prediction.churn_probability[rows], prediction.scale[rows]
    )
    return float(moments.variance.sum() / max(float(moments.mean.sum()), 1e-9))


def _find_parameter_spread(model: CustomerModel, history: History, btyd: Btyd) -> float:
    some = _pick(history, _thin(len(history)))
    spend = model.gamma_gamma.expected_spend(some.frequency, some.monetary_value)
    horizon = to_units(model.terms.clv_horizon_days, model.terms.time_unit)

    def total(purchase_model: PurchaseModel) -> float:
        purchases = purchase_model.expected_purchases(horizon, some.frequency, some.recency, some.age)
        return float((purchases * spend).sum())

    return parameter_spread(btyd.purchase_model, btyd.covariance, total)


def _thin(rows: int) -> npt.NDArray[np.intp]:
    """Return at most 2,000 rows, evenly spaced."""
    return np.arange(0, rows, -(-rows // MOST))


def _pick(history: History, rows: npt.NDArray[np.intp]) -> History:
    return History(
        history.frequency[rows], history.recency[rows], history.age[rows], history.monetary_value[rows]
    )
