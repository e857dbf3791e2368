"""The last cutoff of the subscribers: the hazard against one rate for all and against a table by tenure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from training import metrics
from training.hazard_learning import Ahead
from training.losses import log_losses
from training.models.calibrator import Calibrator
from training.models.fee_law import FeeLaw
from training.models.retention import Retention
from training.models.subscription_model import FEE, FIRST_DUE, expected_coverage
from training.subscriber_set import Followed

Floats = npt.NDArray[np.float64]
Verdict = Literal["better", "tie", "worse", "unknown"]

TENURES = (0.0, 90.0, 180.0, 365.0)
EDGE = 1e-4
TABLE_PRIOR = 20.0
RETENTION_MONTHS = 12
MONTH_DAYS = 30
RANGE_ROWS = 200
LOWEST_COVERAGE, HIGHEST_COVERAGE = 0.75, 0.85
NORMAL_95 = 1.96


@dataclass(frozen=True)
class SubscriptionReport:
    """Figures of the last cutoff; empty where no earlier one could teach a model.

    ``difference`` is log loss of the hazard minus that of the constant rate, with its paired SE.
    """

    verdict: Verdict = "unknown"
    customers: int = 0
    base_rate: float | None = None
    churn: Mapping[str, float] = field(default_factory=dict)
    naive: Mapping[str, float] = field(default_factory=dict)
    tenure_table: Mapping[str, float] = field(default_factory=dict)
    clv: Mapping[str, float] = field(default_factory=dict)
    difference: float | None = None
    se: float | None = None
    retention: tuple[Mapping[str, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; what is not known is left out."""
        known: dict[str, Any] = {
            "verdict": self.verdict,
            "customers": self.customers,
            "base_rate": self.base_rate,
            "churn": dict(self.churn),
            "naive": dict(self.naive),
            "tenure_table": dict(self.tenure_table),
            "clv": dict(self.clv),
            "difference": self.difference,
            "se": self.se,
            "retention": [dict(point) for point in self.retention],
        }
        return {name: value for name, value in known.items() if value is not None}


def write_subscription_report(
    folds: Sequence[Followed], ahead: Ahead, calibrates: bool
) -> SubscriptionReport:
    """Return the figures of the last fold; models, calibrator and rules know earlier cutoffs alone."""
    if not ahead.folds or len(folds) < 2 or ahead.folds[-1].cutoff != folds[-1].cutoff:
        return SubscriptionReport(retention=_trace_retention(folds, ahead))
    last, raw = ahead.folds[-1], ahead.raws[-1]
    calibrator = ahead.earlier.calibrator() if calibrates else Calibrator.identity()
    probability = calibrator.predict(raw)[0]
    before = folds[-2].rows()
    constant = np.full(len(last), _rate(before.churned))
    table = _apply_table(before, last)
    losses = log_losses(last.churned, probability) - log_losses(last.churned, constant)
    difference, se = float(losses.mean()), float(losses.std() / np.sqrt(max(len(losses), 1)))
    return SubscriptionReport(
        verdict="better" if difference < -se else "worse" if difference > se else "tie",
        customers=len(last),
        base_rate=round(float(last.churned.mean()), 9),
        churn=measure_churn(last.churned, probability, raw),
        naive=measure_churn(last.churned, constant, constant),
        tenure_table=measure_churn(last.churned, table, table),
        clv=_measure_fees(last, ahead.models[-1].retention(last.frame), probability),
        difference=round(difference, 9),
        se=round(se, 9),
        retention=_trace_retention(folds, ahead),
    )


def measure_churn(churned: Floats, probability: Floats, rank: Floats) -> dict[str, float]:
    """Return the churn metrics of a forecast, those that exist on these rows."""
    found = {
        "auc": metrics.auc(churned, rank),
        "average_precision": metrics.average_precision(churned, rank),
        "lift_at_10": metrics.lift_at(churned, rank, 0.1),
        "log_loss": metrics.log_loss(churned, probability),
        "brier": metrics.brier(churned, probability),
        "ece": metrics.ece(churned, probability),
        "base_rate": float(churned.mean()),
    }
    return metrics.keep_finite(found)


