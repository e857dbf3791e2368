"""Both languages say the same things with the same placeholders, and everything said is used."""

import re
from importlib.resources import files
from string import Formatter

import pytest

from contracts.scores import LANGUAGES, SEGMENTS
from training.figures import FAMILIES, NAIVE, PARTS
from training.manifest import FAMILIES as IN_BUNDLES
from training.page.words import SHARED, load_words

CODE = "\n".join(
    file.read_text(encoding="utf-8")
    for file in files("training.page").iterdir()
    if file.name.endswith((".py", ".html"))
)
# Keys put together from a code: the part before it.
BUILT = ("better.", "family.", "plainly.", "metric.", "cutoffs.", "differences.", "coverage.", "history.")
BUILT += ("money.", "hits.", "gains.", "terms.", "subscriptions.", "families_part.")


def placeholders(text):
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name})


def own_keys():
    return [key for key in load_words("en").messages if key.partition(".")[0] not in SHARED]


def test_both_languages_of_the_page_have_the_same_keys():
    assert set(load_words("en").messages) == set(load_words("it").messages)


@pytest.mark.parametrize("key", own_keys())
def test_a_text_of_the_page_has_the_same_placeholders_in_both_languages(key):
    english, italian = (load_words(language).messages[key] for language in LANGUAGES)
    assert placeholders(english) == placeholders(italian)
    assert english.strip()
    assert italian.strip()


def test_no_text_of_the_page_is_left_that_nothing_says():
    stems = {key: key.removesuffix(".one").removesuffix(".other") for key in own_keys()}
    unused = [key for key, stem in stems.items() if not key.startswith(BUILT) and stem not in CODE]
    last_words = [key for key in stems if key.startswith(BUILT) and stems[key].partition(".")[2] not in CODE]
    coded = {*FAMILIES, *(metric for metrics in PARTS.values() for metric in metrics), "fit", "choice"}
    verdicts = {"better", "tie", "worse", "lower", "higher", "zero", "eighty", "neither"}
    coded |= {"everyone_churn", "everyone_clv", "discounted_mean"}
    unspoken = [key for key in last_words if key.partition(".")[2] not in coded | verdicts]
    assert (unused, unspoken) == ([], [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_family_metric_and_segment_has_words(language):
    words = load_words(language).messages
    keys = [f"family.{name}" for name in FAMILIES]
    keys += [f"plainly.{name}" for name in FAMILIES if name != "served"]
    keys += [f"metric.{metric}" for metrics in PARTS.values() for metric in metrics]
    keys += [f"better.{better}" for metrics in PARTS.values() for better in metrics.values()]
    keys += [f"segments.{name}" for name in SEGMENTS]
    assert [key for key in keys if key not in words] == []


def test_every_family_that_a_bundle_may_name_is_known_to_the_page():
    assert set(IN_BUNDLES) <= set(FAMILIES)
    assert set(NAIVE) <= set(FAMILIES)


def test_percent_signs_stand_as_each_language_writes_them():
    english = [load_words("en").messages[key] for key in own_keys()]
    assert [text for text in english if re.search(r"\d %", text)] == []
    italian = [load_words("it").messages[key] for key in own_keys()]
    assert [text for text in italian if re.search(r"\d%", text)] == []
