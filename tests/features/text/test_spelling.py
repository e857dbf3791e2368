import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.text.spelling import Spelling, fit_spelling, join
from features.text.teaching import LETTERS, describe_letters, read_shipped
from testkit.reading import find_reader

ROWS = (
    ("the invoice is wrong", "la fattura è sbagliata", "money"),
    ("invoices and payments", "fatture e pagamenti", "money"),
    ("paid twice by card", "pagato due volte con la carta", "money"),
    ("the parcel is late", "il pacco è in ritardo", "post"),
    ("two parcels, one courier", "due pacchi, un corriere", "post"),
    ("couriers come late", "i corrieri arrivano in ritardo", "post"),
)
SHARES = st.lists(st.floats(0.01, 1), min_size=3, max_size=3)


@pytest.fixture(scope="module")
def taught():
    texts = [text for row in ROWS for text in row[:2]]
    labels = [row[2] for row in ROWS for _ in range(2)]
    return fit_spelling(texts, labels, np.repeat(np.arange(len(ROWS)), 2))


def test_a_beginning_it_has_met_tells_the_class_in_each_language(taught):
    read = taught.read(["an INVOICE!", "Fatturazione", "corriere", "parcelling"])
    assert [taught.classes[each] for each in read.argmax(axis=1)] == ["money", "money", "post", "post"]


def test_a_text_without_a_word_that_it_has_met_says_nothing(taught):
    assert (taught.read(["", "xyz 123", "[email] [card]", "早上好"]) == 0).all()
    assert taught.read([]).shape == (0, 2)


def test_accents_and_capitals_change_nothing(taught):
    plain, loud = taught.read(["la fattura e sbagliata", "LA FATTURA È SBAGLIATA"])
    assert np.array_equal(plain, loud)


@given(st.lists(st.sampled_from([text for row in ROWS for text in row[:2]]), min_size=1, max_size=8))
def test_a_text_reads_the_same_whatever_stands_beside_it(taught, texts):
    together = taught.read(texts)
    assert all(np.array_equal(together[place], taught.read([text])[0]) for place, text in enumerate(texts))


def test_weights_told_as_plain_data_read_the_same(taught):
    texts = [row[0] for row in ROWS]
    assert np.array_equal(Spelling.from_dict(taught.to_dict()).read(texts), taught.read(texts))


@given(SHARES, SHARES)
def test_joined_probabilities_add_up_and_follow_the_letters(shares, odds):
    before = np.array([shares]) / sum(shares)
    after = join(before, np.array([odds]))
    assert after.sum() == pytest.approx(1)
    assert join(before, np.zeros((1, 3))).argmax() == before.argmax()
    likeliest = int(np.argmax(odds))
    assert after[0, likeliest] >= join(before, np.zeros((1, 3)))[0, likeliest] - 1e-12


def test_the_letters_of_the_package_are_of_these_prototypes_and_topics():
    assert read_shipped(LETTERS)["made_of"] == describe_letters(), (
        "Run `python -m testkit.refit letters` with tests/kit on the path."
    )
    reader = find_reader()
    assert reader.spelling.classes == reader.heads.classes["topic"].classes
