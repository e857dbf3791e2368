"""A model of anyone's table as it is kept and used: probabilities, and what each column adds to them.

The probability is a weighted mean over parts (the trees and the partner of each bag), p = sum of w_i s(r_i)
with s the logistic function and r_i = b_i + the columns' contributions in log-odds. Along the straight line
from s(b_i) to s(r_i) every contribution is a number of probability points, so that columns and base add up to
the probability itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from contracts.errors import BundleRefused
from contracts.feature_frame import FeatureFrame, FeatureList
from training.models.encoder import Encoder
from training.models.tabular import TabularModel, probability_of
from training.models.trees import Floats

Value = float | str | None

TREES = "bag_{}.lgb.txt"
REST = "table.json"
MOST, LEAST_POINTS = 3, 0.01
NEAR = 1e-9


class Part(NamedTuple):
    """A column's part in one probability, in points (0.1 is ten of a hundred)."""

    column: str
    points: float


@dataclass(frozen=True, eq=False)
class TableModel:
    """A fitted ``TabularModel`` and what its parts say of the typical row.

    ``centers`` (bags, k) are the mean contributions of the partners' columns, ``peers`` the typical value of
    each column: the median of numbers, the most frequent level of a category (None where it is rare).
    """

    model: TabularModel
    centers: Floats
    peers: Mapping[str, Value]

    @classmethod
    def fit(cls, model: TabularModel, frame: FeatureFrame) -> "TableModel":
        """Return a fitted ``model`` with the typical row of ``frame``, the one it learned from."""
        matrix = model.encoder_.encode(frame)
        centers = np.array([bag.logistic.contributions(matrix).mean(axis=0) for bag in model.bags_])
        return cls(model, centers, _typical(model.encoder_, frame.values))

    @property
    def features(self) -> FeatureList:
        """The columns it reads, in order."""
        return self.model.encoder_.features

    def predict(self, frame: FeatureFrame) -> Floats:
        """Return the probability of churn (n,); a level not met in training is "other"."""
        return self.model.predict(frame)

    def explain(self, frame: FeatureFrame) -> tuple[Floats, float]:
        """Return what each column adds (n, k) in probability, and the base: together the probability."""
        matrix = self.model.encoder_.encode(frame)
        share = 1 / len(self.model.bags_)
        points, base = np.zeros(matrix.shape), 0.0
        for bag, center in zip(self.model.bags_, self.centers, strict=True):
            grown, start = bag.trees.contributions(matrix)
            line = bag.logistic.contributions(matrix) - center
            parts = (
                (self.model.weight_, grown, bag.offset + start),
                (1 - self.model.weight_, line, bag.logistic.intercept + float(center.sum())),
            )
            for weight, columns, from_here in parts:
                slope, level = _line(columns.sum(axis=1) + from_here, from_here)
                points += share * weight * slope[:, None] * columns
                base += share * weight * level
        return points, base

    def strongest(self, frame: FeatureFrame) -> list[list[Part]]:
        """Return for each row the columns that move it most, at most three of a point or more, else one."""
        points = self.explain(frame)[0]
        order = np.argsort(-np.abs(points), axis=1, kind="stable")[:, :MOST]
        return [
            [
                Part(self.features.names[column], float(row[column]))
                for rank, column in enumerate(best)
                if rank == 0 or abs(row[column]) >= LEAST_POINTS
            ]
            for row, best in zip(points, order.tolist(), strict=True)
        ]

    def predict_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
        """Return the numbers of each row given as column: value; a column left out is missing."""
        columns: dict[str, Any] = {}
        for feature in self.features:
            given = [row.get(feature.name) for row in rows]
            numbers = feature.dtype != "category"
            columns[feature.name] = pd.Series(given, dtype="float64" if numbers else object)
        index = pd.DataFrame({"row": np.arange(len(rows))})
        frame = FeatureFrame(index, pd.DataFrame(columns), self.features)
        points, base = self.explain(frame)
        answers = zip(self.predict(frame), points, strict=True)
        return [
            {
                "churn_probability": float(p),
                "base": base,
                "highest": float(row.max()),
                "lowest": float(row.min()),
            }
            for p, row in answers
        ]

    def to_parts(self) -> tuple[dict[str, Any], dict[str, "str | dict[str, Any]"]]:
        """Return the model's fields of a manifest, and its files by name."""
        encoder = self.model.encoder_
        manifest = {
            "features": encoder.features.to_dicts(),
            "feature_hash": encoder.features.hash,
            "vocabularies": {name: list(levels) for name, levels in encoder.vocabularies.items()},
        }
        bags = self.model.bags_
        rest = {
            "fills": dict(encoder.fills),
            "weight": self.model.weight_,
            "offsets": [bag.offset for bag in bags],
            "partners": [bag.logistic.to_dict() for bag in bags],
            "centers": self.centers.tolist(),
            "peers": dict(self.peers),
        }
        trees = {TREES.format(place): bag.trees.text for place, bag in enumerate(bags, start=1)}
        return manifest, {REST: rest, **trees}

    @classmethod
    def from_parts(cls, manifest: Mapping[str, Any], files: Mapping[str, Any]) -> "TableModel":
        """Return the model that ``to_parts`` took apart; the JSON file may come as text.

        Raises:
            BundleRefused: a part is missing or not sound.
        """
        try:
            rest = json.loads(files[REST]) if isinstance(files[REST], str) else files[REST]
            offsets, partners = list(rest["offsets"]), list(rest["partners"])
            texts = [files[TREES.format(place)] for place in range(1, len(offsets) + 1)]
            plain = {
                "encoder": {**manifest, "fills": rest["fills"]},
                "weight": rest["weight"],
                "bags": [
                    {"offset": offset, "trees": text, "logistic": partner}
                    for offset, text, partner in zip(offsets, texts, partners, strict=True)
                ],
            }
            centers = np.array(rest["centers"], dtype=np.float64)
            peers = dict(rest["peers"])
        except (KeyError, TypeError, ValueError) as error:
            raise BundleRefused(f"Table model: {type(error).__name__}: restore the bundle.") from error
        model = TabularModel.from_dict(plain)
        columns = model.encoder_.names
        if centers.shape != (len(offsets), len(columns)) or set(peers) != set(columns):
            raise BundleRefused("Table model: typical values do not fit its columns: restore the bundle.")
        return cls(model, centers, peers)


def _line(raw: Floats, start: float) -> tuple[Floats, float]:
    """Return the slope (n,) of the straight line from s(start) to s(raw), and s(start)."""
    level = float(probability_of(np.array([start]))[0])
    reach = raw - start
    near = np.abs(reach) < NEAR
    rise = probability_of(raw) - level
    return np.where(near, level * (1 - level), rise / np.where(near, 1.0, reach)), level


def _typical(encoder: Encoder, values: pd.DataFrame) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for feature in encoder.features:
        seen = values[feature.name].dropna()
        if feature.dtype != "category":
            found[feature.name] = float(seen.median()) if len(seen) else None
            continue
        counts = seen[seen.isin(encoder.vocabularies[feature.name])].value_counts().sort_index()
        found[feature.name] = str(counts.idxmax()) if len(counts) else None
    return found
