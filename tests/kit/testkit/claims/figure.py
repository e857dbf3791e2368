"""A measured figure with the bar it must clear, and how much is measured."""

from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

Direction = Literal["at least", "at most", "equals", "noted"]
Store = Literal["ended", "grown"]
STORES: tuple[Store, ...] = get_args(Store)


@dataclass(frozen=True)
class Scale:
    """How much of a claim is measured: the code is the same, only the numbers of repetitions differ.

    ``customers`` of simulated companies, ``examples`` of a law, ``kills`` of each command, ``trainings`` as
    pairs of store and engine threads; ``thorough``: whether the repository is also cloned and installed anew,
    and the laws are also measured on a simulated company with all seven tables.
    """

    name: str
    customers: int
    examples: int
    kills: int
    trainings: tuple[tuple[Store, int], ...]
    thorough: bool


SMALL = Scale("small", 150, 1, 1, (("ended", 1), ("grown", 2)), thorough=False)
FULL = Scale("full", 600, 10, 10, tuple(product(STORES, (1, 2, 1, 2, 1, 2))), thorough=True)


@dataclass(frozen=True)
class Figure:
    """One measured number and its bar; ``equals`` allows a distance of ``within``, ``noted`` has no bar.

    Examples:
        >>> Figure("AUC", 0.757, 0.755, "at least").holds
        True
        >>> Figure("r", 0.2427, 0.2426, "equals", within=5e-5).holds
        False
    """

    name: str
    value: float
    bar: float
    direction: Direction
    within: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the figure clears its bar; a missing number never does."""
        if self.direction == "noted":
            return True
        if self.direction == "at least":
            return self.value >= self.bar
        if self.direction == "at most":
            return self.value <= self.bar
        return abs(self.value - self.bar) <= self.within

    @property
    def demand(self) -> str:
        """The bar in words."""
        if self.direction == "noted":
            return "no bar"
        near = f" (within {self.within:g})" if self.within else ""
        return f"{self.direction} {self.bar:.10g}{near}"


def none_of(name: str, count: int) -> Figure:
    """Return the figure of something that must never be found."""
    return Figure(name, count, 0, "equals")


def noted(name: str, value: float) -> Figure:
    """Return a figure that is shown for comparison and promises nothing."""
    return Figure(name, value, 0, "noted")


def between(name: str, value: float, low: float, high: float) -> Figure:
    """Return the figure of a number with a bar on either side."""
    return Figure(name, value, (low + high) / 2, "equals", within=(high - low) / 2)
