"""Whether the 80 % ranges held what they promised: overall, for buyers, by segment and by predicted value."""

from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.scores import SEGMENTS
from training.bootstrap import Bootstrap
from training.folds import Fold
from training.forecasts import Forecast
from training.losses import interval_scores
from training.models.intervals import expected_coverage

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]

PROMISED = (0.75, 0.85)
TENTHS = 10
FEWEST = 30


def describe_coverage(
    fold: Fold, said: Forecast, band: tuple[float, float], bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return coverage with its 95 % intervals, and the interval score beside that of a constant ``band``.

    ``band`` holds the 10 and 90 % points of what customers of an earlier cutoff spent. Without ranges there
    is nothing to tell: an empty answer.
    """
    if said.p10 is None or said.p90 is None or said.p_no_spend is None or said.mean is None:
        return {}
    held = expected_coverage(fold.spend, said.p10, said.p90, said.p_no_spend)
    rows = fold.judged
    low, high = (np.full(len(fold), edge) for edge in band)
    parts = {name: fold.segment(name) for name in SEGMENTS}
    return {
        "overall": _tell(held, rows, bootstrap),
        "buyers": _tell(held, rows & (fold.spend > 0), bootstrap),
        "segments": {
            name: _tell(held, part, bootstrap) for name, part in parts.items() if part.sum() >= FEWEST
        },
        "deciles": [_tell(held, part, bootstrap) for part in _tenths(said.mean, rows)],
        "interval_score": float(interval_scores(fold.spend, said.p10, said.p90)[rows].mean()),
        "interval_score_constant": float(interval_scores(fold.spend, low, high)[rows].mean()),
    }


def _tell(held: Array, rows: Rows, bootstrap: Bootstrap) -> dict[str, float]:
    if not rows.any():
        return {"customers": 0}
    low, high = bootstrap.interval(held, rows)
    return {"coverage": float(held[rows].mean()), "low": low, "high": high, "customers": int(rows.sum())}


def _tenths(mean: Array, rows: Rows) -> list[Rows]:
    """Return the rows of each tenth by rising predicted mean."""
    order = np.flatnonzero(rows)[np.argsort(mean[rows], kind="stable")]
    tenths = []
    for part in np.array_split(order, TENTHS):
        inside = np.zeros(rows.size, dtype=bool)
        inside[part] = True
        tenths.append(inside)
    return [part for part in tenths if part.any()]


def is_refuted(coverage: dict[str, Any]) -> bool:
    """Return whether the 95 % interval of the overall coverage lies wholly outside 75 to 85 %.

    Examples:
        >>> is_refuted({"overall": {"coverage": 0.7, "low": 0.68, "high": 0.72, "customers": 900}})
        True
        >>> is_refuted({"overall": {"coverage": 0.7, "low": 0.62, "high": 0.78, "customers": 90}})
        False
        >>> is_refuted({})
        False
    """
    overall = coverage.get("overall", {})
    if "low" not in overall:
        return False
    return bool(overall["high"] < PROMISED[0] or overall["low"] > PROMISED[1])
