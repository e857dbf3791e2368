"""Members and panels learned from folds, each cutoff scored by what earlier ones taught."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.feature_frame import FeatureFrame
from contracts.settings import Settings
from training.folds import Fold, Stack, stack
from training.levels import find_level_errors
from training.models.calibrator import Calibrator
from training.models.churn import ChurnTrees
from training.models.encoder import Encoder
from training.models.intervals import Intervals
from training.models.members import (
    WITHOUT_BTYD,
    ChurnMember,
    Panel,
    Served,
    Sight,
    ValueMember,
    blank,
    find_raw,
    find_scale,
)
from training.models.rules import Rule, find_constant, find_silence
from training.models.trees import TreeSettings
from training.models.value import ValueTrees

Array = npt.NDArray[np.float64]

WITH_BTYD = "lgbm_btyd"
NAIVE = ("naive_constant", "naive_silence", "naive_rate")
GROWN = (WITH_BTYD, WITHOUT_BTYD)
TAUGHT = frozenset({*GROWN, "naive_constant", "naive_silence"})
"""The families whose numbers come from labels."""
MIN_SPEND = 0.01


def find_tree_settings(settings: Settings) -> TreeSettings:
    """Return how this workspace's trees are grown."""
    return TreeSettings(seed=settings.training.seed, num_threads=settings.training.threads)


@dataclass(frozen=True)
class Choice:
    """Who answers for each segment, and of how many trees each grown member is."""

    churn: Served
    value: Served
    churn_rounds: dict[str, int]
    value_rounds: dict[str, int]

    @property
    def is_bare(self) -> bool:
        """Whether nothing has to be learned from labels: a purchase model or the order rate answers."""
        return not {*self.churn.values(), *self.value.values()} & TAUGHT


def fit_encoder(folds: Sequence[Fold]) -> Encoder:
    """Return the encoder of the folds' frames taken together."""
    frames = [fold.frame for fold in folds]
    index = pd.concat([frame.index for frame in frames], ignore_index=True)
    values = pd.concat([frame.values for frame in frames], ignore_index=True)
    return Encoder.fit(FeatureFrame(index, values, frames[0].features))


@dataclass(frozen=True, eq=False)
class School:
    """What members learn from: ``folds`` (at least one) under ``encoder``, and how trees are grown.

    ``centred``: windows are shorter than the horizon, so trees may not carry a level; they are judged, and
    used, with their mean over the customers in play taken off.
    """

    folds: tuple[Fold, ...]
    encoder: Encoder
    settings: TreeSettings
    centred: bool
    rows: Stack

    @classmethod
    def of(cls, folds: Sequence[Fold], settings: TreeSettings, centred: bool) -> "School":
        """Return the school of folds, with the encoder of their frames."""
        encoder = fit_encoder(folds)
        grown = replace(settings, categorical=encoder.categorical)
        return cls(tuple(folds), encoder, grown, centred, stack(folds, encoder))

    def teach_churn(self, family: str, rounds: int = 0, judge: Fold | None = None) -> ChurnMember:
        """Return the member of a family; trees grow ``rounds``, or as long as a later fold gains."""
        names, last = self.encoder.names, self.folds[-1]
        if family in NAIVE:
            return ChurnMember(family, find_rule(family, last), ChurnTrees.none(names))
        if family not in GROWN:
            return ChurnMember(family, Rule(), ChurnTrees.none(names))
        rule = Rule() if family == WITH_BTYD else find_constant(self.rows.churned, last.window_days)
        bare = ChurnMember(family, rule, ChurnTrees.none(names))
        if judge is None and not rounds:
            return bare
        later = None
        if judge is not None:
            sight, rows = judge.see(self.encoder), judge.judged
            matrix = self._matrix(family, sight.matrix)
            later = (matrix[rows], bare.offset(sight)[rows], judge.churned[rows])
        settings = self.settings if judge is not None else replace(self.settings, rounds=rounds)
        offset = np.concatenate([bare.offset(sight) for sight in self.rows.sights])
        trees = ChurnTrees(settings, centred=self.centred).fit(
            self._matrix(family, self.rows.matrix),
            names,
            offset,
            self.rows.churned,
            validation=later,
        )
        return replace(bare, trees=trees)

    def teach_value(self, family: str, rounds: int = 0, judge: Fold | None = None) -> ValueMember:
        """Return the value member of a family; as ``teach_churn``."""
        names = self.encoder.names
        spent = self.rows.spend[self.rows.spend > 0]
        if family == "naive_constant":
            return ValueMember(family, ValueTrees.none(names), float(self.folds[-1].spend.mean()))
        level = max(float(spent.mean()) if spent.size else 0.0, MIN_SPEND) if family == WITHOUT_BTYD else 0.0
        bare = ValueMember(family, ValueTrees.none(names), level)
        if family not in GROWN or (judge is None and not rounds):
            return bare
        later = None
        if judge is not None:
            sight, rows = judge.see(self.encoder), judge.judged
            matrix = self._matrix(family, sight.matrix)
            later = (matrix[rows], _expect(bare, sight.expectation)[rows], judge.spend[rows])
        settings = self.settings if judge is not None else replace(self.settings, rounds=rounds)
        trees = ValueTrees(settings).fit(
            self._matrix(family, self.rows.matrix),
            names,
            _expect(bare, self.rows.expectation),
            self.rows.spend,
            validation=later,
        )
        return replace(bare, trees=trees)

    def teach(self, choice: Choice) -> "Learned":
        """Return the panels of a choice, with trees of its fixed sizes."""
        churn = {
            family: self.teach_churn(family, choice.churn_rounds.get(family, 0))
            for family in sorted({*choice.churn.values()})
        }
        value = {
            family: self.teach_value(family, choice.value_rounds.get(family, 0))
            for family in sorted({*choice.value.values()})
        }
        panels = (Panel(churn, choice.churn), Panel(value, choice.value))
        return Learned(self.encoder, *panels, self.centred)

    def _matrix(self, family: str, matrix: Array) -> Array:
        return blank(matrix, self.encoder.names) if family == WITHOUT_BTYD else matrix


