"""``fedele users``: what it prints, and where the password comes from."""

import json

import pytest
from typer.testing import CliRunner

from cli.users import users
from contracts.errors import SettingsError
from serving import people
from testkit.stored import make_workspace

PASSWORD = "correct horse battery"


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.setattr(people, "COST", (1, 8, 1))
    monkeypatch.chdir(make_workspace(tmp_path / "shop").root)

    def invoke(*arguments, given=None):
        return CliRunner().invoke(users, list(arguments), input=given, catch_exceptions=False)

    return invoke


def test_a_person_is_added_listed_and_shut_out_by_programs(call):
    made = json.loads(call("add", "ada", "--role", "agent", "--json", given=f"{PASSWORD}\n").stdout)
    assert (made["name"], made["role"], made["has_password"]) == ("ada", "agent", True)
    listed = call("list", "--json").stdout
    assert json.loads(listed)["users"] == [made]
    assert PASSWORD not in listed
    assert json.loads(call("disable", "ada", "--json").stdout)["disabled_at"]
    assert "disabled" in call("list").stdout


def test_a_person_of_the_company_account_needs_no_password(call):
    assert "may sign in as lead" in call("add", "bea", "--role", "lead", "--subject", "idp-7").stdout
    assert "company account" in call("list").stdout


def test_a_password_that_is_too_short_and_nobody_at_all_are_said(call):
    assert "Next: fedele users add" in call("list").stdout
    with pytest.raises(SettingsError, match="12 to 256 characters"):
        call("add", "ada", "--role", "agent", given="short\n")
