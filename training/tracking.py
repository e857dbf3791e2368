"""MLflow's runs: what was trained, how well, on which data. Aggregates only, never a customer's row.

A tracking server that is down, slow or wrong never fails a training: the record waits in ``mlflow-spool`` and
the next one sends it first.
"""

import base64
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.settings import set_variable_default
from contracts.time import to_text
from contracts.workspace import Workspace
from training.atomic import replace_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

VERSION_TAG = "fedele.version"
DIGEST_TAG = "fedele.digest"
RECORD_TAG = "fedele.record"
_VARIABLES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "true",
    # One try and one more, 5 s each; by default a dead server costs minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_DATABASES = ("sqlite:", "postgresql", "mysql", "mssql")
# MLflow's own habits, none of which its callers can change.
_CHATTER = (
    r".*Any type hint is inferred as AnyType",
    r".*noload.* loader strategy is deprecated",
    r".*An input example was not provided",
)
_BATCH = 100
_LONGEST_VALUE = 500


@dataclass(frozen=True)
class RunRecord:
    """One training: everything MLflow is told.

    ``digest`` is the bundle's, ``metrics`` the headline figures, ``folds`` those of each cutoff in time order
    (logged with step = place), ``plots`` PNG bytes by file name. Numbers that are None are left out.
    """

    version: str
    digest: str
    started_at: datetime
    ended_at: datetime
    parameters: Mapping[str, str | float | None]
    metrics: Mapping[str, float | None]
    folds: tuple[Mapping[str, float | None], ...]
    data_digest: str
    plots: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def name(self) -> str:
        """What tells this record from any other, here and in MLflow; sorts by version."""
        text = json.dumps(self.to_dict(), sort_keys=True).encode()
        return f"{int(self.version):09d}-{sha256(text).hexdigest()[:12]}"

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return {
            "version": self.version,
            "digest": self.digest,
            "started_at": to_text(self.started_at),
            "ended_at": to_text(self.ended_at),
            "parameters": dict(self.parameters),
            "metrics": dict(self.metrics),
            "folds": [dict(fold) for fold in self.folds],
            "data_digest": self.data_digest,
            "plots": {name: base64.b64encode(data).decode() for name, data in self.plots.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RunRecord":
        """Return the record that ``to_dict`` gave."""
        parsed = {
            "started_at": datetime.fromisoformat(values["started_at"]),
            "ended_at": datetime.fromisoformat(values["ended_at"]),
            "folds": tuple(values["folds"]),
            "plots": {name: base64.b64decode(text) for name, text in values["plots"].items()},
        }
        return cls(**{**values, **parsed})


@dataclass(frozen=True)
class RunReference:
    """A run in MLflow."""

    run_id: str
    experiment_id: str


def record_run(workspace: Workspace, record: RunRecord) -> RunReference | None:
    """Log one run with the bundle of its version; None when MLflow did not take it and the record waits."""
    # Spooled first: a kill half-way loses nothing, and the same record logged twice is one run.
    replace_file(_spool(workspace) / f"{record.name}.json", json.dumps(record.to_dict()).encode())
    return send_waiting(workspace).get(record.name)


def send_waiting(workspace: Workspace) -> dict[str, RunReference]:
    """Log the records that wait, oldest first, until one fails; return the runs by name of their record."""
    sent: dict[str, RunReference] = {}
    waiting = sorted(_spool(workspace).glob("[0-9]*.json"))
    if not waiting:
        return sent
    with contain_faults() as faults, open_client(workspace) as client:
        for file in waiting:
            record = RunRecord.from_dict(json.loads(file.read_bytes()))
            sent[record.name] = _log(client, workspace, record)
            file.unlink()
    if faults:
        logging.getLogger(__name__).warning("MLflow did not take a run (%s): it waits.", faults[0])
    return sent


@contextmanager
def open_client(workspace: Workspace) -> Iterator["MlflowClient"]:
    """Yield a client of the workspace's MLflow; none of MLflow's global state is changed."""
    chatty = logging.getLogger("mlflow.store.db.utils")
    level = chatty.level
    with _quiet():
        chatty.setLevel(logging.WARNING)
        try:
            from mlflow import MlflowClient

            yield MlflowClient(workspace.tracking_uri, workspace.tracking_uri)
        finally:
            chatty.setLevel(level)


@contextmanager
def contain_faults() -> Iterator[list[str]]:
    """Yield a list that names the fault once MLflow, its database, the network or a disk failed inside."""
    with _quiet():
        from alembic.util.exc import CommandError
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

    faults: list[str] = []
    try:
        yield faults
    except (MlflowException, SQLAlchemyError, CommandError, OSError, ValueError, KeyError) as error:
        # Its kind only: the text may hold the address with a password.
        faults.append(type(error).__name__)


@contextmanager
def _quiet() -> Iterator[None]:
    """Set MLflow's variables before it is imported, and hold back the warnings it gives about itself."""
    for name, value in _VARIABLES.items():
        set_variable_default(name, value)
    with warnings.catch_warnings():
        for pattern in _CHATTER:
            warnings.filterwarnings("ignore", message=pattern)
        yield


def has_store(workspace: Workspace) -> bool:
    """Return whether MLflow may know something: a server is set, or the file in the workspace exists."""
    return workspace.settings.tracking.uri is not None or (workspace.root / "mlflow.db").exists()


def find_run(client: "MlflowClient", experiment_id: str, tags: Mapping[str, str]) -> "Run | None":
    """Return the newest run with these tags, None when there is none."""
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    found = client.search_runs([experiment_id], query, max_results=1)
    return found[0] if found else None


def find_experiment(client: "MlflowClient", workspace: Workspace) -> str:
    """Return the id of the workspace's experiment, made if absent."""
    name = workspace.settings.tracking.experiment
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    # Over a database MLflow would put artifacts into the current folder; a server knows its own place.
    local = workspace.tracking_uri.startswith(_DATABASES)
    return str(client.create_experiment(name, workspace.artifacts.as_uri() if local else None))


def _spool(workspace: Workspace) -> Path:
    return workspace.root / "mlflow-spool"


def _log(client: "MlflowClient", workspace: Workspace, record: RunRecord) -> RunReference:
    experiment_id = find_experiment(client, workspace)
    run = find_run(client, experiment_id, {RECORD_TAG: record.name}) or client.create_run(
        experiment_id,
        start_time=_milliseconds(record.started_at),
        run_name=f"version {record.version}",
        tags={VERSION_TAG: record.version, DIGEST_TAG: record.digest, RECORD_TAG: record.name},
    )
    run_id = run.info.run_id
    _log_numbers(client, run_id, record)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in record.plots.items():
            (Path(folder) / name).write_bytes(data)
        client.log_artifacts(run_id, folder, "plots")
    bundle = workspace.bundles / record.version
    if bundle.is_dir():
        client.log_artifacts(run_id, str(bundle), "bundle")
    client.set_terminated(run_id, "FINISHED", _milliseconds(record.ended_at))
    return RunReference(run_id, experiment_id)


def _log_numbers(client: "MlflowClient", run_id: str, record: RunRecord) -> None:
    from mlflow.entities import Param

    parameters = {**record.parameters, "data_digest": record.data_digest}
    params = [
        Param(name, str(value)[:_LONGEST_VALUE]) for name, value in parameters.items() if value is not None
    ]
    metrics = _metrics(record)
    # Synchronous: a buffered batch that fails is reported as a success.
    for start in range(0, max(len(params), len(metrics)), _BATCH):
        part = slice(start, start + _BATCH)
        client.log_batch(run_id, metrics=metrics[part], params=params[part], synchronous=True)


def _metrics(record: RunRecord) -> "list[Metric]":
    from mlflow.entities import Metric

    at = _milliseconds(record.started_at)
    steps = [(0, "", record.metrics), *((step, "fold/", fold) for step, fold in enumerate(record.folds))]
    return [
        Metric(f"{prefix}{name}", value, at, step)
        for step, prefix, values in steps
        for name, value in values.items()
        if value is not None
    ]


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
