"""One training run: folds, choice, report, refit, bundle, record, gate."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.feature_frame import FeatureList
from contracts.scores import SEGMENTS
from contracts.settings import Settings
from contracts.time import to_text
from contracts.workspace import Workspace
from features.engine import Engine, Events
from features.wording.catalogue import load_catalogue
from training.assembly import assemble
from training.btyd import Btyd, fit_btyd
from training.bundle import BundleContent, read_pointer, save_bundle
from training.dataset import TrainingSet, build_training_set
from training.folds import build_folds
from training.gate import Gate, judge
from training.golden import build_golden_rows, invent_rows
from training.learning import Rounds, choose_rounds, find_tree_settings, score_ahead
from training.models.customer_model import CustomerModel
from training.promotion import next_version, promote
from training.registry import register
from training.report import TREES, Figures, Report, write_report
from training.tracking import RunRecord, record_run

TIME_UNIT = "week"


@dataclass(frozen=True)
class Training:
    """Everything a run found, before anything is written."""

    training_set: TrainingSet
    btyd: Btyd
    rounds: Rounds
    report: Report
    gate: Gate
    model: CustomerModel

    @property
    def remarks(self) -> tuple[str, ...]:
        """What people should know of this model, in sentences."""
        plan = self.training_set.plan
        said = list(self.btyd.remarks)
        if not plan.cutoffs:
            said.append("No cutoff has matured: BTYD alone, ranges unproven.")
        elif plan.is_shorter:
            said.append(
                f"The horizon of {plan.horizon_days} days is longer than the history can check: models learn "
                f"from {len(plan.cutoffs)} windows of {plan.window_days} days, and BTYD carries the level."
            )
        return tuple(said)


def fit(events: Events, settings: Settings, as_of: datetime) -> Training:
    """Return a fitted, reported and judged model from facts before ``as_of``; writes nothing.

    Raises:
        NotEnoughData: there is no order before ``as_of``.
        ModelRefused: BTYD cannot be fitted at the present or at a cutoff.
    """
    training_set = build_training_set(events, settings, as_of)
    check_texts(training_set.present.features)
    folds = build_folds(training_set, TIME_UNIT)
    trees = find_tree_settings(settings)
    rounds = choose_rounds(folds, trees)
    ahead = score_ahead(folds, rounds, trees)
    report = write_report(folds, ahead, rounds, not training_set.plan.is_shorter)
    btyd = fit_btyd(training_set.present, TIME_UNIT)
    model = assemble(training_set, folds, ahead, rounds, btyd, settings)
    return Training(training_set, btyd, rounds, report, judge(report.families, report.served), model)


def check_texts(features: FeatureList) -> None:
    """Raise ``ContractError`` when a feature lacks a text in either language."""
    load_catalogue().check(features)


def build_content(training: Training) -> BundleContent:
    """Return the bundle of a training: no clock, run id, path or version number in it."""
    manifest, files = training.model.to_parts()
    rows = invent_rows(training.training_set.present.values)
    extra: dict[str, Any] = {
        "members": _members(training),
        "metrics": {"families": training.report.families, "everyone": training.report.everyone},
        "coverage": training.report.families.get(training.report.served, {})
        .get("clv", {})
        .get("coverage_80"),
        "gate": training.gate.to_dict(),
        "data_digest": training.training_set.digest(),
        "remarks": list(training.remarks),
        "trained_until": to_text(training.training_set.plan.as_of),
        "cutoffs": [to_text(cutoff) for cutoff in training.training_set.plan.cutoffs],
        "golden": build_golden_rows(training.model, rows),
    }
    return BundleContent(manifest | extra, files)


def _members(training: Training) -> list[dict[str, str]]:
    family = training.report.served
    value = TREES if training.rounds.value else "bgnbd_gg"
    return [
        {"role": "churn", "family": family, "file": "churn.lgb.txt"},
        {"role": "value", "family": value, "file": "value.lgb.txt"},
        {"role": "purchases", "family": "bgnbd_gg", "file": "beta_geo.json"},
        {"role": "spend", "family": "bgnbd_gg", "file": "gamma_gamma.json"},
    ]


@dataclass(frozen=True)
class Outcome:
    """What ``train`` did: the version, what was found, whether it became champion, and warnings."""

    version: str
    training: Training
    promoted: bool
    warnings: tuple[str, ...]

    def to_dict(self, seconds: float) -> dict[str, Any]:
        """Return the result of the command as JSON values (design, section 8)."""
        report, training_set = self.training.report, self.training.training_set
        empty: Figures = {"churn": {}, "clv": {}}
        own, everyone = (
            families.get(report.served, empty) for families in (report.families, report.everyone)
        )
        value = TREES if self.training.rounds.value else "bgnbd_gg"
        return {
            "model_version": self.version,
            "as_of": to_text(training_set.plan.as_of),
            "cutoffs": [to_text(cutoff) for cutoff in training_set.plan.cutoffs],
            "window_days": training_set.plan.window_days,
            "customers": len(training_set.present) + sum(training_set.not_scored.values()),
            "features": len(training_set.present.features),
            "population": training_set.count_population(),
            "gate": {"passed": self.training.gate.passed, "reasons": list(self.training.gate.reasons)},
            "churn": own["churn"],
            "clv": own["clv"],
            "churn_all": everyone["churn"],
            "clv_all": everyone["clv"],
            "families": report.families,
            "served": {
                "churn": dict.fromkeys(SEGMENTS, report.served),
                "clv": dict.fromkeys(SEGMENTS, value),
            },
            "promoted": self.promoted,
            "remarks": [*self.training.remarks, *self.warnings],
            "seconds": seconds,
        }


def train(workspace: Workspace, as_of: datetime, now: datetime, who: str) -> Outcome:
    """Fit, write the bundle under the next version, tell MLflow, and promote it where the gate passes.

    With no champion yet the model is promoted even when its gate says no: something must answer, and every
    score of it says that it is unproven. The caller holds the workspace's lock. MLflow out of reach costs a
    warning, not the model.

    Raises:
        NotEnoughData: there is no order before ``as_of``.
        ModelRefused: BTYD cannot be fitted.
    """
    engine = Engine(threads=workspace.settings.training.engine_threads)
    training = fit(engine.open_events(workspace.events), workspace.settings, as_of)
    version = next_version(workspace)
    bundle = workspace.bundles / version
    digest = save_bundle(build_content(training), bundle)
    plots = {} if not len(training.report.churned) else _plot(training.report)
    record = RunRecord(
        version=version,
        digest=digest,
        started_at=now,
        ended_at=now,
        parameters=_parameters(training, workspace.settings),
        metrics=_headline(training.report),
        folds=training.report.folds,
        data_digest=training.training_set.digest(),
        plots=plots,
    )
    said = [register(workspace, record_run(workspace, record), version, bundle)]
    promoted = training.gate.passed or read_pointer(workspace) is None
    if promoted:
        why = "the gate passed" if training.gate.passed else "the first model of this workspace"
        moved = promote(workspace, version, who=who, now=now, reason=why, force=not training.gate.passed)
        said.extend(moved.warnings)
    return Outcome(version, training, promoted, tuple(sentence for sentence in said if sentence))


def _plot(report: Report) -> dict[str, bytes]:
    from training.plots import render_plots

    return render_plots(report.churned, report.probability, report.raw, report.weights)


def _parameters(training: Training, settings: Settings) -> dict[str, str | float | None]:
    plan, beta_geo, gamma_gamma = (
        training.training_set.plan,
        training.btyd.beta_geo,
        training.btyd.gamma_gamma,
    )
    return {
        "as_of": to_text(plan.as_of),
        "horizon_days": plan.horizon_days,
        "clv_horizon_days": settings.horizons.clv_horizon_days,
        "window_days": plan.window_days,
        "cutoffs": len(plan.cutoffs),
        "lag_days": plan.lag_days,
        "features": len(training.training_set.present.features),
        "customers": len(training.training_set.present),
        "churn_trees": training.rounds.churn,
        "value_trees": training.rounds.value,
        "served": training.report.served,
        "seed": settings.training.seed,
        **{
            f"beta_geo.{name}": float(value)
            for name, value in beta_geo.to_dict().items()
            if name != "time_unit"
        },
        **{f"gamma_gamma.{name}": float(value) for name, value in gamma_gamma.to_dict().items()},
    }


def _headline(report: Report) -> dict[str, float]:
    own = report.families.get(report.served, {})
    return {f"{part}.{name}": value for part, figures in own.items() for name, value in figures.items()}
