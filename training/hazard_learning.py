"""Hazards learned from cutoffs: how many trees, and each cutoff scored by what earlier ones taught."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.feature_frame import FeatureFrame
from training.models.base_hazard import FEWEST_ENDINGS, FEWEST_ROWS, BaseHazard
from training.models.calibrator import Calibrator
from training.models.churn import ChurnTrees
from training.models.encoder import Encoder
from training.models.hazard import Hazard, draw_retention, fit_base, fit_hazard, tree_rows
from training.models.horizon_score import raw_score
from training.models.person_periods import PersonPeriods, hazard_columns, stack
from training.models.retention import Retention, period_shares
from training.models.trees import TreeSettings
from training.subscriber_set import Followed

Floats = npt.NDArray[np.float64]

FOLDS_FOR_TREES = 3
LEAF_ROWS = 200
"""Endings are rare: a leaf of 50 person-periods would hold one or two."""


@dataclass(frozen=True)
class LearnedHazard:
    """A hazard over an encoder's columns."""

    encoder: Encoder
    hazard: Hazard

    def log_odds(self, frame: FeatureFrame) -> Floats:
        """Return the log-odds of each learned period, (n, periods)."""
        return self.hazard.log_odds(self.encoder.encode(frame))

    def raw(self, frame: FeatureFrame, days: float) -> Floats:
        """Return the log-odds of ending within ``days``, (n,)."""
        return raw_score(self.log_odds(frame), period_shares(days, self.hazard.base.periods))

    def retention(self, frame: FeatureFrame) -> Retention:
        """Return the curves of a frame's rows."""
        return draw_retention(self.log_odds(frame))


def hazard_settings(settings: TreeSettings) -> TreeSettings:
    """Return the settings of trees on person-periods."""
    return replace(settings, leaf_rows=max(settings.leaf_rows, LEAF_ROWS))


def can_grow(rows: PersonPeriods) -> bool:
    """Return whether there are person-periods and endings enough for trees."""
    return len(rows) >= FEWEST_ROWS and rows.endings >= FEWEST_ENDINGS


def choose_rounds(folds: Sequence[Followed], settings: TreeSettings) -> int:
    """Return how many trees the last but one cutoff asks of trees grown on the cutoffs before it.

    They saw nothing from that cutoff on, and it is judged by its own window alone: the last cutoff is not
    touched. No trees with fewer than three cutoffs, or too few person-periods or endings.
    """
    if len(folds) < FOLDS_FOR_TREES:
        return 0
    judge = folds[-2].until(folds[-1].cutoff)
    matrix, rows, encoder = _gather(folds[:-2], judge.cutoff)
    later = judge.periods()
    if not can_grow(rows) or not len(later):
        return 0
    thin = rows.thinned(settings.seed)
    base = fit_base(matrix, encoder.names, thin)
    sample, offset = tree_rows(matrix, encoder.names, thin, base)
    shown, shift = tree_rows(encoder.encode(judge.frame), encoder.names, later, base)
    grown = ChurnTrees(replace(hazard_settings(settings), categorical=encoder.categorical)).fit(
        sample,
        hazard_columns(encoder.names),
        offset,
        thin.ended,
        weights=thin.weights,
        validation=(shown, shift, later.ended),
    )
    return grown.rounds_


def learn_hazard(
    folds: Sequence[Followed], until: datetime, rounds: int, settings: TreeSettings
) -> LearnedHazard | None:
    """Return the hazard of ``folds`` as watched until ``until``; None where no period was watched whole."""
    matrix, rows, encoder = _gather(folds, until)
    if not len(rows):
        return None
    size = rounds if can_grow(rows) else 0
    own = replace(hazard_settings(settings), rounds=size, categorical=encoder.categorical)
    return LearnedHazard(encoder, fit_hazard(matrix, encoder.names, rows.thinned(settings.seed), own))


def learn_constant(frame: FeatureFrame, endings: float, days: float) -> LearnedHazard:
    """Return one hazard for everybody and all time, from endings among days of subscriptions."""
    encoder = Encoder.fit(frame)
    return LearnedHazard(encoder, Hazard.bare(BaseHazard.constant(endings, days), encoder.names))


@dataclass(frozen=True, eq=False)
class Ahead:
    """Cutoffs scored by models of earlier ones, in their order; the first has none and is left out."""

    folds: tuple[Followed, ...]
    models: tuple[LearnedHazard, ...]
    raws: tuple[Floats, ...]

    @property
    def earlier(self) -> "Ahead":
        """Everything but the last cutoff."""
        return Ahead(self.folds[:-1], self.models[:-1], self.raws[:-1])

    def calibrator(self) -> Calibrator:
        """Return the calibrator of the pooled scores; the identity where there are too few."""
        if not self.folds:
            return Calibrator.identity()
        labels = np.concatenate([fold.churned for fold in self.folds])
        return Calibrator.fit(np.concatenate(self.raws), labels)


def score_ahead(folds: Sequence[Followed], rounds: int, settings: TreeSettings) -> Ahead:
    """Return the raw scores of each cutoff's matured subscribers by a model of the cutoffs before it."""
    scored, models = [], []
    for place, fold in enumerate(folds):
        model = learn_hazard(folds[:place], fold.cutoff, rounds, settings) if place else None
        if model is not None:
            scored.append(fold.rows())
            models.append(model)
    raws = tuple(
        model.raw(fold.frame, float(fold.window_days)) for model, fold in zip(models, scored, strict=True)
    )
    return Ahead(tuple(scored), tuple(models), raws)


def _gather(folds: Sequence[Followed], until: datetime) -> tuple[Floats, PersonPeriods, Encoder]:
    """Return the matrix of all cutoffs' subscribers, their person-periods until then, and the encoder."""
    frames = [fold.frame for fold in folds]
    index = pd.concat([frame.index for frame in frames], ignore_index=True)
    values = pd.concat([frame.values for frame in frames], ignore_index=True)
    whole = FeatureFrame(index, values, frames[0].features)
    encoder = Encoder.fit(whole)
    rows = stack([(fold.until(until).periods(), len(fold)) for fold in folds])
    return encoder.encode(whole), rows, encoder
