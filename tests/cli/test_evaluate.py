"""``fedele evaluate``: the referee on anyone's labelled table."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from cli.main import app
from contracts.errors import ContractError
from contracts.randomness import generator
from testkit.tables import build_columns

ONCE = ("--label", "left", "--folds", "2", "--repeats", "1", "--seed", "4")


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    columns, churned = build_columns(300, seed=1)
    columns["status"] = churned + generator(1, "status").normal(size=300) * 0.8
    columns["who"] = [f"c{place}" for place in range(300)]
    columns["left"] = pd.Series(churned).map({0.0: "stays", 1.0: "goes"})
    file = tmp_path_factory.mktemp("frame") / "frame.csv"
    columns.to_csv(file, index=False)
    return file


def call(frame, *arguments):
    given = ["evaluate", "--frame", str(frame), *ONCE, "--id", "who", *arguments]
    return CliRunner().invoke(app, given, catch_exceptions=False)


def test_one_json_object_on_stdout_and_sentences_on_stderr(frame):
    answer = call(frame, "--positive", "goes", "--json")
    assert answer.exit_code == 0
    found = json.loads(answer.stdout)
    assert found["rows"] == 300
    assert {each["column"] for each in found["suspicious"]} == {"status"}
    assert {each["rule"] for each in found["suspicious"]} == {"outcome_name"}
    assert 0.8 < found["auc"] < 0.95
    assert "Suspicious: Column 'status'" in answer.stderr
    assert "Repeat 1 of 1, 2 folds" in answer.stderr


def test_a_column_vouched_for_is_no_longer_suspicious(frame):
    found = call(frame, "--positive", "goes", "--allow", "status")
    assert found.exit_code == 0
    assert "Suspicious" not in found.stdout
    assert "Allowed by name." in found.stdout
    assert "EMPC" in found.stdout


def test_a_label_that_is_not_understood_is_an_error_with_the_next_step(frame):
    with pytest.raises(ContractError, match="name the one of those who left with --positive"):
        call(frame, "--json")


def test_a_plan_that_parts_nothing_is_bad_usage(frame):
    assert call(frame, "--folds", "1").exit_code == 2
