"""The report cutoff: every family's figures on the last matured window, touched once, after all choices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from contracts.feature_frame import FeatureList
from training.families import (
    Forecast,
    forecast_constant,
    forecast_rate,
    forecast_silence,
    measure_churn,
    measure_clv,
    restrict,
)
from training.folds import Fold
from training.learning import Learned, OutOfSample, Rounds, learn
from training.models.calibrator import Calibrator
from training.models.churn import mean_log_loss
from training.models.explain import sum_families
from training.models.intervals import Intervals
from training.models.trees import TreeSettings

Array = npt.NDArray[np.float64]
Figures = Mapping[str, Mapping[str, float]]

BTYD, TREES = "bgnbd_gg", "lgbm_btyd"


@dataclass(frozen=True)
class Report:
    """Figures by family for customers in play (``families``) and for everyone (``everyone``).

    Each family has ``churn`` and, where it predicts money, ``clv``. ``served`` is the family whose figures
    are the model's. ``churned``, ``probability`` and ``raw`` are those of the customers in play, for plots;
    ``weights`` the mean absolute contribution of each reason family.
    """

    served: str
    families: dict[str, Figures] = field(default_factory=dict)
    everyone: dict[str, Figures] = field(default_factory=dict)
    folds: tuple[dict[str, float], ...] = ()
    churned: Array = field(default_factory=lambda: np.empty(0))
    probability: Array = field(default_factory=lambda: np.empty(0))
    raw: Array = field(default_factory=lambda: np.empty(0))
    weights: dict[str, float] = field(default_factory=dict)


def write_report(folds: Sequence[Fold], ahead: OutOfSample, rounds: Rounds, calibrates: bool) -> Report:
    """Return the figures of the last fold by models, calibrator and ranges that earlier folds taught.

    ``ahead`` holds each fold's raw scores by a model of the folds before it. No fold gives an empty report;
    with one there is nothing earlier, and BTYD faces the one-line formula alone.
    """
    served = TREES if rounds.churn else BTYD
    if not folds:
        return Report(served)
    *earlier, last = folds
    model, raw = ahead.models[-1], ahead.raws[-1]
    calibrator = ahead.earlier.calibrator() if calibrates else Calibrator.identity()
    own = _forecast(model, last, calibrator, ahead.earlier.intervals(calibrator))
    forecasts = _forecasts(earlier, last, served, own)
    everyone = np.ones(len(raw), dtype=bool)
    inside = last.in_play if last.in_play.any() else everyone
    return Report(
        served,
        {name: _measure(last, forecast, inside) for name, forecast in forecasts.items()},
        {name: _measure(last, forecast, everyone) for name, forecast in forecasts.items()},
        _measure_folds(ahead.earlier, calibrator),
        last.churned[inside],
        own.churn_probability[inside],
        raw[inside],
        _weigh(model, last),
    )


def _forecasts(earlier: Sequence[Fold], last: Fold, served: str, own: Forecast) -> dict[str, Forecast]:
    """Return every family's forecast; where trees are served, BTYD alone stays in the race as it is."""
    found = {"naive_rate": forecast_rate(last)}
    if earlier:
        found |= {
            "naive_constant": forecast_constant(earlier[-1], last),
            "naive_silence": forecast_silence(earlier[-1], last),
        }
    if served != BTYD:
        btyd = learn([last], Rounds(), TreeSettings())
        found[BTYD] = _forecast(btyd, last, Calibrator.identity(), Intervals())
    return found | {served: own}


def _forecast(model: Learned, fold: Fold, calibrator: Calibrator, intervals: Intervals) -> Forecast:
    raw = model.raw(fold)
    probability = calibrator.predict(raw)[0]
    joint = model.joint(fold, probability, intervals)
    return Forecast(probability, raw, joint.clv_mean, joint.p10, joint.p50, joint.p90, joint.p_no_spend)


def _measure(fold: Fold, forecast: Forecast, rows: npt.NDArray[np.bool_]) -> Figures:
    part = restrict(forecast, rows)
    return {"churn": measure_churn(fold.churned[rows], part), "clv": measure_clv(fold.spend[rows], part)}


def _measure_folds(ahead: OutOfSample, calibrator: Calibrator) -> tuple[dict[str, float], ...]:
    return tuple(
        {
            **measure_churn(fold.churned, Forecast(calibrator.predict(raw)[0], raw)),
            "gain_over_btyd": _gain(fold, raw),
        }
        for fold, raw in zip(ahead.folds, ahead.raws, strict=True)
    )


def _gain(fold: Fold, raw: Array) -> float:
    return mean_log_loss(fold.offset, fold.churned) - mean_log_loss(raw, fold.churned)


def _weigh(model: Learned, fold: Fold) -> dict[str, float]:
    contributions, _ = model.churn.contributions(model.encoder.encode(fold.frame))
    features: FeatureList = model.encoder.features
    sums = sum_families(contributions, fold.offset, float(fold.offset.mean()), features)
    means = np.abs(sums.sums).mean(axis=0)
    return {family: float(mean) for family, mean in zip(sums.families, means, strict=True)}
