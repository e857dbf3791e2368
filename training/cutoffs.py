"""Cutoffs of a training run: past instants whose label window has matured before the run's own ``as_of``."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.errors import NotEnoughData
from contracts.scores import CURVE_DAYS
from contracts.time import to_text

MOST_CUTOFFS = 8
LEAST_HISTORY_DAYS = 60
CUTOFFS_TO_CALIBRATE = 2
"""With one of them a level can be learned and the other can judge it: that beats guessing it from afar."""
WANTED_SHORTER = 5
"""Short windows say little each, and which family does best at them is a matter of several."""


@dataclass(frozen=True)
class CutoffPlan:
    """Cutoffs in time order, all with the same matured window.

    ``window_days`` is the length of the label window (the exposure): the horizon itself, or a shorter one
    where the history does not reach; then models learn a shape and BTYD carries the level. ``lag_days`` is
    the embargo: labels of a cutoff are complete only so long after the window's end.
    """

    as_of: datetime
    horizon_days: int
    window_days: int
    lag_days: float
    cutoffs: tuple[datetime, ...]

    @property
    def is_shorter(self) -> bool:
        """Whether the label window is shorter than the horizon asked for."""
        return self.window_days < self.horizon_days

    @property
    def report(self) -> datetime | None:
        """The last cutoff, which no choice may see."""
        return self.cutoffs[-1] if self.cutoffs else None

    @property
    def choice(self) -> datetime | None:
        """The last but one cutoff, on which choices are made."""
        return self.cutoffs[-2] if len(self.cutoffs) > 1 else None


def plan_cutoffs(first: datetime, as_of: datetime, horizon_days: int, lag_days: float) -> CutoffPlan:
    """Return up to eight adjacent cutoffs, the last of which matured just before ``as_of``.

    The window is the horizon when that leaves two cutoffs after 60 days of history, otherwise the longest
    of 30, 60, 90, 180 and 365 days that leaves five, otherwise whatever leaves most cutoffs; ties go to the
    longer window.

    Raises:
        NotEnoughData: ``as_of`` is not after the first fact.
    """
    if as_of <= first:
        raise NotEnoughData(
            f"No fact before {to_text(as_of)}: the first is of {to_text(first)}; train with a later --as-of."
        )
    whole = _plan(first, as_of, horizon_days, horizon_days, lag_days)
    if len(whole.cutoffs) >= CUTOFFS_TO_CALIBRATE:
        return whole
    windows = [days for days in reversed(CURVE_DAYS) if days < horizon_days]
    shorter = [_plan(first, as_of, horizon_days, window, lag_days) for window in windows]
    enough = [plan for plan in shorter if len(plan.cutoffs) >= WANTED_SHORTER]
    return enough[0] if enough else max([whole, *shorter], key=lambda plan: len(plan.cutoffs))


def _plan(
    first: datetime, as_of: datetime, horizon_days: int, window_days: int, lag_days: float
) -> CutoffPlan:
    earliest = first + timedelta(days=LEAST_HISTORY_DAYS)
    latest = _whole_days_before(as_of, window_days + lag_days)
    cutoffs = [latest - timedelta(days=window_days * step) for step in range(MOST_CUTOFFS)]
    usable = tuple(sorted(cutoff for cutoff in cutoffs if cutoff >= earliest))
    return CutoffPlan(as_of, horizon_days, window_days, lag_days, usable)


def _whole_days_before(instant: datetime, days: float) -> datetime:
    """Go back by whole days, never fewer than asked, so that cutoffs keep the time of day of ``as_of``."""
    whole = int(days) if days == int(days) else int(days) + 1
    return instant - timedelta(days=whole)
