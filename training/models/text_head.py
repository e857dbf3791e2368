"""The company's own scored answers teach the mood of its comments.

A comment with a 2 beside it is a label. The head is a logistic regression whose prior is the reading without
labels (MAP with normal priors), solved by Newton's method:

    share = sigmoid(level + trust * logit(base) + vector . weights)
    level ~ N(0, 1 / LEVEL),  trust ~ N(1, 1 / TRUST),  weights ~ N(0, 1 / shrinkage)

so that without labels, or with few, it says what ``base`` says. A 6 of 10 is no mild praise but a
detractor's: half good is the middle of the passives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SHRINKAGE = 0.5
LEVEL = 4.0
TRUST = 20.0
PASSIVE = 0.75
"""Share of the scale that is neither good nor bad: 7.5 of 0 to 10, the middle of the passives."""
EDGE = 0.995
STEPS = 50
CLOSE = 1e-9


@dataclass(frozen=True, eq=False)
class TextHead:
    """A fitted head for vectors of ``len(weights)`` numbers.

    ``labels`` is how many scored comments taught it; with none it repeats ``base``.
    """

    level: float
    trust: float
    weights: Floats
    labels: int

    @classmethod
    def fit(
        cls,
        vectors: npt.NDArray[np.floating[Any]],
        base: Floats,
        scores01: Floats,
        shrinkage: float = SHRINKAGE,
    ) -> "TextHead":
        """Return the head that (n) scored comments teach; rows with a missing number teach nothing.

        Args:
            vectors: (n, d) unit rows.
            base: (n,) sentiment read without labels, -1..1.
            scores01: (n,) answers brought to 0 (worst) .. 1 (best).
            shrinkage: precision of the prior of each weight.

        Raises:
            ValueError: lengths differ, or a score is outside 0..1.
        """
        rows = np.asarray(vectors, dtype=np.float64)
        if not len(rows) == len(base) == len(scores01):
            raise ValueError(f"{len(rows)} vectors, {len(base)} base readings, {len(scores01)} scores.")
        told = np.isfinite(base) & np.isfinite(scores01) & np.isfinite(rows).all(axis=1)
        scores = np.asarray(scores01, dtype=np.float64)[told]
        if len(scores) and not (scores.min() >= 0 and scores.max() <= 1):
            raise ValueError(f"Scores run from {scores.min():.6g} to {scores.max():.6g}: bring them to 0..1.")
        share = bend_scores(scores)
        design = np.column_stack([np.ones(len(share)), _logit(base[told]), rows[told]])
        centre = np.zeros(design.shape[1])
        centre[1] = 1
        precision = np.array([LEVEL, TRUST, *[shrinkage] * rows.shape[1]])
        found = _newton(design, share, centre, precision) if len(share) else centre
        return cls(float(found[0]), float(found[1]), found[2:], len(share))

    def sentiment(self, vectors: npt.NDArray[np.floating[Any]], base: Floats) -> Floats:
        """Return the sentiment (n,) in -1..1 of (n, d) unit rows; NaN where ``base`` is."""
        rows = np.asarray(vectors, dtype=np.float64)
        read: Floats = np.tanh((self.level + self.trust * _logit(base) + rows @ self.weights) / 2)
        return read

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that ``from_dict`` reads."""
        return {
            "level": self.level,
            "trust": self.trust,
            "weights": self.weights.tolist(),
            "labels": self.labels,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "TextHead":
        """Return the head that ``to_dict`` told."""
        weights = np.array(data["weights"], dtype=np.float64)
        return cls(float(data["level"]), float(data["trust"]), weights, int(data["labels"]))


def bend_scores(scores01: Floats) -> Floats:
    """Return how good answers are, 0..1, from 0 (worst) .. 1 (best); straight on either side of the passives.

    Examples:
        >>> bend_scores(np.array([0.0, 0.6, 0.75, 0.9, 1.0])).round(6).tolist()
        [0.0, 0.4, 0.5, 0.8, 1.0]
    """
    bent: Floats = np.interp(scores01, [0.0, PASSIVE, 1.0], [0.0, 0.5, 1.0])
    return bent


def _logit(sentiment: Floats) -> Floats:
    """Return the log-odds of good of a sentiment; its edges are not infinitely sure."""
    logit: Floats = 2 * np.arctanh(np.clip(np.asarray(sentiment, dtype=np.float64), -EDGE, EDGE))
    return logit


def _newton(design: Floats, share: Floats, centre: Floats, precision: Floats) -> Floats:
    """Return the mode; steps are halved until the loss falls, which it does from anywhere: it is convex."""
    found = centre.copy()
    loss = _loss(found, design, share, centre, precision)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-design @ found))
        slope = design.T @ (chance - share) + precision * (found - centre)
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(precision)
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while (trial := _loss(found - size * step, design, share, centre, precision)) > loss and size > CLOSE:
            size /= 2
        gain, found, loss = loss - trial, found - size * step, trial
        if gain <= CLOSE * (1 + abs(loss)):
            break
    return found


def _loss(found: Floats, design: Floats, share: Floats, centre: Floats, precision: Floats) -> float:
    scores = design @ found
    prior = 0.5 * (precision * (found - centre) ** 2).sum()
    return float((np.logaddexp(0, scores) - share * scores).sum() + prior)
