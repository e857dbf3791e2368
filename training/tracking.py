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

from contracts.atomic import replace_file
from contracts.settings import set_variable_default
from contracts.time import to_text
from contracts.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

VERSION_TAG = "fedele.version"
DIGEST_TAG = "fedele.digest"
RECORD_TAG = "fedele.record"
DIGEST_PARAMETER = "data_digest"
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
    (logged with step = place), ``plots`` PNG bytes by file name, ``pages`` the report document and its pages
    by file name. Numbers that are None are left out.
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
    pages: Mapping[str, bytes] = field(default_factory=dict)

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
            "plots": _to_text(self.plots),
            # Left out where there is none: a record that waits since before there were pages keeps its name.
            **({"pages": _to_text(self.pages)} if self.pages else {}),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RunRecord":
        """Return the record that ``to_dict`` gave."""
        parsed = {
            "started_at": datetime.fromisoformat(values["started_at"]),
            "ended_at": datetime.fromisoformat(values["ended_at"]),
            "folds": tuple(values["folds"]),
            "plots": _to_bytes(values["plots"]),
            "pages": _to_bytes(values.get("pages", {})),
        }
        return cls(**{**values, **parsed})


def _to_text(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(data).decode() for name, data in files.items()}


def _to_bytes(files: Mapping[str, str]) -> dict[str, bytes]:
    return {name: base64.b64decode(text) for name, text in files.items()}


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
            record = _read_record(file)
            sent[record.name] = _log(client, workspace, record)
            file.unlink()
    if faults:
        logging.getLogger(__name__).warning("MLflow did not take a run (%s): it waits.", faults[0])
    return sent


def count_looks(workspace: Workspace, data_digest: str) -> int | None:
    """Return how many earlier trainings were judged by the last cutoff of this very data; None where unknown.

    Counted are runs with this data digest in the workspace's MLflow, deleted ones too, and records that still
    wait for it; a record of which half got through counts once. Ask before ``record_run``: the look of the
    training at hand is one more. Trainings of other features, horizons or ``as_of`` saw some of the same
    customers under another digest, and runs that were never recorded are nowhere: take it for the least.
    """
    seen: set[str] = set()
    with contain_faults() as faults:
        waiting = map(_read_record, sorted(_spool(workspace).glob("[0-9]*.json")))
        seen |= {record.name for record in waiting if record.data_digest == data_digest}
        if has_store(workspace):
            with open_client(workspace) as client:
                seen |= _find_records(client, workspace, data_digest)
    return None if faults else len(seen)


def _find_records(client: "MlflowClient", workspace: Workspace, data_digest: str) -> set[str]:
    """Return the names of the records in MLflow with this digest, of runs without a name their ids."""
    from mlflow.entities import ViewType

    experiment = client.get_experiment_by_name(workspace.settings.tracking.experiment)
    names: set[str] = set()
    token = None
    while experiment is not None:
        found = client.search_runs(
            [experiment.experiment_id],
            f"params.`{DIGEST_PARAMETER}` = '{data_digest}'",
            ViewType.ALL,
            page_token=token,
        )
        names |= {run.data.tags.get(RECORD_TAG, run.info.run_id) for run in found}
        token = found.token
        if not token:
            break
    return names


def _read_record(file: Path) -> RunRecord:
    return RunRecord.from_dict(json.loads(file.read_bytes()))


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
    _log_files(client, run_id, record.plots, "plots")
    _log_files(client, run_id, record.pages, "report")
    bundle = workspace.bundles / record.version
    if bundle.is_dir():
        client.log_artifacts(run_id, str(bundle), "bundle")
    client.set_terminated(run_id, "FINISHED", _milliseconds(record.ended_at))
    return RunReference(run_id, experiment_id)


def _log_files(client: "MlflowClient", run_id: str, named: Mapping[str, bytes], place: str) -> None:
    if not named:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, data in named.items():
            (Path(folder) / name).write_bytes(data)
        client.log_artifacts(run_id, folder, place)


def _log_numbers(client: "MlflowClient", run_id: str, record: RunRecord) -> None:
    from mlflow.entities import Param

    parameters = {**record.parameters, DIGEST_PARAMETER: record.data_digest}
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
