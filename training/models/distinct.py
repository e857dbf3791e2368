"""Customers with the same history are one row with a weight: the same optimum, several times faster."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from contracts.errors import ContractError, NotEnoughData
from training.models.history import Array

BOT_QUANTILE = 0.95
BOT_FACTOR = 10.0
BOT_FLOOR = 50.0


def distinct_rows(columns: tuple[Array, ...], weights: Array | None) -> tuple[list[Array], Array]:
    """Return the distinct rows of equally long ``columns``, sorted, as columns, and the total weight of each.

    ``weights`` (numbers of customers, finite and >= 0; left out: 1 each) add up; rows of weight 0 vanish.

    Raises:
        ContractError: a weight is negative, missing or infinite, or there are more or fewer weights than
            rows.
        NotEnoughData: no row has a weight above 0.

    Examples:
        >>> rows, weights = distinct_rows((np.array([2.0, 0.0, 2.0]),), None)
        >>> rows[0].tolist(), weights.tolist()
        ([0.0, 2.0], [1.0, 2.0])
    """
    size = columns[0].size
    weights = np.ones(size) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != (size,):
        raise ContractError(f"{weights.size} weights for {size} customers; give one each")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ContractError("a weight is negative, missing or infinite; weights are numbers of customers")
    counted = weights > 0
    if not counted.any():
        raise NotEnoughData("0 customers to fit a model on; ingest orders first or choose a later cutoff")
    rows, position = np.unique(np.column_stack(columns)[counted], axis=0, return_inverse=True)
    totals = np.bincount(position.ravel(), weights=weights[counted])
    return list(rows.T.copy()), np.asarray(totals, dtype=np.float64)


Pairs: TypeAlias = tuple[list[Array], npt.NDArray[np.intp]]
"""Distinct rows as columns, and each row's place there."""


def find_distinct(columns: tuple[Array, ...]) -> Pairs:
    """Return the distinct rows of equally long ``columns``, sorted, as columns, and each row's place there.

    Examples:
        >>> rows, place = find_distinct((np.array([2.0, 0.0, 2.0]), np.array([1.0, 1.0, 1.0])))
        >>> rows[0].tolist(), place.tolist()
        ([0.0, 2.0], [1, 0, 1])
    """
    place = np.zeros(columns[0].size, dtype=np.intp)
    first = place[:1]
    for column in columns:
        # Ranks stay below the number of rows, so their product cannot overflow.
        values, rank = np.unique(column, return_inverse=True)
        _, first, place = np.unique(place * values.size + rank, return_index=True, return_inverse=True)
    return [column[first] for column in columns], place


def largest_human_frequency(frequency: Array, weights: Array) -> float:
    """Return the largest frequency a fit believes: 10 times the repeat buyers' 95th percentile, at least 50.

    A till, a test account or a reseller with thousands of orders would otherwise move every parameter (one
    with 5,000 orders among the 2,357 of CDNOW: r from 0.243 to 0.139). Such customers are scored, only not
    fitted on. CDNOW's largest frequency is 29 and its limit 70, so nobody is left out there. The busiest
    customer of all does not count among the repeat buyers here: in a small shop it would vouch for itself.

    Examples:
        >>> largest_human_frequency(np.array([0.0, 1.0, 2.0, 5000.0]), np.array([500.0, 300.0, 200.0, 1.0]))
        50.0
    """
    repeated = frequency > 0
    if not repeated.any():
        return BOT_FLOOR
    order = np.argsort(frequency[repeated], kind="stable")
    total = np.cumsum(weights[repeated][order])
    others = float(total[-1]) - 1.0
    if others <= 0:
        return BOT_FLOOR
    at = int(np.searchsorted(total, BOT_QUANTILE * others))
    return max(BOT_FLOOR, BOT_FACTOR * float(frequency[repeated][order][at]))


def is_human(orders: Array) -> npt.NDArray[np.bool_]:
    """Return for each customer whether as many orders (n,), >= 0, can be a person's, by the same limit.

    Purchase days cannot tell: 5,000 orders of three days are three purchases, each worth a fortune, and move
    Gamma-Gamma by a quarter on the tenth sample of CDNOW, in a shop of a hundred customers forty times.

    Examples:
        >>> is_human(np.array([1.0, 2.0, 9.0, 5000.0])).tolist()
        [True, True, True, False]
    """
    return np.asarray(
        orders <= 1 + largest_human_frequency(np.maximum(orders - 1, 0.0), np.ones(orders.size))
    )
