"""``fedele init`` makes a workspace once, and says where and what comes next."""

import json

from contracts.workspace import open_workspace


def test_a_program_is_told_where_the_workspace_and_its_settings_are(fedele, tmp_path):
    said = fedele("init", str(tmp_path / "shop"), "--currency", "USD", "--timezone", "Europe/Rome", "--json")
    assert said.status == 0
    assert json.loads(said.out) == {
        "workspace": str(tmp_path / "shop"),
        "settings": str(tmp_path / "shop" / "fedele.toml"),
    }
    section = open_workspace(tmp_path / "shop").settings.workspace
    assert (section.currency, section.timezone) == ("USD", "Europe/Rome")
    assert "Made a workspace" in said.err


def test_a_person_is_told_the_next_step(fedele, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = fedele("init")
    assert said.out.splitlines()[0] == f"Made a workspace in {tmp_path}."
    assert "fedele ingest orders FILE.csv --dry-run" in said.out
    assert said.err == ""


def test_an_existing_empty_folder_is_welcome_and_a_workspace_is_not(fedele, tmp_path):
    (tmp_path / "shop").mkdir()
    assert fedele("init", str(tmp_path / "shop")).status == 0
    again = fedele("init", str(tmp_path / "shop"))
    assert again.status == 1
    assert again.err == (
        f"fedele: {tmp_path / 'shop'} is a workspace already: "
        "edit its fedele.toml, or choose another folder.\n"
    )


def test_what_is_no_currency_or_zone_is_one_line_and_leaves_nothing(fedele, tmp_path):
    for option in (("--currency", "euro"), ("--timezone", "Rome")):
        said = fedele("init", str(tmp_path / "shop"), *option)
        assert said.status == 1
        assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "shop").exists()
