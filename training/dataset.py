"""The training set of a run: frames and labels of past cutoffs, and the frame of the present."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from contracts.errors import NotEnoughData
from contracts.feature_frame import INDEX, FeatureFrame, FeatureList
from contracts.settings import Settings
from contracts.time import add_days, last_observed_day, to_text
from features.engine import Events
from features.frame import build_frame
from features.labels import build_labels, find_maturity_lag
from features.population import find_lapsed_after_days, find_not_scored
from features.snapshot import Snapshot, take_snapshot
from training.cutoffs import CutoffPlan, plan_cutoffs
from training.truncation import find_complete_from

KEY = list(INDEX[:2])
SUBSCRIPTION = "subscription"


@dataclass(frozen=True)
class TrainingSet:
    """What a run learns from.

    ``past`` stacks the scored customers of every cutoff of ``plan``; ``labels`` has its rows in its order:
    churned (0 or 1), purchases, spend (within the plan's window), contacted. ``present`` is the same at
    ``as_of``, without labels. ``not_scored`` counts customers by reason at ``as_of``. ``history_days``
    reaches from the first fact to ``as_of``; customers acquired before ``complete_from`` may be older than
    the log. Subscribers are no part of it (``subscriber_set``).
    """

    plan: CutoffPlan
    past: FeatureFrame | None
    labels: pd.DataFrame
    present: FeatureFrame
    not_scored: dict[str, int]
    lapsed_after_days: int
    history_days: float
    complete_from: datetime | None = None

    def at(self, cutoff: datetime) -> tuple[FeatureFrame, pd.DataFrame]:
        """Return the frame and labels of one cutoff, without customers contacted in its window."""
        if self.past is None:
            raise NotEnoughData(f"No cutoff {to_text(cutoff)}: this run has none.")
        here = (self.past.index["as_of"] == cutoff) & ~self.labels["contacted"].astype(bool)
        return self.past.rows(here), self.labels.loc[here].reset_index(drop=True)

    def count_population(self) -> dict[str, int]:
        """Return how many customers are scored at ``as_of``, in play, lapsed, thin, and not, by reason."""
        segments = self.present.index["segment"].value_counts()
        lapsed, thin = int(segments.get("lapsed", 0)), int(segments.get("thin", 0))
        scored = len(self.present)
        return {
            "scored": scored,
            "in_play": scored - lapsed,
            "lapsed": lapsed,
            "thin": thin,
            **self.not_scored,
        }

    def digest(self) -> str:
        """Return the SHA-256 over frames and labels: equal data, equal digest."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sums = hashlib.sha256()
        frames = [self.present] if self.past is None else [self.past, self.present]
        for part in [*(frame.values for frame in frames), *(frame.index for frame in frames), self.labels]:
            sums.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
        return sums.hexdigest()


def build_training_set(events: Events, settings: Settings, as_of: datetime) -> TrainingSet:
    """Return the training set of a run at ``as_of``, which uses no fact at or after it.

    Raises:
        NotEnoughData: there is no order before ``as_of``, or none in any label window.
    """
    now = take_snapshot(events, as_of, settings)
    lapsed = find_lapsed_after_days(now)[as_of]
    present = _shops(build_frame(now, lapsed_after_days=lapsed))
    if not len(present):
        raise NotEnoughData(
            f"No order before {to_text(as_of)}: ingest orders, or train with a later --as-of."
        )
    history = float(present.column("rfm.age_days").max()) + 1
    plan = plan_cutoffs(
        add_days(as_of, -history), as_of, settings.horizons.horizon_days, find_maturity_lag(events, as_of)
    )
    past, labels = None, pd.DataFrame()
    if plan.report is not None:
        before = take_snapshot(events, plan.cutoffs, settings, consent_as_of=as_of)
        past = _shops(build_frame(before, present.features))
        labels = _labels(before, plan, past)
        if not _tells_who_stays(plan, labels, present):
            plan, past, labels = replace(plan, cutoffs=()), None, pd.DataFrame()
    complete = find_complete_from(present, as_of, settings.history)
    return TrainingSet(plan, past, labels, present, _count_reasons(now), lapsed, history, complete)


def _shops(frame: FeatureFrame) -> FeatureFrame:
    """Return who buys by orders, without the family that only subscribers have values in."""
    rows = frame.rows(frame.index["kind"] == "shop")
    kept = FeatureList(tuple(each for each in frame.features if each.family != SUBSCRIPTION))
    return replace(rows, values=rows.values[list(kept.names)], features=kept)


def _count_reasons(now: Snapshot) -> dict[str, int]:
    reasons = find_not_scored(now)["reason"].value_counts()
    return dict(sorted((str(reason), int(count)) for reason, count in reasons.items()))


def _tells_who_stays(plan: CutoffPlan, labels: pd.DataFrame, present: FeatureFrame) -> bool:
    """Return whether anybody came back in a window: where nobody did, no cutoff can teach anything.

    Raises:
        NotEnoughData: the orders end before the first window, so that nothing tells who stays.
    """
    silent = (present.column("rfm.age_days") - present.column("rfm.recency_days")).min()
    if silent < (plan.as_of - plan.cutoffs[0]).days:
        return bool((labels["churned"] == 0).any())
    latest = last_observed_day(plan.as_of) - timedelta(days=float(silent) - 1)
    raise NotEnoughData(
        f"No order in the {plan.window_days} days after any of {len(plan.cutoffs)} cutoffs, the first "
        f"{to_text(plan.cutoffs[0])}: ingest newer orders, or train with --as-of {latest}, when they end."
    )


def _labels(before: Snapshot, plan: CutoffPlan, past: FeatureFrame) -> pd.DataFrame:
    window, lag = plan.window_days, int(plan.lag_days)
    labels = build_labels(
        before, horizon_days=window, clv_horizon_days=window, lag_days=lag, known_before=plan.as_of
    )
    aligned = past.index[KEY].merge(labels, on=KEY, how="left", validate="one_to_one")
    if aligned["churned"].isna().any():
        missing = int(aligned["churned"].isna().sum())
        raise NotEnoughData(
            f"{missing} scored customers have no label: rebuild the event store and train again."
        )
    return aligned.drop(columns=KEY).astype(
        {"churned": np.float64, "spend": np.float64, "purchases": np.float64}
    )
