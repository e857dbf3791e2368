"""Both languages say the same things with the same placeholders, and everything said is used."""

import re
from pathlib import Path
from string import Formatter

import pytest

import serving.desk
from contracts.scores import FLAGS, LANGUAGES, SEGMENTS
from serving.desk.words import SHARED, load_words

FOLDER = Path(serving.desk.__file__).parent
SOURCES = [*FOLDER.glob("*.py"), *FOLDER.glob("templates/*.html")]
CODE = "\n".join(file.read_text(encoding="utf-8") for file in SOURCES)
# Keys put together from a code: the part before it.
BUILT = (
    "kinds.",
    "bands.",
    "segments.",
    "flags.",
    "families.",
    "strengths.",
    "order.",
    "column.",
    "state.",
    "help.",
)
BUILT += (
    "kinds.",
    "excluded.",
    "csv.",
    "row.",
    "enter.",
    "error.",
    "unscored.",
    "customer.basis_",
    "notes.",
    "not_scored.",
)


def placeholders(text):
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name})


def own_keys():
    return [key for key in load_words("en").messages if key.partition(".")[0] not in SHARED]


def test_both_languages_have_the_same_keys():
    assert set(load_words("en").messages) == set(load_words("it").messages)


@pytest.mark.parametrize("key", own_keys())
def test_a_text_has_the_same_placeholders_in_both_languages(key):
    english, italian = (load_words(language).messages[key] for language in ("en", "it"))
    assert placeholders(english) == placeholders(italian)
    assert english.strip()
    assert italian.strip()


def test_every_key_a_template_asks_for_exists():
    asked = set(re.findall(r"""\bt(?:\.count|\.marked)?\(\s*["']([a-z_]+\.[a-z_0-9.]+)["']\s*[,)]""", CODE))
    known = set(load_words("en").messages)
    assert {key for key in asked if key not in known and f"{key}.other" not in known} == set()


def test_no_text_is_left_that_nothing_says():
    unused = [key for key in own_keys() if not key.startswith(BUILT)]
    stems = {key: key.removesuffix(".one").removesuffix(".other") for key in unused}
    assert [key for key, stem in stems.items() if f'"{stem}"' not in CODE and f"'{stem}'" not in CODE] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_of_the_contract_has_words(language):
    words = load_words(language).messages
    codes = [f"flags.{flag}" for flag in FLAGS] + [f"segments.{segment}" for segment in SEGMENTS]
    assert [code for code in codes if code not in words] == []


def test_values_in_marked_texts_are_escaped():
    said = load_words("en").marked("error.unknown", id="<script>alert(1)</script>")
    assert "<script>" not in said
    assert "<strong>&lt;script&gt;" in said


def test_a_plural_that_italian_alone_knows_is_said_with_the_other_form():
    assert load_words("it").count("list.customers", 1_000_000) == "1.000.000 clienti"
