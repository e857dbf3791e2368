"""The page in both languages: whole, self-contained, its map with a twin in words."""

import re
from importlib.resources import files
from string import Formatter

import pytest

from contracts.scores import LANGUAGES
from contracts.voice import TOPICS
from training.drivers.page.rendering import render_page
from training.drivers.page.sayings import summarise
from training.drivers.page.words import load_words, read_document
from training.page.rendering import POLICY

CODE = "\n".join(
    file.read_text(encoding="utf-8")
    for file in files("training.drivers.page").iterdir()
    if file.name.endswith((".py", ".html"))
)
BUILT = ("verdict.", "mood.", "topics.", "owners.", "stages.", "kind.", "band.", "fact.", "head.")
BUILT += ("touchpoints_part.", "owners_part.", "stages_part.")


def placeholders(text):
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name})


def empty(document):
    lists = {name: [] for name, value in document.items() if isinstance(value, list)}
    return document | lists | {"omnichannel": None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_whole_and_asks_nobody_for_anything(document, language):
    for each in (document, empty(document)):
        page = render_page(each, language)
        assert f'<html lang="{language}">' in page
        assert page.count("<h1") == 1
        assert page.rstrip().endswith("</html>")
        assert POLICY.replace("'", "&#39;") in page
        assert not re.search(r'(src|href)="(?!#|data:,)', page)
        assert "<script" not in page
        assert "None" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).replace("None that", "")


def test_the_map_says_each_circle_in_words_and_again_in_a_table(document):
    page = render_page(document, "en")
    svg = re.search(r'<svg class="map".*?</svg>', page, re.DOTALL).group()
    assert svg.count("<title") == len(document["map"]) + 1
    assert "<desc" in svg
    assert 'aria-labelledby="map-name map-words"' in svg
    signs = re.findall(r'<text class="sign[^>]*>(.)</text>', svg)
    assert len(signs) == len(document["map"])
    assert set(signs) <= {"+", "−", "="}


def test_more_texts_make_a_larger_circle(document):
    page = render_page(document, "en")
    circle = r'<circle class="mood-\w+" cx="[\d.]+" cy="[\d.]+" r="([\d.]+)"/>'
    radii = [float(each) for each in re.findall(f'{circle}<(?:circle class="ring|text class="sign)', page)]
    assert max(radii) == 21.0
    assert min(radii) >= 5.0


def test_quotes_carry_the_language_they_are_written_in(document):
    page = render_page(document, "en")
    assert '<span lang="it">' in page
    assert '<span lang="en">' in page


def test_an_association_is_never_called_a_price_or_a_cause(document):
    for language, words in (("en", ("is worth", "because")), ("it", ("vale ", "perché", "a causa"))):
        page = render_page(document, language)
        text = re.sub(r"<style>.*?</style>|<[^>]+>|<blockquote.*?</blockquote>", " ", page, flags=re.DOTALL)
        said = "\n".join(load_words(language).messages.values())
        assert [word for word in words if word in said.replace("vale {texts}", "")] == [], language
        assert text


def test_the_summary_names_pains_and_pleasures_in_both_languages(document):
    money = {"value": -9.0, "low": -12.0, "high": -6.0}
    pain = {
        "source": "moment",
        "name": "checkout.failed",
        "feels": "pain",
        "matter": "matters",
        "money": money,
    }
    judged = document | {"verdicts": [pain]}
    english, italian = (summarise(read_document(judged, language)) for language in LANGUAGES)
    assert english[0].startswith("As of 30 Jan 2026")
    assert english[1:3] == (
        "Pains that matter:",
        (
            "  checkout.failed: −€9.00 (−€12.00 to −€6.00) per event in the next 90 days, compared with "
            "checkout.succeeded on the same occasion."
        ),
    )
    assert italian[1] == "Fastidi che contano:"
    assert len(english) == len(italian)


def test_a_number_has_a_typographic_sign_and_what_rounds_to_nought_none(document):
    reading = read_document(document, "it")
    assert [reading.number(value, 2) for value in (-0.034, 0.2, -0.004, 0.0)] == [
        "−0,03",
        "+0,20",
        "0,00",
        "0,00",
    ]


def test_both_languages_have_the_same_keys_and_placeholders():
    english, italian = (load_words(language).messages for language in LANGUAGES)
    assert set(english) == set(italian)
    assert [key for key in english if placeholders(english[key]) != placeholders(italian[key])] == []


def test_no_text_is_left_that_nothing_says():
    stems = {key: key.removesuffix(".one").removesuffix(".other") for key in load_words("en").messages}
    assert [key for key, stem in stems.items() if not key.startswith(BUILT) and stem not in CODE] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_topic_has_a_word(language):
    assert {f"topics.{name}" for name in TOPICS} <= set(load_words(language).messages)
