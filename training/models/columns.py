"""Columns that need a fitted model: ``btyd.*`` from buy-till-you-die parameters."""

from datetime import datetime

import numpy as np
import numpy.typing as npt

from contracts.errors import ContractError
from contracts.feature_frame import Feature, FeatureFrame
from contracts.periods import to_units
from contracts.time import last_observed_day
from training.models.gamma_gamma import GammaGammaParameters
from training.models.history import History
from training.models.purchase_model import PurchaseModel

P_NO_PURCHASE = "btyd.p_no_purchase"
BTYD_FEATURES = (
    Feature("btyd.p_alive", "probability", "no repeat purchase yet: the model says 1 by definition"),
    Feature(P_NO_PURCHASE, "probability", "no order yet"),
    Feature("btyd.expected_purchases", "count", "no order yet"),
    Feature("btyd.expected_spend", "money", "no order yet"),
)
CLIP = 1e-6
_RFM = ("rfm.frequency", "rfm.recency_days", "rfm.age_days", "rfm.monetary_value")


def append_btyd(
    frame: FeatureFrame, purchase_model: PurchaseModel, gamma_gamma: GammaGammaParameters, horizon_days: float
) -> FeatureFrame:
    """Return ``frame`` with ``btyd.*`` appended, NaN where the customer has no order.

    For a training cutoff the parameters must come from facts before that cutoff. Reads ``rfm.frequency``,
    ``rfm.recency_days``, ``rfm.age_days`` and ``rfm.monetary_value``.

    Raises:
        ContractError: one of those is absent, or ``btyd.*`` is there already.
    """
    if P_NO_PURCHASE in frame.features.names:
        raise ContractError(
            f"Feature {P_NO_PURCHASE!r} is in this frame already: append it once, to the engine's own frame."
        )
    return frame.plus(BTYD_FEATURES, _btyd_columns(frame, purchase_model, gamma_gamma, horizon_days))


def _btyd_columns(
    frame: FeatureFrame, purchase_model: PurchaseModel, gamma_gamma: GammaGammaParameters, horizon_days: float
) -> list[npt.NDArray[np.float64]]:
    x, recency_days, age_days, money = map(frame.number, _RFM)
    known = np.isfinite(x) & np.isfinite(recency_days) & np.isfinite(age_days)
    days = to_units(1.0, purchase_model.time_unit)
    x, t_x, T = x[known], recency_days[known] * days, age_days[known] * days
    horizon = to_units(horizon_days, purchase_model.time_unit)
    m = np.nan_to_num(money[known])
    parts = (
        np.where(x > 0, purchase_model.p_alive(x, t_x, T), np.nan),
        purchase_model.p_no_purchase(horizon, x, t_x, T),
        purchase_model.expected_purchases(horizon, x, t_x, T),
        gamma_gamma.expected_spend(x, m),
    )
    columns = [np.full(len(frame), np.nan) for _ in BTYD_FEATURES]
    for column, part in zip(columns, parts, strict=True):
        column[known] = part
    return columns


def build_history(frame: FeatureFrame, time_unit: str) -> History:
    """Return what BTYD knows of each row, times in ``time_unit`` (``day`` or ``week``).

    Raises:
        ContractError: a row has no order, or its facts contradict each other.
    """
    x, recency_days, age_days, money = map(frame.number, _RFM)
    unit = to_units(1.0, time_unit)
    return History(x, recency_days * unit, age_days * unit, np.where(x > 0, money, np.nan))


def find_offset(frame: FeatureFrame) -> npt.NDArray[np.float64]:
    """Return the BTYD log-odds of no purchase in the horizon, (n,), within +-13.9; 0 without an order.

    Raises:
        ContractError: ``append_btyd`` has not been called.
    """
    p = np.clip(frame.number(P_NO_PURCHASE), CLIP, 1 - CLIP)
    log_odds: npt.NDArray[np.float64] = np.nan_to_num(np.log(p) - np.log1p(-p), nan=0.0)
    return log_odds


def acquired_before(frame: FeatureFrame, instant: datetime) -> npt.NDArray[np.bool_]:
    """Return whose first order is on a day before ``instant``, (n,); False where the age is missing."""
    age = frame.number("rfm.age_days")
    limits = {
        as_of: float((last_observed_day(as_of) - instant.date()).days)
        for as_of in frame.index["as_of"].drop_duplicates()
    }
    return np.asarray(age > frame.index["as_of"].map(limits).to_numpy(dtype=np.float64))
