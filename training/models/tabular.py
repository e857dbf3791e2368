"""Churn from any table of columns, good without tuning: bagged small trees blended with a logistic partner.

The rows are parted into ``bags`` folds, equal rows together. Each bag grows trees on the other folds and
stops early on its own fold; the partner is fitted beside them. What each bag says of the rows it has not
learnt from decides the weight of the blend. The answer is the mean of the bags.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import BundleRefused, ModelRefused
from contracts.feature_frame import FeatureFrame
from training.models.churn import mean_log_loss
from training.models.encoder import Encoder
from training.models.grouped_folds import assign_folds, split_folds
from training.models.logistic import Logistic
from training.models.trees import Floats, Sample, Trees, TreeSettings, grow

Ints = npt.NDArray[np.int64]

WEIGHTS = tuple(step / 20 for step in range(21))
EPSILON = 1e-6
UNHURRIED_ROWS, FASTEST = 8_000, 3.0
"""Up to so many rows a bag learns at the settings' pace; beyond, in proportion, at most 3 times as fast."""
LEVEL_ROWS = 5
"""A level of fewer rows says little, and might name a customer in the model's vocabulary: it is "other"."""
MANY_ROWS, FEW_BAGS = 20_000, 3
"""From so many rows on single models vary little, and three of them are enough."""


@dataclass(frozen=True)
class TabularSettings:
    """``bags`` and, for each, how its trees are grown: published settings for small tables, not tuned."""

    bags: int = 5
    trees: TreeSettings = field(
        default_factory=lambda: TreeSettings(
            rounds=1000, patience=50, learning_rate=0.03, leaves=7, leaf_rows=20
        )
    )


@dataclass(frozen=True, eq=False)
class Bag:
    """What one fold left out has taught: trees on the log-odds ``offset``, and the partner."""

    offset: float
    trees: Trees
    logistic: Logistic

    def predict(self, matrix: Floats) -> tuple[Floats, Floats]:
        """Return the probabilities of the trees and of the partner, (n,) each."""
        return probability_of(self.offset + self.trees.raw(matrix)), probability_of(self.logistic.raw(matrix))


