"""The report of a training as one document: the keys of its contract, plain values, nobody's name."""

import json

import pytest

from testkit.workspaces import find_shop
from training.documents import check_document, load_document
from training.forecasts import SERVED
from training.report_document import build_document

pytestmark = pytest.mark.xdist_group("shop")

KEYS = {
    "model_version", "as_of", "data_digest", "currency", "horizon_days", "clv_horizon_days", "window_days",
    "annual_discount_rate", "seed", "population", "remarks", "gate", "looks", "served", "cutoffs", "families",
    "everyone", "errors", "differences", "segments", "headline", "reliability", "gains", "deciles",
    "coverage", "pit", "monthly", "level_spread", "history", "weights",
}  # fmt: skip


@pytest.fixture(scope="module")
def shop():
    return find_shop()


@pytest.fixture(scope="module")
def document(shop):
    history = load_document(shop.workspace, "1")["history"]
    return build_document(shop.training, "7", history, 3)


def test_the_document_has_every_key_of_its_contract(document):
    assert set(document) >= KEYS
    assert (document["model_version"], document["looks"]) == ("7", 3)
    check_document({"schema_version": 1, **document}, "7")


def test_nobody_counted_means_no_word_of_looks(shop):
    assert "looks" not in build_document(shop.training, "7", [], None)


def test_every_value_is_plain_and_every_number_finite(document):
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_no_customer_is_named_in_it(document, shop):
    text = json.dumps(document)
    assert not [name for name in shop.company.tables["customers"]["customer_id"] if name in text]


def test_equal_trainings_give_equal_documents_and_no_clock_is_in_them(document, shop):
    again = build_document(shop.training, "7", document["history"], 3)
    assert json.dumps(again) == json.dumps(document)
    assert "2026-06-01" not in json.dumps(document)


def test_what_training_saved_is_its_document_under_its_version(document, shop):
    saved = load_document(shop.workspace, "1")
    own = {name: value for name, value in saved.items() if name in KEYS - {"model_version", "looks"}}
    assert own == {name: document[name] for name in own}


def test_the_served_family_is_measured_in_every_part(document, shop):
    for part in ("families", "everyone", "errors"):
        assert SERVED in document[part]
    assert all(SERVED in segment["families"] for segment in document["segments"].values())
    assert document["served"] == shop.training.served
    last = shop.training.race.lane.folds[-1]
    assert document["cutoffs"][-1]["role"] == "report"
    assert document["cutoffs"][-1]["customers"] == last.judged.sum()
    assert sum(document["pit"]) == pytest.approx(1.0, abs=1e-8)
    assert document["population"]["scored"] == len(shop.training.training_set.present)
