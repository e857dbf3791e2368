"""What less history would have given: the last cutoff again, from logs of its last 3, 6, 12 and 24 months."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import ModelRefused, NotEnoughData
from contracts.feature_frame import FeatureFrame
from contracts.periods import DAYS_PER_MONTH
from contracts.settings import Settings
from features.engine import Events
from features.frame import build_frame
from features.snapshot import take_snapshot
from training import metrics
from training.btyd import Btyd, assume_btyd, fit_btyd
from training.cutoffs import LEAST_HISTORY_DAYS
from training.dataset import TrainingSet
from training.folds import Fold
from training.lanes import Lane
from training.learning import Choice, School, find_tree_settings
from training.losses import to_probability, tweedie_losses
from training.models.columns import append_btyd, build_history
from training.models.purchase_families import PurchaseFamily
from training.race import FOLDS_FOR_A_RACE, Race, serve

Array = npt.NDArray[np.float64]

MONTHS = (3, 6, 12, 24)


def describe_histories(
    events: Events, settings: Settings, training_set: TrainingSet, race: Race
) -> list[dict[str, Any]]:
    """Return the figures of the last cutoff by models of shorter logs, the whole one last.

    All are judged on the same customers: those in play of whom the shortest log knows. A length at which
    nothing can be fitted is left out; so is all of it where there is no matured cutoff.
    """
    if not race.lane.folds:
        return []
    last = race.lane.folds[-1]
    reach = training_set.history_days - (training_set.plan.as_of - last.cutoff).days
    lengths = [months for months in MONTHS if months * DAYS_PER_MONTH < reach - 1]
    told = [_tell(events, settings, (training_set, race), months) for months in lengths]
    found = [each for each in told if each is not None]
    whole = Short(round(reach / DAYS_PER_MONTH), race.lane.folds, race.choice)
    found.append(whole)
    shared = set(last.customers[last.judged].tolist())
    for each in found:
        shared &= set(each.folds[-1].customers.tolist())
    return [each.measure(settings, shared, training_set.plan.is_shorter) for each in found] if shared else []


class Short:
    """A log of ``months``: its folds, the report cutoff last, and who answers."""

    def __init__(self, months: int, folds: Sequence[Fold], choice: Choice) -> None:
        self.months = months
        self.folds = tuple(folds)
        self.choice = choice

    def measure(self, settings: Settings, customers: set[str], centred: bool) -> dict[str, Any]:
        """Return the figures on some customers, by a model of the folds before the last."""
        *earlier, last = self.folds
        school = School.of(earlier or self.folds, find_tree_settings(settings), centred)
        learned = school.teach(self.choice)
        raw, scale = learned.answer(last)
        probability = to_probability(raw)
        mean = last.joint().predict(last.history, probability, scale).clv_mean
        rows = np.array([name in customers for name in last.customers.tolist()], dtype=bool)
        found = {
            "log_loss": metrics.log_loss(last.churned[rows], probability[rows]),
            "auc": metrics.auc(last.churned[rows], raw[rows]),
            "tweedie_deviance": float(tweedie_losses(last.spend, mean)[rows].mean()),
        }
        sizes = {"months": self.months, "customers": int(rows.sum()), "cutoffs": len(self.folds)}
        return sizes | {name: round(value, 9) for name, value in found.items() if np.isfinite(value)}


def _tell(events: Events, settings: Settings, whole: tuple[TrainingSet, Race], months: int) -> Short | None:
    """Return a shorter log's folds with the labels of the whole one; None where nothing can be fitted."""
    training_set, race = whole
    last = race.lane.folds[-1]
    begin = last.cutoff - timedelta(days=round(months * DAYS_PER_MONTH))
    cutoffs = [
        fold.cutoff
        for fold in race.lane.folds
        if fold.cutoff >= begin + timedelta(days=LEAST_HISTORY_DAYS) or fold is last
    ]
    try:
        folds = _build_folds(events.since(begin), settings, training_set, race.lane, cutoffs)
    except NotEnoughData:
        # Nobody ordered in a log this short: the table says so by leaving it out.
        return None
    choice = race.choice if len(folds) >= FOLDS_FOR_A_RACE else serve(race.lane)
    return Short(months, folds, choice)


def _fit(frame: FeatureFrame, time_unit: str, family: PurchaseFamily) -> Btyd:
    """Return what a log this short gives of a purchase model: published shapes where no fit holds."""
    try:
        return fit_btyd(frame, time_unit, family)
    except ModelRefused:
        return assume_btyd(frame, time_unit)


def _build_folds(
    events: Events, settings: Settings, training_set: TrainingSet, lane: Lane, cutoffs: list[datetime]
) -> list[Fold]:
    snapshot = take_snapshot(events, tuple(cutoffs), settings, consent_as_of=training_set.plan.as_of)
    frame = build_frame(snapshot, training_set.present.features)
    frame = frame.rows(frame.index["kind"] == "shop")
    known = {fold.cutoff: fold for fold in lane.folds}
    folds = []
    for cutoff in cutoffs:
        full = known[cutoff]
        place = {name: row for row, name in enumerate(full.customers.tolist())}
        here = (frame.index["as_of"] == cutoff) & frame.index["customer_id"].isin(list(place))
        mine = frame.rows(here)
        rows = np.array([place[name] for name in mine.index["customer_id"]], dtype=np.int64)
        btyd = _fit(mine, full.btyd.purchase_model.time_unit, lane.family)
        whole = append_btyd(mine, btyd.purchase_model, btyd.gamma_gamma, full.window_days)
        history = build_history(mine, btyd.purchase_model.time_unit)
        fold = replace(full, btyd=btyd, frame=whole, history=history)
        folds.append(
            replace(fold, churned=full.churned[rows], spend=full.spend[rows], in_play=full.in_play[rows])
        )
    return folds
