"""``fedele report`` writes one page and says its headline; ``fedele compare`` sets two side by side."""

import json
from pathlib import Path

import pytest

from contracts.workspace import create_workspace
from testkit.documents import build_document
from training.bundle import point_champion
from training.documents import save_document


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A workspace with the reports of three versions, as the current folder."""
    workspace = create_workspace(tmp_path / "shop", timezone="Europe/Rome")
    monkeypatch.chdir(workspace.root)
    for variant in ("full", "few", "failed"):
        save_document(workspace, build_document(variant))
    return workspace


def test_the_newest_report_becomes_a_page_where_there_is_no_champion(fedele, here):
    said = fedele("report")
    assert said.status == 0
    file = here.reports / "4.en.html"
    assert said.out.splitlines()[-1] == f"Page: {file}"
    assert said.out.startswith(
        "Of the 50 customers with the highest risk on the list of 1 Apr 1998, 40 left."
    )
    assert "<h1>Report on model 4</h1>" in file.read_text(encoding="utf-8")


def test_the_champion_is_reported_where_there_is_one(fedele, here):
    (here.models / "1").mkdir(parents=True)
    point_champion(here, "1")
    said = json.loads(fedele("report", "--json").out)
    assert said["model_version"] == "1"
    assert said["gate"]["passed"] is False
    assert said["looks"] is None


def test_json_names_the_file_and_holds_the_sentences(fedele, here):
    said = fedele("report", "3", "--lang", "it", "--json")
    found = json.loads(said.out)
    assert found["file"] == str(here.reports / "3.it.html")
    assert (found["model_version"], found["language"], found["looks"]) == ("3", "it", 2)
    assert found["headline"][0].startswith("Dei 50 clienti a rischio più alto nell’elenco del 1 apr 1998")
    assert found["headline"][0] in said.err
    assert '<html lang="it">' in Path(found["file"]).read_text(encoding="utf-8")


def test_the_page_goes_where_it_is_told_and_the_workspace_sets_its_language(fedele, here, tmp_path):
    settings = here.root / "fedele.toml"
    settings.write_text(settings.read_text().replace('language = "en"', 'language = "it"'))
    out = tmp_path / "elsewhere" / "page.html"
    assert fedele("report", "3", "--out", str(out)).status == 0
    assert '<html lang="it">' in out.read_text(encoding="utf-8")
    assert not (here.reports / "3.it.html").exists()


def test_a_report_that_is_not_there_is_refused_with_the_next_step(fedele, here):
    said = fedele("report", "9")
    assert (said.status, said.out) == (1, "")
    assert said.err == (
        "fedele: Version 9 has no report (versions with one: 1, 3, 4): train again with `fedele train` "
        "to get a model with one.\n"
    )


def test_a_file_that_cannot_be_written_is_named(fedele, here):
    said = fedele("report", "3", "--out", str(here.root / "fedele.toml" / "page.html"))
    assert said.status == 1
    assert "is not writable" in said.err
    assert "name another file with --out" in said.err


def test_a_language_that_is_not_spoken_is_bad_usage(fedele, here):
    said = fedele("report", "--lang", "de")
    assert said.status == 2
    assert "'de' is none of en, it" in said.err


def test_two_versions_stand_side_by_side_with_the_better_one_named(fedele, here):
    said = fedele("compare", "3", "4")
    assert said.status == 0
    lines = said.out.splitlines()
    assert lines[0] == "Both were judged on the same data."
    assert "version 3" in lines[3]
    assert lines[4].split() == ["gate", "passed", "not", "passed"]
    assert "0.5684 ± 0.0047" in said.out
    assert any(line.startswith("lapsed: coverage_80") for line in lines)


def test_versions_judged_on_other_data_are_said_to_be_before_any_figure(fedele, here):
    save_document(here, build_document(model_version="7", data_digest="00" * 32))
    said = fedele("compare", "3", "7", "--json")
    found = json.loads(said.out)
    assert found["same_data"] is False
    assert found["unlike"] == ["data_digest"]
    assert said.err.startswith("Not judged on the same data; different: data_digest.")


def test_the_better_version_is_marked_in_its_line(fedele, here):
    served = build_document()["families"]["served"]
    better = {"served": served | {"churn": served["churn"] | {"log_loss": 0.5}}}
    save_document(here, build_document(model_version="7", families=better))
    said = fedele("compare", "3", "7")
    (line,) = (line for line in said.out.splitlines() if line.startswith("log_loss"))
    assert line.split()[-2:] == ["-0.0684", "7"]


def test_a_version_never_trained_cannot_be_compared(fedele, here):
    said = fedele("compare", "3", "12")
    assert (said.status, said.out) == (1, "")
    assert "Version 12 has no report" in said.err
