"""The subscription part of a training run: cutoffs, choice, report, refit, verdict."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from contracts.settings import Settings
from contracts.time import to_text
from features.engine import Events
from training.bands import find_bands
from training.golden import build_golden_rows, invent_rows
from training.hazard_learning import (
    Ahead,
    LearnedHazard,
    choose_rounds,
    learn_constant,
    learn_hazard,
    score_ahead,
)
from training.learning import find_tree_settings
from training.models.base_hazard import FEWEST_ENDINGS, FEWEST_ROWS
from training.models.company_model import KIND, SUBSCRIPTION, CompanyModel
from training.models.subscription_model import TREES_FILE, SubscriptionModel
from training.models.terms import Reference, Terms, describe_features, grid_of
from training.subscriber_set import SubscriberSet, build_subscriber_set
from training.subscription_report import SubscriptionReport, is_range_proven, write_subscription_report

HAZARD, CONSTANT = "hazard", "naive_constant"
NEVER_LAPSES = 365


@dataclass(frozen=True)
class SubscriberTraining:
    """Everything a run found about subscribers, before anything is written.

    ``family`` is ``hazard``, or ``naive_constant`` where the hazard lost to one rate for all.
    """

    data: SubscriberSet
    rounds: int
    report: SubscriptionReport
    family: str
    model: SubscriptionModel

    @property
    def passed(self) -> bool:
        """Whether the hazard beat one rate for all by more than one paired SE on the last cutoff."""
        return self.report.verdict == "better"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it did not pass, in sentences."""
        report = self.report
        if report.verdict == "better":
            return ()
        if report.verdict == "unknown":
            return ("Subscriptions: no past window could judge the hazard: nothing proves it yet.",)
        loss, rule, se = report.churn["log_loss"], report.naive["log_loss"], report.se
        what = "is worse than" if report.verdict == "worse" else "is a tie with"
        then = "; that rate is served" if report.verdict == "worse" else ""
        return (
            f"Subscriptions: log loss {loss:.4f} {what} {rule:.4f} of one rate for all, SE {se:.4f}{then}.",
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What people should know of this part, in sentences."""
        said = list(self.reasons)
        plan = self.data.plan
        if not plan.cutoffs:
            said.append(
                f"Subscriptions: no cutoff has matured: one rate from {self.data.endings:.0f} endings in "
                f"{self.data.exposed_days:.0f} days of subscriptions, ranges unproven."
            )
        elif plan.is_shorter:
            said.append(
                f"Subscriptions: the horizon of {plan.horizon_days} days is judged by windows of "
                f"{plan.window_days} days; beyond what was watched the last hazard holds."
            )
        if plan.cutoffs and not self.rounds:
            said.append(
                "Subscriptions: no trees, one curve by tenure alone: they did not help, or there are under "
                f"{FEWEST_ROWS} person-periods, {FEWEST_ENDINGS} endings or three cutoffs."
            )
        return tuple(said)

    def members(self) -> list[dict[str, str]]:
        """Return this part's members of the manifest."""
        return [{"role": "churn", "family": self.family, "file": TREES_FILE, "kind": SUBSCRIPTION}]

    def golden(self) -> list[dict[str, Any]]:
        """Return golden rows of this part: invented subscribers with the model's answers."""
        rows = [row | {KIND: SUBSCRIPTION} for row in invent_rows(self.data.present.values)]
        return build_golden_rows(CompanyModel(subscription=self.model), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``train --json`` and the report say of subscriptions."""
        plan = self.data.plan
        return {
            "scored": len(self.data.present),
            "family": self.family,
            "trees": self.model.hazard.rounds,
            "features": len(self.model.features),
            "cutoffs": [to_text(cutoff) for cutoff in plan.cutoffs],
            "window_days": plan.window_days,
            "gate": {"passed": self.passed, "reasons": list(self.reasons)},
            "range_proven": self.model.range_proven,
            **self.report.to_dict(),
        }


def fit_subscribers(events: Events, settings: Settings, as_of: datetime) -> SubscriberTraining | None:
    """Return the fitted, reported and judged subscription part; None where nobody subscribes at ``as_of``."""
    data = build_subscriber_set(events, settings, as_of)
    if data is None:
        return None
    trees = find_tree_settings(settings)
    rounds = choose_rounds(data.folds, trees)
    ahead = score_ahead(data.folds, rounds, trees)
    calibrates = not data.plan.is_shorter
    report = write_subscription_report(data.folds, ahead, calibrates)
    learned = learn_hazard(data.folds, as_of, rounds, trees) if data.folds else None
    family = HAZARD
    if learned is None:
        learned, family = learn_constant(data.present, data.endings, data.exposed_days), CONSTANT
    elif report.verdict == "worse":
        base = learned.hazard.bare(learned.hazard.base.flat(), learned.encoder.names)
        learned, family, ahead = replace(learned, hazard=base), CONSTANT, Ahead((), (), ())
    model = _assemble(data, learned, ahead if calibrates else Ahead((), (), ()), settings)
    return SubscriberTraining(data, rounds if family == HAZARD else 0, report, family, model)


def _assemble(
    data: SubscriberSet, learned: LearnedHazard, ahead: Ahead, settings: Settings
) -> SubscriptionModel:
    """Return the model to serve; calibrator and proof of the ranges come from ``ahead``."""
    plan = data.plan
    terms = Terms(
        plan.horizon_days,
        max(settings.horizons.clv_horizon_days, plan.horizon_days),
        plan.window_days if plan.cutoffs else plan.horizon_days,
        settings.horizons.annual_discount_rate,
        settings.workspace.currency,
        time_unit="day",
    )
    calibrator = ahead.calibrator()
    draft = SubscriptionModel(
        data.present.features,
        learned.encoder,
        learned.hazard,
        calibrator,
        terms,
        _refer(data, None, settings),
        is_range_proven(ahead, calibrator),
    )
    return replace(draft, reference=_refer(data, draft, settings))


def _refer(data: SubscriberSet, model: SubscriptionModel | None, settings: Settings) -> Reference:
    """Return the aggregates of the present subscribers, as the model scores them where there is one."""
    medians, ranges = describe_features(data.present)
    raw, risk = np.empty(0), np.array([0.5, 0.5])
    if model is not None:
        prediction = model.predict(data.present)
        raw, risk = prediction.raw, prediction.churn_probability
    return Reference(
        offset_mean=0.0,
        medians=medians,
        ranges=ranges,
        raw_grid=grid_of(raw),
        bands=find_bands(risk, settings.bands),
        lapsed_after_days=NEVER_LAPSES,
        history_days=data.history_days,
    )
