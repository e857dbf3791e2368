import pytest

from features.text.bank import load_prototypes
from features.text.language import LANGUAGES, find_languages


@pytest.mark.parametrize(
    "text", ["", "ok", "👍👍", "12345 67", "[phone]", "@anna #sale https://example.org/page"]
)
def test_what_is_too_short_or_no_words_is_undetermined(text):
    assert find_languages([text]) == ["und"]


def test_a_text_half_in_one_language_and_half_in_another_is_undetermined():
    english, italian = (
        "The delivery was late again and nobody told me",
        "la consegna era di nuovo in ritardo e nessuno mi ha avvisato",
    )
    assert find_languages([english, italian, f"{english}, {italian}"]) == ["en", "it", "und"]


def test_of_the_prototypes_that_are_long_enough_hardly_one_is_mistaken():
    chosen = [each for each in load_prototypes() if len(each.text) >= 40][::9]
    found = find_languages([each.text for each in chosen])
    wrong = [code for code, each in zip(found, chosen, strict=True) if code not in (each.language, "und")]
    assert len(wrong) <= 0.01 * len(chosen)
    assert found.count("und") <= 0.1 * len(chosen)


def test_links_names_and_masks_say_nothing_of_the_language():
    bare = "Il pacco è arrivato in ritardo"
    assert find_languages([bare, f"@support https://example.com/the/best {bare} [email]"]) == ["it", "it"]


def test_the_six_languages_of_the_prototypes_are_among_those_looked_for():
    assert {each.language for each in load_prototypes()} <= set(LANGUAGES)
