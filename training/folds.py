"""Folds: what one past cutoff knew, and what happened after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from contracts.feature_frame import FeatureFrame
from contracts.periods import to_units
from training.btyd import Btyd, fit_btyd
from training.dataset import TrainingSet
from training.models.columns import append_btyd, build_history, find_offset
from training.models.encoder import Encoder
from training.models.history import History
from training.models.joint import JointModel

Array = npt.NDArray[np.float64]

TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Fold:
    """One cutoff: its frame with ``btyd.*`` from facts before it, and the labels of its matured window."""

    cutoff: datetime
    window_days: int
    btyd: Btyd
    frame: FeatureFrame
    history: History
    offset: Array
    churned: Array
    spend: Array
    in_play: npt.NDArray[np.bool_]

    def joint(self) -> JointModel:
        """Return the joint law with both horizons at the fold's window, to judge its spend with."""
        window = to_units(self.window_days, self.btyd.beta_geo.time_unit)
        return JointModel(self.btyd.beta_geo, self.btyd.gamma_gamma, window, window)

    @cached_property
    def expectation(self) -> Array:
        """What BTYD and Gamma-Gamma expect a buyer in the window to spend in it, (n,), above 0."""
        x, t_x, T = self.history.frequency, self.history.recency, self.history.age
        window = to_units(self.window_days, self.btyd.beta_geo.time_unit)
        purchases = self.btyd.beta_geo.expected_purchases(window, x, t_x, T)
        some = 1.0 - self.btyd.beta_geo.p_no_purchase(window, x, t_x, T)
        spend = self.btyd.gamma_gamma.expected_spend(x, self.history.monetary_value)
        return np.maximum(purchases / np.maximum(some, TINY), 1.0) * spend


def build_folds(training_set: TrainingSet, time_unit: str) -> tuple[Fold, ...]:
    """Return one fold per cutoff of the plan, in time order."""
    return tuple(_build_fold(training_set, cutoff, time_unit) for cutoff in training_set.plan.cutoffs)


def _build_fold(training_set: TrainingSet, cutoff: datetime, time_unit: str) -> Fold:
    frame, labels = training_set.at(cutoff)
    window = training_set.plan.window_days
    btyd = fit_btyd(frame, time_unit)
    whole = append_btyd(frame, btyd.beta_geo, btyd.gamma_gamma, window)
    return Fold(
        cutoff,
        window,
        btyd,
        whole,
        build_history(frame, time_unit),
        find_offset(whole),
        labels["churned"].to_numpy(dtype=np.float64),
        labels["spend"].to_numpy(dtype=np.float64),
        (frame.index["segment"] != "lapsed").to_numpy(),
    )


@dataclass(frozen=True, eq=False)
class Stack:
    """Rows of several folds as one matrix in an encoder's columns, with what trees need beside it."""

    matrix: Array
    offset: Array
    churned: Array
    expectation: Array
    spend: Array


def stack(folds: Sequence[Fold], encoder: Encoder) -> Stack:
    """Return the folds' rows one after another."""
    return Stack(
        np.vstack([encoder.encode(fold.frame) for fold in folds]),
        np.concatenate([fold.offset for fold in folds]),
        np.concatenate([fold.churned for fold in folds]),
        np.concatenate([fold.expectation for fold in folds]),
        np.concatenate([fold.spend for fold in folds]),
    )
