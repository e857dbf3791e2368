"""How good predictions are: (n,) arrays in, one number out. Money in one currency, probabilities 0 to 1."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn import metrics

from training.losses import log_losses, tweedie_losses
from training.models.intervals import expected_coverage

Floats = npt.NDArray[np.float64]


def auc(churned: Floats, score: Floats) -> float:
    """Return the chance that a churner outranks a stayer, ties counting half; NaN where either is absent.

    Examples:
        >>> auc(np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.2, 0.9]))
        0.75
    """
    return float(metrics.roc_auc_score(churned, score)) if _has_both(churned) else float("nan")


def average_precision(churned: Floats, score: Floats) -> float:
    """Return the mean precision over recalls; NaN where one label is absent."""
    return float(metrics.average_precision_score(churned, score)) if _has_both(churned) else float("nan")


def log_loss(churned: Floats, p: Floats) -> float:
    """Return the mean log loss; probabilities 0 and 1 count as 1e-12 from the edge."""
    return float(log_losses(churned, p).mean())


def brier(churned: Floats, p: Floats) -> float:
    """Return the mean squared distance of probability and label."""
    return float(np.mean((p - churned) ** 2))


def lift_at(churned: Floats, score: Floats, share: float) -> float:
    """Return churners in the top ``share`` by score against a random ``share``; NaN without churners.

    The top holds ``ceil(share x n)`` rows; rows tied at its edge count by the part of them that fits.

    Examples:
        >>> lift_at(np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.9, 0.2, 0.1, 0.9]), 0.25)
        2.0
    """
    places = int(np.ceil(share * len(score) - 1e-9))
    if not places or not churned.any():
        return float("nan")
    edge = np.partition(score, len(score) - places)[len(score) - places]
    above, tied = score > edge, score == edge
    found = churned[above].sum() + churned[tied].mean() * (places - np.count_nonzero(above))
    return float(found / places / churned.mean())


@dataclass(frozen=True)
class ReliabilityRow:
    """One bin of a reliability table: ``rows`` customers, mean probability and share of churners."""

    rows: int
    predicted: float
    observed: float


def reliability_table(churned: Floats, p: Floats, bins: int = 10) -> tuple[ReliabilityRow, ...]:
    """Return bins of like size by rising probability; equal probabilities share a bin."""
    edges = np.unique(np.sort(p)[np.arange(1, bins) * len(p) // bins]) if len(p) else np.empty(0)
    number = np.searchsorted(edges, p, side="right")
    table = []
    for code in np.unique(number):
        inside = number == code
        table.append(
            ReliabilityRow(int(inside.sum()), float(p[inside].mean()), float(churned[inside].mean()))
        )
    return tuple(table)


def ece(churned: Floats, p: Floats, bins: int = 10) -> float:
    """Return the expected calibration error: mean distance over the reliability table."""
    return sum(
        row.rows * abs(row.predicted - row.observed) for row in reliability_table(churned, p, bins)
    ) / len(p)


def tweedie_deviance(spend: Floats, mean: Floats) -> float:
    """Return the mean Tweedie deviance of power 1.5; means under a hundredth count as that.

    Examples:
        >>> tweedie_deviance(np.array([1.0, 4.0]), np.array([1.0, 4.0]))
        0.0
    """
    return float(tweedie_losses(spend, mean).mean())


def mae(spend: Floats, predicted: Floats) -> float:
    """Return the mean absolute error."""
    return float(np.mean(np.abs(spend - predicted)))


def rmse(spend: Floats, predicted: Floats) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean((spend - predicted) ** 2)))


def total_error(spend: Floats, predicted: Floats) -> float:
    """Return how far the total is off, as a share of the true one (above 0: too much); NaN where it is 0."""
    total = float(spend.sum())
    return float(predicted.sum()) / total - 1 if total else float("nan")


def normalised_gini(spend: Floats, predicted: Floats) -> float:
    """Return how well the prediction orders spend: 1 like itself, 0 like chance; NaN where all spend alike.

    Rows with equal predictions share their spend evenly.

    Examples:
        >>> normalised_gini(np.array([0.0, 1.0, 5.0]), np.array([0.1, 0.2, 0.3]))
        1.0
    """
    best = _gini(spend, spend)
    return _gini(spend, predicted) / best if best else float("nan")


def _gini(spend: Floats, predicted: Floats) -> float:
    """Return the covariance of spend with its mid-rank by prediction: Gini up to a factor of the data."""
    return float(np.mean((spend - spend.mean()) * stats.rankdata(predicted)))


def spearman(spend: Floats, predicted: Floats) -> float:
    """Return the rank correlation, mid-ranks for ties; NaN where either is constant."""
    if len(spend) < 2 or np.ptp(spend) == 0 or np.ptp(predicted) == 0:
        return float("nan")
    return float(np.corrcoef(stats.rankdata(spend), stats.rankdata(predicted))[0, 1])


def decile_mape(spend: Floats, predicted: Floats) -> float:
    """Return the mean error of the total of each tenth by prediction, as a share of its true total.

    Tenths that spent nothing are left out; NaN where all did.
    """
    order = np.argsort(predicted, kind="stable")
    errors = [
        abs(float(predicted[part].sum()) / float(spend[part].sum()) - 1)
        for part in np.array_split(order, 10)
        if spend[part].sum() > 0
    ]
    return float(np.mean(errors)) if errors else float("nan")


def coverage_80(spend: Floats, p10: Floats, p90: Floats, p_no_spend: Floats) -> float:
    """Return the expected randomised-PIT coverage of the 80 % range (design, section 6)."""
    return float(np.mean(expected_coverage(spend, p10, p90, p_no_spend)))


def crps(spend: Floats, draws: Floats) -> float:
    """Return the mean continuous ranked probability score of ``draws`` (n, m) against ``spend``, in money.

    E|X - y| - E|X - X'| / 2 over the draws of each row; a single draw gives the mean absolute error.
    """
    ordered = np.sort(draws, axis=1)
    many = ordered.shape[1]
    gap = np.abs(ordered - spend[:, None]).mean(axis=1)
    spread = ordered @ (2 * np.arange(1, many + 1) - many - 1) / many**2
    return float(np.mean(gap - spread))


def keep_finite(values: Mapping[str, float]) -> dict[str, float]:
    """Leave out what does not exist on these rows (an AUC where all churned), so that JSON stays finite."""
    return {name: round(float(value), 9) for name, value in values.items() if np.isfinite(value)}


def _has_both(churned: Floats) -> bool:
    return bool(churned.any() and not churned.all())
