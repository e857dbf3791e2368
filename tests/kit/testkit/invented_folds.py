"""Folds of invented customers under known purchase parameters: small worlds whose truth a test chooses."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.feature_frame import FeatureFrame
from contracts.randomness import generator
from testkit.frames import AS_OF, build_frame
from testkit.tiny_model import BETA_GEO, GAMMA_GAMMA
from training.btyd import Btyd
from training.folds import Fold
from training.lanes import Lane
from training.models.columns import append_btyd, build_history, find_offset
from training.models.pareto_nbd_parameters import ParetoNBDParameters
from training.models.purchase_families import PurchaseFamily

Array = npt.NDArray[np.float64]
Effect = Callable[[FeatureFrame], Array]

WINDOW = 90
LAPSED_AFTER = 120.0
PARETO_NBD = ParetoNBDParameters(0.553, 10.578, 0.606, 11.669, "week")
BTYD: Mapping[PurchaseFamily, Btyd] = {
    "bgnbd_gg": Btyd("bgnbd_gg", BETA_GEO, GAMMA_GAMMA, 0.01 * np.eye(4), -1.0),
    "pnbd_gg": Btyd("pnbd_gg", PARETO_NBD, GAMMA_GAMMA, 0.01 * np.eye(4), -1.0),
}


def invent_customers(rows: int, seed: int, place: int = 0) -> FeatureFrame:
    """Return a frame at the cutoff ``place`` windows after the first; a third never came back."""
    draw = generator(seed, "invented", str(place))
    frequency = np.where(draw.random(rows) < 1 / 3, 0, draw.integers(1, 12, rows)).astype(np.float64)
    age = draw.integers(60, 400, rows).astype(np.float64)
    recency = np.where(frequency > 0, np.maximum(frequency, np.floor(age * draw.random(rows))), 0.0)
    value = np.round(5 + 60 * draw.random(rows), 2)
    columns: dict[str, Any] = {
        "rfm.frequency": frequency,
        "rfm.recency_days": recency,
        "rfm.age_days": age,
        "rfm.monetary_value": np.where(frequency > 0, value, np.nan),
        "rfm.orders": frequency + 1,
        "rfm.days_since_last_order": age - recency + 0.5,
        "rfm.average_order_value": value,
        "support.tickets": draw.poisson(1.0, rows).astype(np.float64),
    }
    frame = build_frame(columns)
    segment = np.where(frequency == 0, "thin", np.where(age - recency > LAPSED_AFTER, "lapsed", "regular"))
    index = frame.index.assign(as_of=AS_OF + timedelta(days=WINDOW * place), segment=segment)
    return FeatureFrame(index, frame.values, frame.features)


def invent_fold(
    place: int = 0,
    rows: int = 600,
    *,
    seed: int = 0,
    family: PurchaseFamily = "bgnbd_gg",
    truth: PurchaseFamily = "bgnbd_gg",
    effect: Effect | None = None,
) -> Fold:
    """Return a fold whose log-odds of churn are those of ``truth`` plus ``effect`` of the frame."""
    frame = invent_customers(rows, seed, place)
    whole = {
        name: append_btyd(frame, btyd.purchase_model, GAMMA_GAMMA, WINDOW) for name, btyd in BTYD.items()
    }
    raw = find_offset(whole[truth]) + (0.0 if effect is None else np.asarray(effect(whole[truth])))
    draw = generator(seed, "invented labels", str(place))
    churned = (draw.random(rows) < 1 / (1 + np.exp(-raw))).astype(np.float64)
    orders = np.maximum(draw.poisson(1.5, rows), 1)
    value = frame.column("rfm.average_order_value").to_numpy(dtype=np.float64)
    spend = np.where(churned > 0, 0.0, np.round(orders * value, 2))
    return Fold(
        AS_OF + timedelta(days=WINDOW * place),
        WINDOW,
        BTYD[family],
        whole[family],
        build_history(frame, "week"),
        churned,
        spend,
        (frame.index["segment"] != "lapsed").to_numpy(),
    )


def invent_lane(family: PurchaseFamily = "bgnbd_gg", folds: int = 4, rows: int = 600, **options: Any) -> Lane:
    """Return a lane of invented folds; lanes of equal options differ in their purchase model alone."""
    made = tuple(invent_fold(place, rows, family=family, **options) for place in range(folds))
    return Lane(BTYD[family], made)
