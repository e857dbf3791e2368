"""What the report draws: reliability, gains, deciles, PIT, and the sentence a retention lead reads first."""

from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.time import to_text
from training import metrics
from training.folds import Fold
from training.forecasts import Forecast
from training.models.rules import Rule

Array = npt.NDArray[np.float64]

CONTACTS = 50
POINTS = 21
TENTHS = 10


def describe_headline(fold: Fold, rank: Array, rule: Rule | None) -> dict[str, Any]:
    """Return how many of the riskiest customers in play left, beside the rule's list and one drawn at random.

    The rule's customers are all alike, so its list is any 50 of those it names (and others where it names
    fewer); the number is what such a list holds on average.
    """
    rows = fold.judged
    churned = fold.churned[rows]
    contacts = min(CONTACTS, churned.size)
    told: dict[str, Any] = {
        "cutoff": to_text(fold.cutoff),
        "contacts": contacts,
        "left": round(_count_left(churned, rank[rows], contacts), 1),
        "random": round(float(churned.mean()) * contacts, 1),
    }
    if rule is not None and rule.kind == "silence":
        named = rule.log_odds(fold.frame, fold.window_days)[rows]
        told |= {"rule_days": rule.silent_days, "rule_left": round(_count_left(churned, named, contacts), 1)}
    return told


def _count_left(churned: Array, rank: Array, contacts: int) -> float:
    if not contacts or not churned.any():
        return 0.0
    return metrics.lift_at(churned, rank, contacts / churned.size) * float(churned.mean()) * contacts


def describe_reliability(churned: Array, p: Array) -> list[dict[str, float]]:
    """Return the reliability table as plain rows."""
    return [
        {"rows": row.rows, "predicted": row.predicted, "observed": row.observed}
        for row in metrics.reliability_table(churned, p)
    ]


def describe_gains(churned: Array, served: Array, rule: Array) -> dict[str, list[float]]:
    """Return the share of churners found in the first 0, 5, ..., 100 % of each list."""
    shares = np.linspace(0.0, 1.0, POINTS)
    if not churned.any():
        return {}
    found = {
        name: [0.0, *(metrics.lift_at(churned, rank, share) * share for share in shares[1:].tolist())]
        for name, rank in (("served", served), ("rule", rule))
    }
    return {"share": shares.tolist()} | {name: [min(at, 1.0) for at in each] for name, each in found.items()}


def describe_deciles(spend: Array, mean: Array) -> list[dict[str, float]]:
    """Return predicted and real mean spend of each tenth by rising prediction."""
    order = np.argsort(mean, kind="stable")
    return [
        {
            "decile": number,
            "customers": part.size,
            "predicted": float(mean[part].mean()),
            "observed": float(spend[part].mean()),
        }
        for number, part in enumerate(np.array_split(order, TENTHS), start=1)
        if part.size
    ]


def describe_pit(fold: Fold, said: Forecast, scale: Array) -> list[float]:
    """Return the shares of the randomised PIT in ten equal bins, in expectation: nothing is drawn."""
    lower, upper = fold.joint().pit(fold.history, said.churn_probability, fold.spend, scale)
    rows = fold.judged
    lower, upper = lower[rows], upper[rows]
    width = np.maximum(upper - lower, 1e-12)
    edges = np.linspace(0.0, 1.0, TENTHS + 1)
    below = np.clip((edges[:, None] - lower) / width, 0.0, 1.0).mean(axis=1)
    return [round(float(share), 9) for share in np.diff(below)]
