import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.voice import UNDETERMINED
from features.text.bank import LANGUAGES
from features.text.lexicon import LONGEST, Lexicon, load_lexicon, weigh_words
from features.text.spelling import split_words

SMALL = Lexicon({"good": 1, "no": 0, "waste of time": -1}, {"terribl": -1})
WORDS = st.lists(st.sampled_from(["good", "no", "terribly", "waste", "of", "time", "the"]), max_size=12)


def weigh(text):
    return SMALL.weigh(text.split(), {})


def test_a_tone_is_the_sum_of_the_words_over_the_root_of_their_number():
    assert weigh("the good the terrible good") == pytest.approx(1 / 3**0.5)
    assert weigh("the was") == 0
    assert weigh("") == 0


def test_an_expression_counts_once_and_not_by_its_words():
    assert weigh("waste of time") == -1
    assert weigh("waste of the time") == 0


def test_a_denial_turns_round_the_next_three_words_alone():
    assert weigh("no good") == -1
    assert weigh("no the was good") == -1
    assert weigh("no the was the good") == 1


@pytest.mark.parametrize(
    ("text", "language", "tone"),
    [
        ("Che meraviglia!", "it", 1),
        ("non è una meraviglia", "it", -1),
        ("I don't recommend it", "en", -1),
        ("schrecklich", "de", -1),
        ("schrecklich", "und", -1),
        ("schrecklich", "nl", 0),
    ],
)
def test_words_are_looked_up_in_the_language_of_the_text(text, language, tone):
    assert weigh_words([text], [language]).tolist() == [tone]


def test_what_two_languages_take_differently_tells_nothing_where_the_language_is_unknown():
    agreed = load_lexicon(UNDETERMINED)
    spoken = [load_lexicon(language) for language in LANGUAGES]
    for kind in ("whole", "beginnings"):
        for entry, tone in getattr(agreed, kind).items():
            assert {getattr(each, kind)[entry] for each in spoken if entry in getattr(each, kind)} == {tone}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_can_be_met(language):
    lexicon = load_lexicon(language)
    for entry in [*lexicon.whole, *lexicon.beginnings]:
        assert split_words(entry) == entry.split(" ")
        assert len(entry.split()) <= LONGEST
    assert all(len(beginning) >= 4 for beginning in lexicon.beginnings)
    assert not set(lexicon.whole) & set(lexicon.beginnings)
    assert all(re.fullmatch("[a-z0-9 ]+", entry) for entry in [*lexicon.whole, *lexicon.beginnings])


@given(WORDS)
def test_a_tone_follows_from_its_own_words_and_stays_within_their_root(words):
    met = {}
    SMALL.weigh(["good", "terribly", *words], met)
    tone = SMALL.weigh(words, met)
    assert tone == SMALL.weigh(words, {})
    assert abs(tone) <= len(words) ** 0.5


@given(st.lists(st.sampled_from(["Che bello!", "pessimo", "non male", "grazie mille", ""]), max_size=6))
def test_a_text_weighs_the_same_whatever_stands_beside_it(texts):
    together = weigh_words(texts, ["it"] * len(texts))
    assert together.tolist() == [weigh_words([text], ["it"])[0] for text in texts]
