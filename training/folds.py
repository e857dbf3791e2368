"""Folds: what one past cutoff knew, and what happened after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from contracts.feature_frame import FeatureFrame
from contracts.periods import to_units
from training.btyd import Btyd
from training.dataset import TrainingSet
from training.models.columns import append_btyd, build_history
from training.models.encoder import Encoder
from training.models.history import History
from training.models.joint import JointModel
from training.models.members import Sight

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Fold:
    """One cutoff: its frame with ``btyd.*`` from facts before it, and the labels of its matured window."""

    cutoff: datetime
    window_days: int
    btyd: Btyd
    frame: FeatureFrame
    history: History
    churned: Array
    spend: Array
    in_play: Rows

    def __len__(self) -> int:
        return len(self.churned)

    @property
    def customers(self) -> npt.NDArray[np.object_]:
        """The customers' ids, in row order."""
        return np.asarray(self.frame.index["customer_id"].to_numpy(dtype=object))

    @property
    def judged(self) -> Rows:
        """The rows that figures are of: customers in play, everyone where all have lapsed."""
        return self.in_play if self.in_play.any() else np.ones(len(self), dtype=bool)

    def segment(self, name: str) -> Rows:
        """Return the rows of a segment."""
        return np.asarray((self.frame.index["segment"] == name).to_numpy())

    def joint(self) -> JointModel:
        """Return the joint law with both horizons at the fold's window, to judge its spend with."""
        window = to_units(self.window_days, self.btyd.purchase_model.time_unit)
        return JointModel(self.btyd.purchase_model, self.btyd.gamma_gamma, window, window)

    def see(self, encoder: Encoder) -> Sight:
        """Return the rows as members see them, asked for the fold's window."""
        return Sight.of(self.frame, encoder, self.window_days)


def build_fold(training_set: TrainingSet, cutoff: datetime, btyd: Btyd) -> Fold:
    """Return the fold of a cutoff under parameters that were fitted on facts before it."""
    frame, labels = training_set.at(cutoff)
    window = training_set.plan.window_days
    return Fold(
        cutoff,
        window,
        btyd,
        append_btyd(frame, btyd.purchase_model, btyd.gamma_gamma, window),
        build_history(frame, btyd.purchase_model.time_unit),
        labels["churned"].to_numpy(dtype=np.float64),
        labels["spend"].to_numpy(dtype=np.float64),
        (frame.index["segment"] != "lapsed").to_numpy(),
    )


@dataclass(frozen=True, eq=False)
class Stack:
    """Rows of several folds as members see them, one after another, with their labels."""

    sights: tuple[Sight, ...]
    churned: Array
    spend: Array
    in_play: Rows

    @cached_property
    def matrix(self) -> Array:
        """The encoded rows."""
        return np.vstack([sight.matrix for sight in self.sights])

    @cached_property
    def expectation(self) -> Array:
        """What a buyer of each row is expected to spend."""
        return np.concatenate([sight.expectation for sight in self.sights])


def stack(folds: Sequence[Fold], encoder: Encoder) -> Stack:
    """Return the folds' rows one after another."""
    return Stack(
        tuple(fold.see(encoder) for fold in folds),
        np.concatenate([fold.churned for fold in folds]),
        np.concatenate([fold.spend for fold in folds]),
        np.concatenate([fold.in_play for fold in folds]),
    )
