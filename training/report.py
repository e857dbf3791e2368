"""The report cutoff: every family's figures on the last matured window, touched once, after all choices."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.feature_frame import FeatureList
from contracts.scores import SEGMENTS
from contracts.time import to_text
from training.bootstrap import Bootstrap, compare
from training.charts import (
    describe_deciles,
    describe_gains,
    describe_headline,
    describe_pit,
    describe_reliability,
)
from training.coverage import describe_coverage
from training.folds import Fold
from training.forecasts import SERVED, Forecast, forecast_families, forecast_naive, tell
from training.lanes import Lane
from training.learning import GROWN, OutOfSample, School, find_rule
from training.losses import log_losses, tweedie_losses
from training.measures import Figures, measure, measure_churn
from training.models.calibrator import Calibrator
from training.models.churn import mean_log_loss
from training.models.columns import find_offset
from training.models.explain import sum_families
from training.models.intervals import Intervals
from training.models.members import score
from training.models.trees import TreeSettings
from training.race import Race

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Report:
    """Figures by family for customers in play (``families``) and for everyone (``everyone``).

    Each family has ``churn`` and, where it predicts money, ``clv``; ``served`` is what customers get.
    ``differences`` are losses of ``served`` minus those of each family, paired, with standard errors.
    ``details`` are the further parts of the document (see docs/model.md). ``churned``, ``probability`` and
    ``raw`` are those of the customers in play, for plots; ``losses`` are everyone's log losses, (n,).
    """

    families: dict[str, Figures] = field(default_factory=dict)
    everyone: dict[str, Figures] = field(default_factory=dict)
    differences: tuple[dict[str, Any], ...] = ()
    folds: tuple[dict[str, float], ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    churned: Array = field(default_factory=lambda: np.empty(0))
    probability: Array = field(default_factory=lambda: np.empty(0))
    raw: Array = field(default_factory=lambda: np.empty(0))
    losses: Array = field(default_factory=lambda: np.empty(0))
    weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Jury:
    """The last fold with what every family says of it."""

    last: Fold
    said: dict[str, Forecast]
    worth: Array
    bootstrap: Bootstrap

    def measure(self, rows: npt.NDArray[np.bool_]) -> dict[str, Figures]:
        """Return each family's figures over ``rows``."""
        return {name: measure(self.last, said, rows, self.worth) for name, said in self.said.items()}


def write_report(
    lanes: Sequence[Lane], race: Race, ahead: OutOfSample, settings: TreeSettings, *, centred: bool, seed: int
) -> Report:
    """Return the figures of the last fold by models, calibrator and ranges that earlier folds taught.

    ``ahead`` holds each fold's raw scores by a model of the folds before it. No fold gives an empty report;
    with one there is nothing earlier, and BTYD faces the one-line formula alone.
    """
    folds = race.lane.folds
    if not folds:
        return Report()
    *earlier, last = folds
    calibrator = Calibrator.identity() if centred else ahead.earlier.calibrator()
    intervals = ahead.earlier.intervals(calibrator)
    own = tell(last, ahead.raws[-1], ahead.scales[-1], calibrator, intervals)
    school = School.of(earlier or folds, settings, centred)
    said = forecast_naive(earlier[-1] if earlier else None, last)
    said |= _forecast_rivals(lanes, race, school, settings) | {SERVED: own}
    jury = Jury(last, said, last.see(school.encoder).expectation, Bootstrap(last.customers, seed))
    rows = last.judged
    return Report(
        jury.measure(rows),
        jury.measure(np.ones(len(last), dtype=bool)),
        _differ(jury),
        _measure_folds(ahead.earlier, calibrator),
        _detail(jury, ahead, earlier),
        last.churned[rows],
        own.churn_probability[rows],
        own.rank[rows],
        _log_losses(last, own),
        _weigh(ahead, last),
    )


def _forecast_rivals(
    lanes: Sequence[Lane], race: Race, school: School, settings: TreeSettings
) -> dict[str, Forecast]:
    """Return every family that ran beside what is served, each by itself and uncalibrated."""
    choice, last = race.choice, race.lane.folds[-1]
    grown = {
        name: (choice.churn_rounds.get(name, 0), choice.value_rounds.get(name, 0))
        for name in GROWN
        if choice.churn_rounds.get(name, 0) or choice.value_rounds.get(name, 0)
    }
    found = forecast_families(school, grown, last)
    for lane in lanes:
        if lane.stepped_out or not lane.folds or lane.folds[-1].cutoff != last.cutoff:
            continue
        own = school if lane is race.lane else School.of(lane.folds[-1:], settings, school.centred)
        found |= forecast_families(own, {lane.family: (0, 0)}, lane.folds[-1])
    return found


def _differ(jury: Jury) -> tuple[dict[str, Any], ...]:
    """Return what ``served`` loses less or more than each family, on customers in play."""
    found = []
    for name, losses in (("log_loss", _log_losses), ("tweedie_deviance", _tweedie_losses)):
        own = losses(jury.last, jury.said[SERVED])
        for family, said in jury.said.items():
            other = losses(jury.last, said)
            if family == SERVED or own is None or other is None:
                continue
            difference = compare(jury.bootstrap, own, other, jury.last.judged)
            found.append({
                "metric": name,
                "family": family,
                "difference": round(difference.mean, 9),
                "se": round(difference.error, 9),
                "verdict": difference.verdict,
            })  # fmt: skip
    return tuple(found)


