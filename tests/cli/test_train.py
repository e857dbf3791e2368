"""``fedele train`` on a small real company, and what it says of the outcome."""

import json

import pytest

from cli.train import _lines
from testkit.workspaces import find_plain_company, find_shop, load_company

pytestmark = pytest.mark.xdist_group("shop")

FIGURES = {"auc", "brier", "log_loss", "lift_at_10", "ece", "base_rate"}
MONEY = {"mae", "rmse", "gini", "spearman", "total_error", "coverage_80"}


def test_a_run_prints_exactly_one_object_and_makes_a_champion(fedele, tmp_path, monkeypatch):
    company = find_plain_company()
    workspace = load_company(company, tmp_path / "plain")
    monkeypatch.chdir(workspace.root)
    said = fedele("train", "--as-of", "2025-05-15", "--horizon-days", "60", "--json")
    assert said.status == 0
    assert len(said.out.splitlines()) == 1
    found = json.loads(said.out)
    assert set(found) >= {
        "model_version", "as_of", "cutoffs", "customers", "features", "population", "gate", "churn", "clv",
        "families", "served", "seconds", "churn_all", "clv_all",
    }  # fmt: skip
    assert (found["model_version"], found["as_of"]) == ("1", "2025-05-15T00:00:00Z")
    assert set(found["churn"]) >= FIGURES
    assert set(found["clv"]) >= MONEY
    assert found["window_days"] == 60
    assert found["customers"] == len(company.tables["customers"])
    assert (workspace.models / "champion").read_text(encoding="utf-8").strip() == "1"


def test_a_person_reads_customers_figures_the_gate_and_the_next_step():
    lines = _lines(find_shop().outcome.to_dict(1.0))
    assert lines[0].startswith("Model 1 as of 2025-05-15: ")
    assert "4 cutoffs of 90 days" in lines[0]
    assert "touched once: AUC 0." in lines[1]
    assert lines[2].startswith("Subscribers: ")
    assert "one rate for all 0." in lines[2]
    assert lines[3] == "Gate: passed."
    assert lines[-1] == "It is the champion now. Next: fedele score"


def test_a_model_that_did_not_pass_names_why_and_what_to_do():
    result = find_shop().outcome.to_dict(1.0) | {
        "gate": {"passed": False, "reasons": ["No cutoff has matured."]}, "promoted": False, "churn": {},
    }  # fmt: skip
    text = " ".join(_lines(result))
    assert "Gate: not passed. No cutoff has matured." in text
    assert "fedele promote 1 --force --reason WHY" in text
    assert "AUC" not in text


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--as-of", "2023-06-01"), "No order before 2023-06-01T00:00:00Z: ingest orders"),
        (("--horizon-days", "0"), "--horizon-days: Input should be greater"),
        (("--as-of", "2025-02-30"), "'2025-02-30' is no date"),
    ],
)
def test_what_cannot_be_trained_is_one_line_and_leaves_no_bundle(fedele, shop, words, line):
    said = fedele("train", *words, "--json")
    assert (said.status, said.out) == (1, "")
    assert line in said.err.splitlines()[-1]
    assert "Traceback" not in said.err
    assert [folder.name for folder in shop.bundles.iterdir()] == ["1"]


def test_the_result_is_plain_json_for_programs():
    result = find_shop().outcome.to_dict(1.0)
    assert json.loads(json.dumps(result, allow_nan=False)) == json.loads(json.dumps(result))
