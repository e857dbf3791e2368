"""MLflow's registry: each trained version as a pyfunc over its bundle, and aliases that mirror the pointer.

Writers answer None when they did their work, else a sentence why not: a registry out of reach fails nothing.
"""

import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as find_installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.workspace import Workspace
from training.bundle import find_digest, load_manifest
from training.manifest import list_features
from training.tracking import (
    DIGEST_TAG,
    VERSION_TAG,
    RunReference,
    contain_faults,
    find_experiment,
    find_run,
    has_store,
    open_client,
    send_waiting,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

CHAMPION = "champion"
CHALLENGER = "challenger"
_REQUIREMENTS = ("fedele", "lightgbm", "numpy", "pandas", "scipy")
_KINDS = {"float64": "double", "category": "string"}


def register(workspace: Workspace, run: RunReference | None, version: str, bundle: Path) -> str | None:
    """Register ``bundle`` as model ``version`` with the alias challenger; once, however often called.

    Raises:
        BundleRefused: the bundle's manifest is damaged.
    """
    load_manifest(bundle)
    if run is None:
        return f"MLflow has no run of version {version} yet: it is registered when its record gets through."
    with contain_faults() as faults, open_client(workspace) as client:
        name = workspace.settings.tracking.model_name
        found = _find_version(client, name, version, find_digest(bundle))
        number = found.version if found else _register(client, name, run, version, bundle).version
        client.set_registered_model_alias(name, CHALLENGER, number)
    return _sentence(faults, f"version {version} is not registered there")


def mirror_champion(workspace: Workspace, version: str, digest: str) -> str | None:
    """Move MLflow's alias champion to ``version``, registered first where an outage had prevented that."""
    if not has_store(workspace):
        return f"MLflow knows no version {version} yet: training records it there."
    send_waiting(workspace)
    with contain_faults() as faults, open_client(workspace) as client:
        name = workspace.settings.tracking.model_name
        found = _find_version(client, name, version, digest)
        found = found or _register_late(client, workspace, version, digest)
        if found is None:
            return f"MLflow has no run of version {version}: its alias {CHAMPION} stays where it was."
        client.set_registered_model_alias(name, CHAMPION, found.version)
        if str(client.get_registered_model(name).aliases.get(CHALLENGER)) == str(found.version):
            client.delete_registered_model_alias(name, CHALLENGER)
    return _sentence(faults, f"its alias {CHAMPION} may differ; `fedele promote {version}` mends it")


def read_champion_alias(workspace: Workspace) -> tuple[str | None, str | None]:
    """Return the version MLflow calls champion, None for none; and a sentence when it cannot be asked."""
    if not has_store(workspace):
        return None, None
    alias: str | None = None
    with contain_faults() as faults, open_client(workspace) as client:
        name = workspace.settings.tracking.model_name
        models = client.search_registered_models(f"name = '{name}'")
        if models and CHAMPION in models[0].aliases:
            found = client.get_model_version_by_alias(name, CHAMPION)
            alias = str(found.tags.get(VERSION_TAG, f"{found.version} of MLflow"))
    return alias, _sentence(faults, f"its alias {CHAMPION} is not known")


def build_signature(manifest: Mapping[str, Any]) -> "ModelSignature":
    """Return the signature written from a manifest: doubles and texts in, the golden rows' numbers out."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    features = list_features(manifest)
    inputs = Schema([ColSpec(_KINDS[feature["dtype"]], feature["name"]) for feature in features])
    outputs = Schema([ColSpec("double", name) for name in sorted(manifest["golden"][0]["expected"])])
    return ModelSignature(inputs, outputs)


def _sentence(faults: list[str], consequence: str) -> str | None:
    return f"MLflow did not answer ({faults[0]}): {consequence}." if faults else None


def _find_version(client: "MlflowClient", name: str, version: str, digest: str) -> "ModelVersion | None":
    # By digest too: two workspaces may share a server, and each counts its versions from 1.
    for found in client.search_model_versions(f"name = '{name}'"):
        if (found.tags.get(VERSION_TAG), found.tags.get(DIGEST_TAG)) == (version, digest):
            return found
    return None


def _register_late(
    client: "MlflowClient", workspace: Workspace, version: str, digest: str
) -> "ModelVersion | None":
    experiment_id = find_experiment(client, workspace)
    run = find_run(client, experiment_id, {VERSION_TAG: version, DIGEST_TAG: digest})
    if run is None:
        return None
    reference = RunReference(run.info.run_id, experiment_id)
    name = workspace.settings.tracking.model_name
    return _register(client, name, reference, version, workspace.models / version)


def _register(
    client: "MlflowClient", name: str, run: RunReference, version: str, bundle: Path
) -> "ModelVersion":
    tags = {VERSION_TAG: version, DIGEST_TAG: find_digest(bundle)}
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    model = client.create_logged_model(
        run.experiment_id, name=name, source_run_id=run.run_id, tags=tags, model_type="pyfunc"
    )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model"
        _save_pyfunc(target, bundle)
        client.log_model_artifacts(model.model_id, str(target))
    client.finalize_logged_model(model.model_id, "READY")
    # By its place: for a models:/ address MLflow would ask its global tracking address, which is not ours.
    return client.create_model_version(name, source=model.artifact_location, run_id=run.run_id, tags=tags)


def _save_pyfunc(target: Path, bundle: Path) -> None:
    import mlflow.pyfunc

    mlflow.pyfunc.save_model(
        target,
        loader_module="training.loader",
        data_path=str(bundle),
        signature=build_signature(load_manifest(bundle)),
        # Given, or MLflow loads the model in a child process to find them out (8 s).
        pip_requirements=_requirements(),
    )


def _requirements() -> list[str]:
    found = []
    for name in _REQUIREMENTS:
        try:
            found.append(f"{name}=={find_installed(name)}")
        except PackageNotFoundError:
            continue
    return found
