"""Lanes: past and present under one family of purchase models, from which the other families start."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from contracts.errors import ModelRefused
from contracts.feature_frame import FeatureFrame
from training.btyd import Btyd, assume_btyd, fit_btyd
from training.dataset import TrainingSet
from training.folds import Fold, build_fold
from training.models.columns import acquired_before
from training.models.fit_rows import MINIMUM_REPEAT_BUYERS
from training.models.purchase_families import PURCHASE_FAMILIES, PurchaseFamily

LAST = 2
"""The choice cutoff and the report cutoff: a family that cannot be fitted at either is out of the race."""


@dataclass(frozen=True, eq=False)
class Lane:
    """One purchase family: its folds in time order and its parameters at the present.

    ``left_out`` counts cutoffs at which the family could not be fitted; trees learn from the others.
    """

    present: Btyd
    folds: tuple[Fold, ...]
    left_out: int = 0

    @property
    def family(self) -> PurchaseFamily:
        """The purchase family."""
        return self.present.family

    @property
    def stepped_out(self) -> bool:
        """Whether no fit held, so that published shapes carry the law."""
        return self.present.stepped_out


def build_lanes(training_set: TrainingSet, time_unit: str) -> tuple[Lane, ...]:
    """Return the lanes of the families that can be fitted at the present and at the last two cutoffs.

    Where none can, one lane with published parameters: BTYD steps out.
    """
    complete_from = _find_complete_from(training_set)
    lanes = [_build_lane(training_set, time_unit, family, complete_from) for family in PURCHASE_FAMILIES]
    found = tuple(lane for lane in lanes if lane is not None)
    return found or (_assume_lane(training_set, time_unit),)


def _find_complete_from(training_set: TrainingSet) -> datetime | None:
    """Return from when on acquired customers are fitted on, None where some cutoff has too few of them.

    The same customers have to be fitted on at every cutoff, or levels would jump between them.
    """
    complete_from = training_set.complete_from
    if complete_from is None:
        return None
    frames = [training_set.at(cutoff)[0] for cutoff in training_set.plan.cutoffs]
    enough = all(_count_repeat_buyers(frame, complete_from) >= MINIMUM_REPEAT_BUYERS for frame in [
        *frames, training_set.present
    ])  # fmt: skip
    return complete_from if enough else None


def _count_repeat_buyers(frame: FeatureFrame, complete_from: datetime) -> int:
    """Return how many customers acquired from then on have come back."""
    frequency = frame.column("rfm.frequency").to_numpy(dtype=np.float64)
    return int(np.count_nonzero((frequency > 0) & ~acquired_before(frame, complete_from)))


def _build_lane(
    training_set: TrainingSet, time_unit: str, family: PurchaseFamily, complete_from: datetime | None
) -> Lane | None:
    cutoffs = training_set.plan.cutoffs
    folds = []
    try:
        present = fit_btyd(training_set.present, time_unit, family, complete_from)
    except ModelRefused:
        return None
    for place, cutoff in enumerate(cutoffs):
        try:
            btyd = fit_btyd(training_set.at(cutoff)[0], time_unit, family, complete_from)
        except ModelRefused:
            if place >= len(cutoffs) - LAST:
                return None
            continue
        folds.append(build_fold(training_set, cutoff, btyd))
    return Lane(present, tuple(folds), len(cutoffs) - len(folds))


def _assume_lane(training_set: TrainingSet, time_unit: str) -> Lane:
    folds = tuple(
        build_fold(training_set, cutoff, assume_btyd(training_set.at(cutoff)[0], time_unit))
        for cutoff in training_set.plan.cutoffs
    )
    return Lane(assume_btyd(training_set.present, time_unit), folds)
