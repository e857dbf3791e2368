"""The model of a customer: BTYD, trees, calibrator and ranges composed into one joint prediction per row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import BundleRefused
from contracts.feature_frame import FeatureFrame, FeatureList
from contracts.periods import to_units
from contracts.scores import SEGMENTS
from training.models.calibrator import Calibrator
from training.models.columns import BTYD_FEATURES, append_btyd, build_history, find_offset
from training.models.encoder import Encoder
from training.models.gamma_gamma import GammaGammaParameters
from training.models.golden_frame import build_row_frame
from training.models.history import History
from training.models.intervals import Intervals
from training.models.joint import JointCurve, JointModel, JointPrediction
from training.models.members import ChurnMember, Panel, Scores, Sight, ValueMember, find_scale, score
from training.models.panel_files import read_panels, write_panels
from training.models.purchase_families import (
    PURCHASE_FILES,
    family_of,
    find_purchase_file,
    read_purchase_model,
)
from training.models.purchase_model import PurchaseModel
from training.models.terms import Reference, Terms

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """What a model says of the rows of a frame, in its row order.

    ``frame`` is the model's frame with ``btyd.*`` appended; ``scores`` the raw scores with their parts;
    ``churn_probability`` in (0, 1) with its range ``low`` to ``high``; ``btyd_probability`` the same from
    BTYD alone; ``scale`` the factor on spend; ``joint`` everything about purchases and money.
    """

    frame: FeatureFrame
    scores: Scores
    churn_probability: Array
    low: Array
    high: Array
    btyd_probability: Array
    history: History
    scale: Array
    joint: JointPrediction

    @property
    def raw(self) -> Array:
        """The raw scores, log-odds before the calibrator, (n,)."""
        return self.scores.raw


@dataclass(frozen=True)
class CustomerModel:
    """Fitted parts, no data. ``predict`` changes nothing; equal rows get equal answers anywhere."""

    features: FeatureList
    encoder: Encoder
    purchase_model: PurchaseModel
    gamma_gamma: GammaGammaParameters
    churn: Panel[ChurnMember]
    value: Panel[ValueMember]
    calibrator: Calibrator
    intervals: Intervals
    terms: Terms
    reference: Reference

    @cached_property
    def joint(self) -> JointModel:
        """The joint predictive distribution at the model's horizons."""
        unit = self.terms.time_unit
        return JointModel(
            self.purchase_model,
            self.gamma_gamma,
            to_units(self.terms.horizon_days, unit),
            to_units(self.terms.clv_horizon_days, unit),
            self.terms.annual_discount_rate,
        )

    def predict(self, frame: FeatureFrame) -> Prediction:
        """Return the prediction for a frame of exactly this model's features.

        Raises:
            ContractError: the frame's list is not the model's, naming the first difference.
        """
        frame.features.check_hash(self.features.hash)
        sight = self.see(frame)
        scores = score(self.churn, sight)
        probability, low, high = self.calibrator.predict(scores.raw)
        history = build_history(frame, self.terms.time_unit)
        scale = find_scale(self.value, sight)
        joint = self.joint.predict(history, probability, scale, levels=self.intervals.levels)
        btyd = 1.0 / (1.0 + np.exp(-find_offset(sight.far)))
        return Prediction(sight.frame, scores, probability, low, high, btyd, history, scale, joint)

    def see(self, frame: FeatureFrame) -> Sight:
        """Return the rows as members see them: trees the window they learned from, rules the horizon."""
        whole = self._append(frame, self.terms.window_days)
        sight = Sight.of(whole, self.encoder, self.terms.window_days)
        if not self.terms.is_shorter:
            return sight
        return sight.farther(self._append(frame, self.terms.horizon_days), self.terms.horizon_days)

    def _append(self, frame: FeatureFrame, days: int) -> FeatureFrame:
        return append_btyd(frame, self.purchase_model, self.gamma_gamma, days)

    def curve(self, prediction: Prediction, days: Sequence[float]) -> JointCurve:
        """Return no-event probability, purchases and CLV of the customers after each number of days."""
        horizons = [to_units(day, self.terms.time_unit) for day in days]
        return self.joint.curve(prediction.history, prediction.churn_probability, horizons, prediction.scale)

    def predict_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Return raw score, churn probability and CLV mean of rows of {feature: value}; for golden rows.

        The rows take the segments in turn, so that every member of the panels answers for some.
        """
        frame = build_row_frame(self.features, rows)
        turns = [SEGMENTS[place % len(SEGMENTS)] for place in range(len(rows))]
        prediction = self.predict(replace(frame, index=frame.index.assign(segment=turns)))
        return [
            {"raw": float(raw), "churn_probability": float(p), "clv_mean": float(clv)}
            for raw, p, clv in zip(
                prediction.raw, prediction.churn_probability, prediction.joint.clv_mean, strict=True
            )
        ]

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what the manifest holds of the model, and its files by name (JSON values or tree text)."""
        manifest = {
            "features": self.features.to_dicts(),
            "feature_hash": self.features.hash,
            "vocabularies": {name: list(levels) for name, levels in self.encoder.vocabularies.items()},
            "fills": dict(self.encoder.fills),
            "settings": asdict(self.terms),
            "bands": asdict(self.reference.bands),
            "reference": self.reference.to_dict(),
            "population": {"lapsed_after_days": self.reference.lapsed_after_days},
        }
        files = {
            PURCHASE_FILES[family_of(self.purchase_model)]: self.purchase_model.to_dict(),
            "gamma_gamma.json": self.gamma_gamma.to_dict(),
            **write_panels(self.churn, self.value, self.encoder.names),
            "calibrator.json": self.calibrator.to_dict(),
            "intervals.json": self.intervals.to_dict(),
        }
        return manifest, files

    @classmethod
    def from_parts(cls, manifest: Mapping[str, Any], files: Mapping[str, Any]) -> "CustomerModel":
        """Return the model that ``to_parts`` took apart; JSON files may come as text.

        Raises:
            BundleRefused: a part is missing or does not hold together.
        """
        try:
            parts = {name: _parsed(name, value) for name, value in files.items()}
            features = FeatureList.from_dicts(manifest["features"])
            vocabularies = {name: tuple(levels) for name, levels in manifest["vocabularies"].items()}
            encoder = Encoder(features.plus(BTYD_FEATURES), vocabularies, dict(manifest["fills"]))
            purchases = find_purchase_file(parts)
            churn, value = read_panels(parts, encoder.names)
            return cls(
                features,
                encoder,
                read_purchase_model(purchases, parts[purchases]),
                GammaGammaParameters.from_dict(parts["gamma_gamma.json"]),
                churn,
                value,
                Calibrator.from_dict(parts["calibrator.json"]),
                Intervals.from_dict(parts["intervals.json"]),
                Terms(**manifest["settings"]),
                Reference.from_dict(manifest["reference"]),
            )
        except (KeyError, TypeError) as error:
            raise BundleRefused(f"The bundle lacks a part ({error}): train the model again.") from error


def _parsed(name: str, value: Any) -> Any:
    return json.loads(value) if name.endswith(".json") and isinstance(value, str) else value
