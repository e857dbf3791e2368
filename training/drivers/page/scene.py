"""The map of topic by touchpoint: where each circle stands, how large it is, and what it says."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.drivers.page.words import Reading

LEFT, TOP, STEP_X, STEP_Y, RIGHT = 150.0, 64.0, 118.0, 52.0, 40.0
LARGEST, SMALLEST = 21.0, 5.0
WIDEST, THINNEST = 6.0, 2.0
MOST_COLUMNS = 7
STRONG, WEAK = 0.5, 0.15
SIGNS = {"good": "+", "fair": "+", "even": "=", "poor": "−", "bad": "−"}


@dataclass(frozen=True)
class Mark:
    """A circle: its place, radius, mood (a style), sign, the width and style of its ring, and its title."""

    x: float
    y: float
    radius: float
    mood: str
    sign: str
    ring: float
    ring_style: str
    title: str


@dataclass(frozen=True)
class Scene:
    """The map: its size, the names of columns and rows with their places, its marks, and the largest said."""

    width: float
    height: float
    columns: tuple[tuple[float, str], ...]
    rows: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]
    largest: str


def draw_map(reading: Reading) -> Scene | None:
    """Return the map of the most frequent touchpoints, None where no text was read."""
    cells = reading.rows("map")
    if not cells:
        return None
    columns = rank([(each["touchpoint"], each["texts"]) for each in cells])[:MOST_COLUMNS]
    shown = [each for each in cells if each["touchpoint"] in columns]
    rows = rank([(each["topic"], each["texts"]) for each in shown])
    x = {name: LEFT + STEP_X * (place + 0.5) for place, name in enumerate(columns)}
    y = {name: TOP + STEP_Y * (place + 0.5) for place, name in enumerate(rows)}
    most = max(each["texts"] for each in shown)
    sure = [abs(each["money"]["value"]) for each in shown if is_sure(each["money"])]
    marks = [_mark(reading, each, x, y, (most, max(sure, default=1.0))) for each in shown]
    return Scene(
        LEFT + STEP_X * len(columns) + RIGHT,
        TOP + STEP_Y * len(rows) + 8.0,
        tuple((x[name], reading.place("touchpoints", name)) for name in columns),
        tuple((y[name], reading.topic(name)) for name in rows),
        tuple(marks),
        reading.t("map.largest", texts=reading.t.count("count.texts", most)),
    )


def rank(counts: Sequence[tuple[str, int]]) -> list[str]:
    """Return the names by their summed counts, the largest first, then by name."""
    sums: dict[str, int] = {}
    for name, count in counts:
        sums[name] = sums.get(name, 0) + count
    return sorted(sums, key=lambda name: (-sums[name], name))


def is_sure(money: Mapping[str, float] | None) -> bool:
    """Return whether there is a figure and its interval leaves nought out."""
    return money is not None and (money["low"] > 0 or money["high"] < 0)


def name_mood(sentiment: float) -> str:
    """Return the style of a sentiment from -1 to 1: bad, poor, even, fair or good.

    Examples:
        >>> [name_mood(each) for each in (-0.9, -0.3, 0.0, 0.2, 0.8)]
        ['bad', 'poor', 'even', 'fair', 'good']
    """
    if abs(sentiment) < WEAK:
        return "even"
    if sentiment < 0:
        return "bad" if sentiment <= -STRONG else "poor"
    return "good" if sentiment >= STRONG else "fair"


def _mark(
    reading: Reading,
    cell: Mapping[str, Any],
    x: Mapping[str, float],
    y: Mapping[str, float],
    most: tuple[int, float],
) -> Mark:
    money, mood = cell["money"], name_mood(cell["sentiment"])
    texts, largest = most
    radius = max(LARGEST * math.sqrt(cell["texts"] / texts), SMALLEST)
    ring = 0.0
    if is_sure(money):
        ring = round(THINNEST + (WIDEST - THINNEST) * abs(money["value"]) / largest, 1)
    title = reading.t(
        "map.circle",
        topic=reading.topic(cell["topic"]),
        touchpoint=reading.place("touchpoints", cell["touchpoint"]),
        texts=reading.t.count("count.texts", cell["texts"]),
        mood=reading.t(f"mood.{mood}"),
        money=reading.figure(money),
    )
    style = "more" if money is not None and money["value"] > 0 else "less"
    place = x[cell["touchpoint"]], y[cell["topic"]]
    return Mark(*place, round(radius, 1), mood, SIGNS[mood], ring, style, title)
