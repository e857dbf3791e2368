"""A model of a table: judged, kept under a version of its own, and never champion."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from contracts.errors import BundleRefused, ModelRefused, WorkspaceError
from contracts.feature_frame import FeatureList
from contracts.randomness import generator
from contracts.settings import Settings, TrackingSection
from contracts.workspace import Workspace
from testkit.tables import build_columns, build_table, shuffle_labels
from testkit.tiny_model import tiny_content
from training import golden, table_training
from training.bundle import BundleContent, load_manifest, load_model, read_bundle, save_bundle
from training.evaluation import Plan
from training.models import tabular
from training.models.tabular import TabularSettings
from training.models.trees import TreeSettings
from training.promotion import next_version, promote
from training.signature import make_key
from training.table import Table
from training.table_bundle import load_table_model
from training.table_training import Task, fit_table, train_table
from training.tracking import open_client

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TASK = Task("left", "who", Plan(folds=2, repeats=1, seed=3))


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Grow fewer trees: what is tested here is what becomes of a model."""
    trees = TreeSettings(rounds=40, patience=20, learning_rate=0.1, leaf_rows=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabular, "TabularSettings", lambda: TabularSettings(bags=3, trees=trees))
        yield


def say_nothing(text):
    """Take a sentence of progress."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A workspace with one model of a table, and what was found; MLflow is out of reach."""
    root = tmp_path_factory.mktemp("kept")
    workspace = Workspace(root, Settings(tracking=TrackingSection(uri="http://127.0.0.1:9")))
    return workspace, train_table(workspace, build_table(400, seed=1), TASK, NOW, say_nothing)


@pytest.fixture
def alone(monkeypatch):
    """Leave the child process that answers golden rows to the tests about it: it takes seconds."""
    monkeypatch.setattr("training.table_bundle.check_golden_rows", lambda manifest, files, seconds: None)


def test_a_model_that_tells_who_leaves_passes_and_is_kept_as_plain_data(kept):
    workspace, outcome = kept
    assert outcome.version == "1"
    assert outcome.training.gate.passed
    folder = workspace.bundles / "1"
    assert {file.suffix for file in folder.iterdir()} == {".json", ".txt", ".sig"}
    manifest = load_manifest(folder)
    assert manifest["kind"] == "table"
    assert manifest["gate"] == {"leak": False, "passed": True, "reasons": []}
    assert (manifest["label"], manifest["customer_id"]) == ("left", "who")
    assert FeatureList.from_dicts(manifest["features"]).names[0] == "column.tenure"


def test_no_golden_row_is_a_row_of_the_table(kept):
    workspace, outcome = kept
    values = outcome.training.table.frame.values
    real = set(map(tuple, values.astype(object).where(values.notna(), None).to_numpy().tolist()))
    rows = [case["row"] for case in load_manifest(workspace.bundles / "1")["golden"]]
    invented = {tuple(row[name] for name in values.columns) for row in rows}
    assert not invented & real


def test_the_answer_has_the_referees_figures_the_version_and_the_gate(kept):
    result = kept[1].to_dict(seconds=2.0)
    assert json.loads(json.dumps(result)) == result
    assert set(result) >= {
        "model_version", "kind", "rows", "auc", "log_loss", "constant_log_loss", "gain", "gain_se", "gate",
        "suspicious", "columns", "remarks", "seconds",
    }  # fmt: skip
    assert result["gain"] == pytest.approx(result["constant_log_loss"] - result["log_loss"], abs=0.01)
    assert "MLflow did not take the run" in result["remarks"][-1]


@pytest.mark.usefixtures("alone")
def test_equal_tables_give_equal_bytes(kept):
    workspace, outcome = kept
    again = train_table(workspace, build_table(400, seed=1), TASK, NOW, say_nothing)
    assert again.version != outcome.version
    one, other = (read_bundle(workspace.bundles / each.version) for each in (outcome, again))
    assert one.digest == other.digest


@pytest.mark.usefixtures("alone")
def test_shuffled_labels_are_refused_in_words_and_the_model_scores_nobody(kept):
    workspace = kept[0]
    outcome = train_table(workspace, shuffle_labels(build_table(400, seed=2), 2), TASK, NOW, say_nothing)
    assert "the base rate for everyone" in outcome.training.gate.reasons[0]
    with pytest.raises(ModelRefused, match="failed its gate and scores nobody: Log loss"):
        load_table_model(workspace, outcome.version)