class TabularModel:
    """Probability = weight x mean of the trees + (1 - weight) x mean of the partners.

    Attributes:
        encoder_: frame to matrix, by the names of the training frame.
        bags_: one ``Bag`` per fold.
        weight_: the trees' share in the blend, 0 to 1.
    """

    encoder_: Encoder
    bags_: tuple[Bag, ...]
    weight_: float

    def __init__(self, settings: TabularSettings | None = None, seed: int = 0) -> None:
        self.settings = settings
        self.seed = seed

    def fit(self, frame: FeatureFrame, churned: Floats, groups: Ints | None = None) -> "TabularModel":
        """Learn and return the model.

        Args:
            frame: (n) rows; float64 columns keep what is missing missing, text columns are categories.
            churned: (n,) 0 or 1.
            groups: (n,) equal numbers for rows that must not be parted; by default each row stands alone.

        Raises:
            ModelRefused: lengths differ, or a bag would lack churners or stayers.
            ContractError: a column is infinite or of the wrong type.
        """
        settings = self.settings or TabularSettings()
        alone = np.arange(len(frame), dtype=np.int64)
        bags_wanted = min(settings.bags, FEW_BAGS) if len(frame) >= MANY_ROWS else settings.bags
        fold = self._fold(bags_wanted, churned, alone if groups is None else groups)
        if len(frame) != len(churned):
            raise ModelRefused(f"Table: {len(frame)} rows, but {len(churned)} labels beside them.")
        self.encoder_ = Encoder.fit(frame, LEVEL_ROWS)
        matrix = self.encoder_.encode(frame)
        unseen = np.empty((2, len(frame)))
        bags = []
        for inside, outside in split_folds(fold):
            bag = self._fit_bag(settings.trees, matrix, churned, inside)
            unseen[:, outside] = bag.predict(matrix[outside])
            bags.append(bag)
        self.bags_ = tuple(bags)
        self.weight_ = find_weight(unseen[0], unseen[1], churned)
        return self

    def predict(self, frame: FeatureFrame) -> Floats:
        """Return the probability of churn (n,), within (0, 1); a level not met in training is "other"."""
        matrix = self.encoder_.encode(frame)
        parts = [bag.predict(matrix) for bag in self.bags_]
        trees, partner = np.mean(parts, axis=0)
        return np.asarray(self.weight_ * trees + (1 - self.weight_) * partner)

    def _fold(self, bags: int, churned: Floats, groups: Ints) -> Ints:
        if len(groups) != len(churned):
            raise ModelRefused(f"Table: {len(groups)} groups for {len(churned)} labels.")
        fold = assign_folds(churned, groups, bags, self.seed, "bags")
        for inside, outside in split_folds(fold):
            if any(
                churned[part].min(initial=1) == churned[part].max(initial=0) for part in (inside, outside)
            ):
                raise ModelRefused(
                    f"Table: too few different churners or stayers among {len(churned)} rows "
                    f"for {bags} bags: add rows."
                )
        return fold

    def _fit_bag(
        self, settings: TreeSettings, matrix: Floats, churned: Floats, inside: npt.NDArray[np.bool_]
    ) -> Bag:
        names, categorical = self.encoder_.names, self.encoder_.categorical
        rate = float(churned[inside].mean())
        offset = float(np.log(rate / (1 - rate)))
        sample, later = (
            Sample(matrix[part], np.full(int(part.sum()), offset), churned[part])
            for part in (inside, ~inside)
        )
        own = {"seed": self.seed, "categorical": categorical}
        grown = TreeSettings(**(vars(find_pace(settings, int(inside.sum()))) | own))
        trees = grow({"objective": "binary"}, names, sample, grown, (later, mean_log_loss))
        is_category = [name in categorical for name in names]
        return Bag(offset, trees, Logistic.fit(matrix[inside], is_category, churned[inside]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a bundle."""
        return {
            "encoder": self.encoder_.to_dict(),
            "weight": self.weight_,
            "bags": [
                {"offset": bag.offset, "trees": bag.trees.text, "logistic": bag.logistic.to_dict()}
                for bag in self.bags_
            ],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], num_threads: int = 1) -> "TabularModel":
        """Return the model that ``to_dict`` gave; ``BundleRefused`` when a part is not sound."""
        model = cls()
        try:
            model.encoder_ = Encoder.from_dict(plain["encoder"])
            model.weight_ = float(plain["weight"])
            model.bags_ = tuple(
                Bag(
                    float(bag["offset"]),
                    Trees(bag["trees"], model.encoder_.names, num_threads),
                    Logistic.from_dict(bag["logistic"]),
                )
                for bag in plain["bags"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleRefused(f"Table model: {type(error).__name__}: restore the bundle.") from error
        offsets = [bag.offset for bag in model.bags_]
        if not offsets or not 0 <= model.weight_ <= 1 or not np.isfinite(offsets).all():
            raise BundleRefused("Table model: no bags, or a weight outside 0 to 1: restore the bundle.")
        return model


def find_pace(settings: TreeSettings, rows: int) -> TreeSettings:
    """Return the settings for a bag of ``rows``: many rows bear larger steps, and so need fewer trees.

    Examples:
        >>> slow = TreeSettings(learning_rate=0.03)
        >>> [find_pace(slow, rows).learning_rate for rows in (5_000, 16_000, 90_000)]
        [0.03, 0.06, 0.09]
    """
    faster = min(max(rows / UNHURRIED_ROWS, 1.0), FASTEST)
    return replace(settings, learning_rate=settings.learning_rate * faster)


def find_weight(trees: Floats, partner: Floats, churned: Floats) -> float:
    """Return the trees' share of the blend with the least log loss on out-of-bag rows, in steps of 0.05.

    Examples:
        >>> find_weight(np.array([0.9, 0.2]), np.array([0.5, 0.5]), np.array([1.0, 0.0]))
        1.0
    """
    losses = []
    for weight in WEIGHTS:
        p = weight * trees + (1 - weight) * partner
        losses.append(float(-np.mean(churned * np.log(p) + (1 - churned) * np.log1p(-p))))
    return WEIGHTS[int(np.argmin(losses))]


def probability_of(raw: Floats) -> Floats:
    """Return the logistic function of log-odds (n,), kept a millionth away from 0 and 1."""
    return np.clip(np.exp(-np.logaddexp(0.0, -raw)), EPSILON, 1 - EPSILON)