def _log_losses(fold: Fold, said: Forecast) -> Array:
    return log_losses(fold.churned, said.churn_probability)


def _tweedie_losses(fold: Fold, said: Forecast) -> Array | None:
    return None if said.mean is None else tweedie_losses(fold.spend, said.mean)


def _detail(jury: Jury, ahead: OutOfSample, earlier: Sequence[Fold]) -> dict[str, Any]:
    last, own, rows = jury.last, jury.said[SERVED], jury.last.judged
    rule = find_rule("naive_silence", earlier[-1]) if earlier else None
    named = jury.said["naive_silence" if earlier else "naive_rate"].rank
    spent = np.maximum(earlier[-1].spend if earlier else last.spend, 0.0)
    low, high = (float(edge) for edge in np.quantile(spent, [0.1, 0.9]))
    details = {
        "cutoffs": _describe_cutoffs(ahead, (*earlier, last)),
        "errors": {name: _find_errors(jury, said) for name, said in jury.said.items()},
        "segments": {
            name: _describe_segment(jury, last.segment(name)) for name in SEGMENTS if last.segment(name).any()
        },
        "headline": describe_headline(last, own.rank, rule),
        "reliability": describe_reliability(last.churned[rows], own.churn_probability[rows]),
        "gains": describe_gains(last.churned[rows], own.rank[rows], named[rows]),
        "coverage": describe_coverage(last, own, (low, high), jury.bootstrap),
        "pit": describe_pit(last, own, ahead.scales[-1]),
    }
    if own.mean is not None:
        details["deciles"] = describe_deciles(last.spend[rows], own.mean[rows])
    return details


def _find_errors(jury: Jury, said: Forecast) -> dict[str, float]:
    """Return standard errors of a family's own figures, by bootstrap over customers."""
    rows, bootstrap = jury.last.judged, jury.bootstrap
    found = {
        "log_loss": bootstrap.error(_log_losses(jury.last, said), rows),
        "auc": bootstrap.auc_error(jury.last.churned, said.rank, rows),
    }
    money = _tweedie_losses(jury.last, said)
    if money is not None:
        found["tweedie_deviance"] = bootstrap.error(money, rows)
    if said.crps is not None:
        found["crps"] = bootstrap.error(said.crps, rows)
    return {name: round(error, 9) for name, error in found.items() if np.isfinite(error)}


def _describe_segment(jury: Jury, rows: npt.NDArray[np.bool_]) -> dict[str, Any]:
    return {
        "customers": int(rows.sum()),
        "base_rate": float(jury.last.churned[rows].mean()),
        "families": jury.measure(rows),
    }


def _describe_cutoffs(ahead: OutOfSample, folds: Sequence[Fold]) -> list[dict[str, Any]]:
    """Return each cutoff's role, and how the choice did there by a model of the cutoffs before it."""
    scored = {fold.cutoff: place for place, fold in enumerate(ahead.folds)}
    roles = ["fit"] * max(len(folds) - 2, 0) + ["choice", "report"][-len(folds) :]
    told = []
    for place, (fold, role) in enumerate(zip(folds, roles, strict=True)):
        families: dict[str, Any] = {}
        said = forecast_naive(folds[place - 1] if place else None, fold)
        if fold.cutoff in scored:
            at = scored[fold.cutoff]
            said[SERVED] = tell(fold, ahead.raws[at], ahead.scales[at], Calibrator.identity(), Intervals())
        for name, each in said.items():
            figures = measure(fold, each, fold.judged, np.ones(len(fold)))
            families[name] = _pick(figures)
        told.append({
            "cutoff": to_text(fold.cutoff),
            "role": role,
            "customers": int(fold.judged.sum()),
            "base_rate": float(fold.churned[fold.judged].mean()),
            "families": families,
        })  # fmt: skip
    return told


def _pick(figures: Figures) -> dict[str, float]:
    both = {**figures["churn"], **figures["clv"]}
    return {
        name: both[name] for name in ("log_loss", "auc", "tweedie_deviance", "total_error") if name in both
    }


def _measure_folds(ahead: OutOfSample, calibrator: Calibrator) -> tuple[dict[str, float], ...]:
    return tuple(
        {
            **measure_churn(fold.churned, calibrator.predict(raw)[0], raw),
            "gain_over_btyd": _gain(fold, raw),
        }
        for fold, raw in zip(ahead.folds, ahead.raws, strict=True)
    )


def _gain(fold: Fold, raw: Array) -> float:
    return mean_log_loss(find_offset(fold.frame), fold.churned) - mean_log_loss(raw, fold.churned)


def _weigh(ahead: OutOfSample, fold: Fold) -> dict[str, float]:
    model = ahead.models[-1]
    sight = fold.see(model.encoder)
    scores = score(model.on(sight, fold.judged).churn, sight)
    features: FeatureList = model.encoder.features
    sums = sum_families(scores.contributions, scores.offset, float(scores.offset.mean()), features)
    means = np.abs(sums.sums).mean(axis=0)
    return {family: float(mean) for family, mean in zip(sums.families, means, strict=True)}
