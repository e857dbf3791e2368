"""Spend given any, by trees grown on what BTYD and Gamma-Gamma expect; no trees change nothing."""

from collections.abc import Sequence

import numpy as np

from contracts.errors import ModelRefused
from training.models.trees import Floats, Sample, Trees, TreeSettings, grow

POWER = 1.5
SCALE_LOW, SCALE_HIGH = 0.2, 5.0
MIN_SPENDERS = 200
_OBJECTIVE = {"objective": "tweedie", "tweedie_variance_power": POWER}


def mean_tweedie_loss(raw: Floats, spend: Floats) -> float:
    """Return the mean Tweedie loss (power 1.5) of log-means ``raw``: half the deviance up to a constant.

    Examples:
        >>> mean_tweedie_loss(np.zeros(1), np.ones(1))
        4.0
    """
    return float(
        np.mean(spend * np.exp((1 - POWER) * raw) / (POWER - 1) + np.exp((2 - POWER) * raw) / (2 - POWER))
    )


class ValueTrees:
    """E[spend in the CLV window | any] = expectation x scale; scale = exp(base + contributions) in [0.2, 5].

    Money is divided by the mean spend of the training rows before trees see it, so the currency's size
    changes nothing.

    Attributes:
        trees_: the fitted trees, without any where they do not help.
    """

    trees_: Trees

    def __init__(self, settings: TreeSettings | None = None) -> None:
        self.settings = settings

    def fit(
        self,
        matrix: Floats,
        names: Sequence[str],
        expectation: Floats,
        spend: Floats,
        *,
        weights: Floats | None = None,
        validation: tuple[Floats, Floats, Floats] | None = None,
    ) -> "ValueTrees":
        """Grow the trees on the rows with spend above 0 and return the model.

        Args:
            matrix: (n, k) of ``Encoder.encode``, NaN where missing.
            names: the k names of its columns.
            expectation: (n,) spend in the CLV window given any, by BTYD and Gamma-Gamma; above 0.
            spend: (n,) spend in that window; rows at or below 0 are left out.
            weights: (n,) at least 0.
            validation: (matrix, expectation, spend) of *later* cutoffs, judged by Tweedie deviance (power
            1.5) among
                spenders: no tree is kept where the expectation alone is as good. Without it exactly
                ``rounds`` are grown.

        Raises:
            ModelRefused: lengths differ or a value is not finite.
        """
        settings = self.settings or TreeSettings()
        spent = spend > 0
        if np.count_nonzero(spent) < MIN_SPENDERS:
            self.trees_ = Trees.empty(names, settings.num_threads)
            return self
        unit = float(np.mean(spend[spent]))
        sample = _sample(matrix, expectation, spend, unit, weights)
        later = None if validation is None else (_sample(*validation, unit), mean_tweedie_loss)
        self.trees_ = grow(_OBJECTIVE, names, sample, settings, later)
        return self

    @property
    def rounds_(self) -> int:
        """Number of trees kept: the ``rounds`` of a refit on more rows."""
        return self.trees_.count

    def scale(self, matrix: Floats) -> Floats:
        """Return the factor (n,) on the expectation, 0.2 to 5; ones without trees."""
        return np.clip(np.exp(self.trees_.raw(matrix)), SCALE_LOW, SCALE_HIGH)

    def contributions(self, matrix: Floats) -> tuple[Floats, float]:
        """Return contributions (n, k) to the logarithm of the scale before its bounds, and base."""
        return self.trees_.contributions(matrix)

    def to_text(self) -> str:
        """Return the trees as text; a short stated form where there are none."""
        return self.trees_.text

    @classmethod
    def none(cls, names: Sequence[str]) -> "ValueTrees":
        """Return the model without trees over columns ``names``: it changes nothing."""
        model = cls()
        model.trees_ = Trees.empty(names)
        return model

    @classmethod
    def from_text(cls, text: str, names: Sequence[str], num_threads: int = 1) -> "ValueTrees":
        """Return the model of ``to_text``; ``BundleRefused`` when it is not a sound one over ``names``."""
        model = cls()
        model.trees_ = Trees(text, tuple(names), num_threads)
        return model


def _sample(
    matrix: Floats, expectation: Floats, spend: Floats, unit: float, weights: Floats | None = None
) -> Sample:
    spent = spend > 0
    if not (expectation[spent] > 0).all():
        raise ModelRefused(
            "Value trees: an expected spend of 0 or below, or missing: mend the Gamma-Gamma fit."
        )
    kept = None if weights is None else weights[spent]
    return Sample(matrix[spent], np.log(expectation[spent] / unit), spend[spent] / unit, kept)
