"""One run from facts to champion: what it leaves behind, and that the same facts leave the same bytes."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from contracts.errors import ContractError, NotEnoughData
from contracts.feature_frame import Feature, FeatureList
from contracts.settings import Settings
from contracts.time import to_text
from features.synthetic import simulate_company
from testkit.workspaces import NOW, find_plain_company, find_shop, open_orders
from training import train as training_module
from training.bundle import load_manifest, load_model, read_champion
from training.documents import load_document
from training.fitting import check_texts, fit
from training.forecasts import SERVED
from training.promotion import read_promotions
from training.registry import read_champion_alias
from training.tracking import open_client
from training.train import build_content, train

pytestmark = pytest.mark.xdist_group("shop")

KEYS = {
    "model_version", "as_of", "cutoffs", "customers", "features", "population", "gate", "churn", "clv",
    "churn_all", "clv_all", "families", "served", "seconds",
}  # fmt: skip


@pytest.fixture(scope="module")
def shop():
    return find_shop()


@pytest.fixture(scope="module")
def bundle(shop):
    return shop.workspace.bundles / shop.outcome.version


def test_the_first_model_is_the_champion_and_the_log_says_why(shop, bundle):
    assert shop.outcome.promoted
    version, folder = read_champion(shop.workspace)
    assert version == shop.outcome.version == "1"
    assert {file.name for file in folder.iterdir()} == {file.name for file in bundle.iterdir()}
    (entry,) = read_promotions(shop.workspace)
    assert (entry.who, entry.previous, entry.at) == ("testkit", None, to_text(NOW))
    assert entry.why == "the gate passed"


def test_the_bundle_answers_as_the_model_that_was_trained(shop, bundle):
    present = shop.training.training_set.present
    saved, trained = load_model(bundle).shop.predict(present), shop.training.model.predict(present)
    np.testing.assert_array_equal(saved.raw, trained.raw)
    np.testing.assert_array_equal(saved.churn_probability, trained.churn_probability)
    np.testing.assert_array_equal(saved.joint.clv_mean, trained.joint.clv_mean)


def test_the_manifest_holds_no_clock_run_or_place(shop, bundle):
    text = (bundle / "manifest.json").read_text(encoding="utf-8")
    assert str(shop.workspace.root) not in text
    assert "2026-06-01" not in text
    assert not re.search(r'"(run_id|model_version|version|seconds|started_at)":', text)
    assert load_manifest(bundle)["trained_until"] == to_text(shop.as_of)


def test_the_manifest_tells_members_gate_figures_and_what_was_learned_from(shop, bundle):
    manifest, training = load_manifest(bundle), shop.training
    shop_members, own = manifest["members"][:-1], manifest["members"][-1]
    for role, part in (("churn", "churn"), ("value", "clv")):
        found = [member for member in shop_members if member["role"] == role]
        assert {member["family"] for member in found} == set(training.served[part].values())
        assert all((bundle / member["file"]).exists() for member in found)
    assert [member["role"] for member in shop_members[-2:]] == ["purchases", "spend"]
    assert {member["family"] for member in shop_members[-2:]} == {training.race.lane.family}
    assert (own["role"], own["family"]) == ("churn", training.subscribers.family)
    assert manifest["gate"] == training.gate.to_dict()
    assert manifest["metrics"]["families"] == training.report.families
    assert manifest["cutoffs"] == [to_text(cutoff) for cutoff in training.training_set.plan.cutoffs]
    assert manifest["data_digest"] == training.training_set.digest()
    assert manifest["coverage"] == training.report.families[SERVED]["clv"]["coverage_80"]
    assert [case["row"].get("kind", "shop") for case in manifest["golden"]] == ["shop"] * 13 + [
        "subscription"
    ] * 13


def test_no_customer_is_in_the_bundle(shop, bundle):
    text = "".join(file.read_text(encoding="utf-8") for file in bundle.iterdir())
    assert not [name for name in shop.company.tables["customers"]["customer_id"] if name in text]


def test_the_run_is_recorded_with_parameters_metrics_plots_and_the_bundle(shop):
    with open_client(shop.workspace) as client:
        (experiment,) = [each for each in client.search_experiments() if each.name == "fedele"]
        (run,) = client.search_runs([experiment.experiment_id])
        assert run.info.status == "FINISHED"
        assert run.data.params["served.churn.thin"] == shop.training.served["churn"]["thin"]
        assert run.data.params["served.clv.lapsed"] == shop.training.served["clv"]["lapsed"]
        assert run.data.params["data_digest"] == shop.training.training_set.digest()
        own = shop.training.report.families[SERVED]
        assert run.data.metrics["churn.auc"] == pytest.approx(own["churn"]["auc"])
        assert "fold/log_loss" in run.data.metrics
        assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"bundle", "plots", "report"}
        assert len(client.list_artifacts(run.info.run_id, "plots")) >= 4


def test_the_registry_calls_it_champion(shop):
    assert read_champion_alias(shop.workspace) == ("1", None)
    assert shop.outcome.warnings == ()


def test_the_result_has_the_keys_of_the_design_and_is_plain_json(shop):
    result = shop.outcome.to_dict(1.5)
    assert set(result) >= KEYS
    assert json.loads(json.dumps(result, allow_nan=False))["seconds"] == 1.5
    assert result["churn"] == result["families"][SERVED]["churn"]
    assert result["customers"] == len(shop.company.tables["customers"])
    assert result["features"] >= 60
    assert set(result["served"]["churn"]) == {"thin", "regular", "lapsed"}
    assert {"scored", "in_play", "lapsed", "thin"} <= set(result["population"])
    assert set(result["gate"]) == {"passed", "reasons"}
    assert result["remarks"] == [*shop.training.remarks, *shop.outcome.warnings]


def test_the_report_of_the_version_counts_this_look_at_the_data(shop):
    document = load_document(shop.workspace, shop.outcome.version)
    assert document["looks"] == 1
    assert document["gate"] == shop.training.gate.to_dict()
    assert document["families"] == shop.training.report.families


@pytest.fixture(scope="module")
def orders():
    return open_orders(find_plain_company())


@pytest.fixture(scope="module")
def long_horizon(orders):
    """A run whose horizon is longer than the history can check."""
    settings = Settings(horizons={"horizon_days": 273})
    return fit(orders, settings, find_plain_company().parameters.begins_at + timedelta(days=300))


def test_a_horizon_longer_than_the_history_is_learned_from_shorter_windows_and_said(long_horizon):
    plan = long_horizon.training_set.plan
    assert plan.window_days < plan.horizon_days == 273
    said = " ".join(long_horizon.remarks)
    assert f"models learn from {len(plan.cutoffs)} windows of {plan.window_days} days" in said
    assert "300 days of history have not seen each season: ranges are widened." in said
    assert long_horizon.model.calibrator.is_identity
    assert not long_horizon.model.intervals.proven
    assert "lgbm" not in {*long_horizon.served["churn"].values(), *long_horizon.served["clv"].values()}


def test_equal_facts_and_seed_give_equal_bytes_with_one_engine_thread_or_two(long_horizon):
    company = find_plain_company()
    settings = Settings(horizons={"horizon_days": 273})
    again = fit(open_orders(company, threads=2), settings, long_horizon.training_set.plan.as_of)
    assert build_content(again).to_bytes() == build_content(long_horizon).to_bytes()


def test_after_shorter_windows_buying_rhythm_carries_the_level(long_horizon):
    model, present = long_horizon.model, long_horizon.training_set.present
    prediction = model.predict(present.rows((present.index["segment"] != "lapsed").to_numpy()))
    scores = prediction.scores
    trees = scores.base + scores.contributions.sum(axis=1)
    assert trees.mean() == pytest.approx(0.0, abs=1e-8)
    np.testing.assert_allclose(prediction.raw, scores.offset + trees, atol=1e-9)


@pytest.fixture(scope="module")
def young():
    """A company too young for a cutoff: its workspace is never asked for one."""
    company = simulate_company(replace(find_plain_company().parameters, customers=80, days=80), seed=2)
    return company, fit(open_orders(company), Settings(), company.parameters.ends_at)


def test_without_a_matured_cutoff_there_is_buying_rhythm_alone_and_no_pass(young):
    _, training = young
    assert training.training_set.plan.cutoffs == ()
    assert "No cutoff has matured: BTYD alone, ranges unproven." in training.remarks
    assert {*training.served["churn"].values(), *training.served["clv"].values()} == {"bgnbd_gg"}
    assert not training.gate.passed
    assert not training.model.intervals.proven
    manifest = build_content(training).manifest
    assert {member["family"] for member in manifest["members"]} == {"bgnbd_gg"}
    assert manifest["coverage"] is None


def test_an_unproven_first_model_is_forced_and_a_later_one_left_waiting(young, tmp_path, monkeypatch):
    company, training = young
    workspace = find_shop().copy(tmp_path / "shop")
    monkeypatch.setattr(training_module, "fit_company", lambda *given: training)
    monkeypatch.setattr(training_module, "register", lambda *given: None)
    monkeypatch.setattr(training_module, "record_run", lambda *given: None)
    later = train(workspace, company.parameters.ends_at, NOW, "ada")
    assert (later.version, later.promoted) == ("2", False)
    assert later.warnings == ()
    assert "families" in load_document(workspace, "2")
    assert read_champion(workspace)[0] == "1"
    (workspace.models / "champion").unlink()
    first = train(workspace, company.parameters.ends_at, NOW, "ada")
    assert (first.version, first.promoted) == ("3", True)
    entry = list(read_promotions(workspace))[-1]
    assert (entry.forced, entry.why) == (True, "the first model of this workspace")
    result = first.to_dict(0.1)
    assert result["churn"] == result["clv"] == {}
    assert result["cutoffs"] == []


def test_no_order_before_the_date_leaves_nothing_behind(tmp_path):
    workspace = find_shop().copy(tmp_path / "shop")
    with pytest.raises(NotEnoughData, match="No order before 2023-01-01"):
        train(workspace, find_shop().company.parameters.begins_at - timedelta(days=365), NOW, "ada")
    assert [folder.name for folder in workspace.bundles.iterdir()] == ["1"]


def test_a_feature_without_words_stops_the_run_before_anything_is_fitted():
    with pytest.raises(ContractError, match=r"rfm.unheard_of"):
        check_texts(FeatureList((Feature("rfm.unheard_of", "count", "never"),)))
