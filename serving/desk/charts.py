"""Where the marks of the charts stand; the templates draw them as SVG, and a table beside says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Strength = Literal["strong", "medium", "slight"]
STRONG, MEDIUM = 0.7, 0.25
"""Log-odds: 0.7 doubles the odds, 0.25 raises them by a quarter."""
HALF_BAR = 100.0
SHORTEST_BAR = 3.0
COLUMN_TOP, COLUMN_FOOT = 26.0, 150.0
COLUMN_STEP, COLUMN_WIDTH, COLUMN_LEFT = 68.0, 40.0, 14.0


@dataclass(frozen=True)
class Bar:
    """One reason's bar between -100 and 100, the middle being no effect."""

    x: float
    width: float
    strength: Strength


@dataclass(frozen=True)
class Column:
    """One horizon's column, in a picture whose foot is at ``COLUMN_FOOT``."""

    days: int
    share: float
    x: float
    y: float
    height: float

    @property
    def middle(self) -> float:
        """Where its label is centred."""
        return self.x + COLUMN_WIDTH / 2


@dataclass(frozen=True)
class Span:
    """A range with its mean on a line from 0 to 100."""

    low: float
    mean: float
    high: float


def find_strength(contribution: float) -> Strength:
    """Return how strong a contribution (log-odds) is.

    Examples:
        >>> find_strength(-0.9), find_strength(0.3), find_strength(0.1)
        ('strong', 'medium', 'slight')
    """
    size = abs(contribution)
    if size >= STRONG:
        return "strong"
    return "medium" if size >= MEDIUM else "slight"


def place_bars(reasons: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """Return a bar for each reason, the longest reaching the edge.

    Examples:
        >>> [(bar.x, bar.width) for bar in place_bars([{"contribution": 1.0}, {"contribution": -0.5}])]
        [(0.0, 100.0), (-50.0, 50.0)]
    """
    largest = max((abs(reason["contribution"]) for reason in reasons), default=0.0)
    bars = []
    for reason in reasons:
        size = reason["contribution"]
        width = SHORTEST_BAR if largest == 0 else max(SHORTEST_BAR, round(HALF_BAR * abs(size) / largest, 1))
        bars.append(Bar(-width if size < 0 else 0.0, width, find_strength(size)))
    return bars


def place_columns(curve: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return a column for each point of the curve, as high as its probability."""
    columns = []
    for number, point in enumerate(curve):
        height = round((COLUMN_FOOT - COLUMN_TOP) * point["churn_probability"], 1)
        columns.append(
            Column(
                days=point["days"],
                share=point["churn_probability"],
                x=COLUMN_LEFT + COLUMN_STEP * number,
                y=COLUMN_FOOT - height,
                height=height,
            )
        )
    return columns


def place_span(clv: Mapping[str, float]) -> Span:
    """Return the value's range on a line from 0 to a little beyond its end; zeros when nothing is expected.

    Examples:
        >>> place_span({"p10": 0.0, "mean": 45.0, "p90": 90.0})
        Span(low=0.0, mean=45.0, high=90.0)
    """
    end = max(clv["p90"], clv["mean"]) / 0.9
    if end <= 0:
        return Span(0.0, 0.0, 0.0)
    return Span(*(round(100 * max(clv[name], 0.0) / end, 1) for name in ("p10", "mean", "p90")))
