"""``fedele keys``: what it prints for programs and for people."""

import json

import pytest
from typer.testing import CliRunner

from cli.keys import keys
from contracts.errors import SettingsError
from testkit.stored import make_workspace


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(make_workspace(tmp_path / "shop").root)

    def invoke(*arguments):
        return CliRunner().invoke(keys, list(arguments), catch_exceptions=False)

    return invoke


def test_a_key_is_made_listed_and_closed_by_programs(call):
    made = json.loads(call("create", "--scope", "score:read", "--scope", "model:read", "--json").stdout)
    assert set(made) == {"key_id", "key"}
    assert made["key"].startswith(f"fdl_{made['key_id']}.")
    listed = json.loads(call("list", "--json").stdout)["keys"]
    assert [(key["key_id"], key["scopes"]) for key in listed] == [
        (made["key_id"], ["score:read", "model:read"])
    ]
    assert made["key"] not in json.dumps(listed)
    closed = json.loads(call("revoke", made["key_id"], "--json").stdout)
    assert closed["revoked_at"] == json.loads(call("list", "--json").stdout)["keys"][0]["revoked_at"]


def test_people_see_the_key_once_and_the_next_step_when_there_is_none(call):
    assert "Next: fedele keys create --scope score:read" in call("list").stdout
    lines = call("create", "--scope", "admin", "--name", "our CRM").stdout.splitlines()
    assert lines[-1].startswith("fdl_")
    listed = call("list").stdout
    assert "our CRM" in listed
    assert "last used never" in listed
    assert lines[-1] not in listed


def test_a_key_without_a_scope_is_bad_usage_and_an_unknown_one_is_named(call):
    assert call("create").exit_code == 2
    with pytest.raises(SettingsError, match="Scope 'write' is unknown"):
        call("create", "--scope", "write")
