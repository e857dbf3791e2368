"""Sentences of simulated customers: English and Italian, by topic and mood."""

import tomllib
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

Bank = dict[tuple[str, str, str], tuple[str, ...]]


@cache
def load_comments() -> Bank:
    """Return the sentences by (topic, mood, language); moods are good and bad, languages en and it.

    Examples:
        >>> load_comments()["price", "good", "it"][0]
        'Ottimo rapporto qualità-prezzo.'
    """
    text = files("features.synthetic").joinpath("comments.toml").read_text(encoding="utf-8")
    return {
        (topic, mood, language): tuple(pair[place] for pair in pairs)
        for topic, moods in tomllib.loads(text).items()
        for mood, pairs in moods.items()
        for place, language in enumerate(("en", "it"))
    }


def find_topics() -> tuple[str, ...]:
    """Return the topics of the bank, in its order."""
    return tuple(dict.fromkeys(topic for topic, _, _ in load_comments()))


def draw_comments(
    topic: NDArray[np.object_],
    good: NDArray[np.bool_],
    language: NDArray[np.object_],
    random: np.random.Generator,
) -> NDArray[np.object_]:
    """Return one sentence per entry, of its topic, mood and language."""
    bank = load_comments()
    picks = random.random(len(topic))
    texts = []
    for name, is_good, spoken, pick in zip(topic, good, language, picks, strict=True):
        sentences = bank[name, "good" if is_good else "bad", spoken]
        texts.append(sentences[int(pick * len(sentences))])
    return np.array(texts, dtype=object)
