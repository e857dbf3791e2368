"""One training run: folds, choice, report, refit, bundle, record, gate."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from contracts.errors import NotEnoughData
from contracts.settings import Settings
from contracts.time import just_after, to_text
from contracts.workspace import Workspace
from features.engine import Engine, Events
from features.hearing import open_company
from training.bundle import BundleContent, read_pointer, save_bundle
from training.challenge import challenge
from training.company import (
    SubscribersOnly,
    add_satisfaction,
    describe_subscribers,
    join_content,
    parametrise_subscribers,
)
from training.documents import load_document, save_document
from training.fitting import Training, fit_company
from training.forecasts import SERVED
from training.golden import build_golden_rows, invent_rows
from training.histories import describe_histories
from training.measures import Figures
from training.models.panel_files import CHURN_FILES, PANELS, VALUE_FILES
from training.models.purchase_families import PURCHASE_FILES
from training.own_answers import add_voice, learn_voice, listen
from training.page.rendering import render_files
from training.promotion import next_version, promote
from training.registry import register
from training.report import Report
from training.report_document import build_document, build_subscriber_document
from training.signature import make_key
from training.tracking import RunRecord, count_looks, record_run


def build_content(training: Training) -> BundleContent:
    """Return the bundle of a training: no clock, run id, path or version number in it."""
    manifest, files = training.model.to_parts()
    rows = invent_rows(training.training_set.present.values)
    extra: dict[str, Any] = {
        "members": _members(training),
        "metrics": {"families": training.report.families, "everyone": training.report.everyone},
        "coverage": training.report.families.get(SERVED, {}).get("clv", {}).get("coverage_80"),
        "gate": training.gate.to_dict(),
        "data_digest": training.training_set.digest(),
        "remarks": list(training.remarks),
        "trained_until": to_text(training.training_set.plan.as_of),
        "cutoffs": [to_text(cutoff) for cutoff in training.training_set.plan.cutoffs],
        "golden": build_golden_rows(training.model, rows),
    }
    content = join_content(BundleContent(manifest | extra, files), training.subscribers)
    return add_satisfaction(content, training.satisfied)


def _members(training: Training) -> list[dict[str, str]]:
    purchases = training.race.lane.family
    churn = [
        {"role": "churn", "family": family, "file": CHURN_FILES.get(family, PANELS)}
        for family in training.model.churn.members
    ]
    value = [
        {"role": "value", "family": family, "file": VALUE_FILES.get(family, PANELS)}
        for family in training.model.value.members
    ]
    return [
        *churn,
        *value,
        {"role": "purchases", "family": purchases, "file": PURCHASE_FILES[purchases]},
        {"role": "spend", "family": purchases, "file": "gamma_gamma.json"},
    ]


@dataclass(frozen=True)
class Outcome:
    """What ``train`` did: the version, what was found, whether it became champion, and warnings."""

    version: str
    found: Training | SubscribersOnly
    promoted: bool
    warnings: tuple[str, ...]

    @property
    def training(self) -> Training:
        """What was found of who buys by orders.

        Raises:
            NotEnoughData: nobody does.
        """
        if isinstance(self.found, SubscribersOnly):
            raise NotEnoughData(self.found.why)
        return self.found

    def to_dict(self, seconds: float) -> dict[str, Any]:
        """Return the result of the command as JSON values (design, section 8)."""
        own = self.found.to_dict() if isinstance(self.found, SubscribersOnly) else _describe(self.found)
        subscribers = self.found.subscribers
        return {
            "model_version": self.version,
            **own,
            "subscription": None if subscribers is None else subscribers.to_dict(),
            "satisfaction": None if self.found.satisfied is None else self.found.satisfied.to_dict(),
            "promoted": self.promoted,
            "remarks": [*self.found.remarks, *self.warnings],
            "seconds": seconds,
        }


def _describe(training: Training) -> dict[str, Any]:
    report, training_set, subscribers = training.report, training.training_set, training.subscribers
    empty: Figures = {"churn": {}, "clv": {}}
    own, everyone = (families.get(SERVED, empty) for families in (report.families, report.everyone))
    more = 0 if subscribers is None else len(subscribers.data.present)
    return {
        "as_of": to_text(training_set.plan.as_of),
        "cutoffs": [to_text(cutoff) for cutoff in training_set.plan.cutoffs],
        "window_days": training_set.plan.window_days,
        "customers": len(training_set.present) + sum(training_set.not_scored.values()) + more,
        "features": len(training_set.present.features),
        "population": training_set.count_population(),
        "gate": {"passed": training.gate.passed, "reasons": list(training.gate.reasons)},
        "churn": own["churn"],
        "clv": own["clv"],
        "churn_all": everyone["churn"],
        "clv_all": everyone["clv"],
        "families": report.families,
        "served": training.served,
    }


def train(workspace: Workspace, as_of: datetime, now: datetime, who: str) -> Outcome:
    """Fit, write the bundle under the next version, tell MLflow, and promote it where the gate passes.

    With no champion yet the model is promoted even when its gate says no, unless a leak is what it says:
    something must answer, and every score of it says that it is unproven. The caller holds the workspace's
    lock. MLflow out of reach costs a warning, not the model.

    Raises:
        NotEnoughData: there is no order before ``as_of``, and nobody subscribes.
    """
    engine = Engine(threads=workspace.settings.training.engine_threads)
    # An objection to profiling counts from the moment it is known, whatever day is trained as of.
    events = listen(open_company(workspace, engine)).heeding(just_after(now))
    found = fit_company(events, workspace.settings, as_of)
    said: list[str | None] = []
    if isinstance(found, Training):
        challenged = challenge(workspace, events, found)
        found = replace(found, gate=challenged.gate)
        said.append(challenged.remark)
    version = next_version(workspace)
    bundle = workspace.bundles / version
    content = found.build_content() if isinstance(found, SubscribersOnly) else build_content(found)
    content = add_voice(content, learn_voice(events, workspace.settings, as_of))
    digest = save_bundle(content, bundle, make_key(workspace))
    document = _save_report(workspace, events, found, version)
    record = _record(found, version, digest, now, workspace.settings)
    pages = render_files(document, workspace.settings.workspace.timezone)
    said.append(register(workspace, record_run(workspace, replace(record, pages=pages)), version, bundle))
    promoted = found.gate.passed or (read_pointer(workspace) is None and not found.gate.leak)
    if promoted:
        why = "the gate passed" if found.gate.passed else "the first model of this workspace"
        moved = promote(workspace, version, who=who, now=now, reason=why, force=not found.gate.passed)
        said.extend(moved.warnings)
    return Outcome(version, found, promoted, tuple(sentence for sentence in said if sentence))


def _record(
    found: Training | SubscribersOnly, version: str, digest: str, now: datetime, settings: Settings
) -> RunRecord:
    subscribers = found.subscribers
    shop = found if isinstance(found, Training) else None
    return RunRecord(
        version=version,
        digest=digest,
        started_at=now,
        ended_at=now,
        parameters=({} if shop is None else _parameters(shop, settings))
        | ({} if subscribers is None else parametrise_subscribers(subscribers)),
        metrics=({} if shop is None else _headline(shop.report))
        | ({} if subscribers is None else describe_subscribers(subscribers)),
        folds=() if shop is None else shop.report.folds,
        data_digest=found.digest(),
        plots={} if shop is None or not len(shop.report.churned) else _plot(shop.report),
    )


def _save_report(
    workspace: Workspace, events: Events, found: Training | SubscribersOnly, version: str
) -> dict[str, Any]:
    """Write the report document of a version and return it as it can be read back."""
    looks = count_looks(workspace, found.digest())
    # This look counts too: whoever chooses between many versions by one cutoff has chosen on it.
    this_look = None if looks is None else looks + 1
    if isinstance(found, SubscribersOnly):
        document = build_subscriber_document(found, workspace.settings, version, this_look)
    else:
        histories = []
        if workspace.settings.training.histories:
            histories = describe_histories(events, workspace.settings, found.training_set, found.race)
        document = build_document(found, version, histories, this_look)
    save_document(workspace, document)
    return load_document(workspace, version)


def _plot(report: Report) -> dict[str, bytes]:
    from training.plots import render_plots

    return render_plots(report.churned, report.probability, report.raw, report.weights)


def _parameters(training: Training, settings: Settings) -> dict[str, str | float | None]:
    plan, btyd, choice = training.training_set.plan, training.btyd, training.race.choice
    return {
        "as_of": to_text(plan.as_of),
        "horizon_days": plan.horizon_days,
        "clv_horizon_days": settings.horizons.clv_horizon_days,
        "window_days": plan.window_days,
        "cutoffs": len(plan.cutoffs),
        "lag_days": plan.lag_days,
        "features": len(training.training_set.present.features),
        "customers": len(training.training_set.present),
        **{f"churn_trees.{family}": rounds for family, rounds in choice.churn_rounds.items()},
        **{f"value_trees.{family}": rounds for family, rounds in choice.value_rounds.items()},
        **{f"served.churn.{segment}": family for segment, family in choice.churn.items()},
        **{f"served.clv.{segment}": family for segment, family in choice.value.items()},
        "seed": settings.training.seed,
        **{
            f"{btyd.family}.{name}": float(value)
            for name, value in btyd.purchase_model.to_dict().items()
            if name != "time_unit"
        },
        **{f"gamma_gamma.{name}": float(value) for name, value in btyd.gamma_gamma.to_dict().items()},
    }


def _headline(report: Report) -> dict[str, float]:
    own = report.families.get(SERVED, {})
    return {f"{part}.{name}": value for part, figures in own.items() for name, value in figures.items()}
