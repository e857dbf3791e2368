"""``fedele desk link``: a link that opens the desk once."""

import json
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from cli.desk import desk, make_link
from contracts.errors import WorkspaceError
from contracts.time import read_clock
from contracts.workspace import open_workspace
from serving.sessions import redeem_entry_code
from serving.store.work import open_work
from testkit.stored import make_workspace


@pytest.fixture
def here(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path / "shop")
    monkeypatch.chdir(workspace.root)
    return workspace


def call(*arguments):
    return CliRunner().invoke(desk, ["link", *arguments], catch_exceptions=False)


def redeem(workspace, address):
    work = open_work(workspace)
    try:
        return redeem_entry_code(work, urlsplit(address).fragment, read_clock())
    finally:
        work.close()


def test_people_get_a_link_that_works_once(here):
    first, second = call().stdout.splitlines()
    assert first.startswith("http://127.0.0.1:3000/desk/enter#")
    assert "once, for 15 minutes" in second
    assert redeem(here, first) is not None
    assert redeem(here, first) is None


def test_programs_get_the_link_and_when_it_ends(here):
    answer = json.loads(call("--json", "--port", "3100").stdout)
    assert set(answer) == {"link", "expires_at"}
    assert urlsplit(answer["link"]).port == 3100
    assert redeem(here, answer["link"]) is not None


def test_every_link_is_another(here):
    assert make_link(here) != make_link(here)


def test_a_service_that_listens_everywhere_is_still_entered_from_this_machine(here):
    (here.root / "fedele.toml").write_text('[serve]\nhost = "0.0.0.0"\nport = 80\n', encoding="utf-8")
    assert make_link(open_workspace(here.root)).startswith("http://127.0.0.1:80/desk/enter#")
    (here.root / "fedele.toml").write_text('[serve]\nhost = "::1"\n', encoding="utf-8")
    assert make_link(open_workspace(here.root)).startswith("http://[::1]:3000/desk/enter#")


def test_a_folder_that_is_no_workspace_gets_no_link(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkspaceError, match="fedele init"):
        call()


def test_a_link_lasts_a_quarter_of_an_hour(here):
    answer = json.loads(call("--json").stdout)
    work = open_work(here)
    late = read_clock() + timedelta(minutes=15, seconds=1)
    assert redeem_entry_code(work, urlsplit(answer["link"]).fragment, late) is None
    work.close()
