"""The model of a subscriber: hazard, calibrator and fee law composed into one prediction per row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import BundleRefused
from contracts.feature_frame import FeatureFrame, FeatureList
from training.models.calibrator import Calibrator
from training.models.encoder import Encoder
from training.models.fee_law import FeeLaw, FeePrediction
from training.models.golden_frame import build_row_frame
from training.models.hazard import Hazard, draw_retention
from training.models.retention import Floats, Retention
from training.models.terms import Reference, Terms

FEE, FIRST_DUE = "subscription.monthly_fee", "subscription.days_until_due"
TREES_FILE, BASE_FILE = "hazard.lgb.txt", "hazard.json"


@dataclass(frozen=True, eq=False)
class SubscriptionPrediction:
    """What a model says of the rows of a frame, in its row order.

    ``raw`` = ``base`` + ``time_part`` + the row sum of ``contributions``: the log-odds of ending within the
    horizon before the calibrator, one column per feature; ``time_part`` (n,) is what the months ahead add
    that no feature owns. ``churn_probability`` in (0, 1) with its range; ``base_probability`` the same by
    tenure alone; ``retention`` the curves, ``law`` and ``fees`` everything about money.
    """

    frame: FeatureFrame
    base: float
    time_part: Floats
    contributions: Floats
    raw: Floats
    churn_probability: Floats
    low: Floats
    high: Floats
    base_probability: Floats
    retention: Retention
    law: FeeLaw
    fees: FeePrediction

    @property
    def value_at_risk(self) -> Floats:
        """Money expected to be lost, p (value_if_stays - value_if_leaves), (n,), >= 0."""
        lost = self.fees.value_if_stays - self.fees.value_if_leaves
        return np.asarray(self.churn_probability * np.maximum(lost, 0.0))

    @property
    def contact_value(self) -> Floats:
        """What an equal small push on everyone would keep, (1 - p) value_at_risk, (n,), >= 0."""
        return np.asarray((1.0 - self.churn_probability) * self.value_at_risk)


@dataclass(frozen=True, eq=False)
class RetentionCurve:
    """Arrays (n, k), one column per number of days; none of them falls as the days grow."""

    ended: Floats
    expected_fees: Floats
    clv_mean: Floats


@dataclass(frozen=True)
class SubscriptionModel:
    """Fitted parts, no data. ``predict`` changes nothing; equal rows get equal answers anywhere.

    ``range_proven`` says whether the range of money held on past windows.
    """

    features: FeatureList
    encoder: Encoder
    hazard: Hazard
    calibrator: Calibrator
    terms: Terms
    reference: Reference
    range_proven: bool = False

    def predict(self, frame: FeatureFrame) -> SubscriptionPrediction:
        """Return the prediction for a frame of exactly this model's features.

        Raises:
            ContractError: the frame's list is not the model's, or a row has no running subscription.
        """
        frame.features.check_hash(self.features.hash)
        matrix = self.encoder.encode(frame)
        horizon = float(self.terms.horizon_days)
        score = self.hazard.explain(matrix, horizon)
        probability, low, high = self.calibrator.predict(score.raw)
        plain = draw_retention(self.hazard.log_odds(matrix))
        # The calibrator speaks of the horizon alone; the whole curve follows it by one factor a customer.
        factors = np.log1p(-probability) / np.log1p(-np.minimum(plain.ended(horizon), 1 - 1e-15))
        retention = replace(plain, factors=factors)
        law = FeeLaw(
            retention,
            frame.number(FEE),
            frame.number(FIRST_DUE),
            self.terms.annual_discount_rate,
        )
        return SubscriptionPrediction(
            frame,
            score.base,
            score.contributions[:, -1],
            score.contributions[:, :-1],
            score.raw,
            probability,
            low,
            high,
            draw_retention(self.hazard.base_log_odds(matrix)).ended(horizon),
            retention,
            law,
            law.predict(horizon, float(self.terms.clv_horizon_days)),
        )

    def curve(self, prediction: SubscriptionPrediction, days: Sequence[int]) -> RetentionCurve:
        """Return the chance of having ended, fees and money of the customers after each number of days."""
        expected = [prediction.law.expected(float(day)) for day in days]
        return RetentionCurve(
            np.column_stack([prediction.retention.ended(float(day)) for day in days]),
            np.column_stack([fees for fees, _ in expected]),
            np.column_stack([money for _, money in expected]),
        )

    def predict_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Return raw score, churn probability and CLV mean of rows of {feature: value}; for golden rows."""
        prediction = self.predict(build_row_frame(self.features, rows))
        numbers = (prediction.raw, prediction.churn_probability, prediction.fees.clv_mean)
        return [
            {"raw": raw, "churn_probability": p, "clv_mean": clv}
            for raw, p, clv in zip(*(column.tolist() for column in numbers), strict=True)
        ]

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what the manifest holds of the model, and its files by name."""
        manifest = {
            "features": self.features.to_dicts(),
            "feature_hash": self.features.hash,
            "vocabularies": {name: list(levels) for name, levels in self.encoder.vocabularies.items()},
            "fills": dict(self.encoder.fills),
            "settings": asdict(self.terms),
            "reference": self.reference.to_dict(),
            "range_proven": self.range_proven,
        }
        parts = {"base": self.hazard.base.to_dict(), "calibrator": self.calibrator.to_dict()}
        return manifest, {TREES_FILE: self.hazard.to_text(), BASE_FILE: parts}

    @classmethod
    def from_parts(cls, manifest: Mapping[str, Any], files: Mapping[str, Any]) -> "SubscriptionModel":
        """Return the model that ``to_parts`` took apart; the JSON file may come as text.

        Raises:
            BundleRefused: a part is missing or does not hold together.
        """
        try:
            parts = files[BASE_FILE]
            parts = json.loads(parts) if isinstance(parts, str) else parts
            features = FeatureList.from_dicts(manifest["features"])
            vocabularies = {name: tuple(levels) for name, levels in manifest["vocabularies"].items()}
            encoder = Encoder(features, vocabularies, dict(manifest["fills"]))
            return cls(
                features,
                encoder,
                Hazard.from_parts(parts["base"], files[TREES_FILE], encoder.names),
                Calibrator.from_dict(parts["calibrator"]),
                Terms(**manifest["settings"]),
                Reference.from_dict(manifest["reference"]),
                bool(manifest["range_proven"]),
            )
        except (KeyError, TypeError) as error:
            raise BundleRefused(
                f"The bundle's subscription part lacks {error}: train the model again."
            ) from error


def expected_coverage(lower: npt.ArrayLike, upper: npt.ArrayLike) -> Floats:
    """Return how much of each atom [lower, upper] of a law lies within 0.1 and 0.9, (n,), 0 to 1.

    The mean over customers is the coverage of the 80 % range as the design counts it.

    Examples:
        >>> expected_coverage([0.0, 0.3], [0.2, 0.95]).round(3).tolist()
        [0.5, 0.923]
    """
    low, high = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    inside = np.minimum(high, 0.9) - np.maximum(low, 0.1)
    return np.asarray(np.maximum(inside, 0.0) / np.maximum(high - low, 1e-12))
