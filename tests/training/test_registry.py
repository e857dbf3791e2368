"""Each version is a pyfunc that answers as the model does, and the aliases follow the pointer."""

import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
import yaml

from testkit.tiny_model import build_tiny_model, invent_frame
from testkit.tree import ROOT
from training import bundle as bundles
from training import registry
from training.bundle import find_digest, load_manifest
from training.promotion import find_alias_difference, promote, rollback
from training.registry import build_signature, read_champion_alias, register
from training.tracking import RunRecord, open_client, record_run

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO = {"who": "ada", "now": NOW}


@pytest.fixture(autouse=True)
def fast(without_child, monkeypatch):
    """Leave the child process to its own tests."""
    monkeypatch.setattr(bundles, "check_golden_rows", lambda *_, seconds: None)


def record_version(workspace, version):
    digest = find_digest(workspace.bundles / version)
    return record_run(workspace, RunRecord(version, digest, NOW, NOW, {}, {"churn.auc": 0.7}, (), "d" * 64))


def register_version(workspace, version):
    return register(workspace, record_version(workspace, version), version, workspace.bundles / version)


def fetch_aliases(workspace):
    with open_client(workspace) as client:
        aliases = client.get_registered_model("fedele").aliases
        return {
            alias: client.get_model_version("fedele", number).tags["fedele.version"]
            for alias, number in aliases.items()
        }


