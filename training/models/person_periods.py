"""Person-periods: each subscriber at each cutoff, once for every 30 days watched whole, with how it ended.

The discrete-time survival likelihood is that of independent 0/1 rows (Singer and Willett 1993, "It's about
time", eq. 9): a subscriber watched for three periods who left in the third gives 0, 0, 1; one who stayed, or
whose watch ended in the middle of a period, only the periods watched whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from contracts.errors import ModelRefused
from contracts.randomness import generator

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

PERIOD_DAYS = 30
MOST_PERIODS = 12
MOST_ROWS = 200_000
PERIOD = "period.ahead"
"""Name of the column that tells the trees how many periods ahead a row is."""


@dataclass(frozen=True, eq=False)
class PersonPeriods:
    """Rows (r,): ``person`` is a place among the subscribers, ``period`` counts from 0, ``ended`` is 0 or 1.

    ``weights`` are 1 but for rows that stand for others left out.
    """

    person: Places
    period: Places
    ended: Floats
    weights: Floats

    def __len__(self) -> int:
        return len(self.person)

    @property
    def endings(self) -> int:
        """How many rows end."""
        return int(self.ended.sum())

    def thinned(self, seed: int, most: int = MOST_ROWS) -> "PersonPeriods":
        """Return at most about ``most`` rows: every ending, and of the others a share that stands for all."""
        others = self.ended == 0
        room = max(most - self.endings, 1)
        if len(self) <= most or int(others.sum()) <= room:
            return self
        share = room / int(others.sum())
        kept = ~others | (generator(seed, "person-periods").random(len(self)) < share)
        weights = np.where(others, self.weights / share, self.weights)
        return PersonPeriods(self.person[kept], self.period[kept], self.ended[kept], weights[kept])

    def at(self, place: int) -> "PersonPeriods":
        """Return the rows with ``place`` added to each person: for subscribers that come after others."""
        return replace(self, person=self.person + place)


def build_person_periods(
    ended_on: Floats, watched_days: Floats, most_periods: int = MOST_PERIODS
) -> PersonPeriods:
    """Return the rows of subscribers watched from one cutoff on, by person and period.

    Args:
        ended_on: (n,) days from the cutoff to the end, NaN where none was seen.
        watched_days: (n,) days watched; what happened at or after that is not used.
        most_periods: periods after which nothing is learned.

    Raises:
        ModelRefused: lengths differ, or a number is negative.

    Examples:
        >>> rows = build_person_periods(np.array([np.nan, 40.0, 70.0]), np.array([95.0, 95.0, 80.0]))
        >>> rows.person.tolist(), rows.period.tolist(), rows.ended.tolist()
        ([0, 0, 0, 1, 1, 2, 2], [0, 1, 2, 0, 1, 0, 1], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    """
    if ended_on.shape != watched_days.shape or (watched_days < 0).any() or (ended_on < 0).any():
        raise ModelRefused(
            f"Person-periods of {len(ended_on)} ends and {len(watched_days)} watches: mend the labels."
        )
    whole = np.minimum(watched_days // PERIOD_DAYS, most_periods)
    last = np.where(np.isnan(ended_on), np.inf, np.nan_to_num(ended_on) // PERIOD_DAYS)
    counts = np.minimum(whole, last + 1).astype(np.int64)
    person = np.repeat(np.arange(len(counts)), counts)
    period = np.arange(len(person)) - np.repeat(np.cumsum(counts) - counts, counts)
    ended = (period == last[person]).astype(np.float64)
    return PersonPeriods(person, period, ended, np.ones(len(person)))


def stack(parts: list[tuple[PersonPeriods, int]]) -> PersonPeriods:
    """Return rows of several cutoffs as one; each part comes with how many subscribers its cutoff had."""
    places = np.cumsum([0, *(people for _, people in parts)])
    moved = [rows.at(int(place)) for (rows, _), place in zip(parts, places, strict=False)]
    if not moved:
        none = np.empty(0, dtype=np.int64)
        return PersonPeriods(none, none, np.empty(0), np.empty(0))
    person, period, ended, weights = (
        np.concatenate([getattr(rows, name) for rows in moved])
        for name in ("person", "period", "ended", "weights")
    )
    return PersonPeriods(person, period, ended, weights)


def hazard_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a hazard's trees: the encoder's names and the period ahead."""
    return (*names, PERIOD)
