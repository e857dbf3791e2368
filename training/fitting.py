"""From facts to a fitted, reported and judged model; nothing is written here."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from contracts.errors import NotEnoughData
from contracts.feature_frame import FeatureList
from contracts.settings import Settings
from features.engine import Events
from features.wording.catalogue import load_catalogue
from training.assembly import assemble
from training.btyd import Btyd
from training.company import SubscribersOnly
from training.coverage import is_refuted
from training.dataset import TrainingSet, build_training_set
from training.gate import Gate, judge
from training.lanes import Lane, build_lanes
from training.leak_guard import describe, find_proven_families, guard_events, prove_by_rebuilding
from training.learning import OutOfSample, find_tree_settings, score_ahead
from training.models.customer_model import CustomerModel
from training.race import Race, replace_served, run_bare, run_race
from training.report import Report, write_report
from training.satisfaction import Satisfied, learn_satisfaction
from training.subscribers import SubscriberTraining, fit_subscribers

TIME_UNIT = "week"


@dataclass(frozen=True)
class Training:
    """Everything a run found of who buys by orders, before anything is written.

    ``subscribers`` is what it found of who subscribes, None where nobody does; ``hints`` what the leak guard
    says without stopping anything. ``satisfied`` is what answers told of everybody, None where nobody
    answered lately.
    """

    settings: Settings
    training_set: TrainingSet
    lanes: tuple[Lane, ...]
    race: Race
    ahead: OutOfSample
    report: Report
    gate: Gate
    model: CustomerModel
    subscribers: SubscriberTraining | None = None
    hints: tuple[str, ...] = ()
    satisfied: Satisfied | None = None

    def digest(self) -> str:
        """Return the digest of what was learned from; see ``TrainingSet.digest``."""
        return self.training_set.digest()

    @property
    def btyd(self) -> Btyd:
        """The purchase model at the present."""
        return self.race.lane.present

    @property
    def served(self) -> dict[str, dict[str, str]]:
        """The family that answers for each segment, for churn and for money."""
        return {"churn": dict(self.race.choice.churn), "clv": dict(self.race.choice.value)}

    @property
    def remarks(self) -> tuple[str, ...]:
        """What people should know of this model, in sentences."""
        plan = self.training_set.plan
        said = list(self.btyd.remarks)
        if self.race.lane.left_out:
            said.append(
                f"{self.race.lane.left_out} early cutoffs were left out: buying rhythm does not fit there."
            )
        if not plan.cutoffs:
            said.append("No cutoff has matured: BTYD alone, ranges unproven.")
        elif plan.is_shorter:
            said.append(
                f"The horizon of {plan.horizon_days} days is longer than the history can check: models learn "
                f"from {len(plan.cutoffs)} windows of {plan.window_days} days, and BTYD carries the level."
            )
        if self.model.reference.season_unseen:
            said.append(
                f"{self.training_set.history_days:.0f} days of history have not seen each season: ranges are "
                "widened."
            )
        return (*said, *self.hints, *(self.subscribers.remarks if self.subscribers else ()))


def fit_company(events: Events, settings: Settings, as_of: datetime) -> Training | SubscribersOnly:
    """Return what facts before ``as_of`` say of both kinds of customers; writes nothing.

    Raises:
        NotEnoughData: there is no order before ``as_of``, and nobody subscribes.
    """
    subscribers = fit_subscribers(events, settings, as_of)
    if subscribers is not None:
        check_texts(subscribers.model.features)
    own = None if subscribers is None else subscribers.data.present
    try:
        shop = fit(events, settings, as_of)
    except NotEnoughData as error:
        if subscribers is None or own is None:
            raise
        return SubscribersOnly(subscribers, str(error), learn_satisfaction(events, settings, as_of, [own]))
    frames = [shop.training_set.present, *([] if own is None else [own])]
    satisfied = learn_satisfaction(events, settings, as_of, frames)
    return replace(shop, subscribers=subscribers, satisfied=satisfied)


def fit(events: Events, settings: Settings, as_of: datetime) -> Training:
    """Return a fitted, reported and judged model from facts before ``as_of``; writes nothing.

    Where a simple rule does as well as the model on the last matured cutoff, the rule is what the model
    serves, and its figures are the rule's. Where a column seems to know the outcome no tree sees any column:
    buying rhythm answers alone, and the gate stays closed.

    Raises:
        NotEnoughData: there is no order before ``as_of``.
    """
    training_set = build_training_set(events, settings, as_of)
    check_texts(training_set.present.features)
    lanes, leaks = build_lanes(training_set, TIME_UNIT), guard(events, settings, training_set)
    trees, seed = find_tree_settings(settings), settings.training.seed
    if leaks.reasons:
        race = run_bare(lanes, seed=seed)
    else:
        race = run_race(lanes, trees, centred=training_set.plan.is_shorter, seed=seed)
    found = judge_race(training_set, lanes, race, settings)
    if found.gate.serves_rule:
        ruled = replace_served(race, found.gate.churn_rule, found.gate.value_rule)
        found = replace(judge_race(training_set, lanes, ruled, settings), gate=found.gate)
    return leaks.close(found)


@dataclass(frozen=True)
class Leaks:
    """What the leak guard found on past cutoffs: what closes the gate, and what is only said.

    ``rebuilt``: a frame rebuilt without later facts differs, so that nothing learned from it can be trusted.
    """

    reasons: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    rebuilt: bool = False

    def close(self, training: Training) -> Training:
        """Return the training with its gate closed by each reason."""
        gate = training.gate
        for reason in self.reasons:
            gate = gate.refused(reason, leak=self.rebuilt)
        return replace(training, gate=gate, hints=self.hints)


def guard(events: Events, settings: Settings, training_set: TrainingSet) -> Leaks:
    """Return whether a feature knows the outcome: by its values, and by rebuilding the last frame."""
    past, plan = training_set.past, training_set.plan
    if past is None:
        return Leaks()
    proven = find_proven_families(events, plan.as_of)
    contacted = training_set.labels["contacted"].astype(bool)
    in_play = ((past.index["segment"] != "lapsed") & ~contacted).to_numpy()
    churned = training_set.labels["churned"].to_numpy(dtype=np.float64)
    found = guard_events(past, churned, in_play, proven, settings.training.allowed_columns)
    differing = prove_by_rebuilding(events, settings, plan.cutoffs[-1], past)
    return Leaks(describe(found, differing), found.remarks, bool(differing))


def judge_race(
    training_set: TrainingSet, lanes: tuple[Lane, ...], race: Race, settings: Settings
) -> Training:
    """Return the training of a choice: reported on the last cutoff, judged, and fitted on all of them."""
    trees, centred = find_tree_settings(settings), training_set.plan.is_shorter
    ahead = score_ahead(race.lane.folds, race.choice, trees, centred)
    report = write_report(lanes, race, ahead, trees, centred=centred, seed=settings.training.seed)
    refuted = is_refuted(report.details.get("coverage", {}))
    model = assemble(training_set, race, ahead, settings, refuted=refuted)
    return Training(settings, training_set, lanes, race, ahead, report, judge(report.differences), model)


def check_texts(features: FeatureList) -> None:
    """Raise ``ContractError`` when a feature lacks a text in either language."""
    load_catalogue().check(features)