def _expect(member: ValueMember, expectation: Array) -> Array:
    """Return what the trees of a member start from: without BTYD its own level, for everyone."""
    return np.full(expectation.shape, member.level) if member.family == WITHOUT_BTYD else expectation


def find_rule(family: str, fold: Fold) -> Rule:
    """Return a naive rule with the numbers of one fold."""
    if family == "naive_rate":
        return Rule("rate", fold.window_days)
    if family == "naive_silence":
        return find_silence(fold.frame, fold.churned, fold.window_days)
    return find_constant(fold.churned, fold.window_days)


@dataclass(frozen=True, eq=False)
class Learned:
    """Panels over an encoder's columns."""

    encoder: Encoder
    churn: Panel[ChurnMember]
    value: Panel[ValueMember]
    centred: bool = False

    def on(self, sight: Sight, in_play: npt.NDArray[np.bool_]) -> "Learned":
        """Return the panels as they answer for these rows: centred over those in play where asked."""
        if not self.centred:
            return self
        churn = {
            name: replace(member, shift=_mean(member.trees.trees_.raw(sight.matrix), in_play))
            for name, member in self.churn.members.items()
        }
        value = {
            name: replace(member, shift=_mean(member.trees.trees_.raw(sight.matrix), in_play))
            for name, member in self.value.members.items()
        }
        return replace(
            self, churn=replace(self.churn, members=churn), value=replace(self.value, members=value)
        )

    def answer(self, fold: Fold) -> tuple[Array, Array]:
        """Return the raw churn scores of a fold, log-odds for its window, and the factors on spend."""
        sight = fold.see(self.encoder)
        here = self.on(sight, fold.judged)
        return find_raw(here.churn, sight), find_scale(here.value, sight)

    def raw(self, fold: Fold) -> Array:
        """Return the raw churn scores of a fold alone."""
        return self.answer(fold)[0]

    def scale(self, fold: Fold) -> Array:
        """Return the factors on spend of a fold alone."""
        return self.answer(fold)[1]


def _mean(values: Array, rows: npt.NDArray[np.bool_]) -> float:
    return round(float(values[rows].mean()), 9)


@dataclass(frozen=True, eq=False)
class OutOfSample:
    """Raw scores and factors of folds, each by a model of the folds before it, in the folds' order."""

    folds: tuple[Fold, ...]
    models: tuple[Learned, ...]
    raws: tuple[Array, ...]
    scales: tuple[Array, ...]

    @property
    def earlier(self) -> "OutOfSample":
        """Everything but the last fold."""
        return OutOfSample(self.folds[:-1], self.models[:-1], self.raws[:-1], self.scales[:-1])

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
        parts = [_pit(*item, calibrator) for item in zip(self.folds, self.raws, self.scales, strict=True)]
        lower, upper, none = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Intervals.fit(lower, upper, none)

    def level_errors(self, calibrator: Calibrator) -> tuple[float, ...]:
        """Return log(real total / expected total) of each fold's spend; folds without any are left out."""
        predicted = []
        for fold, raw, scale in zip(self.folds, self.raws, self.scales, strict=True):
            probability = calibrator.predict(raw)[0]
            predicted.append(float(fold.joint().predict(fold.history, probability, scale).clv_mean.sum()))
        return find_level_errors(predicted, [float(np.maximum(fold.spend, 0.0).sum()) for fold in self.folds])


def score_ahead(
    folds: Sequence[Fold], choice: Choice, settings: TreeSettings, centred: bool = False
) -> OutOfSample:
    """Return the raw scores of each fold by a model of the folds before it.

    The first fold has none before it: it is scored only where nothing has to be learned from labels, by what
    facts before it give.
    """
    scored, models = [], []
    for place, fold in enumerate(folds):
        if place or choice.is_bare:
            scored.append(fold)
            models.append(School.of(folds[: max(place, 1)], settings, centred).teach(choice))
    answers = [model.answer(fold) for model, fold in zip(models, scored, strict=True)]
    raws, scales = (tuple(part) for part in zip(*answers, strict=True)) if answers else ((), ())
    return OutOfSample(tuple(scored), tuple(models), raws, scales)


def _pit(fold: Fold, raw: Array, scale: Array, calibrator: Calibrator) -> tuple[Array, Array, Array]:
    probability = calibrator.predict(raw)[0]
    lower, upper = fold.joint().pit(fold.history, probability, fold.spend, scale)
    return lower, upper, probability
