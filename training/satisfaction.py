"""Satisfaction in a training run: from facts before ``as_of`` to a model of the silent and the NPS of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from contracts.feature_frame import FeatureFrame, FeatureList
from contracts.settings import Settings
from features.answered import read_answers
from features.engine import Events
from features.snapshot import take_snapshot
from training.models.base_nps import BaseNps
from training.models.behaviour import select
from training.models.satisfaction import SILENT, Answers, SatisfactionModel, fit_satisfaction


@dataclass(frozen=True)
class Satisfied:
    """What answers told: the model of the silent, and the NPS of all customers."""

    model: SatisfactionModel
    base: BaseNps
    recent_days: int

    def to_dict(self) -> dict[str, Any]:
        """Return what ``train --json`` and the report say of it."""
        return {"recent_days": self.recent_days, **self.base.to_dict()}


def learn_satisfaction(
    events: Events, settings: Settings, as_of: datetime, frames: Sequence[FeatureFrame]
) -> Satisfied | None:
    """Return what answers before ``as_of`` tell of the customers of ``frames``; None where nobody answered.

    Args:
        events: the facts; none at or after ``as_of`` is used.
        settings: how recent an answer must be, and how strongly silence may depend on mood.
        as_of: of the frames.
        frames: at least one; each customer is in one of them.
    """
    recent_days = settings.satisfaction.recent_days
    known = read_answers(take_snapshot(events, as_of, settings), recent_days)
    everyone = join_frames(frames)
    answers = Answers.align(known, everyone.customers)
    if not (answers.classes != SILENT).any():
        return None
    model, base = fit_satisfaction(everyone, answers, settings.satisfaction.silence_odds)
    return Satisfied(model, base, recent_days)


def join_frames(frames: Sequence[FeatureFrame]) -> FeatureFrame:
    """Return the rows of all frames with the features that each of them has."""
    if len(frames) == 1:
        return frames[0]
    kinds = [{feature.name: feature.dtype for feature in frame.features} for frame in frames]
    shared = FeatureList(
        tuple(
            feature
            for feature in frames[0].features
            if all(kind.get(feature.name) == feature.dtype for kind in kinds)
        )
    )
    parts = [select(frame, shared) for frame in frames]
    index = pd.concat([part.index for part in parts], ignore_index=True)
    return FeatureFrame(index, pd.concat([part.values for part in parts], ignore_index=True), shared)
