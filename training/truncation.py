"""Customers older than the log: their first order in it is not their first; BTYD must not learn from them.

A log that starts in the middle of a company's life opens with a burst of "first" orders from customers it
had all along. A log that starts with the company does not, and a cohort (whose acquisition ends) is no burst
either.
"""

from datetime import datetime, timedelta

import numpy as np

from contracts.feature_frame import FeatureFrame
from contracts.settings import HistorySection
from contracts.time import last_observed_day

BURST = 1.5
FEWEST = 200


def find_complete_from(frame: FeatureFrame, as_of: datetime, settings: HistorySection) -> datetime | None:
    """Return the instant from which first orders are true first orders, None where the log tells them all.

    The setting ``complete_log`` decides where it is given. Else the first ``usual_gap_days`` of the log are
    taken for a burst when they bring more than 1.5 times the first orders of the equal time after them, of
    which there must be 200.
    """
    if settings.complete_log is True or not len(frame):
        return None
    age = frame.column("rfm.age_days").to_numpy(dtype=np.float64)
    gap = settings.usual_gap_days
    start = float(np.nanmax(age))
    opening = int(np.count_nonzero(age > start - gap))
    after = int(np.count_nonzero((age <= start - gap) & (age > start - 2 * gap)))
    burst = start >= 2 * gap and after >= FEWEST and opening > BURST * after
    if settings.complete_log is None and not burst:
        return None
    first = last_observed_day(as_of) - timedelta(days=start)
    return datetime(first.year, first.month, first.day, tzinfo=as_of.tzinfo) + timedelta(days=gap)
