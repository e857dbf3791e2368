"""Where the marks of a chart stand: the template draws them as SVG, a table beside says the same."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320.0, 230.0
LEFT, RIGHT, TOP, FOOT = 54.0, 18.0, 12.0, 44.0
Format = Callable[[float], str]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Tick:
    """A mark of an axis and what it says."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """A line of style ``served``, ``rule`` or ``chance``, and its points where they are marked."""

    label: str
    style: str
    path: str
    marks: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Column:
    """A column that stands on the foot of the chart."""

    style: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Plot:
    """A chart in a picture of ``WIDTH`` by ``HEIGHT``; ``band`` is the path of a filled range.

    ``keys`` are label and style of what is drawn, for the legend.
    """

    title: str
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...] = ()
    columns: tuple[Column, ...] = ()
    band: str = ""
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Axis:
    """Values from ``low`` to ``high`` laid between two places of the picture."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Return where a value stands; one beyond the axis stands at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, values: Sequence[float], say: Format) -> tuple[Tick, ...]:
        """Return the marks of these values."""
        return tuple(Tick(self.place(value), say(value)) for value in values)


def across(low: float, high: float) -> Axis:
    """Return an axis from the left to the right of the picture."""
    return Axis(low, high, LEFT, WIDTH - RIGHT)


def upward(low: float, high: float) -> Axis:
    """Return an axis from the foot to the top of the picture."""
    return Axis(low, high, HEIGHT - FOOT, TOP)


def round_steps(low: float, high: float, most: int = 5) -> list[float]:
    """Return at most ``most`` + 1 round values that reach from ``low`` or below to ``high`` or above.

    Examples:
        >>> round_steps(0, 412), round_steps(0.58, 0.73), round_steps(0, 0)
        ([0.0, 100.0, 200.0, 300.0, 400.0, 500.0], [0.55, 0.6, 0.65, 0.7, 0.75], [0.0, 1.0])
    """
    if high <= low:
        return [float(low), float(low) + 1]
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    for step in (factor * power for factor in (1, 2, 2.5, 5, 10, 20)):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= most:
            return [round(float(place * step), 10) for place in range(first, last + 1)]
    return [float(low), float(high)]


def draw_line(points: Points, x: Axis, y: Axis, label: str, style: str, *, marked: bool = False) -> Line:
    """Return the line through the points, in their order."""
    places = [(x.place(first), y.place(second)) for first, second in points]
    return Line(label, style, _path(places), tuple(places) if marked else ())


def draw_band(points: Sequence[tuple[float, float, float]], x: Axis, y: Axis) -> str:
    """Return the path round a range: points hold place, low and high."""
    above = [(x.place(at), y.place(high)) for at, _, high in points]
    below = [(x.place(at), y.place(low)) for at, low, _ in reversed(points)]
    return f"{_path(above + below)}Z" if points else ""


def draw_columns(groups: Sequence[Sequence[float]], y: Axis, styles: Sequence[str]) -> tuple[Column, ...]:
    """Return columns in groups of equal width over the picture, one of each style in a group."""
    room = (WIDTH - LEFT - RIGHT) / max(len(groups), 1)
    width = round(room * 0.8 / len(styles), 1)
    columns = []
    for number, group in enumerate(groups):
        for place, (value, style) in enumerate(zip(group, styles, strict=True)):
            x = round(LEFT + room * (number + 0.1) + place * width, 1)
            top = y.place(value)
            columns.append(Column(style, x, top, width, round(HEIGHT - FOOT - top, 1)))
    return tuple(columns)


def group_ticks(labels: Sequence[str]) -> tuple[Tick, ...]:
    """Return a mark in the middle of each group of columns."""
    room = (WIDTH - LEFT - RIGHT) / max(len(labels), 1)
    return tuple(Tick(round(LEFT + room * (place + 0.5), 1), text) for place, text in enumerate(labels))


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "".join(f"{'L' if place else 'M'}{x:g} {y:g}" for place, (x, y) in enumerate(places))
