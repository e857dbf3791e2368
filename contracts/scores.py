"""The score record: all Fedele says of one customer, in one canonical form of bytes (design, section 6)."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal, get_args

from contracts.time import to_text

Language = Literal["en", "it"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
Band = Literal["low", "medium", "high"]
Kind = Literal["shop", "subscription"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Segment = Literal["thin", "regular", "lapsed"]
SEGMENTS: tuple[Segment, ...] = get_args(Segment)
Flag = Literal[
    "thin_history",
    "stale",
    "degraded",
    "out_of_distribution",
    "disagreement",
    "left_truncated",
    "season_unseen",
    "range_unproven",
    "hindsight",
]
FLAGS: tuple[Flag, ...] = get_args(Flag)
NotScored = Literal["no_first_order", "already_ended", "suppressed", "no_model", "unknown"]
CURVE_DAYS = (30, 60, 90, 180, 365)


@dataclass(frozen=True, slots=True)
class RiskBands:
    """Where a churn probability starts to be medium and high, and who set it.

    Examples:
        >>> RiskBands(0.4, 0.7, owner="training").band(0.55)
        'medium'
    """

    medium: float
    high: float
    owner: str

    def band(self, churn_probability: float) -> Band:
        """Return the band of a probability; each threshold belongs to the band above it."""
        if churn_probability >= self.high:
            return "high"
        return "medium" if churn_probability >= self.medium else "low"


@dataclass(frozen=True, slots=True)
class ChurnRange:
    """How far the estimate of the probability reaches; no coverage is promised."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Clv:
    """Customer lifetime value over ``clv_horizon_days``: mean and 10, 50 and 90 % points, in ``currency``."""

    mean: float
    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What holds for the first ``days`` days from ``as_of``."""

    days: int
    churn_probability: float
    expected_purchases: float
    clv_mean: float


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Probabilities of the three classes of NPS answers; ``observed`` when the customer answered recently."""

    detractor: float
    passive: float
    promoter: float
    observed: bool


@dataclass(frozen=True, slots=True)
class Reason:
    """A family's part in the estimate, in log-odds before the calibrator, and in words: never a cause."""

    code: str
    family: str
    owner: str
    direction: Literal["raises", "lowers"]
    contribution: float
    actionable: bool
    text: str


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """One customer at one ``as_of``. Money in ``currency``, horizons in days, probabilities 0 to 1."""

    customer_id: str
    kind: Kind
    segment: Segment
    as_of: datetime
    horizon_days: int
    churn_probability: float
    churn_range: ChurnRange
    risk_band: Band
    risk_percentile: float | None
    p_alive: float | None
    expected_purchases: float
    clv: Clv
    clv_horizon_days: int
    p_no_spend: float
    clv_basis: Literal["revenue", "margin"]
    annual_discount_rate: float
    currency: str
    value_if_stays: float
    value_if_leaves: float
    value_at_risk: float
    contact_value: float
    net_clv: float | None
    historic_value: float
    net_historic_value: float | None
    curve: tuple[CurvePoint, ...]
    satisfaction: Satisfaction | None
    reasons: tuple[Reason, ...]
    flags: tuple[Flag, ...]
    model_version: str
    feature_hash: str
    generation: str
    scored_at: datetime


FIELDS = tuple(field.name for field in fields(ScoreRecord))
_PROBABILITIES = {
    "churn_probability",
    "risk_percentile",
    "p_alive",
    "expected_purchases",
    "p_no_spend",
    "low",
    "high",
    "detractor",
    "passive",
    "promoter",
}
_MONEY = {
    "mean",
    "p10",
    "p50",
    "p90",
    "clv_mean",
    "value_if_stays",
    "value_if_leaves",
    "value_at_risk",
    "contact_value",
    "net_clv",
    "historic_value",
    "net_historic_value",
}

_DIGITS = dict.fromkeys(_MONEY, 2) | dict.fromkeys(_PROBABILITIES, 6)


def _rounded(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}: a score record holds finite numbers only.")
    digits = _DIGITS.get(name)
    return (value if digits is None else round(value, digits)) + 0.0


def _plain(name: str, value: Any) -> Any:
    """Return ``value`` as JSON holds it: rounded by the kind of its field, instants as text, never -0.0."""
    if isinstance(value, float):
        return _rounded(name, value)
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, tuple):
        return [_plain(name, part) for part in value]
    known = _PARTS.get(type(value))
    # Field by field instead of dataclasses.asdict, whose deep copies are half the time of a batch; and most
    # fields are texts, numbers and Nones that stay what they are.
    if known is None:
        return value
    names, read = known
    parts = dict(zip(names, read(value), strict=True))
    for part, held in parts.items():
        kind = type(held)
        if kind is float:
            parts[part] = _rounded(part, held)
        elif kind not in _AS_THEY_ARE:
            parts[part] = _plain(part, held)
    return parts


_AS_THEY_ARE = {str, int, bool, type(None)}
_PARTS = {
    kind: (names, attrgetter(*names))
    for kind in (ChurnRange, Clv, CurvePoint, Satisfaction, Reason, ScoreRecord)
    if (names := tuple(field.name for field in fields(kind)))
}


def to_dict(record: ScoreRecord) -> dict[str, Any]:
    """Return the record as plain JSON values, in the order of the contract and rounded as it says."""
    plain: dict[str, Any] = _plain("", record)
    return plain


def to_json(record: ScoreRecord) -> bytes:
    """Return the canonical bytes: UTF-8, field order of the contract, no spaces, shortest floats.

    Raises:
        ValueError: a number is not finite.
    """
    return dumps(to_dict(record))


def dumps(value: Any) -> bytes:
    """Return JSON bytes in the canonical spelling; ``ValueError`` for NaN and infinities."""
    return _ENCODER.encode(value).encode()


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


_NESTED = ("churn_range", "clv", "satisfaction")
_LISTS = ("curve", "reasons", "flags")
_FLOATS = {field.name for field in fields(ScoreRecord) if field.type in (float, float | None)}


def flatten(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record (as ``to_dict`` gives it) as one flat row: ``clv_mean``, ...; lists as JSON text."""
    row: dict[str, Any] = {}
    for name in FIELDS:
        value = record[name]
        if name in _NESTED:
            names = [field.name for field in fields(_nested_type(name))]
            row |= {f"{name}_{part}": None if value is None else value[part] for part in names}
        elif name in _LISTS:
            row[name] = dumps(value).decode()
        else:
            row[name] = value
    return row


def unflatten(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record that ``flatten`` gave the row of; a missing number may be NaN, 0.0 may be 0."""
    record: dict[str, Any] = {}
    for name in FIELDS:
        if name in _NESTED:
            names = [field.name for field in fields(_nested_type(name))]
            parts = {part: _present(row[f"{name}_{part}"], part != "observed") for part in names}
            record[name] = None if all(part is None for part in parts.values()) else parts
        elif name in _LISTS:
            record[name] = json.loads(row[name])
        else:
            record[name] = _present(row[name], name in _FLOATS)
    return record


def _present(value: Any, is_float: bool) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    # A CSV says 0 for 0.0, and who reads it finds a column of integers.
    return float(value) if is_float and isinstance(value, int) else value


def _nested_type(name: str) -> type:
    return {"churn_range": ChurnRange, "clv": Clv, "satisfaction": Satisfaction}[name]
