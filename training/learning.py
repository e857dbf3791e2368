"""Trees, calibrator and ranges learned from folds, each cutoff scored by what earlier ones taught."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.feature_frame import FeatureFrame
from contracts.settings import Settings
from training.folds import Fold, stack
from training.models.calibrator import Calibrator
from training.models.churn import ChurnTrees
from training.models.encoder import Encoder
from training.models.intervals import Intervals
from training.models.joint import JointPrediction
from training.models.trees import TreeSettings
from training.models.value import ValueTrees

Array = npt.NDArray[np.float64]

FOLDS_FOR_TREES = 3


def find_tree_settings(settings: Settings) -> TreeSettings:
    """Return how this workspace's trees are grown."""
    return TreeSettings(seed=settings.training.seed, num_threads=settings.training.threads)


@dataclass(frozen=True)
class Rounds:
    """How many trees the choice cutoff asked for; 0 where it preferred BTYD alone."""

    churn: int = 0
    value: int = 0


@dataclass(frozen=True)
class Learned:
    """Trees over an encoder's columns; without trees it is BTYD."""

    encoder: Encoder
    churn: ChurnTrees
    value: ValueTrees

    def raw(self, fold: Fold) -> Array:
        """Return the raw churn scores of a fold, log-odds for its window."""
        return self.churn.raw(self.encoder.encode(fold.frame), fold.offset)

    def joint(self, fold: Fold, churn_probability: Array, intervals: Intervals) -> JointPrediction:
        """Return purchases and money of a fold over its window."""
        scale = self.value.scale(self.encoder.encode(fold.frame))
        return fold.joint().predict(fold.history, churn_probability, scale, levels=intervals.levels)


def fit_encoder(folds: Sequence[Fold]) -> Encoder:
    """Return the encoder of the folds' frames taken together."""
    frames = [fold.frame for fold in folds]
    index = pd.concat([frame.index for frame in frames], ignore_index=True)
    values = pd.concat([frame.values for frame in frames], ignore_index=True)
    return Encoder.fit(FeatureFrame(index, values, frames[0].features))


def choose_rounds(folds: Sequence[Fold], settings: TreeSettings) -> Rounds:
    """Return the numbers of trees that the last but one fold asks of trees grown on the folds before it.

    Fewer than three folds leave nobody to choose: no trees. The last fold is not touched.
    """
    if len(folds) < FOLDS_FOR_TREES:
        return Rounds()
    earlier, judge = folds[:-2], folds[-2]
    encoder = fit_encoder(earlier)
    settings = replace(settings, categorical=encoder.categorical)
    rows, later = stack(earlier, encoder), stack([judge], encoder)
    churn = ChurnTrees(settings).fit(
        rows.matrix,
        encoder.names,
        rows.offset,
        rows.churned,
        validation=(later.matrix, later.offset, later.churned),
    )
    value = ValueTrees(settings).fit(
        rows.matrix,
        encoder.names,
        rows.expectation,
        rows.spend,
        validation=(later.matrix, later.expectation, later.spend),
    )
    return Rounds(churn.rounds_, value.rounds_)


def learn(folds: Sequence[Fold], rounds: Rounds, settings: TreeSettings) -> Learned:
    """Return trees of fixed size grown on all ``folds`` (at least one)."""
    encoder = fit_encoder(folds)
    settings = replace(settings, categorical=encoder.categorical)
    rows = stack(folds, encoder)
    churn = ChurnTrees(replace(settings, rounds=rounds.churn))
    value = ValueTrees(replace(settings, rounds=rounds.value))
    return Learned(
        encoder,
        churn.fit(rows.matrix, encoder.names, rows.offset, rows.churned),
        value.fit(rows.matrix, encoder.names, rows.expectation, rows.spend),
    )


@dataclass(frozen=True, eq=False)
class OutOfSample:
    """Raw scores of folds, each by a model of the folds before it, in the folds' order."""

    folds: tuple[Fold, ...]
    models: tuple[Learned, ...]
    raws: tuple[Array, ...]

    @property
    def earlier(self) -> "OutOfSample":
        """Everything but the last fold."""
        return OutOfSample(self.folds[:-1], self.models[:-1], self.raws[:-1])

    def calibrator(self) -> Calibrator:
        """Return the calibrator of the pooled scores; the identity where there are none."""
        if not self.folds:
            return Calibrator.identity()
        return Calibrator.fit(
            np.concatenate(self.raws), np.concatenate([fold.churned for fold in self.folds])
        )

    def intervals(self, calibrator: Calibrator) -> Intervals:
        """Return the levels at which ranges would have held 80 % of the pooled customers."""
        if not self.folds:
            return Intervals()
        parts = [_pit(*item, calibrator) for item in zip(self.folds, self.models, self.raws, strict=True)]
        lower, upper, none = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Intervals.fit(lower, upper, none)


def score_ahead(folds: Sequence[Fold], rounds: Rounds, settings: TreeSettings) -> OutOfSample:
    """Return the raw scores of each fold by a model of the folds before it.

    The first fold has none before it: it is scored only where there are no trees to learn, by BTYD of facts
    before it.
    """
    bare = rounds == Rounds()
    scored, models = [], []
    for place, fold in enumerate(folds):
        if place or bare:
            scored.append(fold)
            models.append(learn(folds[: max(place, 1)], rounds, settings))
    raws = tuple(model.raw(fold) for model, fold in zip(models, scored, strict=True))
    return OutOfSample(tuple(scored), tuple(models), raws)


def _pit(fold: Fold, model: Learned, raw: Array, calibrator: Calibrator) -> tuple[Array, Array, Array]:
    probability = calibrator.predict(raw)[0]
    scale = model.value.scale(model.encoder.encode(fold.frame))
    lower, upper = fold.joint().pit(fold.history, probability, fold.spend, scale)
    return lower, upper, probability
