"""A scored company with its ledger, made once; and copies of it to be changed."""

import shutil

import pytest

from contracts.workspace import open_workspace
from testkit.workspaces import find_shop


@pytest.fixture(scope="package")
def shop():
    return find_shop()


@pytest.fixture
def workspace(shop, tmp_path):
    """A scored workspace of its own."""
    return shop.copy(tmp_path / "shop")


@pytest.fixture
def copy(tmp_path):
    """Copy a workspace into a new folder."""

    def copy_workspace(workspace, name):
        shutil.copytree(workspace.root, tmp_path / name)
        return open_workspace(tmp_path / name)

    return copy_workspace
