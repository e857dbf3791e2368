"""Everybody scored has a satisfaction: an own recent answer or an estimate, whose mean is the base NPS."""

from dataclasses import replace

import numpy as np
import pytest

from contracts.errors import BundleRefused
from serving.everyone import read_everyone
from serving.satisfaction import describe_satisfaction
from serving.store.generations import open_store
from testkit.workspaces import find_shop
from training.bundle import load_model, read_champion
from training.models.company_model import CompanyModel

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture(scope="module")
def shop():
    return find_shop()


@pytest.fixture(scope="module")
def records(shop):
    store = open_store(shop.workspace)
    try:
        return {each["customer_id"]: each for each in store.records(store.current(), "en")}
    finally:
        store.close()


@pytest.fixture(scope="module")
def recent(shop):
    """Return the bands of relational answers of the last 180 days, the latest of each customer."""
    said = shop.company.tables["feedback"]
    days = (shop.as_of - said["occurred_at"]).dt.total_seconds() / 86_400
    own = said[(said["kind"] == "nps_relational") & (days <= 180)].sort_values("occurred_at")
    return own.groupby("customer_id")["score"].last()


def test_every_record_of_both_kinds_has_probabilities_that_sum_to_one(records):
    kinds = {record["kind"] for record in records.values()}
    assert kinds == {"shop", "subscription"}
    for record in records.values():
        found = record["satisfaction"]
        total = found["detractor"] + found["passive"] + found["promoter"]
        assert total == pytest.approx(1.0, abs=2e-6)


def test_an_answer_about_the_relationship_is_what_the_record_says(records, recent):
    assert len(recent) > 20
    for customer, score in recent.items():
        if customer in records:
            found = records[customer]["satisfaction"]
            name = "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"
            assert found["observed"]
            assert found[name] == 1.0


def test_who_did_not_answer_is_estimated_and_marked_so(records):
    estimated = [each["satisfaction"] for each in records.values() if not each["satisfaction"]["observed"]]
    assert estimated
    assert all(0 < each["promoter"] < 1 for each in estimated)


def test_the_base_figure_of_the_report_is_the_mean_of_the_records(shop, records):
    shares = [each["satisfaction"] for each in records.values()]
    mean = 100 * np.mean([each["promoter"] - each["detractor"] for each in shares])
    printed = shop.outcome.to_dict(1.0)["satisfaction"]
    assert printed["customers"] == len(records)
    assert printed["answered"] == sum(each["observed"] for each in shares)
    assert printed["corrected"]["nps"] == pytest.approx(mean, abs=0.02)
    assert printed["lots"] is None


def test_the_bundle_gives_back_the_model_that_was_trained(shop):
    loaded = load_model(read_champion(shop.workspace)[1]).satisfaction
    assert loaded.to_dict() == shop.training.satisfied.model.to_dict()


def test_a_model_without_satisfaction_says_nothing_of_it(shop):
    bare = CompanyModel(shop.training.model)
    everyone = read_everyone(shop.workspace, bare, shop.as_of)
    assert everyone.answers is None
    assert describe_satisfaction(None, None, everyone.frame) is None


def test_a_bundle_whose_satisfaction_needs_more_than_its_model_knows_is_refused(shop):
    satisfied, model = shop.training.satisfied.model, shop.training.model
    needed = satisfied.features.names[0]
    fewer = replace(model.features, features=tuple(each for each in model.features if each.name != needed))
    with pytest.raises(BundleRefused, match=r"Satisfaction needs .*, not a feature of the shop model"):
        CompanyModel(replace(model, features=fewer), satisfaction=satisfied)
