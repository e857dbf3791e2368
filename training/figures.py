"""The metrics of a report: their order, and for each what a better value is."""

from collections.abc import Mapping
from typing import Literal

Better = Literal["lower", "higher", "zero", "eighty", "neither"]

CHURN: Mapping[str, Better] = {
    "log_loss": "lower",
    "auc": "higher",
    "average_precision": "higher",
    "lift_at_5": "higher",
    "lift_at_10": "higher",
    "lift_at_20": "higher",
    "brier": "lower",
    "ece": "lower",
    "base_rate": "neither",
    "empc": "higher",
    "profit": "higher",
    "value_kept": "higher",
}
"""Of churn, the primary one first."""
CLV: Mapping[str, Better] = {
    "tweedie_deviance": "lower",
    "crps": "lower",
    "gini": "higher",
    "spearman": "higher",
    "total_error": "zero",
    "mae": "lower",
    "mae_of_mean": "lower",
    "rmse": "lower",
    "decile_mape": "lower",
    "coverage_80": "eighty",
    "interval_score": "lower",
}
"""Of value, the primary ones first."""
PARTS: Mapping[str, Mapping[str, Better]] = {"churn": CHURN, "clv": CLV}
NAIVE = ("naive_zero", "naive_constant", "naive_silence", "naive_rate")
FAMILIES = ("served", "lgbm_btyd", "lgbm", "bgnbd_gg", "pnbd_gg", "hazard", *reversed(NAIVE))
"""In the order they are shown: what serves first, the simplest last."""


def find_loss(metric: str, value: float) -> float | None:
    """Return a number that is lower for better values of ``metric``; None where no value is better.

    Examples:
        >>> find_loss("auc", 0.7), find_loss("total_error", -0.2), find_loss("base_rate", 0.3)
        (-0.7, 0.2, None)
    """
    better = {**CHURN, **CLV}.get(metric, "neither")
    if better == "neither":
        return None
    if better == "higher":
        return -value
    return {"lower": value, "zero": abs(value), "eighty": abs(value - 0.8)}[better]


def sort_families(names: Mapping[str, object]) -> list[str]:
    """Return family names as they are shown; names not known here come last, by alphabet.

    Examples:
        >>> sort_families({"naive_rate": 1, "own": 2, "served": 3})
        ['served', 'naive_rate', 'own']
    """
    known = [name for name in FAMILIES if name in names]
    return known + sorted(set(names) - set(known))
