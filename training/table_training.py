"""Training on anyone's table: the referee, the leak guard, the gate, a bundle of its own, a run in MLflow."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from contracts.workspace import Workspace
from features.wording.catalogue import load_catalogue
from training.bundle import save_bundle
from training.evaluation import METRICS, Evaluation, Plan, evaluate_table
from training.models.table_model import TableModel
from training.models.tabular import TabularModel
from training.promotion import next_version
from training.signature import make_key
from training.table import Table
from training.table_bundle import build_table_content, find_fault
from training.table_gate import Gain, TableGate, judge_table, measure_gain
from training.tracking import RunRecord, record_run


@dataclass(frozen=True)
class Task:
    """What to learn: the ``label`` column, the one that names the customer, the plan, who is vouched for."""

    label: str
    customer_id: str | None
    plan: Plan
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TableTraining:
    """What a run found, before anything is written."""

    table: Table
    task: Task
    evaluation: Evaluation
    gain: Gain
    gate: TableGate
    model: TableModel

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was set aside in the table, and what the leak guard only says."""
        return (*self.table.remarks, *self.evaluation.leaks.remarks)

    def digest(self) -> str:
        """Return the SHA-256 over columns and labels: equal data, equal digest."""
        sums = hashlib.sha256(repr(list(self.table.columns.columns)).encode())
        sums.update(pd.util.hash_pandas_object(self.table.columns, index=False).to_numpy().tobytes())
        sums.update(self.table.churned.tobytes())
        return sums.hexdigest()

    def facts(self) -> dict[str, Any]:
        """Return what the manifest says beside the model."""
        metrics = {name: self.evaluation.mean(name) for name in METRICS}
        return {
            "label": self.task.label,
            "customer_id": self.task.customer_id,
            "base_rate": self.evaluation.base_rate,
            "metrics": {**metrics, "constant_log_loss": self.gain.constant, "gain_error": self.gain.error},
            "gate": self.gate.to_dict(),
            "data_digest": self.digest(),
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True, eq=False)
class TableOutcome:
    """What ``train --frame`` did: the version, what was found, and warnings."""

    version: str
    training: TableTraining
    warnings: tuple[str, ...]

    def to_dict(self, seconds: float) -> dict[str, Any]:
        """Return the result of the command as JSON values: the referee's, with version and gate."""
        training = self.training
        return {
            "model_version": self.version,
            "kind": "table",
            "label": training.task.label,
            "columns": training.table.columns.shape[1],
            **training.evaluation.to_dict(seconds),
            "constant_log_loss": training.gain.constant,
            "gain": training.gain.size,
            "gain_se": training.gain.error,
            "gate": {"passed": training.gate.passed, "reasons": list(training.gate.reasons)},
            "remarks": [*training.remarks, *self.warnings],
            "seconds": seconds,
        }


def fit_table(table: Table, task: Task, progress: Callable[[str], None]) -> TableTraining:
    """Return a judged model of all rows; writes nothing.

    Raises:
        ContractError: a vouched column is not there, or a column lacks its texts.
        NotEnoughData: too few different churners or stayers for the folds.
        ModelRefused: a bag would lack churners or stayers.
    """
    load_catalogue().check(table.frame.features)
    evaluation = evaluate_table(table, task.plan, task.allowed, progress)
    gain = measure_gain(table.churned, table.groups, evaluation.out_of_fold, task.plan.seed)
    progress(f"Fitting on all {len(table)} rows ...")
    model = TabularModel(seed=task.plan.seed).fit(table.frame, table.churned, table.groups)
    gate = judge_table(gain, evaluation.leaks)
    return TableTraining(table, task, evaluation, gain, gate, TableModel.fit(model, table.frame))


def train_table(
    workspace: Workspace, table: Table, task: Task, now: datetime, progress: Callable[[str], None]
) -> TableOutcome:
    """Judge and fit, write the bundle under the next version, and tell MLflow; nobody is promoted.

    A bundle whose gate said no is kept, with its reasons, and scores nobody. The caller holds the workspace's
    lock. MLflow out of reach costs a warning.

    Raises:
        ContractError, NotEnoughData, ModelRefused: as ``fit_table``.
    """
    training = fit_table(table, task, progress)
    content = build_table_content(training.model, table.frame, training.facts())
    fault = find_fault(content)
    if fault is not None:
        training = _refuse(training, fault)
        content = build_table_content(training.model, table.frame, training.facts())
    version = next_version(workspace)
    digest = save_bundle(content, workspace.bundles / version, make_key(workspace))
    run = record_run(workspace, _record(training, version, digest, now))
    waits = "MLflow did not take the run: it waits in mlflow-spool and goes with the next one."
    return TableOutcome(version, training, () if run else (waits,))


def _refuse(training: TableTraining, fault: str) -> TableTraining:
    closed = training.gate.refuse(f"The model does not answer again as it did ({fault}).")
    return TableTraining(
        training.table, training.task, training.evaluation, training.gain, closed, training.model
    )


def _record(training: TableTraining, version: str, digest: str, now: datetime) -> RunRecord:
    evaluation, plan = training.evaluation, training.task.plan
    folds = tuple(
        dict(zip(METRICS, map(float, values), strict=True))
        for values in zip(*(evaluation.scores[name] for name in METRICS), strict=True)
    )
    return RunRecord(
        version=version,
        digest=digest,
        started_at=now,
        ended_at=now,
        parameters={
            "kind": "table",
            "label": training.task.label,
            "rows": len(training.table),
            "columns": training.table.columns.shape[1],
            "folds": plan.folds,
            "repeats": plan.repeats,
            "seed": plan.seed,
            "trees_weight": training.model.model.weight_,
            "allowed": ", ".join(training.task.allowed) or None,
            "gate": "passed" if training.gate.passed else "not passed",
        },
        metrics={
            **{name: evaluation.mean(name) for name in METRICS},
            "constant_log_loss": training.gain.constant,
            "gain": training.gain.size,
            "gain_se": training.gain.error,
        },
        folds=folds,
        data_digest=training.digest(),
    )
