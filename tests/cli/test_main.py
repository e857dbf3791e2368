"""The front door: help of every command, exit statuses, and errors in one line."""

import re

import pytest

from cli.main import app

COMMANDS = (
    "init",
    "ingest",
    "check",
    "evaluate",
    "features",
    "train",
    "report",
    "compare",
    "drivers",
    "promote",
    "rollback",
    "score",
    "replay",
    "forget",
    "backup",
    "restore",
    "serve",
    "status",
    "bento",
    "voice",
    "demo",
)
GROUPS = (
    ("audit", "verify"),
    ("audit", "show"),
    ("keys", "create"),
    ("keys", "list"),
    ("keys", "revoke"),
    ("desk", "link"),
    ("users", "add"),
    ("users", "list"),
    ("users", "disable"),
)
WORKING = ("check", "drivers", "features", "train", "report", "promote", "rollback", "score", "status")


def test_the_commands_of_the_design_are_there_and_no_stub_beside_them():
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert names == set(COMMANDS)
    assert {group.name for group in app.registered_groups} == {"audit", "keys", "desk", "users"}


@pytest.mark.parametrize(
    "words",
    [(), *((name,) for name in COMMANDS), ("audit",), ("keys",), ("desk",), ("users",), *GROUPS],
    ids=" ".join,
)
def test_every_command_helps_and_ends_well(fedele, words):
    said = fedele(*words, "--help")
    assert said.status == 0
    assert said.out.lstrip().startswith("Usage: fedele")
    assert said.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_print_json(fedele, name):
    assert "--json" in fedele(name, "--help").out


@pytest.mark.parametrize(
    "words",
    [
        ("forecast",),
        ("score", "--speed", "9"),
        ("train", "--horizon-days", "soon"),
        ("keys", "create"),
    ],
    ids=" ".join,
)
def test_bad_usage_ends_with_two_and_says_what_was_wrong(fedele, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = fedele(*words)
    assert said.status == 2
    assert said.out == ""
    assert said.err.strip()
    assert "Traceback" not in said.err


@pytest.mark.parametrize("name", WORKING)
def test_outside_a_workspace_a_command_says_so_in_one_line(fedele, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    said = fedele(name)
    assert said.status == 1
    assert said.out == ""
    assert re.fullmatch(
        r"fedele: No fedele.toml in .*: run `fedele init`, or change the folder\.\n", said.err
    )
    assert list(tmp_path.iterdir()) == []


def test_an_unexpected_failure_is_not_dressed_up_as_an_expected_one(fedele, monkeypatch, tmp_path):
    def broken(*given):
        raise ZeroDivisionError("a defect")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("contracts.workspace.open_workspace", broken)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        fedele("status")
