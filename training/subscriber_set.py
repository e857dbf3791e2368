"""What a run learns subscriptions from: who subscribed at past cutoffs, how long watched, who left when."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.feature_frame import INDEX, FeatureFrame, FeatureList
from contracts.settings import Settings
from features.endings import Watch, read_endings, read_exposure
from features.engine import Events
from features.frame import build_frame
from features.labels import find_maturity_lag
from features.snapshot import Snapshot, take_snapshot
from training.cutoffs import CutoffPlan, plan_cutoffs
from training.models.person_periods import MOST_PERIODS, PERIOD_DAYS, PersonPeriods, build_person_periods

Floats = npt.NDArray[np.float64]

KEY = list(INDEX[:2])
WATCH_DAYS = PERIOD_DAYS * MOST_PERIODS
DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Followed:
    """The subscribers of one cutoff and what became of them, (n,) each.

    ``ended_on`` is days from the cutoff, NaN while it lasts; ``watched`` days until the watch ended or
    somebody contacted the customer: nothing later is used. ``dues`` and ``fees`` fell due in the window.
    """

    cutoff: datetime
    window_days: int
    frame: FeatureFrame
    ended_on: Floats
    watched: Floats
    dues: Floats
    fees: Floats

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def matured(self) -> npt.NDArray[np.bool_]:
        """Who was watched through the whole window: not those contacted within it, as for shops."""
        matured: npt.NDArray[np.bool_] = self.watched >= self.window_days
        return matured

    @property
    def churned(self) -> Floats:
        """1 for who left within the window, (n,); of use where ``matured``."""
        return (self.ended_on < self.window_days).astype(np.float64)

    def rows(self) -> "Followed":
        """Return those with a label: the matured ones."""
        kept = self.matured
        return Followed(
            self.cutoff,
            self.window_days,
            self.frame.rows(kept),
            self.ended_on[kept],
            self.watched[kept],
            self.dues[kept],
            self.fees[kept],
        )

    def until(self, instant: datetime) -> "Followed":
        """Return the same as watched no longer than until ``instant``."""
        return replace(self, watched=np.minimum(self.watched, max((instant - self.cutoff) / DAY, 0.0)))

    def periods(self) -> PersonPeriods:
        """Return the person-periods of everybody."""
        return build_person_periods(self.ended_on, self.watched)

    def survived(self, days: float) -> float | None:
        """Return the share still running after ``days`` (Kaplan-Meier); None if none was watched so long."""
        if not (self.watched >= days).any():
            return None
        left = self.ended_on < np.minimum(self.watched, days)
        times = np.where(left, self.ended_on, self.watched)
        order = np.lexsort((~left, times))
        at_risk = np.arange(len(order), 0, -1)
        return float(np.prod(1.0 - left[order] / at_risk))


@dataclass(frozen=True, eq=False)
class SubscriberSet:
    """Past cutoffs in time order, the present, and the log's own endings and days of subscriptions."""

    plan: CutoffPlan
    folds: tuple[Followed, ...]
    present: FeatureFrame
    endings: float
    exposed_days: float
    history_days: float

    def digest(self) -> str:
        """Return the SHA-256 over frames and labels: equal data, equal digest."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sums = hashlib.sha256(repr((self.endings, self.exposed_days)).encode())
        for frame in (self.present, *(fold.frame for fold in self.folds)):
            for part in (frame.values, frame.index):
                sums.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
        for fold in self.folds:
            sums.update(np.column_stack([fold.ended_on, fold.watched, fold.fees]).tobytes())
        return sums.hexdigest()


def build_subscriber_set(events: Events, settings: Settings, as_of: datetime) -> SubscriberSet | None:
    """Return what is known of subscribers at ``as_of`` and before; None where nobody subscribes then.

    Uses no fact at or after ``as_of``. Each cutoff is watched for up to a year, as far as ends, late records
    and returns within the grace days are known by ``as_of``; all of them through one whole window.
    """
    if "subscriptions" not in events.loaded:
        return None
    now = take_snapshot(events, as_of, settings)
    present = _subscribers(build_frame(now))
    if not len(present):
        return None
    history = float(present.column("subscription.since_first_days").max())
    first = as_of - timedelta(days=history)
    settle = find_maturity_lag(events, as_of) + settings.horizons.grace_days
    plan = plan_cutoffs(first, as_of, settings.horizons.horizon_days, settle)
    folds = _follow(events, settings, plan, present.features, settle) if plan.cutoffs else ()
    plan = replace(plan, cutoffs=tuple(fold.cutoff for fold in folds))
    endings, days = read_exposure(now)
    return SubscriberSet(plan, folds, present, endings, days, history)


def _follow(
    events: Events, settings: Settings, plan: CutoffPlan, features: FeatureList, settle: int
) -> tuple[Followed, ...]:
    before = take_snapshot(events, plan.cutoffs, settings, consent_as_of=plan.as_of)
    everyone = build_frame(before, features)
    frame = everyone.rows((everyone.index["kind"] == "subscription").to_numpy())
    watch = Watch.plan(plan.cutoffs, WATCH_DAYS, settle, plan.as_of)
    labels = _read_labels(before, watch, frame, plan.window_days)
    folds = []
    for cutoff, end in zip(watch.cutoffs, watch.ends, strict=True):
        here = (frame.index["as_of"] == cutoff).to_numpy()
        ended, contacted, dues, fees = (
            labels.loc[here, name].to_numpy(dtype=np.float64)
            for name in ("ended_on", "contacted_on", "dues", "fees")
        )
        watched = np.fmin(contacted, (end - cutoff) / DAY)
        fold = Followed(
            cutoff,
            plan.window_days,
            frame.rows(here),
            ended,
            watched,
            np.nan_to_num(dues),
            np.nan_to_num(fees),
        )
        if fold.matured.any():
            folds.append(fold)
    return tuple(folds)


def _read_labels(before: Snapshot, watch: Watch, frame: FeatureFrame, window_days: int) -> pd.DataFrame:
    found = read_endings(before, watch, window_days)
    return frame.index[KEY].merge(found, on=KEY, how="left", validate="one_to_one")


def _subscribers(frame: FeatureFrame) -> FeatureFrame:
    """Return the subscribers' rows, with the features that any of them has."""
    own = frame.rows((frame.index["kind"] == "subscription").to_numpy())
    kept = FeatureList(tuple(each for each in own.features if own.values[each.name].notna().any()))
    return FeatureFrame(own.index, own.values[list(kept.names)], kept)
