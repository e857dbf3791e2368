"""The final model: refitted on all matured folds, with the present as its reference."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from contracts.scores import RiskBands
from contracts.settings import Settings
from training.btyd import Btyd
from training.dataset import TrainingSet
from training.folds import Fold
from training.learning import Learned, OutOfSample, Rounds, find_tree_settings, learn
from training.models.calibrator import Calibrator
from training.models.churn import ChurnTrees
from training.models.columns import append_btyd
from training.models.customer_model import CustomerModel
from training.models.encoder import Encoder
from training.models.intervals import Intervals
from training.models.terms import Reference, Terms, describe_features, grid_of
from training.models.trees import TreeSettings
from training.models.value import ValueTrees

MEDIUM_QUANTILE, HIGH_QUANTILE = 0.5, 0.8
MEDIUM_AT_MOST, HIGH_AT_MOST = 1 / 3, 2 / 3
"""Where nearly everybody stays silent a risk of 61 % is still no low one: bands never start above these."""


def assemble(
    training_set: TrainingSet,
    folds: Sequence[Fold],
    ahead: OutOfSample,
    rounds: Rounds,
    btyd: Btyd,
    settings: Settings,
) -> CustomerModel:
    """Return the model to serve; ``btyd`` is fitted on the present, trees on every matured fold.

    Calibrator and levels come from ``ahead``, the pooled scores of each fold by models of earlier ones. Where
    windows are shorter than the horizon neither is proven for it: the calibrator is the identity and the
    range is marked unproven.
    """
    plan = training_set.plan
    terms = Terms(
        plan.horizon_days,
        max(settings.horizons.clv_horizon_days, plan.horizon_days),
        plan.window_days if folds else plan.horizon_days,
        settings.horizons.annual_discount_rate,
        settings.workspace.currency,
    )
    trees = find_tree_settings(settings)
    learned = learn(folds, rounds, trees) if folds else _bare(training_set, btyd, terms)
    calibrator, intervals = Calibrator.identity(), Intervals()
    if not terms.is_shorter:
        calibrator = ahead.calibrator()
        intervals = ahead.intervals(calibrator)
    draft = CustomerModel(
        training_set.present.features,
        learned.encoder,
        btyd.beta_geo,
        btyd.gamma_gamma,
        learned.churn,
        learned.value,
        calibrator,
        intervals,
        terms,
        _blank(training_set),
    )
    model = replace(draft, reference=_refer(training_set, draft, settings))
    if not terms.is_shorter:
        return model
    # Again: the grid of raw scores needs the level taken off the trees, known once they scored the present.
    return replace(model, reference=_refer(training_set, model, settings))


def _bare(training_set: TrainingSet, btyd: Btyd, terms: Terms) -> Learned:
    whole = append_btyd(training_set.present, btyd.beta_geo, btyd.gamma_gamma, terms.window_days)
    encoder = Encoder.fit(whole)
    empty = np.empty((0, len(encoder.names)))
    none = TreeSettings(rounds=0)
    return Learned(
        encoder,
        ChurnTrees(none).fit(empty, encoder.names, np.empty(0), np.empty(0)),
        ValueTrees(none).fit(empty, encoder.names, np.empty(0), np.empty(0)),
    )


def _blank(training_set: TrainingSet) -> Reference:
    medians, ranges = describe_features(training_set.present)
    bands = RiskBands(0.5, 0.8, "training")
    return Reference(
        0.0, 0.0, medians, ranges, (), bands, training_set.lapsed_after_days, training_set.history_days
    )


def _refer(training_set: TrainingSet, model: CustomerModel, settings: Settings) -> Reference:
    """Return the aggregates of the customers in play as the model scores them."""
    blank = _blank(training_set)
    inside = (training_set.present.index["segment"] != "lapsed").to_numpy()
    if not inside.any():
        inside[:] = True
    prediction = model.predict(training_set.present.rows(inside))
    trees = prediction.contributions.sum(axis=1) + prediction.base + model.level_shift
    medium, high = np.minimum(
        np.quantile(prediction.churn_probability, [MEDIUM_QUANTILE, HIGH_QUANTILE]),
        [MEDIUM_AT_MOST, HIGH_AT_MOST],
    )
    chosen = settings.bands
    bands = RiskBands(chosen.medium or _threshold(medium), chosen.high or _threshold(high), chosen.owner)
    return Reference(
        round(float(prediction.offset.mean()), 9),
        round(float(trees.mean()), 9),
        blank.medians,
        blank.ranges,
        grid_of(prediction.raw),
        bands,
        blank.lapsed_after_days,
        blank.history_days,
    )


def _threshold(quantile: float) -> float:
    """Return a quantile to two decimals; never 0 or 1, which nobody would be below or at."""
    return round(min(max(float(quantile), 0.01), 0.99), 2)
