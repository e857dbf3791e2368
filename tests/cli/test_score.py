"""``fedele score`` scores everyone, writes the file asked for, and refuses what it must in one line."""

import json

import pyarrow.parquet as pq
import pytest

from contracts.scores import FIELDS
from features.store.lock import hold_lock
from testkit.workspaces import find_shop

pytestmark = pytest.mark.xdist_group("shop")


def test_a_run_prints_one_object_and_writes_one_row_per_scored_customer(fedele, shop):
    said = fedele("score", "--out", "scores.parquet", "--lang", "it", "--json")
    assert said.status == 0
    assert len(said.out.splitlines()) == 1
    found = json.loads(said.out)
    assert set(found) >= {"generation", "as_of", "scored", "not_scored", "model_version", "seconds"}
    expected = find_shop().generation
    assert (found["generation"], found["as_of"]) == (expected.generation, "2025-05-15T00:00:00Z")
    assert (found["scored"], found["not_scored"]) == (expected.scored, sum(expected.not_scored.values()))
    rows = pq.read_table(shop.root / "scores.parquet").to_pylist()
    assert len(rows) == found["scored"]
    assert {"clv_mean", "clv_p10", "churn_range_low"} | set(FIELDS) - {
        "clv",
        "churn_range",
        "satisfaction",
    } <= set(rows[0])
    reason = json.loads(rows[0]["reasons"])[0]["text"]
    assert any(word in reason for word in (" di ", " ordin", " giorn", " il ", " la ", " in "))
    assert "Scored customers" in said.err
    assert "Traceback" not in said.err


def test_a_person_reads_the_counts_and_the_next_step(fedele, shop, monkeypatch):
    monkeypatch.setattr("serving.batch.score_everyone", lambda *given, **options: find_shop().generation)
    lines = fedele("score").out.splitlines()
    assert lines[0].startswith(f"Generation {find_shop().generation.generation}: ")
    assert "no_first_order" in lines[0]
    assert lines[-1] == "Next: fedele serve"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--as-of", "2025-01-01"), "learned from facts until 2025-05-15T00:00:00Z"),
        (("--as-of", "yesterday"), "'yesterday' is no date"),
        (("--out", "scores.xlsx"), "ends neither in .parquet nor in .csv"),
        (("--out", "nowhere/scores.csv"), "There is no folder nowhere"),
    ],
)
def test_what_cannot_be_is_one_line_on_the_error_stream(fedele, shop, words, line):
    said = fedele("score", *words, "--json")
    assert (said.status, said.out) == (1, "")
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("fedele: ")
    assert line in said.err


def test_an_unknown_language_is_bad_usage(fedele, shop):
    said = fedele("score", "--lang", "fr")
    assert said.status == 2
    assert "'fr' is neither en nor it" in said.err


def test_nothing_is_scored_while_another_command_writes(fedele, shop):
    with hold_lock(shop.lock, "fedele train"):
        said = fedele("score")
    assert said.status == 1
    assert "fedele train" in said.err
