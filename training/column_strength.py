"""How much one column alone says of who left: its cells, its AUC, and its likeness to another column."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.metrics import auc

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BINS = 20
CELL_ROWS = 30
TWIN = 0.9


def value_cells(values: "pd.Series[Any]") -> Ints:
    """Return a cell per row (n,): one per value, missing is a value."""
    return np.asarray(pd.factorize(values, use_na_sentinel=False, sort=False)[0], dtype=np.int64)


def bin_cells(values: Floats) -> Ints:
    """Return a cell per row (n,): at most 20 bins of like size by rising value, missing is one more.

    Equal values share a bin; tables too short for 20 bins of 30 rows have fewer.
    """
    missing = np.isnan(values)
    seen = np.sort(values[~missing])
    bins = min(BINS, max(len(seen) // CELL_ROWS, 1))
    edges = np.unique(seen[np.arange(1, bins) * len(seen) // bins])
    return np.where(missing, len(edges) + 1, np.searchsorted(edges, values, side="right")).astype(np.int64)


def find_cells(values: "pd.Series[Any]") -> tuple[Ints, ...]:
    """Return the ways to part a column into cells: by value, by being there, and numbers by 1/20 bins too.

    Being there is a cell of its own because a survey that only leavers answered has few answers of each kind.
    """
    ways = (value_cells(values), values.notna().to_numpy().astype(np.int64))
    return ways if values.dtype == object else (*ways, bin_cells(values.to_numpy(dtype=np.float64)))


def single_auc(values: "pd.Series[Any]", churned: Floats) -> float:
    """Return the AUC of a column alone, at least 0.5, in the best of these readings.

    Numbers rank as they are, either way up, missing ones first or last, or by the share of churners of their
    bin; text by the share of churners of its value, rare values (under 30 rows) together.
    """
    found = [auc(churned, _shares(_common_cells(values), churned))]
    if values.dtype != object:
        numbers = values.to_numpy(dtype=np.float64)
        found += [auc(churned, np.where(np.isnan(numbers), end, numbers)) for end in _ends(numbers)]
    return max(max(each, 1 - each) for each in found)


def is_twin(one: "pd.Series[Any]", other: "pd.Series[Any]") -> bool:
    """Return whether two columns say the same: 90 % of what the poorer one tells is told by the other.

    Measured as mutual information of their cells over the smaller entropy; a constant has no twin.
    """
    first, second = _common_cells(one), _common_cells(other)
    smaller = min(_entropy(first), _entropy(second))
    both = value_cells(pd.Series(first * (int(second.max()) + 1) + second))
    shared = _entropy(first) + _entropy(second) - _entropy(both)
    return bool(smaller > 0 and shared / smaller >= TWIN)


def _common_cells(values: "pd.Series[Any]") -> Ints:
    """Return bins of a number, or values of text with the rare ones together."""
    if values.dtype != object:
        return bin_cells(values.to_numpy(dtype=np.float64))
    cells = value_cells(values)
    rows = np.bincount(cells)
    return np.where(rows[cells] < CELL_ROWS, len(rows), cells).astype(np.int64)


def _shares(cells: Ints, churned: Floats) -> Floats:
    rows = np.maximum(np.bincount(cells), 1)
    shares: Floats = (np.bincount(cells, weights=churned) / rows)[cells]
    return shares


def _ends(numbers: Floats) -> tuple[float, ...]:
    seen = numbers[~np.isnan(numbers)]
    if not len(seen):
        return (0.0,)
    return (float(seen.min()) - 1, float(seen.max()) + 1) if len(seen) < len(numbers) else (0.0,)


def _entropy(cells: Ints) -> float:
    share = np.bincount(cells) / len(cells)
    share = share[share > 0]
    return float(-np.sum(share * np.log(share)))
