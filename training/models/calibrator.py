"""Raw score to calibrated probability by Venn-Abers, kept as a grid: looking it up needs no library.

Vovk, Petej and Fedorova, "Large-scale probabilistic predictors with and without guarantees of validity"
(2015): p0 and p1 are isotonic fits with the customer added once as a stayer and once as a churner, and
p = p1 / (1 - p0 + p1). Rank by the raw score, show this one: isotonic steps make ties.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from warnings import catch_warnings

import numpy as np
import numpy.typing as npt

from contracts.errors import BundleRefused
from training.models.trees import Floats

MIN_ROWS = 200
MIN_OF_EACH = 20
MAX_KNOTS = 500
FOLDS = 5
EPSILON = 1e-6


@dataclass(frozen=True)
class Calibrator:
    """p0 and p1 at rising ``raw`` knots; ``keeps_raw`` where the raw score is already as good as the grid.

    Then the grid gives only the range. Without knots there is no range either.

    Examples:
        >>> p, low, high = Calibrator.identity().predict(np.array([0.0]))
        >>> float(p[0]), float(low[0]), float(high[0])
        (0.5, 0.5, 0.5)
    """

    raw: tuple[float, ...] = ()
    p0: tuple[float, ...] = ()
    p1: tuple[float, ...] = ()
    keeps_raw: bool = True

    def __post_init__(self) -> None:
        """Raise ``BundleRefused`` when the grid is not one: lengths, order, bounds."""
        if not len(self.raw) == len(self.p0) == len(self.p1) or (not self.raw and not self.keeps_raw):
            raise BundleRefused(f"Calibrator: {len(self.raw)} knots of unequal length: restore the bundle.")
        grid = np.array([self.raw, self.p0, self.p1])
        rising = (np.diff(grid[0]) > 0).all() and (np.diff(grid[1:]) >= 0).all()
        if not rising or not np.isfinite(grid).all():
            raise BundleRefused("Calibrator: knots are not finite or not rising: restore the bundle.")
        if not ((grid[1] >= 0) & (grid[1] <= grid[2]) & (grid[2] <= 1)).all():
            raise BundleRefused("Calibrator: knots are not 0 <= p0 <= p1 <= 1: restore the bundle.")

    @classmethod
    def identity(cls) -> "Calibrator":
        """Return the calibrator that changes nothing."""
        return cls()

    @classmethod
    def fit(cls, raw: Floats, churned: Floats) -> "Calibrator":
        """Return the calibrator of out-of-sample raw scores (n,) and 0/1 labels (n,).

        Under 200 rows, or 20 of either label, there is too little to learn from: the identity. Where the grid
        does not lower the log loss of rows it has not seen (five folds), the raw score's probability is kept.
        """
        churners = int(np.count_nonzero(churned))
        if len(raw) < MIN_ROWS or min(churners, len(raw) - churners) < MIN_OF_EACH:
            return cls.identity()
        order = np.lexsort((churned, raw))
        raw, churned = raw[order], churned[order]
        fold = np.arange(len(raw)) % FOLDS
        unseen = np.empty(len(raw))
        for number in range(FOLDS):
            out = fold == number
            unseen[out] = _fit_grid(raw[~out], churned[~out]).predict(raw[out])[0]
        keeps = _log_loss(unseen, churned) >= _log_loss(cls.identity().predict(raw)[0], churned)
        return replace(_fit_grid(raw, churned), keeps_raw=bool(keeps))

    @property
    def is_identity(self) -> bool:
        """Whether there was too little to learn from."""
        return not self.raw

    def predict(self, raw: Floats) -> tuple[Floats, Floats, Floats]:
        """Return probability, low and high, (n,) each, strictly within (0, 1), none falling as ``raw`` rises.

        ``low`` and ``high`` are p0 and p1 (widened to the probability), how far the estimate reaches with no
        coverage promised; the identity knows no width and repeats the probability.
        """
        own = _open(np.exp(-np.logaddexp(0.0, -raw)))
        if self.is_identity:
            return own, own, own
        low = np.interp(raw, self.raw, self.p0)
        high = np.interp(raw, self.raw, self.p1)
        p = own if self.keeps_raw else _open(high / (1 - low + high))
        return p, np.minimum(p, _open(low)), np.maximum(p, _open(high))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a bundle."""
        grid = {"raw": list(self.raw), "p0": list(self.p0), "p1": list(self.p1)}
        return grid | {"keeps_raw": self.keeps_raw}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Calibrator":
        """Return the calibrator that ``to_dict`` gave; ``BundleRefused`` when the grid is not one."""
        try:
            raw, p0, p1 = (tuple(float(value) for value in plain[name]) for name in ("raw", "p0", "p1"))
            return cls(raw, p0, p1, bool(plain["keeps_raw"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleRefused(
                f"Calibrator: {type(error).__name__} at {error}: restore the bundle."
            ) from error


def _fit_grid(raw: Floats, churned: Floats) -> Calibrator:
    with np.errstate(divide="ignore", invalid="ignore"), catch_warnings(action="ignore"):
        # Importing the library switches NumPy's warnings off for the process; the context puts them back.
        from venn_abers import calc_p0p1

        grouped = _grouped(raw)
        p0, p1, knots = calc_p0p1(np.column_stack([-grouped, grouped]), churned.astype(np.float64))
    low = np.maximum.accumulate(np.clip(p0[1:, 1], 0.0, 1.0))
    high = np.maximum(np.maximum.accumulate(np.clip(p1[:-1, 1], 0.0, 1.0)), low)
    kept = _corners(low) | _corners(high)
    grid = [tuple(part[kept].tolist()) for part in (knots, low, high)]
    return Calibrator(grid[0], grid[1], grid[2], keeps_raw=False)


def _corners(steps: Floats) -> npt.NDArray[np.bool_]:
    """Return which points differ from a neighbour, or are at an end: the others add nothing to the line."""
    change = np.concatenate([[True], np.diff(steps) != 0, [True]])
    corners: npt.NDArray[np.bool_] = change[:-1] | change[1:]
    return corners


def _grouped(raw: Floats) -> Floats:
    """Return each score's group mean: at most 500 runs of like size, equal scores together."""
    ordered = np.sort(raw)
    if len(np.unique(ordered)) <= MAX_KNOTS:
        return raw
    edges = np.unique(ordered[np.arange(1, MAX_KNOTS) * len(ordered) // MAX_KNOTS])
    starts = np.unique(np.concatenate([[0], np.searchsorted(ordered, edges)]))
    sizes = np.diff(np.append(starts, len(ordered)))
    means = np.add.reduceat(ordered, starts) / sizes
    grouped: Floats = means[np.searchsorted(ordered[starts], raw, side="right") - 1]
    return grouped


def _log_loss(p: Floats, churned: Floats) -> float:
    return float(-np.mean(np.where(churned > 0, np.log(p), np.log1p(-p))))


def _open(p: Floats) -> Floats:
    return np.clip(p, EPSILON, 1 - EPSILON)
