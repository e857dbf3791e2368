"""A dry run guesses, shows, and writes nothing; what was told once is kept."""

import shlex

import pytest

from contracts.errors import SettingsError
from contracts.settings import SourceSection, load_settings
from contracts.workspace import Workspace
from features.ingest.options import combine_options, parse_map, save_options
from features.ingest.preview import preview_file
from testkit.stores import NOW, make_workspace, write_lines


def test_a_dry_run_guesses_how_an_italian_export_is_written(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    lines = (
        "Numero ordine;Cliente;Data;Totale;Città",
        "1;c1;31/12/2025;1.234,50;Forlì",
        "2;c2;13/01/2026;9,90;Roma",
    )
    file = write_lines(tmp_path / "ordini.csv", *lines, encoding="cp1252")
    seen = preview_file(workspace, "orders", file, SourceSection(), source="till", now=NOW)
    assert [str(row["amount"]) for row in seen.rows] == ["1234.50", "9.90"]
    mapping = {
        "Numero ordine": "order_id",
        "Cliente": "customer_id",
        "Data": "occurred_at",
        "Totale": "amount",
    }
    assert seen.options == SourceSection(
        map=mapping,
        delimiter=";", decimal=",", encoding="cp1252", dates="%d/%m/%Y",
    )  # fmt: skip
    words = shlex.split(seen.command)
    assert words[:4] == ["fedele", "ingest", "orders", str(file)]
    assert words[words.index("--decimal") :][:2] == ["--decimal", ","]
    assert list(workspace.root.iterdir()) == []


def test_a_date_that_could_be_read_two_ways_is_a_doubt(tmp_path):
    file = write_lines(tmp_path / "o.csv", "customer_id,occurred_at,amount", "c,01/02/2026,5")
    seen = preview_file(make_workspace(tmp_path), "orders", file, SourceSection(), source="s", now=NOW)
    assert "Day or month first?" in seen.doubts[0]


def test_a_plain_file_needs_no_option_and_faults_are_shown(tmp_path):
    file = write_lines(
        tmp_path / "o.csv", "customer_id,occurred_at,amount", "c,2026-01-02,5", "c,2026-01-02,x"
    )
    seen = preview_file(make_workspace(tmp_path), "orders", file, SourceSection(), source="s", now=NOW)
    assert seen.options == SourceSection()
    assert (seen.sampled, seen.reasons) == (2, {"amount is no number": 1})


def test_what_was_told_once_is_kept_and_the_rest_of_the_file_left_alone(tmp_path):
    (tmp_path / "fedele.toml").write_text('# ours\n[workspace]\nname = "x" # kept\n')
    workspace = Workspace(tmp_path, load_settings(tmp_path / "fedele.toml"))
    options = combine_options(
        workspace, "till", {"map": {"When": "occurred_at"}, "decimal": ",", "lines": True}
    )
    assert save_options(workspace, "till", options)
    text = (tmp_path / "fedele.toml").read_text()
    assert text.startswith('# ours\n[workspace]\nname = "x" # kept\n')
    again = Workspace(tmp_path, load_settings(tmp_path / "fedele.toml"))
    assert again.settings.sources["till"] == options
    assert not save_options(again, "till", combine_options(again, "till", {}))
    more = combine_options(again, "till", {"map": {"Total": "amount"}})
    assert more.map == {"When": "occurred_at", "Total": "amount"}
    save_options(again, "web", SourceSection(dates="%Y%m%d"))
    assert set(load_settings(tmp_path / "fedele.toml").sources) == {"till", "web"}


def test_an_impossible_option_is_refused_by_name(tmp_path):
    with pytest.raises(SettingsError, match="--decimal ';' is not possible"):
        combine_options(make_workspace(tmp_path), "s", {"decimal": ";"})
    with pytest.raises(SettingsError, match="--map 'amount' is no pair"):
        parse_map(["amount"])
