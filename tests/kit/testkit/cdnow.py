"""The published CDNOW summary: 2,357 customers, weeks, calibration through 1997-09-30, holdout of 39 weeks.

Read from the log that `lifetimes` ships; its own loader needs a module setuptools no longer has. Purchases
of one day count once, orders of zero dollars count as purchases, as in Fader, Hardie and Lee (2005).
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

LAST_CALIBRATION_DAY = date(1997, 9, 30)
HOLDOUT_WEEKS = 39.0

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CdnowSummary:
    """One element per customer, in the order of the customers' ids."""

    frequency: Array
    recency: Array
    age: Array
    monetary_value: Array
    holdout_purchases: Array
    holdout_spend: Array


def read_cdnow_sample() -> list[tuple[str, date, float]]:
    """Return customer, day and dollars of the 6,919 orders of the published tenth of the cohort."""
    text = (files("lifetimes") / "datasets" / "CDNOW_sample.txt").read_text(encoding="ascii")
    orders = []
    for line in text.splitlines():
        if fields := line.split():
            _, customer, day, _, dollars = fields
            orders.append((customer, date(int(day[:4]), int(day[4:6]), int(day[6:])), float(dollars)))
    return orders


@lru_cache(maxsize=1)
def cdnow_summary() -> CdnowSummary:
    """Return the calibration summary and what happened in the holdout."""
    days: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for customer, day, dollars in read_cdnow_sample():
        days[customer][day] += dollars
    rows = [_summarise(days[customer]) for customer in sorted(days)]
    return CdnowSummary(*np.array(rows, dtype=np.float64).T.copy())


def _summarise(spent: dict[date, float]) -> tuple[float, ...]:
    bought = sorted(day for day in spent if day <= LAST_CALIBRATION_DAY)
    later = [day for day in spent if day > LAST_CALIBRATION_DAY]
    repeats = [spent[day] for day in bought[1:]]
    return (
        float(len(repeats)),
        (bought[-1] - bought[0]).days / 7,
        (LAST_CALIBRATION_DAY - bought[0]).days / 7,
        sum(repeats) / len(repeats) if repeats else float("nan"),
        float(len(later)),
        sum(spent[day] for day in later),
    )
