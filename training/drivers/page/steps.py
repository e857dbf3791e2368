"""The event study of a moment as a small chart: spend beside the counterparts, month by month."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.drivers.page.words import Reading
from training.page.plots import Axis, Tick, round_steps

WIDTH, HEIGHT, LEFT, RIGHT, TOP, FOOT = 360.0, 190.0, 58.0, 10.0, 10.0, 42.0


@dataclass(frozen=True)
class Dot:
    """A point with its interval; ``after`` where it lies after the moment."""

    x: float
    y: float
    low: float
    high: float
    after: bool


@dataclass(frozen=True)
class Chart:
    """A moment's chart: its anchor, title, dots, axes, and where nought and the moment lie."""

    name: str
    title: str
    dots: tuple[Dot, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    nought: float
    moment: float
    foot: float = HEIGHT - FOOT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    width: float = WIDTH
    height: float = HEIGHT


def draw_steps(reading: Reading, moment: Mapping[str, Any]) -> Chart | None:
    """Return the chart of a moment, None where there were too few."""
    steps = moment["steps"]
    if not steps:
        return None
    step = steps[1]["day"] - steps[0]["day"]
    x = Axis(steps[0]["day"], steps[-1]["day"] + step, LEFT, WIDTH - RIGHT)
    levels = round_steps(
        min(0.0, *(each["low"] for each in steps)), max(0.0, *(each["high"] for each in steps))
    )
    y = Axis(levels[0], levels[-1], HEIGHT - FOOT, TOP)
    dots = tuple(_dot(each, x, y, step) for each in steps)
    title = reading.t("steps.title", moment=moment["moment"], counterpart=moment["counterpart"])
    days = [each["day"] for each in steps][::2]
    return Chart(
        f"steps-{moment['moment']}",
        title,
        dots,
        x.ticks(days, reading.f.whole),
        y.ticks(levels, reading.f.short_number),
        y.place(0.0),
        x.place(0.0),
    )


def _dot(step: Mapping[str, Any], x: Axis, y: Axis, width: float) -> Dot:
    value, low, high = (y.place(step[name]) for name in ("value", "low", "high"))
    return Dot(x.place(step["day"] + width / 2), value, low, high, step["day"] >= 0)
