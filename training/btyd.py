"""Buy-till-you-die parameters of a frame: BG/NBD or Pareto/NBD for purchases, Gamma-Gamma for spend."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from contracts.errors import NotEnoughData
from contracts.feature_frame import FeatureFrame
from contracts.periods import to_units
from training.models import beta_geo
from training.models.beta_geo import BetaGeo
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.columns import acquired_before, build_history
from training.models.distinct import is_human
from training.models.gamma_gamma import FALLBACK_SHAPES, GammaGamma, GammaGammaParameters
from training.models.pareto_nbd import ParetoNBD
from training.models.purchase_families import PurchaseFamily
from training.models.purchase_model import PurchaseModel

Array = npt.NDArray[np.float64]

NAMES: dict[PurchaseFamily, str] = {"bgnbd_gg": "BG/NBD", "pnbd_gg": "Pareto/NBD"}


@dataclass(frozen=True)
class Btyd:
    """Fitted parameters and what must be said of them, in words.

    ``covariance`` is that of the log-parameters of the purchase model, (4, 4), NaN where the fit could tell
    nothing. ``stepped_out``: no fit held, the parameters are published ones and carry nothing but the law.
    """

    family: PurchaseFamily
    purchase_model: PurchaseModel
    gamma_gamma: GammaGammaParameters
    covariance: Array
    log_likelihood: float
    remarks: tuple[str, ...] = ()
    stepped_out: bool = False


def fit_btyd(
    frame: FeatureFrame,
    time_unit: str,
    family: PurchaseFamily = "bgnbd_gg",
    complete_from: datetime | None = None,
) -> Btyd:
    """Return the parameters fitted on one cutoff's customers: facts before that cutoff only.

    With ``complete_from`` purchases are fitted on customers acquired from then on: the others may be older
    than the log, and their first order in it is not their first. Spend is fitted on everyone.

    Raises:
        ModelRefused: no penalizer gives parameters inside the gates.
        NotEnoughData: nobody has bought.
    """
    everyone = len(frame)
    frame = _leave_out_bots(frame)
    history = build_history(frame, time_unit)
    rows, remarks = _choose_rows(frame, complete_from)
    estimator = BetaGeo(time_unit=time_unit) if family == "bgnbd_gg" else ParetoNBD(time_unit=time_unit)
    fitted = estimator.fit(history.frequency[rows], history.recency[rows], history.age[rows])
    remarks += _describe(fitted, NAMES[family], everyone - len(frame))
    spend, said = _fit_spend(frame, history.frequency, history.monetary_value)
    return Btyd(
        family,
        fitted.parameters_,
        spend,
        fitted.covariance_,
        fitted.log_likelihood_,
        (*remarks, *said),
    )


def assume_btyd(frame: FeatureFrame, time_unit: str) -> Btyd:
    """Return published purchase parameters (CDNOW's) where no fit holds: BTYD steps out and says so."""
    frame = _leave_out_bots(frame)
    history = build_history(frame, time_unit)
    centre = beta_geo.PRIOR_CENTRE
    alpha = to_units(centre["alpha_days"], time_unit)
    purchases = BetaGeoParameters(centre["r"], alpha, centre["a"], centre["b"], time_unit)
    spend, said = _fit_spend(frame, history.frequency, history.monetary_value)
    remark = (
        "Neither BG/NBD nor Pareto/NBD holds on these orders (parameters at the boundary): buying rhythm "
        "steps out of the race, and purchases and money lean on published shapes."
    )
    return Btyd("bgnbd_gg", purchases, spend, np.full((4, 4), np.nan), float("nan"), (remark, *said), True)


def _leave_out_bots(frame: FeatureFrame) -> FeatureFrame:
    return frame.rows(is_human(frame.column("rfm.orders").to_numpy(dtype=np.float64)))


def _choose_rows(
    frame: FeatureFrame, complete_from: datetime | None
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Return which customers to fit purchases on, and what to say of the others."""
    if complete_from is None:
        return np.ones(len(frame), dtype=bool), []
    rows = ~acquired_before(frame, complete_from)
    older = len(frame) - int(rows.sum())
    remark = (
        f"{older} customers acquired before {complete_from:%Y-%m-%d} may be older than the log: buying "
        "rhythm is fitted without them."
    )
    return rows, [remark]


def _describe(fitted: BetaGeo | ParetoNBD, name: str, n_bots: int) -> list[str]:
    remarks = []
    n_excluded = n_bots + fitted.n_excluded_
    if fitted.used_prior_:
        remarks.append(
            f"{fitted.n_repeat_buyers_:.0f} repeat buyers are under 200: {name} leans on its prior."
        )
    if fitted.penalizer_:
        remarks.append(f"{name} needed a penalizer of {fitted.penalizer_:g} to stay inside its gates.")
    if n_excluded:
        remarks.append(f"{n_excluded:.0f} customers with inhuman order counts were left out of the fit.")
    return remarks


def _fit_spend(
    frame: FeatureFrame, frequency: Array, monetary_value: Array
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
