"""Workspaces with trained bundles, and one MLflow store that is migrated once."""

import shutil
from pathlib import Path

import pytest

from contracts.settings import Settings
from contracts.workspace import Workspace
from testkit.tiny_model import tiny_content
from training import promotion, tracking
from training.bundle import read_bundle, save_bundle
from training.signature import make_key


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """An empty workspace with the default settings."""
    root = tmp_path / "shop"
    root.mkdir()
    return Workspace(root, Settings())


@pytest.fixture
def bundle(workspace) -> Path:
    """Version 1, trained and not yet promoted."""
    save_bundle(tiny_content(), workspace.bundles / "1", make_key(workspace))
    return workspace.bundles / "1"


@pytest.fixture
def trained(workspace, bundle) -> Workspace:
    """A workspace with three trained versions of different content."""
    for version in (2, 3):
        save_bundle(tiny_content(seed=version), workspace.bundles / str(version), make_key(workspace))
    return workspace


@pytest.fixture
def without_child(monkeypatch):
    """Let promotions check hashes and form only: the child process has its own tests and takes seconds."""
    monkeypatch.setattr(promotion, "verify_bundle", read_bundle)


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory) -> Path:
    """An MLflow database with all its tables; making one takes seconds."""
    root = tmp_path_factory.mktemp("migrated")
    with tracking.open_client(Workspace(root, Settings())) as client:
        client.search_experiments()
    return root / "mlflow.db"


@pytest.fixture
def tracked(trained, migrated_store) -> Workspace:
    """The trained workspace with an MLflow store of its own."""
    shutil.copyfile(migrated_store, trained.root / "mlflow.db")
    return trained
