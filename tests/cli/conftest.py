"""The command as a person or a program calls it."""

import pytest

from testkit.cli import build_caller
from testkit.workspaces import find_shop


@pytest.fixture
def fedele(monkeypatch, capfd):
    """``fedele("score", "--json")`` in the current folder."""
    return build_caller(monkeypatch, capfd)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A trained and scored workspace of its own, the clock stopped, as the current folder."""
    workspace = find_shop().copy(tmp_path / "shop")
    monkeypatch.chdir(workspace.root)
    monkeypatch.setenv("FEDELE_CLOCK", "2025-05-15T09:30:00+00:00")
    return workspace
