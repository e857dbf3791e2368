"""Churn by trees grown on the log-odds that buy-till-you-die already gives; no trees is pure BTYD."""

from collections.abc import Callable, Sequence

import numpy as np

from training.models.tree_text import check_tree_text
from training.models.trees import Floats, Sample, Trees, TreeSettings, grow

__all__ = ["ChurnTrees", "TreeSettings", "check_tree_text", "mean_log_loss"]


def mean_log_loss(raw: Floats, churned: Floats) -> float:
    """Return the mean log loss of log-odds ``raw`` against 0/1 labels.

    Examples:
        >>> round(mean_log_loss(np.zeros(2), np.array([0.0, 1.0])), 6)
        0.693147
    """
    return float(np.mean(np.logaddexp(0.0, raw) - churned * raw))


def _centred_loss(offset: Floats) -> Callable[[Floats, Floats], float]:
    def loss(raw: Floats, churned: Floats) -> float:
        return mean_log_loss(raw - float(np.mean(raw - offset)), churned)

    return loss


class ChurnTrees:
    """raw = offset + base + sum of contributions, in log-odds of ``churned``.

    Args:
        settings: how trees are grown.
        centred: judge them with their mean over the validation rows taken off, as they are used where the
            offset carries the level.

    Attributes:
        trees_: the fitted trees, without any where they do not help.
    """

    trees_: Trees

    def __init__(self, settings: TreeSettings | None = None, *, centred: bool = False) -> None:
        self.settings = settings
        self.centred = centred

    def fit(
        self,
        matrix: Floats,
        names: Sequence[str],
        offset: Floats,
        churned: Floats,
        *,
        weights: Floats | None = None,
        validation: tuple[Floats, Floats, Floats] | None = None,
    ) -> "ChurnTrees":
        """Grow the trees and return the model.

        Args:
            matrix: (n, k) of ``Encoder.encode``, NaN where missing.
            names: the k names of its columns.
            offset: (n,) BTYD log-odds of no purchase in the horizon.
            churned: (n,) 0 or 1.
            weights: (n,) at least 0.
            validation: (matrix, offset, churned) of *later* cutoffs: growth stops by their log loss, and no
                tree is kept where that never beats the offset alone. Without it exactly ``settings.rounds``
                trees are grown.

        Raises:
            ModelRefused: lengths differ or a value is not finite.
        """
        settings = self.settings or TreeSettings()
        later = None
        if validation is not None:
            loss = _centred_loss(validation[1]) if self.centred else mean_log_loss
            later = (Sample(*validation), loss)
        sample = Sample(matrix, offset, churned, weights)
        if churned.min(initial=1.0) == churned.max(initial=0.0):
            self.trees_ = Trees.empty(names, settings.num_threads)
        else:
            objective = {"objective": "binary"}
            self.trees_ = grow(objective, names, sample, settings, later, stops_by_loss=self.centred)
        return self

    @property
    def rounds_(self) -> int:
        """Number of trees kept: the ``rounds`` of a refit on more rows."""
        return self.trees_.count

    def raw(self, matrix: Floats, offset: Floats) -> Floats:
        """Return the raw score (n,): log-odds before the calibrator."""
        return offset + self.trees_.raw(matrix)

    def contributions(self, matrix: Floats) -> tuple[Floats, float]:
        """Return contributions (n, k) and base: their sum plus the offset is ``raw`` to 1e-9."""
        return self.trees_.contributions(matrix)

    def to_text(self) -> str:
        """Return the trees as text; a short stated form where there are none."""
        return self.trees_.text

    @classmethod
    def none(cls, names: Sequence[str]) -> "ChurnTrees":
        """Return the model without trees over columns ``names``: it changes nothing."""
        model = cls()
        model.trees_ = Trees.empty(names)
        return model

    @classmethod
    def from_text(cls, text: str, names: Sequence[str], num_threads: int = 1) -> "ChurnTrees":
        """Return the model of ``to_text``; ``BundleRefused`` when it is not a sound one over ``names``."""
        model = cls()
        model.trees_ = Trees(text, tuple(names), num_threads)
        return model