def is_range_proven(ahead: Ahead, calibrator: Calibrator) -> bool:
    """Return whether the 80 % range of fees held, pooled over cutoffs scored ahead.

    It did unless there are under 200 of them, or the coverage's 95 % interval lies wholly outside 75-85 %.
    """
    inside = [
        _coverage(fold, model.retention(fold.frame), calibrator.predict(raw)[0])
        for fold, model, raw in zip(ahead.folds, ahead.models, ahead.raws, strict=True)
    ]
    if sum(map(len, inside)) < RANGE_ROWS:
        return False
    pooled = np.concatenate(inside)
    reach = NORMAL_95 * float(pooled.std()) / np.sqrt(len(pooled))
    low, high = float(pooled.mean()) - reach, float(pooled.mean()) + reach
    return bool(high >= LOWEST_COVERAGE and low <= HIGHEST_COVERAGE)


def _law(fold: Followed, retention: Retention, probability: Floats) -> FeeLaw:
    ended = np.minimum(retention.ended(float(fold.window_days)), 1 - 1e-15)
    factors = np.log1p(-probability) / np.log1p(-ended)
    fee, due = (fold.frame.column(name).to_numpy(dtype=np.float64) for name in (FEE, FIRST_DUE))
    return FeeLaw(Retention(retention.rates, factors), fee, due)


def _coverage(fold: Followed, retention: Retention, probability: Floats) -> Floats:
    law = _law(fold, retention, probability)
    return expected_coverage(*law.pit(float(fold.window_days), fold.dues))


def _measure_fees(fold: Followed, retention: Retention, probability: Floats) -> dict[str, float]:
    window = float(fold.window_days)
    found = _law(fold, retention, probability).predict(window, window)
    return metrics.keep_finite(
        {
            "mae": metrics.mae(fold.fees, found.p50),
            "mae_of_mean": metrics.mae(fold.fees, found.clv_mean),
            "rmse": metrics.rmse(fold.fees, found.clv_mean),
            "gini": metrics.normalised_gini(fold.fees, found.clv_mean),
            "total_error": metrics.total_error(fold.fees, found.clv_mean),
            "coverage_80": float(_coverage(fold, retention, probability).mean()),
        }
    )


def _trace_retention(folds: Sequence[Followed], ahead: Ahead) -> tuple[Mapping[str, float], ...]:
    """Return predicted and observed share still running, each month by the latest cutoff watched so long."""
    whole = {fold.cutoff: fold for fold in folds}
    points = []
    for month in range(1, RETENTION_MONTHS + 1):
        days = float(MONTH_DAYS * month)
        for fold, model in reversed(list(zip(ahead.folds, ahead.models, strict=True))):
            observed = whole[fold.cutoff].survived(days)
            if observed is not None:
                predicted = float(model.retention(whole[fold.cutoff].frame).survival(days).mean())
                points.append(
                    {"month": month, "predicted": round(predicted, 9), "observed": round(observed, 9)}
                )
                break
    return tuple(points)


def _apply_table(before: Followed, later: Followed) -> Floats:
    """Return the churn rate of each one's band of tenure at the earlier cutoff, leaning on everybody's."""
    overall = _rate(before.churned)
    bands, now = (np.searchsorted(TENURES, _tenure(fold), side="right") for fold in (before, later))
    rates = {}
    for band in np.unique(now):
        own = before.churned[bands == band]
        rates[int(band)] = (own.sum() + TABLE_PRIOR * overall) / (len(own) + TABLE_PRIOR)
    return np.asarray(np.clip([rates[int(band)] for band in now], EDGE, 1 - EDGE))


def _tenure(fold: Followed) -> Floats:
    tenure: Floats = fold.frame.column("subscription.tenure_days").to_numpy(dtype=np.float64)
    return tenure


def _rate(churned: Floats) -> float:
    return float(np.clip(churned.mean() if len(churned) else 0.0, EDGE, 1 - EDGE))
