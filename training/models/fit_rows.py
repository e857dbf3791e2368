"""The histories a buy-till-you-die model is fitted on: checked, distinct, weighted, without bots."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.errors import ContractError, ModelRefused
from contracts.periods import DAYS_PER_UNIT, to_units
from training.models.distinct import distinct_rows, largest_human_frequency
from training.models.history import Array, check_history

MINIMUM_REPEAT_BUYERS = 200
LONGEST_AGE_DAYS = 73_000.0  # 200 years: beyond it the ages are in seconds or in days taken for weeks
LARGEST_SCALE_IN_AGES = 100.0


@dataclass(frozen=True, eq=False)
class FitRows:
    """Distinct histories in ascending order, (n,) each, with the number of customers of each.

    ``n_excluded`` customers had more purchases than ``largest_human_frequency``.
    """

    frequency: Array
    recency: Array
    age: Array
    weights: Array
    n_excluded: float

    @classmethod
    def of(
        cls,
        columns: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
        weights: npt.ArrayLike | None,
        time_unit: str,
    ) -> "FitRows":
        """Return the rows of frequency, recency and age, ``weights`` customers each (left out: 1).

        Raises:
            ContractError: impossible histories or weights, or ages beyond 200 years.
            NotEnoughData: no customer.
        """
        x, t_x, age = (np.atleast_1d(np.asarray(part, dtype=np.float64)) for part in columns)
        check_history(x, t_x, age)
        _check_unit(age, time_unit)
        counts = None if weights is None else np.asarray(weights, dtype=np.float64)
        (x, t_x, age), w = distinct_rows((x, t_x, age), counts)
        human = x <= largest_human_frequency(x, w)
        return cls(x[human], t_x[human], age[human], w[human], float(w[~human].sum()))

    @property
    def histories(self) -> tuple[Array, Array, Array]:
        """Frequency, recency and age."""
        return self.frequency, self.recency, self.age

    def thinned(self, most: int) -> "FitRows":
        """Return at most ``most`` of the rows, evenly spaced; all where there are no more."""
        each = slice(None, None, -(-self.weights.size // most))
        x, t_x, age = (part[each] for part in self.histories)
        return FitRows(x, t_x, age, self.weights[each], self.n_excluded)

    @property
    def n_customers(self) -> float:
        """Total weight."""
        return float(self.weights.sum())

    @property
    def n_repeat_buyers(self) -> float:
        """Total weight of the rows with a repeat purchase."""
        return float(self.weights[self.frequency > 0].sum())

    @property
    def is_small(self) -> bool:
        """Whether there are too few repeat buyers to fit without a prior."""
        return self.n_repeat_buyers < MINIMUM_REPEAT_BUYERS

    def check_scale(self, name: str, value: float, meaning: str) -> None:
        """Raise ``ModelRefused`` where a scale in time is above 100 median ages; returns nothing."""
        order = np.argsort(self.age, kind="stable")
        half = int(np.searchsorted(np.cumsum(self.weights[order]), self.weights.sum() / 2))
        limit = LARGEST_SCALE_IN_AGES * float(self.age[order][half])
        if value > limit:
            raise ModelRefused(
                f"{name} = {value:.6g} is above {limit:.6g}, 100 median ages: {meaning}; "
                "keep the last good parameters and look at the order history with `fedele check`"
            )


def _check_unit(age: Array, time_unit: str) -> None:
    longest = float(age.max(initial=0.0)) * DAYS_PER_UNIT[time_unit]
    if longest > LONGEST_AGE_DAYS:
        raise ContractError(
            f"the longest age is {to_units(longest, time_unit):.6g} {time_unit}s, above "
            f"200 years; give ages in {time_unit}s"
        )
