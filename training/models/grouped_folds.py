"""Folds that keep equal rows together and the share of churners alike."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from contracts.randomness import generator

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def assign_folds(churned: Floats, groups: Ints, folds: int, seed: int, *path: str | int) -> Ints:
    """Return a fold 0 to ``folds`` - 1 per row (n,): a group is in one fold, churners are spread evenly.

    Groups are dealt, the largest first and equally large ones in random order, each to the fold that lacks
    most of what the group brings: churners, or stayers where it has none.

    Args:
        churned: (n,) 0 or 1.
        groups: (n,) equal numbers for rows that belong together.
        folds: at least 2.
        seed: with ``path`` the name of the random stream.
        path: see ``contracts.randomness.generator``.

    Examples:
        >>> fold = assign_folds(np.array([1.0, 0, 1, 0, 1, 0]), np.array([0, 1, 2, 3, 2, 4]), 2, seed=0)
        >>> bool(fold[2] == fold[4])
        True
    """
    number = np.unique(groups, return_inverse=True)[1]
    rows = np.bincount(number)
    churners = np.bincount(number, weights=churned)
    shuffled = generator(seed, "folds", *path).permutation(len(rows))
    order = shuffled[np.lexsort((-rows[shuffled], -churners[shuffled]))]
    held = np.zeros((folds, 2))
    fold_of_group = np.empty(len(rows), dtype=np.int64)
    for group in order.tolist():
        brings = (churners[group], rows[group] - churners[group])
        first = 0 if brings[0] else 1
        fold = min(range(folds), key=lambda each: (held[each, first], held[each, 1 - first], each))
        fold_of_group[group] = fold
        held[fold] += brings
    return np.asarray(fold_of_group[number], dtype=np.int64)


def split_folds(fold: Ints) -> Iterator[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
    """Yield (inside, outside) masks (n,) of each fold in turn."""
    for each in np.unique(fold):
        outside = fold == each
        yield ~outside, outside
