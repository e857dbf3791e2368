"""Multinomial logistic regression with a ridge: the probabilities of a few classes given numbers.

Fitted by Newton's method on the exact Hessian, so that equal data give equal coefficients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PENALTIES = (10_000.0, 1_000.0, 100.0, 10.0, 1.0)
"""Ridges tried, from the strongest on; numbers are standardised, so the first leaves little but shares."""

PSEUDO = 0.5
"""Weight of one invented answer of each class: no class is ever impossible, and no fit runs away."""

STEPS, HALVINGS, CLOSE = 50, 20, 1e-9


@dataclass(frozen=True, eq=False)
class ClassLaw:
    """Log-odds of classes 1, 2, ... against class 0, linear in k numbers.

    ``coefficients`` (classes - 1, 1 + k), the intercepts first.
    """

    coefficients: Floats

    @classmethod
    def fit(
        cls, design: Floats, classes: Ints, penalty: float, weights: Floats, start: "ClassLaw"
    ) -> "ClassLaw":
        """Return the law that minimises weighted log loss + penalty / 2 x sum of squares but intercepts.

        Args:
            design: (n, k) standardised numbers, none missing.
            classes: (n,) 0, 1, ... in the number of ``start``.
            penalty: above 0.
            weights: (n,) at least 0.
            start: where to begin, with as many classes and columns; the result does not depend on it.
        """
        problem = _Problem.of(design, classes, penalty, weights, start.classes)
        found, loss = start.coefficients, problem.loss(start.coefficients)
        for _ in range(STEPS):
            step, slope = problem.step(found)
            scale = 1.0
            for _ in range(HALVINGS):
                ahead = problem.loss(found - scale * step)
                if ahead <= loss:
                    break
                scale /= 2
            found, loss = (found - scale * step, ahead) if ahead <= loss else (found, loss)
            if slope <= CLOSE * problem.mass or ahead > loss:
                break
        return cls(found)

    @classmethod
    def even(cls, classes: int, columns: int) -> "ClassLaw":
        """Return the law under which every class is as likely as another."""
        return cls(np.zeros((classes - 1, 1 + columns)))

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.coefficients) + 1

    def log_odds(self, design: Floats) -> Floats:
        """Return the log-odds of each class against class 0, (n, classes); the first column is 0."""
        odds = design @ self.coefficients[:, 1:].T + self.coefficients[:, 0]
        return np.column_stack([np.zeros(len(design)), odds])

    def predict(self, design: Floats) -> Floats:
        """Return probabilities (n, classes).

        Examples:
            >>> ClassLaw(np.array([[0.0, 1.0]])).predict(np.array([[0.0]]))
            array([[0.5, 0.5]])
        """
        return softmax(self.log_odds(design))


def softmax(log_odds: Floats) -> Floats:
    """Return probabilities (n, c) that are in proportion to exp(log_odds), (n, c)."""
    raised = np.exp(log_odds - log_odds.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class _Problem:
    """Rows (n, 1 + k) with their classes as (n, c) zeros and ones, weights (n,), and the ridge."""

    rows: Floats
    hits: Floats
    weights: Floats
    ridge: Floats
    mass: float

    @classmethod
    def of(cls, design: Floats, classes: Ints, penalty: float, weights: Floats, count: int) -> "_Problem":
        ones = np.column_stack([np.ones(len(design)), design])
        invented = np.zeros((count, ones.shape[1]))
        invented[:, 0] = 1.0
        ridge = np.full(ones.shape[1], penalty)
        ridge[0] = 0.0
        return cls(
            np.vstack([ones, invented]),
            np.vstack([np.eye(count)[classes], np.eye(count)]),
            np.concatenate([weights, np.full(count, PSEUDO)]),
            ridge,
            float(weights.sum()) + PSEUDO * count,
        )

    def _odds(self, coefficients: Floats) -> Floats:
        return np.column_stack([np.zeros(len(self.rows)), self.rows @ coefficients.T])

    def loss(self, coefficients: Floats) -> float:
        odds = self._odds(coefficients)
        top = odds.max(axis=1)
        logs = top + np.log(np.exp(odds - top[:, None]).sum(axis=1)) - (odds * self.hits).sum(axis=1)
        return float(self.weights @ logs + 0.5 * (self.ridge * coefficients**2).sum())

    def step(self, coefficients: Floats) -> tuple[Floats, float]:
        """Return Newton's step and the steepest slope."""
        shares = softmax(self._odds(coefficients))[:, 1:]
        slope = (
            (shares - self.hits[:, 1:]) * self.weights[:, None]
        ).T @ self.rows + self.ridge * coefficients
        count, width = coefficients.shape
        bend = np.empty((count, width, count, width))
        for one in range(count):
            for other in range(one, count):
                weight = self.weights * shares[:, one] * ((one == other) - shares[:, other])
                block = (self.rows * weight[:, None]).T @ self.rows
                bend[one, :, other, :] = block
                bend[other, :, one, :] = block
            bend[one, :, one, :] += np.diag(self.ridge)
        flat = bend.reshape(count * width, count * width)
        step: Floats = np.linalg.solve(flat, slope.ravel()).astype(np.float64)
        return step.reshape(count, width), float(np.abs(slope).max())


def choose_penalty(design: Floats, classes: Ints, weights: Floats, folds: Ints, count: int) -> float:
    """Return the ridge with the least weighted log loss on rows of folds it was not fitted on.

    Tried from the strongest on, until it grows worse; equal losses leave the stronger.
    """
    best, least = PENALTIES[0], np.inf
    laws = [ClassLaw.even(count, design.shape[1])] * (int(folds.max(initial=-1)) + 1)
    for penalty in PENALTIES:
        laws = fit_folds(design, classes, penalty, weights, folds, laws)
        loss = _measure_loss(design, classes, weights, folds, laws)
        if not loss < least:
            break
        best, least = penalty, loss
    return best


def fit_folds(
    design: Floats, classes: Ints, penalty: float, weights: Floats, folds: Ints, start: Sequence[ClassLaw]
) -> list[ClassLaw]:
    """Return one law per fold, fitted on the rows of all others."""
    found = []
    for fold, law in enumerate(start):
        kept = folds != fold
        found.append(ClassLaw.fit(design[kept], classes[kept], penalty, weights[kept], law))
    return found


def _measure_loss(
    design: Floats, classes: Ints, weights: Floats, folds: Ints, laws: Sequence[ClassLaw]
) -> float:
    total = 0.0
    for fold, law in enumerate(laws):
        out = folds == fold
        shares = law.predict(design[out])[np.arange(int(out.sum())), classes[out]]
        total -= float(weights[out] @ np.log(np.maximum(shares, 1e-300)))
    return total
