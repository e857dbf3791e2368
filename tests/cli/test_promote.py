"""The commands promote and rollback move the champion, hold the lock, and say what they did."""

import json

import pytest
import typer
from typer.testing import CliRunner

from cli.promote import promote
from cli.rollback import rollback
from contracts.errors import LockHeld, ModelRefused, WorkspaceError
from contracts.workspace import create_workspace, open_workspace
from features.store.lock import hold_lock
from testkit.tiny_model import tiny_content
from training import promotion
from training.bundle import read_bundle, read_champion, save_bundle
from training.signature import make_key


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    create_workspace(tmp_path, currency="EUR", timezone="UTC")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(promotion, "verify_bundle", read_bundle)
    opened = open_workspace(tmp_path)
    for version in (1, 2):
        save_bundle(tiny_content(seed=version), opened.bundles / str(version), make_key(opened))
    return opened


@pytest.fixture
def fedele(monkeypatch):
    monkeypatch.setenv("USER", "ada")
    app = typer.Typer()
    app.command()(promote)
    app.command()(rollback)

    def call(*words):
        answer = CliRunner().invoke(app, words)
        if answer.exception and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        return answer

    return call


def test_promoting_says_what_serves_and_what_comes_next(workspace, fedele):
    answer = fedele("promote", "1")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines()[0] == "Version 1 is the champion."
    assert answer.stdout.splitlines()[-1].startswith("Next: `fedele score`")
    assert fedele("promote").stdout.splitlines()[0] == "Version 2 is the champion, after version 1."
    assert read_champion(workspace)[0] == "2"


def test_json_is_one_object_and_prose_goes_to_the_error_stream(workspace, fedele):
    answer = fedele("promote", "1", "--json", "--reason", "spring")
    said = json.loads(answer.stdout)
    assert (said["version"], said["previous"], said["who"], said["why"]) == ("1", None, "ada", "spring")
    assert said["gate"]["passed"]
    assert "is the champion" in answer.stderr
    assert len(said["warnings"]) == 1


def test_rolling_back_names_both_versions(workspace, fedele):
    fedele("promote", "1")
    fedele("promote", "2")
    answer = fedele("rollback", "--reason", "worse", "--who", "bea")
    assert answer.stdout.splitlines()[0] == "Version 1 is the champion again, instead of version 2."
    assert [(entry.who, entry.why) for entry in promotion.read_promotions(workspace)][-1] == ("bea", "worse")


def test_a_failed_gate_needs_force_and_a_reason(workspace, fedele):
    save_bundle(tiny_content(passed=False), workspace.bundles / "3", make_key(workspace))
    with pytest.raises(ModelRefused, match="failed its gate"):
        fedele("promote", "3")
    assert fedele("promote", "3", "--force", "--reason", "first").exit_code == 0


def test_nothing_moves_while_another_command_writes(workspace, fedele):
    with hold_lock(workspace.lock, "fedele train"), pytest.raises(LockHeld, match="fedele train"):
        fedele("promote", "1")
    assert read_champion(workspace) is None


def test_rolling_back_before_a_promotion_names_the_next_step(workspace, fedele):
    with pytest.raises(WorkspaceError, match="promote another version"):
        fedele("rollback")
