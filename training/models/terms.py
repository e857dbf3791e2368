"""What a customer model promises (terms), and what it compares a customer with (reference)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from contracts.errors import BundleRefused
from contracts.feature_frame import FeatureFrame
from contracts.scores import RiskBands
from training.models.columns import acquired_before

Array = npt.NDArray[np.float64]

GRID_POINTS = 1001
OUTSIDE_LIMIT = 3
SEASON_DAYS = 365


@dataclass(frozen=True)
class Terms:
    """Horizons in days, annual rate, the money's currency and basis, the window models learned from."""

    horizon_days: int
    clv_horizon_days: int
    window_days: int
    annual_discount_rate: float
    currency: str
    clv_basis: Literal["revenue", "margin"] = "revenue"
    time_unit: str = "week"

    @property
    def is_shorter(self) -> bool:
        """Whether the models learned from windows shorter than the horizon: BTYD carries the level."""
        return self.window_days < self.horizon_days


@dataclass(frozen=True)
class Reference:
    """The customers in play at the model's own ``as_of``, in aggregates only.

    ``offset_mean`` is the mean of the offset (log-odds); ``medians`` the usual value of each numeric
    feature; ``ranges`` their 0.1 and 99.9 % points; ``raw_grid`` the 0, 0.1, ..., 100 % points of the raw
    score; ``lapsed_after_days`` the silence after which a customer has lapsed; customers acquired before
    ``complete_from`` (an instant) may be older than the log.
    """

    offset_mean: float
    medians: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float]]
    raw_grid: tuple[float, ...]
    bands: RiskBands
    lapsed_after_days: int
    history_days: float
    complete_from: str | None = None

    @property
    def season_unseen(self) -> bool:
        """Whether the log is too short to have seen each season once."""
        return self.history_days < SEASON_DAYS

    def is_older_than_log(self, frame: FeatureFrame) -> npt.NDArray[np.bool_]:
        """Return whose first order known is so early that it need not be the first, (n,)."""
        if self.complete_from is None:
            return np.zeros(len(frame), dtype=bool)
        return acquired_before(frame, datetime.fromisoformat(self.complete_from))

    def percentile(self, raw: Array) -> Array:
        """Return the share of customers in play with a raw score below each (linear between grid points)."""
        if len(self.raw_grid) < 2:
            return np.full(len(raw), 0.5)
        return np.interp(raw, self.raw_grid, np.linspace(0.0, 1.0, len(self.raw_grid)))

    def is_outside(self, frame: FeatureFrame) -> npt.NDArray[np.bool_]:
        """Return for each row whether more than three features lie outside the training range."""
        if not self.ranges:
            return np.zeros(len(frame), dtype=bool)
        values, bounds = frame.numbers(tuple(self.ranges)), np.array(list(self.ranges.values()))
        with np.errstate(invalid="ignore"):
            outside = ((values < bounds[:, 0]) | (values > bounds[:, 1])).sum(axis=1)
        return np.asarray(outside > OUTSIDE_LIMIT)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Reference":
        """Return the reference that ``to_dict`` gave.

        Raises:
            BundleRefused: a field is missing or of another shape.
        """
        try:
            ranges = {name: (float(low), float(high)) for name, (low, high) in values["ranges"].items()}
            return cls(
                float(values["offset_mean"]),
                {name: float(value) for name, value in values["medians"].items()},
                ranges,
                tuple(float(value) for value in values["raw_grid"]),
                RiskBands(**values["bands"]),
                int(values["lapsed_after_days"]),
                float(values["history_days"]),
                None if values["complete_from"] is None else _instant(values["complete_from"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleRefused(
                f"The manifest's reference is not readable ({error}): train the model again."
            ) from error


def _instant(text: Any) -> str:
    """Return the text of an instant; ``ValueError`` or ``TypeError`` when it is none."""
    datetime.fromisoformat(text)
    return str(text)


def describe_features(frame: FeatureFrame) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Return medians and 0.1-99.9 % ranges of the numeric features that have a value, to six decimals."""
    medians: dict[str, float] = {}
    ranges: dict[str, tuple[float, float]] = {}
    for feature in frame.features:
        if feature.dtype != "float64":
            continue
        values = frame.values[feature.name].to_numpy(dtype=np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            low, middle, high = np.quantile(values, [0.001, 0.5, 0.999])
            medians[feature.name] = round(float(middle), 6)
            ranges[feature.name] = (round(float(low), 6), round(float(high), 6))
    return medians, ranges


def grid_of(raw: Array) -> tuple[float, ...]:
    """Return the 1,001 evenly spaced quantiles of raw scores, to nine decimals; empty for no scores."""
    if not len(raw):
        return ()
    return tuple(round(float(value), 9) for value in np.quantile(raw, np.linspace(0, 1, GRID_POINTS)))
