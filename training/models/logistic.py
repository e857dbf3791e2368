"""Logistic regression as the trees' partner: standardised numbers, one column per level, missing marked.

Predicts with NumPy alone; scikit-learn is loaded to fit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import BundleRefused
from training.models.trees import Floats

INVERSE_PENALTY = 1.0
ITERATIONS = 2000
REACH = 8.0


@dataclass(frozen=True)
class Expansion:
    """How a column of the encoder's matrix becomes columns of the regression.

    ``levels`` are the codes that have a column of their own (empty: a number, standardised by ``center`` and
    ``scale`` and cut off at 8 scales from the centre); ``marks_missing`` adds an indicator.
    """

    center: float = 0.0
    scale: float = 1.0
    levels: tuple[float, ...] = ()
    marks_missing: bool = False

    @classmethod
    def fit(cls, values: Floats, is_category: bool) -> "Expansion":
        """Return the expansion of a column (n,), NaN where missing."""
        seen = values[~np.isnan(values)]
        marks = 0 < len(seen) < len(values)
        if is_category:
            return cls(levels=tuple(np.unique(seen).tolist()), marks_missing=marks)
        if not len(seen):
            return cls()
        return cls(float(seen.mean()), float(seen.std()) or 1.0, (), marks)

    @property
    def width(self) -> int:
        """How many columns it makes."""
        return (len(self.levels) or 1) + self.marks_missing

    def expand(self, values: Floats) -> Floats:
        """Return (n, width); a missing number stands at the centre, an unseen level in no column.

        Examples:
            >>> Expansion(2.0, 4.0, (), True).expand(np.array([6.0, np.nan]))
            array([[1., 0.],
                   [0., 1.]])
        """
        missing = np.isnan(values)
        if self.levels:
            parts = [np.equal(values, level).astype(np.float64) for level in self.levels]
        else:
            parts = [np.where(missing, 0.0, np.clip((values - self.center) / self.scale, -REACH, REACH))]
        return np.column_stack([*parts, *([missing.astype(np.float64)] if self.marks_missing else [])])


@dataclass(frozen=True, eq=False)
class Logistic:
    """log-odds = intercept + expanded columns times coefficients."""

    expansions: tuple[Expansion, ...]
    coefficients: Floats
    intercept: float

    @classmethod
    def fit(cls, matrix: Floats, is_category: Sequence[bool], churned: Floats) -> "Logistic":
        """Return the penalised fit on a matrix (n, k), NaN where missing, and labels 0 and 1."""
        from sklearn.linear_model import LogisticRegression

        columns = zip(matrix.T, is_category, strict=True)
        expansions = tuple(Expansion.fit(values, category) for values, category in columns)
        model = LogisticRegression(C=INVERSE_PENALTY, max_iter=ITERATIONS)
        model.fit(_expand(expansions, matrix), churned)
        return cls(expansions, np.asarray(model.coef_[0], dtype=np.float64), float(model.intercept_[0]))

    def raw(self, matrix: Floats) -> Floats:
        """Return the log-odds (n,)."""
        raw: Floats = _expand(self.expansions, matrix) @ self.coefficients + self.intercept
        return raw

    def contributions(self, matrix: Floats) -> Floats:
        """Return what each column adds to the log-odds (n, k): row sums plus the intercept are ``raw``."""
        parts = np.empty(matrix.shape)
        start = 0
        for place, each in enumerate(self.expansions):
            own = self.coefficients[start : start + each.width]
            parts[:, place] = each.expand(matrix[:, place]) @ own
            start += each.width
        return parts

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a bundle."""
        return {
            "expansions": [
                {
                    "center": each.center,
                    "scale": each.scale,
                    "levels": list(each.levels),
                    "marks_missing": each.marks_missing,
                }
                for each in self.expansions
            ],
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Logistic":
        """Return the regression that ``to_dict`` gave; ``BundleRefused`` when it is not a sound one."""
        try:
            expansions = tuple(
                Expansion(
                    float(each["center"]),
                    float(each["scale"]),
                    tuple(float(level) for level in each["levels"]),
                    bool(each["marks_missing"]),
                )
                for each in plain["expansions"]
            )
            coefficients: npt.NDArray[np.float64] = np.array(plain["coefficients"], dtype=np.float64)
            intercept = float(plain["intercept"])
        except (KeyError, TypeError, ValueError) as error:
            raise BundleRefused(f"Regression: {type(error).__name__}: restore the bundle.") from error
        width = sum(each.width for each in expansions)
        if coefficients.shape != (width,) or not np.isfinite([*coefficients, intercept]).all():
            raise BundleRefused(
                f"Regression: {coefficients.size} coefficients for {width} columns, or one not finite."
            )
        return cls(expansions, coefficients, intercept)


def _expand(expansions: Sequence[Expansion], matrix: Floats) -> Floats:
    parts = [each.expand(values) for each, values in zip(expansions, matrix.T, strict=True)]
    return np.column_stack(parts) if parts else np.empty((len(matrix), 0))