def test_a_leak_is_refused_by_name_and_passes_once_vouched_for():
    columns, churned = build_columns(400, seed=3)
    status = churned + generator(3, "status").normal(size=400) * 0.8
    table = Table(columns.assign(status=status), churned)
    found = fit_table(table, TASK, say_nothing)
    assert found.gate.leak
    assert "Leave it out, or vouch for it with --allow 'status'." in found.gate.reasons[0]
    vouched = fit_table(table, replace(TASK, allowed=("status",)), say_nothing)
    assert vouched.gate.passed
    assert any(remark.endswith("Allowed by name.") for remark in vouched.remarks)


def test_a_model_that_does_not_answer_again_is_refused(kept, monkeypatch):
    monkeypatch.setattr(table_training, "find_fault", lambda content: "golden rows: no answer")
    outcome = train_table(kept[0], build_table(300, seed=4), TASK, NOW, say_nothing)
    assert outcome.training.gate.reasons == (
        "The model does not answer again as it did (golden rows: no answer).",
    )


def test_a_bundle_that_was_altered_scores_nobody(kept, tmp_path):
    workspace = kept[0]
    parts = read_bundle(workspace.bundles / "1")
    manifest = {name: value for name, value in parts.manifest.items() if name != "files"}
    manifest["golden"][0]["expected"]["churn_probability"] += 0.01
    files = {name: text if name.endswith(".txt") else json.loads(text) for name, text in parts.files.items()}
    save_bundle(BundleContent(manifest, files), workspace.bundles / "99", make_key(workspace))
    with pytest.raises(BundleRefused, match="golden row 0: churn_probability is"):
        load_table_model(workspace, "99")


def test_it_is_loaded_whole_and_answers_as_before(kept):
    workspace, outcome = kept
    model, manifest = load_table_model(workspace, " 1 ")
    table = outcome.training.table
    pd.testing.assert_series_equal(
        pd.Series(model.predict(table.frame)), pd.Series(outcome.training.model.predict(table.frame))
    )
    assert manifest["label"] == "left"


def test_a_model_of_tables_is_never_champion_and_never_the_latest_to_promote(kept, tmp_path, monkeypatch):
    workspace = Workspace(tmp_path, Settings())
    bundles = kept[0].bundles
    save_bundle(tiny_content(), workspace.bundles / "1", make_key(workspace))
    (workspace.bundles / "2").symlink_to(bundles / "1")
    monkeypatch.setattr("training.promotion.verify_bundle", read_bundle)
    with pytest.raises(ModelRefused, match="Version 2 scores tables, with `fedele score --frame FILE"):
        promote(workspace, "2", who="ada", now=NOW)
    with pytest.raises(BundleRefused, match="it scores tables"):
        load_model(workspace.bundles / "2")
    assert promote(workspace, None, who="ada", now=NOW).version == "1"
    assert next_version(workspace) == "3"


def test_a_version_that_is_not_of_tables_is_refused_with_the_command_to_run(tmp_path):
    workspace = Workspace(tmp_path, Settings())
    save_bundle(tiny_content(), workspace.bundles / "1", make_key(workspace))
    with pytest.raises(ModelRefused, match="run `fedele score` without --frame"):
        load_table_model(workspace, "1")
    for version in ("2", "../1"):
        with pytest.raises(WorkspaceError, match="was trained here: run `fedele train --frame`"):
            load_table_model(workspace, version)


@pytest.mark.usefixtures("alone")
def test_the_run_is_in_mlflow_with_its_figures_and_its_bundle(tracked):
    outcome = train_table(tracked, build_table(300, seed=5), TASK, NOW, say_nothing)
    assert outcome.warnings == ()
    with open_client(tracked) as client:
        experiment = client.get_experiment_by_name("fedele")
        run = client.search_runs([experiment.experiment_id])[0]
        bundle = {file.path for file in client.list_artifacts(run.info.run_id, "bundle")}
    assert run.data.params["kind"] == "table"
    assert run.data.metrics["gain"] == pytest.approx(outcome.training.gain.size)
    assert "fold/auc" in run.data.metrics
    assert {"bundle/manifest.json", "bundle/table.json"} <= bundle


def test_the_child_process_is_asked_before_anything_is_written(kept, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "training.table_bundle.check_golden_rows", lambda manifest, files, seconds: asked.append(manifest)
    )
    train_table(kept[0], build_table(300, seed=6), TASK, NOW, say_nothing)
    assert [len(manifest["golden"]) for manifest in asked] == [11]
    assert golden.COMMAND[-1] == "training.golden"
