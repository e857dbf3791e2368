"""The subscription part of a run: honest cutoffs, few data, the verdict, and subscribers alone."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from contracts.settings import Settings
from features.synthetic import CompanyParameters, simulate_company
from features.synthetic.parameters import Contract
from serving.batch import load_champion, score_everyone
from serving.store.generations import open_store
from testkit.companies import open_company
from testkit.workspaces import NOW, load_company
from training.bundle import load_manifest, load_model
from training.company import SubscribersOnly
from training.hazard_learning import choose_rounds, learn_hazard, score_ahead
from training.learning import find_tree_settings
from training.models.company_model import CompanyModel
from training.subscriber_set import build_subscriber_set
from training.subscribers import fit_subscribers
from training.subscription_report import write_subscription_report
from training.train import train

pytestmark = pytest.mark.xdist_group("subscribers")
TREES = find_tree_settings(Settings())


def simulate_subscribers(customers=260, days=560, seed=6, **contract):
    parameters = CompanyParameters(
        customers=customers, days=days, contract=replace(Contract(share=1.0, hazard=0.06), **contract)
    )
    company = simulate_company(parameters, seed)
    for name in company.tables:
        if name not in ("customers", "subscriptions"):
            company.tables[name] = company.tables[name].iloc[:0]
    return company


@pytest.fixture(scope="module")
def company():
    return simulate_subscribers()


@pytest.fixture(scope="module")
def data(company):
    return build_subscriber_set(open_company(company), Settings(), company.parameters.ends_at)


def test_each_cutoff_tells_who_left_as_the_table_does(company, data):
    plans = company.tables["subscriptions"].set_index("customer_id")
    assert len(data.folds) >= 3
    for fold in data.folds:
        ended = plans.loc[fold.frame.index["customer_id"], "ended_at"]
        days = ((ended - fold.cutoff).dt.total_seconds() / 86_400).to_numpy()
        np.testing.assert_array_equal(fold.churned, (days < fold.window_days).astype(float))
        seen = days < fold.watched
        np.testing.assert_allclose(fold.ended_on[seen], days[seen], atol=1e-4)
        assert np.isnan(fold.ended_on[~seen]).all()


def test_no_watch_reaches_beyond_what_is_settled_by_as_of(data):
    for fold in data.folds:
        assert fold.matured.all()
        end = fold.cutoff + timedelta(days=float(fold.watched.max()))
        assert end + timedelta(days=30) <= data.plan.as_of
        assert fold.watched.max() <= 360


def test_a_model_for_a_cutoff_knows_nothing_from_it_on(data):
    *earlier, last = data.folds
    known = learn_hazard(earlier, last.cutoff, 0, TREES)
    blind = [replace(fold, ended_on=np.where(_until(fold, last), fold.ended_on, np.nan)) for fold in earlier]
    assert learn_hazard(blind, last.cutoff, 0, TREES).hazard.base == known.hazard.base


def _until(fold, last):
    return fold.ended_on < (last.cutoff - fold.cutoff).days


def test_the_last_cutoff_chooses_nothing(data):
    worse = replace(data.folds[-1], ended_on=np.ones(len(data.folds[-1])))
    assert choose_rounds(data.folds, TREES) == choose_rounds([*data.folds[:-1], worse], TREES)
    assert choose_rounds(data.folds[:2], TREES) == 0


def test_survivors_are_counted_as_kaplan_and_meier_do(data):
    fold = data.folds[0]
    assert fold.survived(60.0) == pytest.approx(1 - np.mean(fold.ended_on < 60))
    half = replace(fold, watched=np.where(np.arange(len(fold)) % 2, 45.0, fold.watched))
    assert half.survived(60.0) == pytest.approx(fold.survived(60.0), abs=0.05)
    assert fold.survived(1_000.0) is None


def test_who_was_contacted_in_the_window_is_not_judged_and_watched_until_then(data):
    fold = replace(data.folds[0], watched=np.full(len(data.folds[0]), 20.0))
    assert not fold.matured.any()
    assert len(fold.periods()) == 0


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "better"), (2.5, "worse")])
def test_the_verdict_compares_with_one_rate_for_all_by_its_paired_error(data, shift, verdict):
    ahead = score_ahead(data.folds, 0, TREES)
    last = ahead.folds[-1]
    sure = np.where(last.churned > 0, 4.0, -4.0) if verdict == "better" else ahead.raws[-1] + shift
    report = write_subscription_report(data.folds, replace(ahead, raws=(*ahead.raws[:-1], sure)), False)
    assert report.verdict == verdict
    assert report.customers == len(last)
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["verdict"] == verdict


def test_a_hazard_that_loses_is_replaced_by_the_rate_it_lost_to(company, monkeypatch):
    import training.subscribers as module

    genuine = module.write_subscription_report
    monkeypatch.setattr(
        module, "write_subscription_report", lambda *given: replace(genuine(*given), verdict="worse")
    )
    found = fit_subscribers(open_company(company), Settings(), company.parameters.ends_at)
    assert (found.family, found.passed, found.model.hazard.rounds) == ("naive_constant", False, 0)
    assert "that rate is served" in found.reasons[0]
    curves = found.model.predict(found.data.present).retention.survival(90.0)
    assert curves.std() == pytest.approx(0.0, abs=1e-12)


def test_a_company_too_young_for_a_cutoff_has_one_rate_from_its_log():
    company = simulate_subscribers(customers=60, days=70, hazard=0.3)
    found = fit_subscribers(open_company(company), Settings(), company.parameters.ends_at)
    assert found.data.plan.cutoffs == ()
    assert found.family == "naive_constant"
    assert not found.model.range_proven
    assert not found.passed
    assert "one rate from" in found.remarks[-1]
    hazard = 1 / (1 + np.exp(-found.model.hazard.base.pooled))
    rows = found.data.exposed_days / 30
    assert hazard == pytest.approx((found.data.endings + 2) / (rows + 50))


def test_without_subscriptions_there_is_no_such_part(company):
    tables = {**company.tables, "subscriptions": company.tables["subscriptions"].iloc[:0]}
    none = replace(company, tables=tables)
    assert build_subscriber_set(open_company(none), Settings(), company.parameters.ends_at) is None


def test_equal_facts_give_equal_bytes_on_one_thread_or_two(company, data):
    again = build_subscriber_set(open_company(company, threads=2), Settings(), company.parameters.ends_at)
    assert again.digest() == data.digest()
    learned = [learn_hazard(each.folds, each.plan.as_of, 5, TREES) for each in (data, again)]
    assert learned[0].hazard.to_text() == learned[1].hazard.to_text()
    assert learned[0].hazard.base == learned[1].hazard.base


@pytest.fixture(scope="module")
def alone(company, tmp_path_factory):
    """A workspace of subscribers alone, trained and scored."""
    workspace = load_company(company, tmp_path_factory.mktemp("alone") / "club")
    outcome = train(workspace, company.parameters.ends_at, NOW, "testkit")
    return workspace, outcome, score_everyone(workspace, company.parameters.ends_at, NOW)


def test_subscribers_alone_are_trained_saved_verified_loaded_and_scored(alone, company):
    workspace, outcome, generation = alone
    assert isinstance(outcome.found, SubscribersOnly)
    assert outcome.promoted
    manifest = load_manifest(workspace.models / "1")
    assert manifest["features"] == []
    assert set(manifest["files"]) == {"hazard.lgb.txt", "hazard.json"}
    assert manifest["members"][0]["role"] == "churn"
    model = load_model(workspace.models / "1")
    assert model.shop is None
    assert model.to_parts() == CompanyModel(subscription=outcome.found.subscribers.model).to_parts()
    plans = company.tables["subscriptions"]
    assert generation.scored == int(plans["ended_at"].isna().sum())
    assert generation.kinds == {"subscription": generation.scored}


def test_the_result_of_subscribers_alone_has_the_keys_of_the_design(alone):
    _, outcome, _ = alone
    result = outcome.to_dict(1.0)
    own = result["subscription"]
    assert result["population"]["scored"] == own["scored"] == result["customers"]
    assert {"customers", "base_rate", "churn", "naive", "clv", "retention"} <= set(own)
    assert [point["month"] for point in own["retention"]][:3] == [1, 2, 3]
    assert json.loads(json.dumps(result, allow_nan=False))["remarks"][0].startswith(
        "Nobody who buys by orders"
    )


def test_records_of_subscribers_obey_their_laws(alone):
    workspace, _, generation = alone
    store = open_store(workspace)
    try:
        records = list(store.records(generation, "en"))
        italian = list(store.records(generation, "it"))
    finally:
        store.close()
    proven = load_champion(workspace).subscription_proven
    for record, other in zip(records, italian, strict=True):
        p, clv, curve = record["churn_probability"], record["clv"], record["curve"]
        assert (record["kind"], record["p_alive"], record["net_clv"]) == ("subscription", None, None)
        assert clv["p10"] <= clv["p50"] <= clv["p90"]
        assert (clv["p50"] == 0) == (record["p_no_spend"] >= 0.5)
        mixed = (1 - p) * record["value_if_stays"] + p * record["value_if_leaves"]
        assert clv["mean"] == pytest.approx(mixed, abs=0.02 + 2e-6 * record["value_if_stays"])
        assert record["value_at_risk"] >= record["contact_value"] >= 0
        for name in ("churn_probability", "expected_purchases", "clv_mean"):
            assert [point[name] for point in curve] == sorted(point[name] for point in curve)
        assert curve[2]["churn_probability"] == pytest.approx(p, abs=1.1e-6)
        assert ("degraded" in record["flags"]) == (not proven)
        assert record["historic_value"] > 0
        assert all(reason["text"].endswith(".") for reason in record["reasons"] + other["reasons"])
