"""The score record: all Fedele says of one customer, in one canonical form of bytes (design, section 6)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from math import isfinite, isnan
from operator import attrgetter
from typing import Any, Literal, TypeAlias, get_args, get_origin

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


def to_json(record: ScoreRecord) -> bytes:
    """Return the canonical bytes: UTF-8, field order of the contract, no spaces, shortest floats.

    Numbers are rounded by the kind of their field, instants are text in UTC, and there is no -0.0.

    Raises:
        ValueError: a number is not finite.
    """
    return _spell(record).encode()


def to_dict(record: ScoreRecord) -> dict[str, Any]:
    """Return the record as plain JSON values, in the order of the contract and rounded as it says."""
    plain: dict[str, Any] = json.loads(to_json(record))
    return plain


Speller: TypeAlias = Callable[[Any], str]
_quote = json.encoder.encode_basestring


def _spell(value: Any) -> str:
    """Return the JSON text of what is no number of a record.

    A record is spelt field by field, each by what its contract says it holds: by way of plain values for a
    JSON encoder it takes twice as long, and a live answer spends more on spelling than on trees.
    """
    kind = type(value)
    if kind in _PARTS:
        template, spellers, read = _PARTS[kind]
        return template % tuple([spell(held) for spell, held in zip(spellers, read(value), strict=True)])
    if kind is tuple:
        return f"[{','.join([_spell(part) for part in value])}]"
    if kind is bool:
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _spell_instant(value)
    return _quote(value) if kind is str else str(value) if kind is int else _ENCODER.encode(value)


@lru_cache(maxsize=16)
def _spell_instant(instant: datetime) -> str:
    return _quote(to_text(instant))


def _spell_number(name: str, digits: int | None) -> Speller:
    """Return what spells the numbers of a field: rounded to ``digits``, as short as they can be, no -0.0."""
    layout = None if digits is None else f"%.{digits}f"

    def spell(value: Any) -> str:
        if type(value) is float and layout is not None and 0.001 <= abs(value) < 1e8:
            # In these bounds the shortest text of the rounded number is the layout's without its zeros.
            text = (layout % value).rstrip("0")
            return text if text[-1] != "." else "0.0" if text == "-0." else text + "0"
        if type(value) is float and value == 0:
            return "0.0"
        if value is None or type(value) is int:
            return "null" if value is None else str(value)
        if not isfinite(value):
            raise ValueError(f"{name} is {value}: a score record holds finite numbers only.")
        return float.__repr__((value if digits is None else round(value, digits)) + 0.0)

    return spell


def _find_speller(name: str, kind: Any) -> Speller:
    if kind in (float, float | None):
        return _spell_number(name, _DIGITS.get(name))
    return _quote if kind is str or get_origin(kind) is Literal else _spell


_PARTS = {
    kind: (
        "{" + ",".join(f'"{field.name}":%s' for field in fields(kind)) + "}",
        tuple(_find_speller(field.name, field.type) for field in fields(kind)),
        attrgetter(*(field.name for field in fields(kind))),
    )
    for kind in (ChurnRange, Clv, CurvePoint, Satisfaction, Reason, ScoreRecord)
}


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
    if isinstance(value, float) and isnan(value):
        return None
    # A CSV says 0 for 0.0, and who reads it finds a column of integers.
    return float(value) if is_float and isinstance(value, int) else value


def _nested_type(name: str) -> type:
    return {"churn_range": ChurnRange, "clv": Clv, "satisfaction": Satisfaction}[name]
