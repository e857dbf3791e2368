"""The families that race on the last matured cutoff, and what each predicts there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training import metrics
from training.folds import Fold

Array = npt.NDArray[np.float64]

SILENCES = (14, 21, 30, 45, 60, 90, 120, 150, 180, 240, 365)
EDGE = 1e-4


@dataclass(frozen=True, eq=False)
class Forecast:
    """One family's answer for a fold, (n,) each; a family without money has ``clv`` None.

    ``rank`` orders customers by risk (the raw score where there is one), ``churn_probability`` is what would
    be shown.
    """

    churn_probability: Array
    rank: Array
    clv_mean: Array | None = None
    p10: Array | None = None
    p50: Array | None = None
    p90: Array | None = None
    p_no_spend: Array | None = None


def forecast_constant(earlier: Fold, later: Fold) -> Forecast:
    """Return the churn rate and the mean spend of the earlier fold, for everyone."""
    rows = len(later.churned)
    rate = float(np.clip(earlier.churned.mean(), EDGE, 1 - EDGE))
    return Forecast(np.full(rows, rate), np.full(rows, rate), np.full(rows, float(earlier.spend.mean())))


def forecast_silence(earlier: Fold, later: Fold) -> Forecast:
    """Return the best rule "silent for N days": N and both churn rates are the earlier fold's."""
    then, now = (
        fold.frame.column("rfm.days_since_last_order").to_numpy(dtype=np.float64) for fold in (earlier, later)
    )
    rules = [_silence_rule(then, earlier.churned, days) for days in SILENCES]
    losses = [metrics.log_loss(earlier.churned, np.where(then > days, *rates)) for days, rates in rules]
    days, rates = rules[int(np.argmin(losses))]
    probability = np.where(now > days, *rates)
    return Forecast(probability, probability)


def _silence_rule(silent: Array, churned: Array, days: int) -> tuple[int, tuple[float, float]]:
    overall = float(churned.mean())
    inside = silent > days
    above, below = (
        float(np.clip(churned[part].mean() if part.any() else overall, EDGE, 1 - EDGE))
        for part in (inside, ~inside)
    )
    return days, (above, below)


def forecast_rate(later: Fold) -> Forecast:
    """Return each customer's order rate times mean order value: the one-line formula others are judged by."""
    frame = later.frame
    orders, age, value = (
        frame.column(name).to_numpy(dtype=np.float64)
        for name in ("rfm.orders", "rfm.age_days", "rfm.average_order_value")
    )
    expected = orders / np.maximum(age, 1.0) * later.window_days
    probability = np.clip(np.exp(-expected), EDGE, 1 - EDGE)
    return Forecast(probability, probability, expected * np.nan_to_num(value))


def measure_churn(churned: Array, forecast: Forecast) -> dict[str, float]:
    """Return the churn metrics of a forecast (fixed names, design section 8)."""
    p = forecast.churn_probability
    return _finite(
        {
            "auc": metrics.auc(churned, forecast.rank),
            "brier": metrics.brier(churned, p),
            "log_loss": metrics.log_loss(churned, p),
            "lift_at_10": metrics.lift_at(churned, forecast.rank, 0.1),
            "ece": metrics.ece(churned, p),
            "base_rate": float(churned.mean()),
            "average_precision": metrics.average_precision(churned, forecast.rank),
        }
    )


def measure_clv(spend: Array, forecast: Forecast) -> dict[str, float]:
    """Return the value metrics of a forecast: MAE of p50 (else of the mean), the rest of the mean."""
    if forecast.clv_mean is None:
        return {}
    middle = forecast.clv_mean if forecast.p50 is None else forecast.p50
    found = {
        "mae": metrics.mae(spend, middle),
        "mae_of_mean": metrics.mae(spend, forecast.clv_mean),
        "rmse": metrics.rmse(spend, forecast.clv_mean),
        "gini": metrics.normalised_gini(spend, forecast.clv_mean),
        "spearman": metrics.spearman(spend, forecast.clv_mean),
        "total_error": metrics.total_error(spend, forecast.clv_mean),
        "tweedie_deviance": metrics.tweedie_deviance(spend, forecast.clv_mean),
    }
    if forecast.p10 is not None and forecast.p90 is not None and forecast.p_no_spend is not None:
        found["coverage_80"] = metrics.coverage_80(spend, forecast.p10, forecast.p90, forecast.p_no_spend)
    return _finite(found)


def restrict(forecast: Forecast, rows: npt.NDArray[np.bool_]) -> Forecast:
    """Return the forecast of the rows where ``rows`` holds."""
    parts: dict[str, Any] = {
        name: None if part is None else part[rows] for name, part in vars(forecast).items()
    }
    return Forecast(**parts)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    """Leave out what does not exist on these rows (an AUC where all churned), so that JSON stays finite."""
    return {name: round(float(value), 9) for name, value in values.items() if np.isfinite(value)}
