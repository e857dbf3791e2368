"""Buy-till-you-die parameters of a frame: BG/NBD for purchases, Gamma-Gamma for spend."""

from dataclasses import dataclass

import numpy as np

from contracts.errors import NotEnoughData
from contracts.feature_frame import FeatureFrame
from training.models.beta_geo import BetaGeo
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.columns import build_history
from training.models.distinct import is_human
from training.models.gamma_gamma import FALLBACK_SHAPES, GammaGamma, GammaGammaParameters


@dataclass(frozen=True)
class Btyd:
    """Fitted parameters and what must be said of them, in words."""

    beta_geo: BetaGeoParameters
    gamma_gamma: GammaGammaParameters
    log_likelihood: float
    remarks: tuple[str, ...] = ()


def fit_btyd(frame: FeatureFrame, time_unit: str) -> Btyd:
    """Return the parameters fitted on one cutoff's customers: facts before that cutoff only.

    Raises:
        ModelRefused: no penalizer gives parameters inside the gates.
        NotEnoughData: nobody has bought.
    """
    everyone = len(frame)
    frame = frame.rows(is_human(frame.column("rfm.orders").to_numpy(dtype=np.float64)))
    history = build_history(frame, time_unit)
    purchases = BetaGeo(time_unit=time_unit).fit(history.frequency, history.recency, history.age)
    n_excluded = everyone - len(frame) + purchases.n_excluded_
    remarks = []
    if purchases.used_prior_:
        remarks.append(
            f"{purchases.n_repeat_buyers_:.0f} repeat buyers are under 200: BG/NBD leans on its prior."
        )
    if purchases.penalizer_:
        remarks.append(f"BG/NBD needed a penalizer of {purchases.penalizer_:g} to stay inside its gates.")
    if n_excluded:
        remarks.append(f"{n_excluded:.0f} customers with inhuman order counts were left out of the fit.")
    spend, said = _fit_spend(frame, history.frequency, history.monetary_value)
    return Btyd(purchases.parameters_, spend, purchases.log_likelihood_, (*remarks, *said))


def _fit_spend(
    frame: FeatureFrame, frequency: np.ndarray, monetary_value: np.ndarray
) -> tuple[GammaGammaParameters, list[str]]:
    try:
        fitted = GammaGamma().fit(frequency, monetary_value)
    except NotEnoughData:
        return _single_order_spend(frame), [
            "Nobody has bought twice: spend is the mean first order, for everyone."
        ]
    if fitted.used_fallback_:
        return fitted.parameters_, [
            "Fewer than 200 repeat buyers: Gamma-Gamma keeps published shapes, own level."
        ]
    if abs(fitted.correlation_) > 0.3:
        return fitted.parameters_, [
            f"Spend and frequency correlate ({fitted.correlation_:.2f}): Gamma-Gamma assumes they do not."
        ]
    return fitted.parameters_, []


def _single_order_spend(frame: FeatureFrame) -> GammaGammaParameters:
    values = frame.column("rfm.average_order_value").to_numpy(dtype=np.float64)
    mean = float(np.mean(values[np.isfinite(values)]))
    p, q = FALLBACK_SHAPES["p"], FALLBACK_SHAPES["q"]
    return GammaGammaParameters(p, q, mean * (q - 1) / p)
