"""The gate of a model of a table: it beats the constant, knows nothing of the outcome, and answers again."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.randomness import generator
from training.evaluation import OutOfFold
from training.leaks import ROWS, LeakReport, Suspicion

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SAMPLES = 400


@dataclass(frozen=True)
class Gain:
    """How far the log loss of a model lies below the constant's, out of fold, with its paired error."""

    model: float
    constant: float
    error: float

    @property
    def size(self) -> float:
        """The gain: above 0 the model is better."""
        return self.constant - self.model


@dataclass(frozen=True)
class TableGate:
    """Whether the model may score, and in words why not; ``leak`` where a column or copies stopped it."""

    passed: bool
    reasons: tuple[str, ...]
    leak: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the manifest."""
        return {"passed": self.passed, "reasons": list(self.reasons), "leak": self.leak}

    def refuse(self, reason: str) -> "TableGate":
        """Return the gate closed for one more reason."""
        return TableGate(False, (*self.reasons, reason), self.leak)


def measure_gain(churned: Floats, groups: Ints, found: OutOfFold, seed: int = 0) -> Gain:
    """Return the mean gain over rows and repeats; its error by bootstrap over groups of identical rows.

    Args:
        churned: (n,) 0 or 1.
        groups: (n,) equal numbers for identical rows.
        found: what was said of each row out of fold.
        seed: names the random stream of the bootstrap.

    Examples:
        >>> churned = np.array([1.0, 0.0] * 50)
        >>> half = np.full((1, 100), 0.5)
        >>> sure = np.where(churned > 0, 0.8, 0.2)[None, :]
        >>> gain = measure_gain(churned, np.arange(100), OutOfFold(np.zeros((1, 100), int), sure, half))
        >>> round(gain.size, 4), gain.error
        (0.47, 0.0)
    """
    model, constant = (_row_losses(churned, p) for p in (found.probability, found.constant))
    error = paired_error(constant - model, groups, seed)
    return Gain(float(model.mean()), float(constant.mean()), error)


def paired_error(differences: Floats, groups: Ints, seed: int) -> float:
    """Return the standard error of the mean of paired differences (n,), by bootstrap over groups."""
    number = np.unique(groups, return_inverse=True)[1]
    rows = np.bincount(number).astype(np.float64)
    sums = np.bincount(number, weights=differences)
    draw = generator(seed, "paired error")
    means = np.empty(SAMPLES)
    for sample in range(SAMPLES):
        times = np.bincount(draw.integers(0, len(rows), len(rows)), minlength=len(rows))
        means[sample] = (times @ sums) / (times @ rows)
    # To 12 digits: equal differences have an error of nothing but rounding.
    return round(float(means.std(ddof=1)), 12)


def judge_table(gain: Gain, leaks: LeakReport) -> TableGate:
    """Return the verdict on gain and leaks; golden rows are asked afterwards (``TableGate.refuse``).

    Examples:
        >>> judge_table(Gain(0.40, 0.58, 0.01), LeakReport()).passed
        True
        >>> judge_table(Gain(0.578, 0.58, 0.01), LeakReport()).reasons
        ('Log loss 0.5780 is not below 0.5800, the base rate for everyone, by more than a standard error ...
    """
    reasons = [_say_leak(each) for each in leaks.suspicious]
    if not gain.size > gain.error:
        reasons.append(
            f"Log loss {gain.model:.4f} is not below {gain.constant:.4f}, the base rate for everyone, by "
            f"more than a standard error ({gain.error:.4f}): these columns do not tell who leaves."
        )
    return TableGate(not reasons, tuple(reasons), leaks.stops)


def _say_leak(found: Suspicion) -> str:
    if found.column == ROWS:
        return f"{found.text} Take each customer once, or vouch for it with --allow '{ROWS}'."
    return f"{found.text} Leave it out, or vouch for it with --allow '{found.column}'."


def _row_losses(churned: Floats, p: Floats) -> Floats:
    """Return each row's log loss, (n,), the mean over repeats of probabilities (repeats, n)."""
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    losses: Floats = -(churned * np.log(inside) + (1 - churned) * np.log1p(-inside)).mean(axis=0)
    return losses
