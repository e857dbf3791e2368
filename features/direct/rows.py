"""Which rows of tables belong together: places of rows that are joined, kept, stacked or distinct."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, TypeAlias

from features.direct.groups import Column

Places: TypeAlias = Sequence[int | None]
Pairs: TypeAlias = tuple[list[int], list[int | None]]
"""Places of rows on the left, and of the row on the right beside each (None: there is none)."""


def gather(column: Column, places: Sequence[int]) -> Column:
    """Return the cells at these places."""
    return [column[at] for at in places]


def gather_present(column: Column, places: Places) -> Column:
    """Return the cells at these places, missing where there is no place."""
    return [None if at is None else column[at] for at in places]


def find_kept(rows: Sequence[Any], *conditions: Column) -> list[int]:
    """Return the places where every condition is true."""
    if len(conditions) == 1:
        return [at for at, holds in enumerate(conditions[0]) if holds]
    return [at for at in range(len(rows)) if all(each[at] for each in conditions)]


def find_distinct(rows: Sequence[Any], *columns: Column) -> list[int]:
    """Return the place of the first row of each that is different."""
    del rows
    seen: dict[Any, int] = {}
    for at, cells in enumerate(zip(*columns, strict=True)):
        seen.setdefault(cells, at)
    return list(seen.values())


def stack(*columns: Sequence[Any]) -> Column:
    """Return the cells of one column below those of another."""
    return list(chain(*columns))


def fill(value: Any) -> Any:
    """Return what makes a column of one value, as long as the rows given."""
    return lambda rows: [value] * len(rows)


def match(left: Sequence[Any], right: Sequence[Any], *keys: Column) -> Pairs:
    """Return every pair of rows whose keys are equal and there.

    ``keys`` are those of the left, then as many of the right; without any, every row is beside every other.
    """
    half = len(keys) // 2
    asked = zip(*keys[:half], strict=True) if half else iter([()] * len(left))
    known = zip(*keys[half:], strict=True) if half else iter([()] * len(right))
    found: dict[Any, list[int]] = {}
    for at, key in enumerate(known):
        if None not in key:
            found.setdefault(key, []).append(at)
    pairs = [(at, other) for at, key in enumerate(asked) for other in found.get(key, ())]
    return [at for at, _ in pairs], [other for _, other in pairs]


def keep_all(left: Sequence[Any], came: Sequence[int], beside: Places) -> Pairs:
    """Return the pairs, and the rows of the left that have none with nothing beside them."""
    matched = set(came)
    alone = [at for at in range(len(left)) if at not in matched]
    return [*came, *alone], [*beside, *([None] * len(alone))]


def keep_matched(came: Sequence[int]) -> Pairs:
    """Return the rows of the left that have any beside them, once each."""
    kept = sorted(set(came))
    return kept, [None] * len(kept)
