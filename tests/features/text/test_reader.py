import numpy as np
import pandas as pd
import pytest

from contracts.voice import HEADS, READING
from features.text.bank import load_prototypes
from features.text.reader import Reader, open_reader
from testkit.reading import find_reader

GOOD = "Wonderful service, I am very happy and recommend you to everybody!"
BAD = "Terrible service, rude people, nothing works, a complete waste of money."
TEXTS = [GOOD, BAD, "", GOOD, "ok", None, "Il corriere ha perso il mio pacco, pessimo!"]


@pytest.fixture(scope="module")
def read():
    return find_reader().read(TEXTS)


class Letters:
    """An embedder of a test: how often each of eight letters occurs. It counts what it was asked."""

    name, version, dim = "letters", "1", 8

    def __init__(self):
        self.asked = []

    def embed(self, texts):
        self.asked += texts
        counts = np.array([[text.lower().count(letter) + 0.1 for letter in "aeiorstn"] for text in texts])
        counts = counts.reshape(-1, 8)
        return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


def test_one_row_per_text_in_order_with_the_columns_of_the_contract(read):
    assert list(read.columns) == ["text", *(each.name for each in READING), "masked"]
    assert read["text"].tolist() == ["" if text is None else text for text in TEXTS]
    for each in READING:
        if each.values:
            assert set(read[each.name]) <= set(each.values)
    assert read.iloc[0].drop("text").equals(read.iloc[3].drop("text"))


def test_praise_reads_good_complaint_reads_bad_and_nothing_reads_nothing(read):
    assert read["sentiment"][0] > 0.7
    assert read["sentiment"][1] < -0.7
    assert read["sentiment"][[2, 5]].isna().all()
    assert read.loc[2, [f"{head}_confidence" for head in HEADS]].tolist() == [0] * len(HEADS)
    assert read["language"].tolist() == ["en", "en", "und", "en", "und", "und", "it"]


def test_sentiment_and_confidences_stay_between_their_ends(read):
    assert read["sentiment"].dropna().between(-1, 1).all()
    assert all(read[f"{head}_confidence"].between(0, 1).all() for head in HEADS)


def test_a_reading_depends_on_its_own_text_alone(read):
    alone = pd.concat([find_reader().read([text]) for text in TEXTS[::-1]], ignore_index=True)[::-1]
    pd.testing.assert_frame_equal(alone.reset_index(drop=True), read)


def test_clear_cases_are_read_as_people_would():
    found = find_reader().read(
        [
            "I am cancelling my contract, you have lost me as a customer.",
            "This is urgent, please call me back immediately!",
            "The parcel was delivered two weeks late.",
            "I was so happy, it made me smile all day.",
            "Your competitor offers the same for less.",
            "Mi hanno addebitato la fattura due volte.",
        ]
    )
    assert found["leave_intent"][0] == "yes"
    assert found["urgency"][1] == "high"
    assert found["topic"].tolist()[2::3] == ["delivery", "billing"]
    assert found["emotion"][3] == "joy"
    assert found["rival"][4] == "unnamed"
    assert found["rival"].isna().tolist() == [True, True, True, True, False, True]


def test_a_rival_is_found_by_its_name_whatever_its_capitals_and_accents():
    reader = Reader(find_reader().embedder, rivals=("Télécom Due", "Acme"))
    found = reader.read(["I went to TELECOM-DUE, then to acme.", "Acmes are no Acme's", "macme"])
    assert found["rival"].tolist()[:2] == ["Télécom Due", "Acme"]
    assert found["rival_confidence"].tolist()[:2] == [1, 1]
    assert pd.isna(found["rival"][2])


def test_personal_data_reach_neither_the_model_nor_the_cache_nor_the_reading(tmp_path):
    embedder = Letters()
    reader = Reader(embedder, tmp_path)
    found = reader.read(["mail anna@example.org", "mail bert@example.org", "call +39 333 1234567"])
    assert found["masked"].tolist() == ["mail [email]", "mail [email]", "call [phone]"]
    assert not any("@" in text or "333" in text for text in embedder.asked)
    assert embedder.asked.count("mail [email]") == 1


def test_a_second_reading_asks_nothing_of_the_model_and_says_the_same(tmp_path):
    first, second = Letters(), Letters()
    texts = ["a sentence about a tale", "", "other", "long. " * 50]
    once = Reader(first, tmp_path).read(texts)
    again = Reader(second, tmp_path).read(texts)
    pd.testing.assert_frame_equal(once, again)
    pd.testing.assert_frame_equal(Reader(Letters()).read(texts), once)
    assert "other" in first.asked
    assert second.asked == []


def test_heads_of_a_model_of_ones_own_are_taught_by_the_prototypes():
    embedder = Letters()
    heads = Reader(embedder).heads
    assert set(heads.classes) == set(HEADS[1:])
    assert heads.mood.weights.shape == (8,)
    assert {each.text for each in load_prototypes()} == set(embedder.asked)


@pytest.mark.parametrize("kept_on_disk", [True, False])
def test_pruning_forgets_every_text_but_those_kept(tmp_path, kept_on_disk):
    embedder = Letters()
    reader = Reader(embedder, tmp_path if kept_on_disk else None)
    reader.read(["mine alone", "shared words", "hers. " * 60])
    before = len(embedder.asked)
    kept = [text for text in embedder.asked if text != "mine alone"]
    # The vector and the language of the text that only one wrote.
    assert reader.prune(["hers. " * 60, *kept]) == 2
    reader.read(["shared words", "hers. " * 60])
    assert len(embedder.asked) == before
    reader.prune([])
    reader.vectors(["shared words"])
    assert len(embedder.asked) == before + 1


def test_a_long_text_is_read_by_its_sentences():
    reader = find_reader()
    long = f"{GOOD} {GOOD} Your shop is large. I will cancel my subscription. {GOOD} {GOOD}"
    assert len(long) > 200
    found = reader.read([long, GOOD]).iloc[0]
    assert found["leave_intent"] == "yes"
    assert found["sentiment"] > 0.5
    assert np.linalg.norm(reader.vectors([long, ""]), axis=1) == pytest.approx([1, 0], abs=1e-6)


def test_a_smiley_moves_the_mood_its_own_way():
    good, plain, bad = find_reader().read(
        ["the parcel is here :)", "the parcel is here", "the parcel is here :("]
    )["sentiment"]
    assert good > plain > bad


def test_a_link_changes_nothing_and_says_nothing_by_itself():
    plain, linked, alone = (
        find_reader()
        .read(
            [
                "the parcel never came",
                "the parcel https://shop.example/awful?y=1 never came www.wonderful.example",
                "https://shop.example",
            ]
        )
        .drop(columns=["text", "masked"])
        .itertuples(index=False)
    )
    assert linked == plain
    assert np.isnan(alone.sentiment)


def test_progress_is_told_up_to_the_end():
    told = []
    Reader(Letters()).vectors(
        [f"text {place}" for place in range(2050)], lambda done, total: told.append((done, total))
    )
    assert told == [(2048, 2050), (2050, 2050)]


def test_no_text_at_all_gives_an_empty_reading_with_all_columns():
    read = open_reader().read([])
    assert len(read) == 0
    assert list(read.columns) == ["text", *(each.name for each in READING), "masked"]
