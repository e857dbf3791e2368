"""``fedele status``: what is here, how old it is, and who is writing."""

import json

import pytest
import typer
from typer.testing import CliRunner

from cli.status import status
from features.store.lock import hold_lock
from testkit.desk import make_workspace
from testkit.stores import load_lines
from training.bundle import point_champion

app = typer.Typer()
app.command()(status)


@pytest.fixture
def here(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path / "shop", count=0, name="Bottega")
    monkeypatch.chdir(workspace.root)
    return workspace


def call(*arguments):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False).stdout


def test_an_empty_workspace_says_what_to_do_first_and_stays_as_it_was(here):
    before = sorted(here.root.rglob("*"))
    assert json.loads(call("--json")) == {
        "workspace": {"name": "Bottega", "folder": str(here.root)},
        "champion": None,
        "generation": None,
        "data": {"loads": 0, "last_load_at": None, "age_days": None},
        "lock": {"held": False, "by": None},
    }
    lines = call()
    for step in ("fedele ingest", "fedele train", "fedele score"):
        assert step in lines
    assert sorted(here.root.rglob("*")) == before


def test_a_full_workspace_is_described_to_programs_and_to_people(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path / "full", count=12, name="Bottega")
    monkeypatch.chdir(workspace.root)
    load_lines(workspace, "orders", "order_id,customer_id,occurred_at,amount", "o1,c1,2026-01-02,10.00")
    (workspace.models / "7").mkdir(parents=True)
    point_champion(workspace, "7")
    found = json.loads(call("--json"))
    assert found["champion"] == "7"
    assert found["generation"]["scored"] == 12
    assert found["generation"]["not_scored"] == {"already_ended": 1, "no_first_order": 7, "suppressed": 1}
    assert found["generation"]["facts_until"] == "2026-11-19T18:30:00Z"
    assert found["data"]["loads"] == 1
    assert found["data"]["last_load_at"] == "2026-06-01T12:00:00Z"
    text = call()
    assert "version 7" in text
    assert "12 customers as of 2026-11-19T23:00:00Z" in text
    assert "free" in text


def test_whoever_is_writing_is_named(here):
    with hold_lock(here.lock, "fedele train"):
        found = json.loads(call("--json"))
        assert found["lock"]["held"]
        assert "fedele train" in found["lock"]["by"]
        assert "held by `fedele train`" in call()
