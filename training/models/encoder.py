"""Feature frame to matrix, by name: the order, the codes and the meaning of missing are the model's own."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contracts.errors import ContractError
from contracts.feature_frame import Feature, FeatureFrame, FeatureList

MAX_LEVELS = 50


@dataclass(frozen=True)
class Encoder:
    """What turns a frame into a matrix.

    ``vocabularies`` holds, per category, its sorted levels: a level's code is its place, any other value is
    coded ``len(levels)`` ("other"). ``fills`` holds, per number that was never missing in training, its
    median: LightGBM reads a missing value it has not met as 0, which is a value, so a typical one takes its
    place there.
    """

    features: FeatureList
    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fills: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def fit(cls, frame: FeatureFrame, least_rows: int = 1) -> "Encoder":
        """Return the encoder of a training frame: at most 50 levels a category, the most frequent ones.

        A level of fewer than ``least_rows`` rows is left out of the vocabulary and so coded "other".

        Raises:
            ContractError: a column is missing, infinite or of the wrong type.
        """
        vocabularies, fills = {}, {}
        for feature in frame.features:
            if feature.dtype == "category":
                vocabularies[feature.name] = _levels(_texts(frame.values, feature), least_rows)
            else:
                values = _numbers(frame.values, feature)
                if len(values) and not np.isnan(values).any():
                    fills[feature.name] = float(np.median(values))
        return cls(frame.features, vocabularies, fills)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of the matrix."""
        return self.features.names

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the columns that hold codes."""
        return self.features.categorical

    def encode(self, frame: FeatureFrame) -> npt.NDArray[np.float64]:
        """Return the matrix (n, k), columns found by name, NaN where missing in training too.

        Raises:
            ContractError: a column is missing, infinite or of the wrong type.

        Examples:
            >>> features = FeatureList((Feature("attribute.plan", "", "not said", dtype="category"),))
            >>> values = pd.DataFrame({"attribute.plan": ["gold", None, "new"]}, dtype=object)
            >>> frame = FeatureFrame(pd.DataFrame({"customer_id": ["1", "2", "3"]}), values, features)
            >>> Encoder(features, {"attribute.plan": ("basic", "gold")}).encode(frame).T
            array([[ 1., nan,  2.]])
        """
        matrix = np.empty((len(frame), len(self.features)))
        at_once = self._find_plain(frame)
        for position, feature in enumerate(self.features):
            if position not in at_once:
                matrix[:, position] = self._column(frame.values, feature)
        if at_once:
            matrix[:, list(at_once)] = self._numbers(frame, at_once)
        return matrix

    def _find_plain(self, frame: FeatureFrame) -> dict[int, str]:
        """Return the columns that hold nothing but numbers: one by one they cost more than the model does."""
        return {
            position: feature.name
            for position, feature in enumerate(self.features)
            if feature.dtype != "category" and feature.name in frame.plain
        }

    def _numbers(self, frame: FeatureFrame, columns: Mapping[int, str]) -> npt.NDArray[np.float64]:
        numbers = frame.numbers(tuple(columns.values()))
        for place in np.flatnonzero(np.isinf(numbers).any(axis=0)).tolist():
            raise _infinite(list(columns.values())[place])
        fills = np.array([self.fills.get(name, np.nan) for name in columns.values()])
        return np.where(np.isnan(numbers), fills, numbers)

    def unseen_count(self, frame: FeatureFrame) -> int:
        """Return how many category values of ``frame`` are outside the vocabulary and so coded "other"."""
        return sum(
            int(np.count_nonzero(self._column(frame.values, feature) == len(self.vocabularies[feature.name])))
            for feature in self.features
            if feature.dtype == "category"
        )

    def _column(self, values: pd.DataFrame, feature: Feature) -> npt.NDArray[np.float64]:
        if feature.dtype == "category":
            levels = self.vocabularies[feature.name]
            codes = {level: float(code) for code, level in enumerate(levels)}
            other = float(len(levels))
            return np.array(
                [np.nan if text is None else codes.get(text, other) for text in _texts(values, feature)],
                dtype=np.float64,
            )
        numbers = _numbers(values, feature)
        if feature.name in self.fills:
            return np.where(np.isnan(numbers), self.fills[feature.name], numbers)
        return numbers

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a bundle."""
        return {
            "features": self.features.to_dicts(),
            "vocabularies": {name: list(levels) for name, levels in self.vocabularies.items()},
            "fills": dict(self.fills),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Encoder":
        """Return the encoder that ``to_dict`` gave."""
        vocabularies = {name: tuple(levels) for name, levels in plain["vocabularies"].items()}
        return cls(FeatureList.from_dicts(plain["features"]), vocabularies, dict(plain["fills"]))


def _find(values: pd.DataFrame, feature: Feature) -> "pd.Series[Any]":
    if feature.name not in values.columns:
        raise ContractError(
            f"Feature {feature.name!r} is missing: build the frame with the model's own list."
        )
    return values[feature.name]


def _numbers(values: pd.DataFrame, feature: Feature) -> npt.NDArray[np.float64]:
    column = _find(values, feature)
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind in "fiu":
        numbers: npt.NDArray[np.float64] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    elif column.isna().all():
        numbers = np.full(len(column), np.nan)
    else:
        raise ContractError(
            f"Feature {feature.name!r} is {column.dtype}, not a number: mend its type and rebuild the frame."
        )
    if np.isinf(numbers).any():
        raise _infinite(feature.name)
    return numbers


def _infinite(name: str) -> ContractError:
    return ContractError(f"Feature {name!r} holds an infinite value: rebuild the frame.")


def _texts(values: pd.DataFrame, feature: Feature) -> list[str | None]:
    column = _find(values, feature)
    missing = column.isna().to_numpy()
    texts = [None if absent else value for value, absent in zip(column.tolist(), missing, strict=True)]
    if any(text is not None and not isinstance(text, str) for text in texts):
        raise ContractError(
            f"Feature {feature.name!r} is {column.dtype}, not text: mend its type and rebuild the frame."
        )
    return texts


def _levels(texts: list[str | None], least_rows: int) -> tuple[str, ...]:
    counts = Counter(text for text in texts if text is not None)
    often = [level for level, rows in counts.items() if rows >= least_rows]
    most = sorted(often, key=lambda level: (-counts[level], level))[:MAX_LEVELS]
    return tuple(sorted(most))
