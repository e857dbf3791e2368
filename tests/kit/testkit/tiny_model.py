"""A small real model of invented customers, and its bundle: for tests of bundles, promotion and serving."""

from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from contracts.feature_frame import INDEX, Feature, FeatureFrame, FeatureList
from contracts.randomness import generator
from contracts.scores import RiskBands
from training.bundle import BundleContent
from training.golden import build_golden_rows, invent_rows
from training.models.beta_geo_parameters import BetaGeoParameters
from training.models.calibrator import Calibrator
from training.models.churn import ChurnTrees
from training.models.columns import append_btyd, find_offset
from training.models.customer_model import CustomerModel
from training.models.encoder import Encoder
from training.models.gamma_gamma import GammaGammaParameters
from training.models.intervals import Intervals
from training.models.members import ChurnMember, ValueMember, alone
from training.models.rules import Rule
from training.models.terms import Reference, Terms, describe_features, grid_of
from training.models.trees import TreeSettings
from training.models.value import ValueTrees

FEATURES = FeatureList(
    (
        Feature("rfm.frequency", "count", "never missing"),
        Feature("rfm.recency_days", "days", "never missing"),
        Feature("rfm.age_days", "days", "never missing"),
        Feature("rfm.monetary_value", "money", "no repeat purchase yet"),
        Feature("attribute.plan", "", "not said", dtype="category"),
    )
)
TERMS = Terms(90, 365, 90, 0.0, "EUR")
BETA_GEO = BetaGeoParameters(0.243, 4.414, 0.793, 2.426, "week")
GAMMA_GAMMA = GammaGammaParameters(6.25, 3.74, 15.44)


def invent_frame(rows: int = 600, seed: int = 0) -> FeatureFrame:
    """Return a frame of invented customers: one in three never came back, one in five has no plan."""
    stream = generator(seed, "tiny", "frame")
    frequency = np.where(stream.random(rows) < 1 / 3, 0, stream.integers(1, 12, rows)).astype(np.float64)
    age = stream.integers(60, 400, rows).astype(np.float64)
    recency = np.where(frequency > 0, np.maximum(1, np.floor(age * stream.random(rows))), 0.0)
    money = np.where(frequency > 0, np.round(5 + 60 * stream.random(rows), 2), np.nan)
    plan = stream.choice(
        np.array(["basic", "gold", "silver", None], dtype=object), rows, p=[0.4, 0.2, 0.2, 0.2]
    )
    columns = (frequency, recency, age, money, plan)
    values = pd.DataFrame(dict(zip(FEATURES.names, columns, strict=True)))
    values["attribute.plan"] = values["attribute.plan"].astype(object)
    index = pd.DataFrame({name: [f"{name}-{row}" for row in range(rows)] for name in INDEX})
    return FeatureFrame(index, values, FEATURES)


@cache
def build_tiny_model(seed: int = 0) -> CustomerModel:
    """Return a model with known BTYD parameters and a few trees grown on invented labels."""
    frame = invent_frame(seed=seed)
    whole = append_btyd(frame, BETA_GEO, GAMMA_GAMMA, TERMS.horizon_days)
    encoder = Encoder.fit(whole)
    matrix, offset = encoder.encode(whole), find_offset(whole)
    gold = np.where(frame.column("attribute.plan") == "gold", 1.0, 0.0)
    raw = offset - gold
    churned = (generator(seed, "tiny", "labels").random(len(frame)) < 1 / (1 + np.exp(-raw))).astype(
        np.float64
    )
    settings = TreeSettings(rounds=12, leaf_rows=20, categorical=encoder.categorical)
    churn = ChurnTrees(settings).fit(matrix, encoder.names, offset, churned)
    spend = np.where(churned == 0, 40.0 + 20.0 * gold, 0.0)
    value = ValueTrees(settings).fit(matrix, encoder.names, np.full(len(frame), 45.0), spend)
    scores = churn.raw(matrix, offset)
    medians, ranges = describe_features(frame)
    reference = Reference(
        float(offset.mean()),
        medians,
        ranges,
        grid_of(scores),
        RiskBands(0.4, 0.7, "training"),
        180,
        400.0,
    )
    calibrator = Calibrator.fit(scores, churned)
    panels = alone(ChurnMember("lgbm_btyd", Rule(), churn)), alone(ValueMember("lgbm_btyd", value))
    return CustomerModel(
        FEATURES, encoder, BETA_GEO, GAMMA_GAMMA, *panels, calibrator, Intervals(), TERMS, reference
    )


@cache
def _golden(seed: int) -> list[dict[str, Any]]:
    return build_golden_rows(build_tiny_model(seed), invent_rows(invent_frame(seed=seed).values))


def tiny_content(seed: int = 0, *, passed: bool = True, leak: bool = False) -> BundleContent:
    """Return the bundle of ``build_tiny_model(seed)`` with a gate that says what the test needs."""
    manifest, files = build_tiny_model(seed).to_parts()
    reasons = [] if passed else ["churn AUC 0.51 is below the naive rule's 0.64"]
    facts = {
        "members": [
            {"role": "churn", "family": "lgbm_btyd", "file": "churn.lgb.txt"},
            {"role": "value", "family": "lgbm_btyd", "file": "value.lgb.txt"},
        ],
        "settings": asdict(TERMS),
        "metrics": {"churn": {"auc": 0.76}},
        "coverage": 0.8,
        "gate": {"passed": passed, "reasons": reasons, "leak": leak},
        "data_digest": "0" * 64,
        "golden": _golden(seed),
    }
    return BundleContent({**manifest, **facts}, files)