@pytest.fixture
def load(tracked):
    """Load from the workspace's registry as a data scientist would, and put MLflow's address back."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tracked.tracking_uri)
    yield lambda: mlflow.pyfunc.load_model("models:/fedele@champion")
    mlflow.set_tracking_uri(before)


@pytest.fixture
def champion(tracked, load):
    assert register_version(tracked, "1") is None
    assert promote(tracked, "1", **WHO).warnings == ()
    return load()


def direct(values):
    rows = values.astype(object).where(values.notna(), None).to_dict("records")
    return pd.DataFrame(build_tiny_model().predict_rows(rows))[["churn_probability", "clv_mean", "raw"]]


def test_the_pyfunc_answers_as_the_model_also_for_null_and_unseen_values(champion):
    values = invent_frame(40, seed=7).values
    values.loc[0, "attribute.plan"] = "platinum"
    values.loc[1, "attribute.plan"] = None
    assert values["rfm.monetary_value"].isna().any()
    values.index = pd.Index(range(100, 140))
    answer = champion.predict(values)
    pd.testing.assert_frame_equal(answer.reset_index(drop=True), direct(values), check_exact=True)
    assert list(answer.index) == list(values.index)


def test_a_column_too_many_and_another_order_change_nothing(champion, caplog):
    caplog.set_level(logging.CRITICAL, "mlflow.models.utils")
    values = invent_frame(20, seed=8).values
    other = values[values.columns[::-1]].assign(extra=1.0)
    pd.testing.assert_frame_equal(champion.predict(other), champion.predict(values), check_exact=True)


def test_texts_of_pandas_own_type_are_read_too(champion):
    values = invent_frame(20, seed=8).values
    typed = values.astype({"attribute.plan": "str"})
    pd.testing.assert_frame_equal(champion.predict(typed), champion.predict(values), check_exact=True)


def test_a_missing_column_is_named(champion):
    values = invent_frame(5).values.drop(columns="rfm.age_days")
    with pytest.raises(mlflow.MlflowException, match=r"missing inputs \['rfm\.age_days'\]"):
        champion.predict(values)


def test_text_for_a_number_is_refused_naming_the_column(champion):
    values = invent_frame(5).values.astype({"rfm.age_days": "str"})
    with pytest.raises(mlflow.MlflowException, match=r"column rfm\.age_days"):
        champion.predict(values)


def test_no_rows_give_no_answers(champion):
    assert champion.predict(invent_frame(5).values.iloc[:0]).shape == (0, 3)


def test_the_signature_is_the_feature_list(bundle):
    signature = build_signature(load_manifest(bundle))
    names = build_tiny_model().features.names
    kinds = dict(zip(signature.inputs.input_names(), signature.inputs.input_types(), strict=True))
    assert tuple(kinds) == names
    assert {name: str(kind) for name, kind in kinds.items() if name.startswith("attribute")} == {
        "attribute.plan": "DataType.string"
    }
    assert signature.outputs.input_names() == ["churn_probability", "clv_mean", "raw"]


def test_what_is_registered_is_the_bundle_without_code_pickle_or_example(tracked):
    register_version(tracked, "1")
    promote(tracked, "1", **WHO)
    with open_client(tracked) as client:
        found = client.get_model_version_by_alias("fedele", "champion")
    files = {file.name for file in champion_folder(found).rglob("*") if file.is_file()}
    ours = {file.name for file in (tracked.bundles / "1").iterdir()}
    assert files - ours == {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"}
    described = yaml.safe_load((champion_folder(found) / "MLmodel").read_text())
    assert described["flavors"]["python_function"]["loader_module"] == "training.loader"
    assert described["flavors"]["python_function"]["code"] is None


def champion_folder(version):
    return Path(version.source.removeprefix("file://"))


def test_the_newest_is_challenger_until_it_is_promoted(tracked):
    for version in ("1", "2"):
        assert register_version(tracked, version) is None
    promote(tracked, "1", **WHO)
    assert fetch_aliases(tracked) == {"champion": "1", "challenger": "2"}
    promote(tracked, "2", **WHO)
    assert fetch_aliases(tracked) == {"champion": "2"}
    rollback(tracked, **WHO)
    assert fetch_aliases(tracked) == {"champion": "1"}
    assert read_champion_alias(tracked) == ("1", None)
    assert find_alias_difference(tracked) is None


def test_registering_again_makes_no_second_version(tracked):
    for _ in range(2):
        register_version(tracked, "1")
    with open_client(tracked) as client:
        assert len(client.search_model_versions("name = 'fedele'")) == 1


def test_a_version_that_an_outage_kept_out_is_registered_when_it_is_promoted(tracked):
    assert "no run of version 1 yet" in register(tracked, None, "1", tracked.bundles / "1")
    record_version(tracked, "1")
    assert promote(tracked, "1", **WHO).warnings == ()
    assert fetch_aliases(tracked) == {"champion": "1"}


def test_a_promotion_without_its_run_warns_and_serves(tracked):
    (warning,) = promote(tracked, "1", **WHO).warnings
    assert "has no run of version 1" in warning
    assert find_alias_difference(tracked).code == "alias_differs"


def test_a_promotion_without_any_store_makes_none(trained):
    (warning,) = promote(trained, "1", **WHO).warnings
    assert "knows no version 1 yet" in warning
    assert not (trained.root / "mlflow.db").exists()


def test_a_broken_store_is_a_warning_and_the_same_promotion_mends_the_alias(tracked, migrated_store):
    register_version(tracked, "1")
    good = (tracked.root / "mlflow.db").read_bytes()
    (tracked.root / "mlflow.db").write_bytes(b"no database" * 500)
    (warning,) = promote(tracked, "1", **WHO).warnings
    assert warning.startswith("MLflow did not answer (")
    assert "fedele promote 1" in warning
    assert find_alias_difference(tracked).code == "alias_unknown"
    (tracked.root / "mlflow.db").write_bytes(good)
    assert find_alias_difference(tracked).code == "alias_differs"
    assert promote(tracked, "1", **WHO).warnings == ()
    assert find_alias_difference(tracked) is None


def test_two_workspaces_on_one_server_keep_their_versions_apart(tracked):
    register_version(tracked, "1")
    shutil.rmtree(tracked.bundles / "1")
    shutil.copytree(tracked.bundles / "2", tracked.bundles / "1")
    register_version(tracked, "1")
    with open_client(tracked) as client:
        found = client.search_model_versions("name = 'fedele'")
    assert len({version.tags["fedele.digest"] for version in found}) == 2


def test_requirements_name_exact_versions():
    assert all("==" in line for line in registry._requirements())
    assert {line.split("==")[0] for line in registry._requirements()} >= {"lightgbm", "numpy", "pandas"}


def test_no_number_of_a_golden_row_is_lost_in_the_answer(champion, bundle):
    cases = load_manifest(bundle)["golden"]
    answer = champion.predict(pd.DataFrame([case["row"] for case in cases]))
    expected = pd.DataFrame([case["expected"] for case in cases])[list(answer.columns)]
    assert np.allclose(answer, expected, rtol=1e-12)


def test_the_project_starts_a_training_in_a_workspace():
    project = yaml.safe_load((ROOT / "mlflow" / "MLproject").read_text())
    train = project["entry_points"]["train"]
    assert set(train["parameters"]) == {"workspace", "as_of"}
    filled = train["command"].format(workspace="/shop", as_of="1998-07-01")
    assert filled == "cd /shop && fedele train --as-of 1998-07-01"
