"""``fedele train --frame`` and ``fedele score --frame``: bring your own table."""

import csv
import json

import pandas as pd
import pytest

from testkit.tables import build_columns
from training.models import tabular
from training.models.tabular import TabularSettings
from training.models.trees import TreeSettings

ONCE = ("--label", "left", "--positive", "goes", "--id", "who", "--folds", "2", "--repeats", "1")


@pytest.fixture
def table(tmp_path, monkeypatch, fedele):
    """A table in a workspace of its own, MLflow out of reach, few trees."""
    trees = TreeSettings(rounds=40, patience=20, learning_rate=0.1, leaf_rows=20)
    monkeypatch.setattr(tabular, "TabularSettings", lambda: TabularSettings(bags=3, trees=trees))
    monkeypatch.setenv("FEDELE_TRACKING__URI", "http://127.0.0.1:9")
    assert fedele("init", str(tmp_path / "shop")).status == 0
    monkeypatch.chdir(tmp_path / "shop")
    columns, churned = build_columns(300, seed=1)
    columns["who"] = [f"c{place}" for place in range(300)]
    columns["left"] = pd.Series(churned).map({0.0: "stays", 1.0: "goes"})
    columns.to_csv("frame.csv", index=False)
    return columns


def test_a_table_is_learned_from_and_a_new_one_scored(fedele, table, tmp_path):
    said = fedele("train", "--frame", "frame.csv", *ONCE, "--json")
    assert said.status == 0
    assert len(said.out.splitlines()) == 1
    found = json.loads(said.out)
    assert (found["model_version"], found["kind"], found["gate"]["passed"]) == ("1", "table", True)
    assert "Gate: passed." in said.err
    assert "Next: fedele score --frame NEW --model 1 --out scores.csv" in said.err
    assert not (tmp_path / "shop" / "models").exists()

    table.drop(columns="left").head(20).assign(plan="new", extra=1).to_csv("new.csv", index=False)
    said = fedele("score", "--frame", "new.csv", "--model", "1", "--out", "s.csv", "--lang", "it", "--json")
    assert said.status == 0
    told = json.loads(said.out)
    assert (told["scored"], told["ignored_columns"], told["unseen_levels"]) == (20, 1, {"plan": 20})
    assert "20 cells hold a value the model does not know" in said.err
    with open("s.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["customer_id"] for row in rows] == [f"c{place}" for place in range(20)]
    assert all(1 <= len(json.loads(row["reasons"])) <= 3 for row in rows)
    assert "Lowers" not in rows[0]["reasons"]

    refused = fedele("promote", "1")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith(
        "fedele: Version 1 scores tables, with `fedele score --frame FILE --model 1`;"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "--frame", "frame.csv"), "--frame needs --label"),
        (
            ("train", "--frame", "frame.csv", "--label", "left", "--as-of", "2026-01-01"),
            "a table has no time",
        ),
        (("train", "--label", "left"), "is for tables: give --frame too"),
        (("train", "--allow", "x"), "is for tables: give --frame too"),
        (("score", "--frame", "frame.csv"), "needs --model VERSION and --out FILE"),
        (
            ("score", "--frame", "f.csv", "--model", "1", "--out", "s.csv", "--hindsight"),
            "a table has no time",
        ),
        (("score", "--model", "1"), "is for tables: give --frame too"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_options_that_do_not_go_together_are_bad_usage(fedele, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    said = fedele(*words)
    assert said.status == 2
    assert message in said.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("train", "--frame", "none.csv", *ONCE), "There is no file none.csv"),
        (("train", "--frame", "frame.csv", *ONCE, "--allow", "nothing"), "Allowed column 'nothing' is not"),
        (
            ("score", "--frame", "frame.csv", "--model", "7", "--out", "s.csv"),
            "No version '7' was trained here",
        ),
    ],
    ids=("no file", "no such column", "no such version"),
)
def test_what_fails_is_one_line_that_names_it(fedele, table, words, line):
    said = fedele(*words)
    assert said.status == 1
    assert said.out == ""
    assert line in said.err.splitlines()[-1]
