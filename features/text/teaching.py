"""Which prototypes teach which head, and the heads of an embedder: shipped or fitted here."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.voice import EMOTIONS, OTHER, TOPICS
from features.text.bank import Prototype, digest_prototypes, load_prototypes
from features.text.embedder import Embedder
from features.text.heads import ClassHead, Floats, MoodHead, fit_classes, fit_mood
from features.text.spelling import Spelling, fit_spelling

METHOD = 9
"""Counted up with every change of how heads are fitted: shipped ones of another method are not used."""

LETTERS = "letters"
"""The name under which the package holds what letters say."""

RARE = {OTHER: 0.6}
"""Most comments speak neither of effort nor of leaving nor of urgency."""

RIVALS = 0.0212
"""Share of comments about another company: a quarter of any other topic's."""

EXPECTED: dict[str, dict[str, float]] = {
    "topic": {**dict.fromkeys((*TOPICS, OTHER), (1 - RIVALS) / len(TOPICS)), "competition": RIVALS},
    "emotion": {},
    "effort": {"high": 0.2, "low": 0.2, **RARE},
    "leave_intent": {"yes": 0.2, "no": 0.2, **RARE},
    "urgency": {"high": 0.2, "low": 0.2, **RARE},
    "rival": {"yes": 0.2, OTHER: 0.8},
}
"""The heads with classes, and the share of each class where not all are equally likely."""

MOODS: dict[str, dict[str, float]] = {
    "good": {"good": 1, "bad": -1, "neutral": 0},
    "emotion": {"joy": 1, "trust": 1, "fear": -1, "anger": -1, "sadness": -1, "disgust": -1},
    "effort": {"high": -1, "low": 1},
    "leave_intent": {"yes": -0.8, "no": 0.8},
    "urgency": {"low": 0.1},
}
"""What a class tells of the mood, -1 to 1, by section; ``good`` stands for all sections parted by mood."""

UNCLEAR = {
    "effort": {"support", "returns", "contract", "website_or_app", "mood"},
    "leave_intent": {"contract", "competition", "rival", "mood", "urgency"},
    "urgency": {"effort", "leave_intent"},
    "rival": {"leave_intent"},
}
"""Sections that may or may not speak of a head's matter, so that they teach it nothing."""


EMPHASIS = {"verdict": 3}
"""How often a sentence of a section teaches the mood: plain verdicts are what a head must never get wrong."""


@dataclass(frozen=True, eq=False)
class Heads:
    """All heads of one embedder."""

    mood: MoodHead
    classes: Mapping[str, ClassHead]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "mood": self.mood.to_dict(),
            "classes": {name: head.to_dict() for name, head in self.classes.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Heads":
        """Return the heads that ``to_dict`` told."""
        classes = {name: ClassHead.from_dict(head) for name, head in data["classes"].items()}
        return cls(MoodHead.from_dict(data["mood"]), classes)


def fit_heads(vectors: Floats) -> Heads:
    """Return the heads taught by the vectors (n, d) of all prototypes, in their order."""
    bank = load_prototypes()
    vectors = forget_languages(vectors, np.array([each.language for each in bank]))
    rows = np.array([each.row for each in bank])
    moods = np.array([find_mood(each) for each in bank])
    times = np.array([EMPHASIS.get(each.section, 1) for each in bank]) * ~np.isnan(moods)
    told = np.repeat(np.arange(len(bank)), times)
    classes = {}
    for head, expected in EXPECTED.items():
        labels = [find_label(head, each) for each in bank]
        taught = np.array([label is not None for label in labels])
        known = [label for label in labels if label is not None]
        classes[head] = fit_classes(vectors[taught], known, rows[taught], expected)
    return Heads(fit_mood(vectors[told], moods[told], rows[told]), classes)


def forget_languages(vectors: Floats, languages: NDArray[np.str_]) -> Floats:
    """Return (n, d) vectors without the directions in which the means of languages differ.

    Heads fitted on them say the same of each language on average: the prototypes are the same sentences.
    """
    means = np.stack([vectors[languages == each].mean(axis=0) for each in np.unique(languages)])
    axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)[2][: len(means) - 1]
    apart: Floats = vectors - vectors @ axes.T @ axes
    return apart


def find_mood(prototype: Prototype) -> float:
    """Return the mood a prototype teaches, NaN for none."""
    section = prototype.section if prototype.section in MOODS else "good"
    return MOODS[section].get(prototype.mood, np.nan)


def find_label(head: str, prototype: Prototype) -> str | None:
    """Return the class a prototype teaches a head, None for none."""
    section, mood = prototype.section, prototype.mood
    if head == "topic":
        if section in TOPICS:
            return section
        return {"rival": "competition", "mood": OTHER, "word": OTHER}.get(section)
    if head == "emotion":
        return mood if section == "emotion" and mood in EMOTIONS else OTHER if mood == "neutral" else None
    if head == "rival" and section in ("rival", "competition"):
        return "yes"
    if section == head:
        return mood
    return None if section in UNCLEAR[head] or section == "emotion" else OTHER


def fit_letters() -> Spelling:
    """Return what the letters of the prototypes teach of topics."""
    taught = [(each, label) for each in load_prototypes() if (label := find_label("topic", each))]
    rows = np.array([each.row for each, _ in taught])
    return fit_spelling([each.text for each, _ in taught], [label for _, label in taught], rows)


def open_heads(embedder: Embedder, embed: Callable[[Sequence[str]], Floats]) -> Heads:
    """Return the heads of an embedder: those of the package where they are of these prototypes, else fitted.

    ``embed`` gives the vectors of texts, from a cache where there is one.
    """
    shipped = read_shipped(embedder.name)
    if shipped.get("made_of") == describe_source(embedder):
        return Heads.from_dict(shipped["heads"])
    return fit_heads(embed([each.text for each in load_prototypes()]))


def open_spelling() -> Spelling:
    """Return what letters say of topics, as the package holds it: it is the same for every embedder."""
    shipped = read_shipped(LETTERS)
    if shipped.get("made_of") != describe_letters():
        return fit_letters()
    return Spelling.from_dict(shipped["spelling"])


def describe_letters() -> dict[str, Any]:
    """Return what the spelling depends on."""
    return {"prototypes": digest_prototypes(), "method": METHOD}


def read_shipped(name: str) -> dict[str, Any]:
    """Return what the package holds of an embedder's heads, empty for nothing."""
    file = files("features.text").joinpath("fitted", f"{name}.json")
    if not name.isalnum() or not file.is_file():
        return {}
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def describe_source(embedder: Embedder) -> dict[str, Any]:
    """Return what heads depend on: another method, bank or library gives others."""
    return {
        "embedder": embedder.name,
        "version": embedder.version,
        "prototypes": digest_prototypes(),
        "method": METHOD,
    }
