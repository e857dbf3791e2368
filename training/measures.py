"""The figures of a forecast on some rows: fixed names, lower losses first in mind (design, section 8)."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from training import metrics
from training.folds import Fold
from training.forecasts import Forecast
from training.losses import interval_scores
from training.profit import empc, expected_profit, value_kept

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
Figures = Mapping[str, Mapping[str, float]]

CONTACTED = 0.1
"""The share of customers a campaign is taken to reach where the value kept is told."""


def measure(fold: Fold, said: Forecast, rows: Rows, worth: Array) -> dict[str, dict[str, float]]:
    """Return the churn and value figures of a forecast over ``rows``.

    ``worth`` (n,) is what keeping each customer brings in the window, the same for every family.
    """
    return {
        "churn": measure_churn(
            fold.churned[rows], said.churn_probability[rows], said.rank[rows], worth[rows]
        ),
        "clv": measure_clv(fold.spend[rows], said, rows),
    }


def measure_churn(churned: Array, p: Array, rank: Array, worth: Array | None = None) -> dict[str, float]:
    """Return the churn figures, profits only with ``worth``; what these rows do not have is left out."""
    found = {
        "auc": metrics.auc(churned, rank),
        "brier": metrics.brier(churned, p),
        "log_loss": metrics.log_loss(churned, p),
        "lift_at_5": metrics.lift_at(churned, rank, 0.05),
        "lift_at_10": metrics.lift_at(churned, rank, 0.1),
        "lift_at_20": metrics.lift_at(churned, rank, 0.2),
        "ece": metrics.ece(churned, p),
        "base_rate": float(churned.mean()),
        "average_precision": metrics.average_precision(churned, rank),
    }
    if worth is not None:
        contacts = int(np.ceil(CONTACTED * churned.size))
        found |= {
            "empc": empc(churned, rank),
            "profit": expected_profit(churned, rank, worth),
            "value_kept": value_kept(churned, rank, worth, contacts),
        }
    return metrics.keep_finite(found)


def measure_clv(spend: Array, said: Forecast, rows: Rows) -> dict[str, float]:
    """Return the value figures, none without money: MAE of p50 (else of the mean), the rest of the mean."""
    if said.mean is None:
        return {}
    mean = said.mean[rows]
    middle = mean if said.p50 is None else said.p50[rows]
    found = {
        "tweedie_deviance": metrics.tweedie_deviance(spend, mean),
        "mae": metrics.mae(spend, middle),
        "mae_of_mean": metrics.mae(spend, mean),
        "rmse": metrics.rmse(spend, mean),
        "gini": metrics.normalised_gini(spend, mean),
        "spearman": metrics.spearman(spend, mean),
        "total_error": metrics.total_error(spend, mean),
        "decile_mape": metrics.decile_mape(spend, mean),
    }
    if said.crps is not None:
        found["crps"] = float(said.crps[rows].mean())
    if said.p10 is not None and said.p90 is not None and said.p_no_spend is not None:
        low, high = said.p10[rows], said.p90[rows]
        found["coverage_80"] = metrics.coverage_80(spend, low, high, said.p_no_spend[rows])
        found["interval_score"] = float(interval_scores(spend, low, high).mean())
    return metrics.keep_finite(found)
