"""The final model: refitted on all matured folds, with the present as its reference."""

from dataclasses import replace

import numpy as np

from contracts.scores import RiskBands
from contracts.settings import Settings
from contracts.time import to_text
from training.bands import find_bands
from training.dataset import TrainingSet
from training.learning import Learned, OutOfSample, School, find_tree_settings
from training.models.calibrator import Calibrator
from training.models.churn import ChurnTrees
from training.models.columns import append_btyd
from training.models.customer_model import CustomerModel
from training.models.encoder import Encoder
from training.models.intervals import Intervals
from training.models.members import ChurnMember, ValueMember, alone
from training.models.rules import Rule
from training.models.terms import Reference, Terms, describe_features, grid_of
from training.models.value import ValueTrees
from training.race import Race


def assemble(
    training_set: TrainingSet, race: Race, ahead: OutOfSample, settings: Settings, *, refuted: bool = False
) -> CustomerModel:
    """Return the model to serve: BTYD fitted on the present, trees of the chosen size on every matured fold.

    Calibrator and levels come from ``ahead``, the pooled scores of each fold by models of earlier ones. Where
    windows are shorter than the horizon neither is proven for it: the calibrator is the identity and the
    range is marked unproven; so it is where coverage was ``refuted``. A history under twelve months widens
    the ranges.
    """
    terms = _find_terms(training_set, race, settings)
    learned = _learn(training_set, race, terms, settings)
    calibrator, intervals = Calibrator.identity(), Intervals()
    if not terms.is_shorter:
        calibrator = ahead.calibrator()
        intervals = ahead.intervals(calibrator)
    if refuted:
        intervals = replace(intervals, proven=False)
    blank = _blank(training_set)
    draft = CustomerModel(
        training_set.present.features,
        learned.encoder,
        race.lane.present.purchase_model,
        race.lane.present.gamma_gamma,
        learned.churn,
        learned.value,
        calibrator,
        intervals.widened() if blank.season_unseen else intervals,
        terms,
        blank,
    )
    inside = _find_in_play(training_set)
    centred = learned.on(draft.see(training_set.present), inside)
    draft = replace(draft, churn=centred.churn, value=centred.value)
    return replace(draft, reference=_refer(training_set, draft, settings))


def _find_terms(training_set: TrainingSet, race: Race, settings: Settings) -> Terms:
    plan = training_set.plan
    return Terms(
        plan.horizon_days,
        max(settings.horizons.clv_horizon_days, plan.horizon_days),
        plan.window_days if race.lane.folds else plan.horizon_days,
        settings.horizons.annual_discount_rate,
        settings.workspace.currency,
    )


def _learn(training_set: TrainingSet, race: Race, terms: Terms, settings: Settings) -> Learned:
    if race.lane.folds:
        school = School.of(race.lane.folds, find_tree_settings(settings), terms.is_shorter)
        return school.teach(race.choice)
    present = race.lane.present
    whole = append_btyd(training_set.present, present.purchase_model, present.gamma_gamma, terms.window_days)
    encoder = Encoder.fit(whole)
    churn = ChurnMember(race.lane.family, Rule(), ChurnTrees.none(encoder.names))
    value = ValueMember(race.lane.family, ValueTrees.none(encoder.names))
    return Learned(encoder, alone(churn), alone(value))


def _find_in_play(training_set: TrainingSet) -> np.ndarray:
    inside = (training_set.present.index["segment"] != "lapsed").to_numpy()
    return inside if inside.any() else np.ones_like(inside)


def _blank(training_set: TrainingSet) -> Reference:
    medians, ranges = describe_features(training_set.present)
    complete = training_set.complete_from
    return Reference(
        0.0,
        medians,
        ranges,
        (),
        RiskBands(0.5, 0.8, "training"),
        training_set.lapsed_after_days,
        training_set.history_days,
        None if complete is None else to_text(complete),
    )


def _refer(training_set: TrainingSet, model: CustomerModel, settings: Settings) -> Reference:
    """Return the aggregates of the customers in play as the model scores them."""
    prediction = model.predict(training_set.present.rows(_find_in_play(training_set)))
    return replace(
        model.reference,
        offset_mean=round(float(prediction.scores.offset.mean()), 9),
        raw_grid=grid_of(prediction.raw),
        bands=find_bands(prediction.churn_probability, settings.bands),
    )
