"""The heads: from an embedding to a class with its probability, or to a mood. Mathematics only, no texts.

Classes are told apart by linear discriminants with a common covariance shrunk towards a multiple of the
identity (Ledoit and Wolf's form with a fixed weight), the mood by ridge regression on -1, 0 and 1. How sure
a head may be is found out on rows that it has not seen: a row is one sentence in all its languages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLDS = 8
SHRINKAGE = 2.0
RIDGE = 30.0
SLOPES = np.geomspace(0.05, 20, 61)
DIGITS = 5


@dataclass(frozen=True, eq=False)
class ClassHead:
    """Probabilities of ``classes`` (k): softmax of vectors times ``weights`` (d, k) plus ``offsets`` (k)."""

    classes: tuple[str, ...]
    weights: Floats
    offsets: Floats

    def read(self, vectors: Floats) -> Floats:
        """Return the probability of each class (n, k) for (n, d) unit rows."""
        return _softmax(vectors @ self.weights + self.offsets)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "classes": list(self.classes),
            "weights": _plain(self.weights.T),
            "offsets": _plain(self.offsets),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ClassHead":
        """Return the head that ``to_dict`` told."""
        return cls(tuple(data["classes"]), np.array(data["weights"]).T, np.array(data["offsets"]))


@dataclass(frozen=True, eq=False)
class MoodHead:
    """The mood before it is bent into -1..1: vectors times ``weights`` (d) plus ``offset``."""

    weights: Floats
    offset: float

    def read(self, vectors: Floats) -> Floats:
        """Return the mood (n) of (n, d) unit rows, unbounded: half of the log-odds of good against bad."""
        mood: Floats = vectors @ self.weights + self.offset
        return mood

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"weights": _plain(self.weights), "offset": round(self.offset, DIGITS)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "MoodHead":
        """Return the head that ``to_dict`` told."""
        return cls(np.array(data["weights"]), float(data["offset"]))


def fit_classes(
    vectors: Floats, labels: Sequence[str], rows: Ints, expected: Mapping[str, float] | None = None
) -> ClassHead:
    """Return the head of the classes in ``labels`` (n).

    Args:
        vectors: (n, d) unit rows.
        labels: the class of each.
        rows: numbers of the sentences (n); those said in several languages share one and stay together.
        expected: share of each class in what customers write; left out, all are equally likely.
    """
    classes = tuple(dict.fromkeys(labels))
    truth = np.array([classes.index(label) for label in labels])

    def tell(seen: NDArray[np.bool_], held: NDArray[np.bool_]) -> Floats:
        weights, offsets = _discriminate(vectors[seen], truth[seen], len(classes))
        told: Floats = vectors[held] @ weights + offsets
        return told

    slope = find_slope(find_unseen(rows, tell), truth)
    weights, offsets = _discriminate(vectors, truth, len(classes))
    prior = np.log([(expected or {}).get(each, 1 / len(classes)) for each in classes])
    return ClassHead(classes, slope * weights, slope * offsets + prior)


def fit_mood(vectors: Floats, moods: Floats, rows: Ints) -> MoodHead:
    """Return the head of moods (n) in -1..1, some above and some below one half either way.

    Zero lies midway between good and bad; arguments as in ``fit_classes``.
    """

    def tell(seen: NDArray[np.bool_], held: NDArray[np.bool_]) -> Floats:
        weights, offset = _regress(vectors[seen], moods[seen])
        told: Floats = vectors[held] @ weights + offset
        return told

    unseen = find_unseen(rows, tell)
    good, bad = moods > 0.5, moods < -0.5
    middle = (unseen[good].mean() + unseen[bad].mean()) / 2
    # As many good as bad ones: how many there are of each is no news about a comment.
    weight = good / good.sum() + bad / bad.sum()
    # tanh(slope mood) = 2 sigmoid(2 slope mood) - 1: a logistic regression of good on mood gives the slope.
    doubled = 2 * SLOPES[:, None] * (unseen - middle)
    loss = (weight * (np.logaddexp(0, doubled) - good * doubled)).sum(axis=1)
    slope = float(SLOPES[loss.argmin()])
    weights, offset = _regress(vectors, moods)
    return MoodHead(slope * weights, slope * (offset - float(middle)))


def find_unseen(rows: Ints, tell: Callable[[NDArray[np.bool_], NDArray[np.bool_]], Floats]) -> Floats:
    """Return what is told of each entry by those of other rows: ``tell(seen, held)`` gives that of the held.

    Rows are dealt out to folds in order, so that each class meets every fold.
    """
    folds = np.unique(rows, return_inverse=True)[1] % FOLDS
    parts = [tell(folds != fold, folds == fold) for fold in range(FOLDS)]
    unseen = np.empty((len(rows), *parts[0].shape[1:]))
    for fold, part in enumerate(parts):
        unseen[folds == fold] = part
    return unseen


def find_slope(unseen: Floats, truth: Ints) -> float:
    """Return the slope with the least log loss of unseen scores (n, k), each class counting equally."""
    weight = 1 / np.bincount(truth)[truth]
    picked = np.arange(len(truth)), truth
    losses = [-(weight * np.log(_softmax(slope * unseen)[picked] + 1e-12)).sum() for slope in SLOPES]
    return float(SLOPES[int(np.argmin(losses))])


def _discriminate(vectors: Floats, truth: Ints, classes: int) -> tuple[Floats, Floats]:
    centres = np.stack([vectors[truth == each].mean(axis=0) for each in range(classes)])
    spread = vectors - centres[truth]
    covariance = spread.T @ spread / len(vectors)
    scale = np.trace(covariance) / len(covariance)
    weights = np.linalg.solve(covariance + SHRINKAGE * scale * np.eye(len(covariance)), centres.T)
    return weights, -0.5 * (centres.T * weights).sum(axis=0)


def _regress(vectors: Floats, moods: Floats) -> tuple[Floats, float]:
    centre, level = vectors.mean(axis=0), float(moods.mean())
    spread = vectors - centre
    squares = spread.T @ spread + RIDGE * np.eye(len(centre))
    weights = np.linalg.solve(squares, spread.T @ (moods - level))
    return weights, level - float(centre @ weights)


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def _plain(values: Floats) -> list[Any]:
    plain: list[Any] = np.round(values, DIGITS).tolist()
    return plain
