"""What goes with speaking of a topic: complaints beside praise of it, and the map of topic by touchpoint."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from contracts.voice import OTHER, TOPICS
from training.drivers.facts import Facts
from training.drivers.groups import LEFT, SPEND, Groups, compare_groups
from training.drivers.kinds import tell
from training.drivers.regression import Estimate

CLEAR = 0.2
"""A text is a complaint below minus this sentiment, praise above it, neither between."""
COMPLAINT, PRAISE, NEITHER = "complaint", "praise", "neither"
NOWHERE = "-"
"""The touchpoint of answers that name none."""


@dataclass(frozen=True)
class Topic:
    """A topic: texts on it, of them complaints and praise, the mean sentiment, and what goes with it.

    ``money`` and ``leaving`` are of who complained less who praised the same topic; ``against_rest`` is the
    money of all who spoke of it less that of all who wrote of something else.
    """

    name: str
    texts: int
    customers: int
    complaints: int
    praises: int
    sentiment: float
    money: Estimate | None
    leaving: Estimate | None
    against_rest: Estimate | None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "name": self.name,
            "texts": self.texts,
            "customers": self.customers,
            "complaints": self.complaints,
            "praises": self.praises,
            "sentiment": round(self.sentiment, 6),
            "money": tell(self.money),
            "leaving": tell(self.leaving),
            "money_against_rest": tell(self.against_rest),
        }


@dataclass(frozen=True)
class Cell:
    """A place of the map: texts on a topic at a touchpoint, their sentiment, money against the others."""

    topic: str
    touchpoint: str
    texts: int
    sentiment: float
    money: Estimate | None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            "topic": self.topic,
            "touchpoint": self.touchpoint,
            "texts": self.texts,
            "sentiment": round(self.sentiment, 6),
            "money": tell(self.money),
        }


def read_texts(facts: Facts) -> pd.DataFrame:
    """Return the answers whose text was read: with a topic of the taxonomy, or other, and a sentiment."""
    answers = facts.answers
    read = answers["topic"].isin([*TOPICS, OTHER]) & answers["sentiment"].notna()
    return answers[read].reset_index(drop=True)


def find_topics(facts: Facts, seed: int) -> tuple[Topic, ...]:
    """Return the topics that were spoken of, the most frequent first; ``other`` is adjusted for, not told."""
    texts = read_texts(facts)
    if texts.empty:
        return ()
    mood = classify(texts["sentiment"].to_numpy())
    topic = texts["topic"].to_numpy(dtype=object)
    who, at = texts["who"].to_numpy(dtype=np.int64), texts["at"].to_numpy(dtype=np.float64)
    label = np.array([f"{one}/{other}" for one, other in zip(topic, mood, strict=True)], dtype=object)
    by_mood = compare_groups(facts, who, at, label, seed)
    whole = compare_groups(facts, who, at, topic, seed)
    found = [
        _describe(name, texts[topic == name], mood[topic == name], by_mood, whole)
        for name in TOPICS
        if (topic == name).any()
    ]
    return tuple(sorted(found, key=lambda each: (-each.texts, each.name)))


def classify(sentiment: "np.typing.NDArray[np.float64]") -> "np.typing.NDArray[np.object_]":
    """Return complaint, praise or neither for each sentiment, (n,)."""
    bad, good = sentiment <= -CLEAR, sentiment >= CLEAR
    return np.where(bad, COMPLAINT, np.where(good, PRAISE, NEITHER)).astype(object)


def _describe(
    name: str,
    texts: pd.DataFrame,
    mood: "np.typing.NDArray[np.object_]",
    by_mood: Groups | None,
    whole: Groups | None,
) -> Topic:
    complaint, praise = f"{name}/{COMPLAINT}", f"{name}/{PRAISE}"
    both = by_mood is not None and {complaint, praise} <= set(by_mood.names)
    return Topic(
        name,
        len(texts),
        int(texts["who"].nunique()),
        int((mood == COMPLAINT).sum()),
        int((mood == PRAISE).sum()),
        float(texts["sentiment"].mean()),
        by_mood.difference(complaint, praise, SPEND) if by_mood is not None and both else None,
        by_mood.difference(complaint, praise, LEFT) if by_mood is not None and both else None,
        whole.against_rest(name) if whole is not None and name in whole.names else None,
    )


def find_cells(facts: Facts, seed: int) -> tuple[Cell, ...]:
    """Return the places of the map that hold any text, by topic and touchpoint."""
    texts = read_texts(facts)
    if texts.empty:
        return ()
    places = list(zip(texts["topic"], texts["touchpoint"].fillna(NOWHERE), strict=True))
    label = np.array([f"{topic}/{touchpoint}" for topic, touchpoint in places], dtype=object)
    who, at = texts["who"].to_numpy(dtype=np.int64), texts["at"].to_numpy(dtype=np.float64)
    groups = compare_groups(facts, who, at, label, seed)
    return tuple(_list_cells(texts, label, sorted(set(places)), groups))


def _list_cells(
    texts: pd.DataFrame,
    label: "np.typing.NDArray[np.object_]",
    places: Sequence[tuple[str, str]],
    groups: Groups | None,
) -> Iterator[Cell]:
    for topic, touchpoint in places:
        name = f"{topic}/{touchpoint}"
        own = texts[label == name]
        known = groups is not None and name in groups.names
        money = groups.against_rest(name) if groups is not None and known else None
        if topic != OTHER:
            yield Cell(topic, touchpoint, len(own), float(own["sentiment"].mean()), money)
