"""What the store keeps: one stored score per customer, and the facts of a generation."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

from contracts.errors import StoreError
from contracts.scores import Band, Kind, Language, NotScored, Segment, dumps
from contracts.time import to_text

Sort = Literal["contact_value", "value_at_risk", "churn_probability"]
Status = Literal["scored", "not_scored"]
_NUMBERS = ("churn_probability", "value_at_risk", "contact_value", "raw_score")
_MOVES = ("generation", "scored_at")


@dataclass(frozen=True, slots=True)
class StoredScore:
    """One customer in one generation.

    ``record_en`` and ``record_it`` are canonical bytes; a reader of one language gets None for the other.
    ``position`` counts rows in the order they were written, from 1; a row not yet written has 0.
    ``features`` is the digest of the features it was computed from; not stored here, the ledger takes it.
    """

    customer_id: str
    status: Status
    digest: str
    reason: NotScored | None = None
    kind: Kind | None = None
    segment: Segment | None = None
    in_play: bool = False
    risk_band: Band | None = None
    churn_probability: float | None = None
    value_at_risk: float | None = None
    contact_value: float | None = None
    raw_score: float | None = None
    record_en: bytes | None = None
    record_it: bytes | None = None
    position: int = 0
    features: bytes = b""

    def values(self) -> tuple[Any, ...]:
        """Return what a database stores of the row, in the order of ``STORED``."""
        return _stored(self)

    def record(self, language: Language) -> bytes | None:
        """Return the canonical bytes in ``language``; None where the customer is not scored."""
        return self.record_it if language == "it" else self.record_en

    def check(self) -> None:
        """Raise ``StoreError`` when a number is not finite or a scored row lacks a part."""
        for name in _NUMBERS:
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise StoreError(
                    f"{name} is {value} in a score: the store holds finite numbers only. Score again."
                )
        whole = None not in (self.record_en, self.record_it, self.contact_value, self.segment)
        if (self.status == "scored") != whole:
            raise StoreError(
                f"A row is {self.status!r} but its records say otherwise: build it with build_scored."
            )


STORED = tuple(each.name for each in fields(StoredScore) if each.name not in ("position", "features"))
_stored = attrgetter(*STORED)
Numbered = tuple[int, StoredScore]
Changes = Mapping[int, StoredScore | None]
"""What becomes of the rows at some positions; None takes a row out."""


def build_scored(
    record: Mapping[str, Any], english: bytes, italian: bytes, raw_score: float, features: bytes = b""
) -> StoredScore:
    """Return the row of a scored customer.

    Args:
        record: the English record as ``contracts.scores.to_dict`` gives it (pages follow what is shown).
        english: its canonical bytes.
        italian: canonical bytes of the Italian record.
        raw_score: log-odds before the calibrator.
        features: digest of the features it was computed from.
    """
    return StoredScore(
        customer_id=record["customer_id"],
        status="scored",
        digest=digest({name: value for name, value in record.items() if name not in _MOVES}),
        kind=record["kind"],
        segment=record["segment"],
        in_play=record["segment"] != "lapsed",
        risk_band=record["risk_band"],
        churn_probability=record["churn_probability"],
        value_at_risk=record["value_at_risk"],
        contact_value=record["contact_value"],
        raw_score=raw_score,
        record_en=english,
        record_it=italian,
        features=features,
    )


def build_not_scored(customer_id: str, reason: NotScored, kind: Kind | None = None) -> StoredScore:
    """Return the row of a known customer without a score, and why."""
    return StoredScore(customer_id, "not_scored", digest([customer_id, reason]), reason=reason, kind=kind)


def digest(value: Any) -> str:
    """Return 32 hex digits over the canonical JSON of ``value``."""
    return hashlib.blake2b(dumps(value), digest_size=16).hexdigest()


@dataclass(frozen=True)
class GenerationInfo:
    """What one scoring run knew and found.

    ``generation`` names the run by what it was computed from, so that a rerun has the same name.
    ``facts_until`` is the newest fact used. The writer counts ``scored``, ``kinds`` (scored, by kind; empty
    in generations of an earlier Fedele) and ``not_scored`` (by reason), ``sequence`` (how often the store was
    flipped so far) is given by the store.
    """

    generation: str
    as_of: datetime
    model_version: str
    scored_at: datetime
    facts_until: datetime | None = None
    flags: tuple[str, ...] = ()
    scored: int = 0
    not_scored: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    sequence: int = 0

    def to_json(self) -> str:
        """Return the facts as one JSON object, the sequence left out."""
        return dumps(
            {
                "generation": self.generation,
                "as_of": to_text(self.as_of),
                "model_version": self.model_version,
                "scored_at": to_text(self.scored_at),
                "facts_until": None if self.facts_until is None else to_text(self.facts_until),
                "flags": list(self.flags),
                "scored": self.scored,
                "not_scored": dict(self.not_scored),
                "kinds": dict(self.kinds),
            }
        ).decode()


def recount(
    info: GenerationInfo, withdrawn: Iterable[StoredScore], reason: NotScored | None
) -> GenerationInfo:
    """Return the facts of a generation once these rows went, or have no score any more for ``reason``."""
    kinds, others = Counter(info.kinds), Counter(info.not_scored)
    scored = info.scored
    for row in withdrawn:
        if row.status == "scored":
            scored -= 1
            kinds[str(row.kind)] -= 1
        else:
            others[str(row.reason)] -= 1
        if reason is not None:
            others[reason] += 1
    left = {name: count for name, count in sorted(others.items()) if count > 0}
    return replace(info, scored=scored, kinds={**kinds} if info.kinds else {}, not_scored=left)


def read_info(text: str, sequence: int) -> GenerationInfo:
    """Return the facts ``GenerationInfo.to_json`` wrote."""
    values = json.loads(text)
    instants = {
        name: None if values[name] is None else datetime.fromisoformat(values[name])
        for name in ("as_of", "scored_at", "facts_until")
    }
    return replace(GenerationInfo(**(values | instants)), flags=tuple(values["flags"]), sequence=sequence)


@dataclass(frozen=True)
class Selection:
    """Which customers a list shows, and their order (always downwards, ties by id).

    ``segment`` None is everyone in play; ``lapsed`` is the win-back view. ``kind`` None is both.
    """

    sort: Sort = "contact_value"
    segment: Segment | None = None
    band: Band | None = None
    kind: Kind | None = None
