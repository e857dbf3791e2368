"""What groups of rows become: sums, extremes, the first and the last; over whole groups and over windows."""

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from itertools import repeat
from typing import Any, TypeAlias

from features.direct.cells import EXACT, Cell

Column: TypeAlias = list[Cell]
Members: TypeAlias = list[list[int]]
Order: TypeAlias = Sequence[tuple[Column, bool]]
"""Columns to sort by, and whether upwards; missing cells come last either way."""
Fold: TypeAlias = Callable[[Column], Cell]
Frame: TypeAlias = tuple[int | None, int | None]
"""Rows of a window relative to the present one, both inclusive; None: to the end."""


def find_groups(count: int, keys: Sequence[Column]) -> Members:
    """Return the places of the rows of each group; one group of all rows without keys."""
    if not keys:
        return [list(range(count))]
    groups: dict[Any, list[int]] = {}
    for place, key in enumerate(zip(*keys, strict=True)):
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def sort_places(places: Iterable[int], order: Order) -> list[int]:
    """Return places in order; ties stay as they were."""
    found = list(places)
    for column, upwards in reversed(order):
        present = [place for place in found if column[place] is not None]
        absent = [place for place in found if column[place] is None]
        present.sort(key=column.__getitem__, reverse=not upwards)
        found = present + absent
    return found


def keep_places(places: Iterable[int], where: Column | None) -> Iterable[int]:
    """Return the places where a condition is true."""
    return places if where is None else [place for place in places if where[place]]


def fold_groups(members: Members, values: Column, where: Column | None, fold: Fold) -> Column:
    """Return ``fold`` of the cells of each group that are there."""
    return [
        fold([values[place] for place in keep_places(places, where) if values[place] is not None])
        for places in members
    ]


def count_rows(members: Members, where: Column | None) -> Column:
    """Return how many rows each group has where a condition is true."""
    return [sum(1 for _ in keep_places(places, where)) for places in members]


def pick(members: Members, values: Column, order: Order, where: Column | None, *, last: bool) -> Column:
    """Return the first (or last) cell of each group that is there, in an order."""
    found = []
    for places in members:
        present = [place for place in keep_places(places, where) if values[place] is not None]
        ranked = sort_places(present, order)
        found.append(values[ranked[-1 if last else 0]] if ranked else None)
    return found


def add_floats(values: Column) -> Cell:
    """Return the sum of numbers, one after the other as the engine adds them; None of nothing."""
    return reduce(operator.add, values) if values else None


def add_exactly(values: Column) -> Cell:
    """Return the exact sum of money; None of nothing."""
    return reduce(EXACT.add, values) if values else None


def median(values: Column) -> Cell:
    """Return the exact median, the mean of the middle two of an even number; None of nothing."""
    if not values:
        return None
    ranked, middle = sorted(values), (len(values) - 1) // 2
    if len(values) % 2:
        return float(ranked[middle])
    return ranked[middle] + (ranked[middle + 1] - ranked[middle]) * 0.5


FOLDS: dict[str, Fold] = {
    "Sum": add_floats,
    "Min": lambda values: min(values, default=None),
    "Max": lambda values: max(values, default=None),
    "Count": len,
    "CountDistinct": lambda values: len(set(values)),
    "Median": median,
}


def slide(groups: Iterable[Sequence[int]], values: Column | None, frame: Frame, fold: Fold) -> Column:
    """Return ``fold`` over the frame around each row of ordered groups; ``values`` None counts rows."""
    result: dict[int, Cell] = {}
    for places in groups:
        for at, place in enumerate(places):
            inside = _cut(places, at, frame)
            cells = list(repeat(1, len(inside))) if values is None else [values[each] for each in inside]
            result[place] = fold([each for each in cells if each is not None])
    return [result[place] for place in sorted(result)]


def shift(groups: Iterable[Sequence[int]], values: Column) -> Column:
    """Return each row's value of the row before it in its ordered group."""
    result: dict[int, Cell] = {}
    for places in groups:
        for before, place in zip([None, *places], places, strict=False):
            result[place] = None if before is None else values[before]
    return [result[place] for place in sorted(result)]


def number(groups: Iterable[Sequence[int]]) -> Column:
    """Return each row's place within its ordered group, from 0."""
    placed = {place: at for places in groups for at, place in enumerate(places)}
    return [placed[place] for place in sorted(placed)]


def order_groups(members: Members, order: Order) -> Iterator[list[int]]:
    """Yield the places of each group in an order."""
    return (sort_places(places, order) for places in members)


def _cut(places: Sequence[int], at: int, frame: Frame) -> Sequence[int]:
    first = 0 if frame[0] is None else max(0, at + frame[0])
    last = len(places) if frame[1] is None else max(0, at + frame[1] + 1)
    return places[first:last]
