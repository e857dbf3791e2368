"""Dated rows of many customers, counted and summed in windows of each customer's own time.

Times are days since 1970 as float64; customers are whole numbers from 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ledger:
    """Rows sorted by (customer, time): ``customer`` (n,), ``at`` (n,) and named ``amounts`` (n,) each.

    Examples:
        >>> rows = Ledger.of(np.array([0, 0, 1]), np.array([5.0, 2.0, 3.0]), net=np.array([7.0, 1.0, 9.0]))
        >>> who = np.array([0, 1])
        >>> rows.count(who, np.array([0.0, 0.0]), np.array([5.0, 5.0])).tolist()
        [2, 1]
        >>> rows.total("net", who, np.array([2.0, 2.0]), np.array([5.0, 5.0])).tolist()
        [7.0, 9.0]
        >>> rows.last(who, np.array([5.0, 3.0])).tolist()
        [2.0, nan]
    """

    customer: Codes
    at: Array
    amounts: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def of(cls, customer: Codes, at: Array, **amounts: Array) -> "Ledger":
        """Return the ledger of rows in any order."""
        order = np.lexsort((at, customer))
        return cls(customer[order], at[order], {name: values[order] for name, values in amounts.items()})

    def __len__(self) -> int:
        return len(self.at)

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        return (float(self.at.min()), float(self.at.max())) if len(self.at) else (0.0, 0.0)

    @cached_property
    def _key(self) -> Array:
        return self._lay(self.customer, self.at)

    @cached_property
    def _sums(self) -> Mapping[str, Array]:
        return {name: np.concatenate([[0.0], np.cumsum(values)]) for name, values in self.amounts.items()}

    def _lay(self, customer: Codes, at: Array) -> Array:
        """Return all customers' times one after another: one search then finds a place in everyone's."""
        low, high = self._bounds
        span = high - low + 3.0
        return np.asarray(customer * span + np.clip(at - low + 1.0, 0.0, span - 0.5))

    def place(self, customer: Codes, at: Array, *, after: bool = False) -> Codes:
        """Return how many rows lie before each (customer, at), with ``after`` up to and with it, (m,)."""
        return np.asarray(np.searchsorted(self._key, self._lay(customer, at), "right" if after else "left"))

    def count(self, customer: Codes, start: Array, end: Array) -> Codes:
        """Return the rows of each customer in ``(start, end]``, (m,)."""
        return self.place(customer, end, after=True) - self.place(customer, start, after=True)

    def total(self, name: str, customer: Codes, start: Array, end: Array) -> Array:
        """Return the sum of an amount over each customer's rows in ``(start, end]``, (m,)."""
        sums = self._sums[name]
        first, last = self.place(customer, start, after=True), self.place(customer, end, after=True)
        return np.asarray(sums[last] - sums[first])

    def count_before(self, customer: Codes, at: Array) -> Codes:
        """Return each customer's rows strictly before ``at``, (m,)."""
        return self.place(customer, at) - self._first(customer)

    def total_before(self, name: str, customer: Codes, at: Array) -> Array:
        """Return the sum of an amount over each customer's rows strictly before ``at``, (m,)."""
        sums = self._sums[name]
        return np.asarray(sums[self.place(customer, at)] - sums[self._first(customer)])

    def last(self, customer: Codes, at: Array) -> Array:
        """Return the time of each customer's last row strictly before ``at``, NaN without one, (m,)."""
        place, first = self.place(customer, at), self._first(customer)
        if not len(self):
            return np.full(len(customer), np.nan)
        return np.where(place > first, self.at[np.maximum(place - 1, 0)], np.nan)

    def first(self, customer: Codes) -> Array:
        """Return the time of each customer's first row, NaN without one, (m,)."""
        if not len(self):
            return np.full(len(customer), np.nan)
        place = np.minimum(self._first(customer), len(self) - 1)
        return np.where(self.customer[place] == customer, self.at[place], np.nan)

    def _first(self, customer: Codes) -> Codes:
        return np.asarray(np.searchsorted(self.customer, customer, "left"))
