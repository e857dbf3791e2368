"""The same comment in two languages reads the same: 132 English and Italian pairs, and three more languages.

The sentences were written and committed before any prototype, and whoever wrote prototypes saw only figures,
never a sentence. The first score is noted beside the last; its whole list is in docs/decisions/0014-voice.md.
How topics are told was chosen on other pairs, the development pairs, noted at the end.
"""

import tomllib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from features.text.bank import load_prototypes
from features.text.reader import Reader
from features.text.teaching import fit_heads, fit_letters
from testkit.claims.figure import Figure, Scale, noted
from testkit.reading import find_reader
from testkit.tree import ROOT

SENTENCES = ROOT / "tests" / "kit" / "testkit" / "sentences.toml"
DEVELOPMENT = SENTENCES.with_name("development_pairs.toml")
SAME = 0.9
"""The bar for the same topic in both languages."""

OTHERS = ("es", "fr", "de")
FIRST = {"same": 0.8333, "gap": 0.1840, "en": 0.7955, "it": 0.7424}


def measure(scale: Scale) -> list[Figure]:
    """Return agreement between languages and accuracy in each; in full also the heads fitted anew."""
    reader = find_reader()
    sentences = tomllib.loads(SENTENCES.read_text(encoding="utf-8"))
    figures = _compare_pairs(reader, sentences["pair"])
    english = next(each.value for each in figures if each.name == "topic right, en")
    for language in OTHERS:
        chosen = [each for each in sentences["sentence"] if each["language"] == language]
        right = _accuracy(reader.read([each["text"] for each in chosen]), chosen)
        figures.append(noted(f"topic right, {language}", right))
        figures.append(
            Figure(f"topic right in {language} as a share of English", right / english, 0.8, "at least")
        )
    return [*figures, *([_compare_heads(reader), *_note_development(reader)] if scale.thorough else [])]


def _compare_pairs(reader: Reader, pairs: list[dict[str, Any]]) -> list[Figure]:
    english, italian = _read_both(reader, pairs)
    apart = (italian["sentiment"] - english["sentiment"]).to_numpy()
    moods = np.array([pair["sentiment"] for pair in pairs])
    return [
        Figure("English and Italian pairs", len(pairs), 120, "at least"),
        noted("first score: same topic in both languages", FIRST["same"]),
        Figure(
            "same topic in both languages",
            _agreement(english, italian),
            SAME,
            "at least",
        ),
        Figure("difference of the two mean sentiments", abs(float(apart.mean())), 0.1, "at most"),
        noted("first score: mean absolute difference of sentiment", FIRST["gap"]),
        noted("mean absolute difference of sentiment, pair by pair", float(np.abs(apart).mean())),
        noted("first score: topic right, en", FIRST["en"]),
        noted("topic right, en", _accuracy(english, pairs)),
        noted("first score: topic right, it", FIRST["it"]),
        noted("topic right, it", _accuracy(italian, pairs)),
        *(
            noted(
                f"mean sentiment of {mood} sentences, {code}", float(read["sentiment"][moods == mood].mean())
            )
            for mood in ("good", "neutral", "bad")
            for code, read in (("en", english), ("it", italian))
        ),
    ]


def _read_both(reader: Reader, pairs: list[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return reader.read([pair["en"] for pair in pairs]), reader.read([pair["it"] for pair in pairs])


def _agreement(english: pd.DataFrame, italian: pd.DataFrame) -> float:
    return float((english["topic"] == italian["topic"]).mean())


def _accuracy(read: pd.DataFrame, labelled: list[dict[str, Any]]) -> float:
    return float(np.mean(read["topic"].to_numpy() == np.array([each["topic"] for each in labelled])))


def _note_development(reader: Reader) -> Iterator[Figure]:
    for written, pairs in tomllib.loads(DEVELOPMENT.read_text(encoding="utf-8")).items():
        english, italian = _read_both(reader, pairs)
        said = f"{len(pairs)} development pairs ({written})"
        yield noted(f"{said}: same topic in both languages", _agreement(english, italian))
        for code, read in (("en", english), ("it", italian)):
            yield noted(f"{said}: topic right, {code}", _accuracy(read, pairs))


def _compare_heads(reader: Reader) -> Figure:
    """Return how far the heads of the package are from heads fitted here on the same prototypes."""
    texts = [each.text for each in load_prototypes()]
    vectors = reader.embedder.embed(texts).astype("<f2").astype(float)
    fitted, shipped = fit_heads(vectors), reader.heads
    gaps = [np.abs(np.tanh(fitted.mood.read(vectors)) - np.tanh(shipped.mood.read(vectors))).max()]
    gaps += [
        np.abs(head.read(vectors) - shipped.classes[name].read(vectors)).max()
        for name, head in fitted.classes.items()
    ]
    gaps.append(np.abs(fit_letters().read(texts) - reader.spelling.read(texts)).max())
    return Figure("largest difference of a head shipped and fitted anew", float(max(gaps)), 0.001, "at most")
