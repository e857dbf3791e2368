"""Small true-to-contract score records and generations for tests of the store, the service and the desk."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.scores import (
    CURVE_DAYS,
    ChurnRange,
    Clv,
    CurvePoint,
    Reason,
    RiskBands,
    Satisfaction,
    ScoreRecord,
    to_dict,
    to_json,
)
from contracts.workspace import Workspace, open_workspace
from serving.store.rows import GenerationInfo, StoredScore, build_not_scored, build_scored

AS_OF = datetime(2026, 11, 20, tzinfo=UTC)
SCORED_AT = datetime(2026, 11, 21, 4, 10, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
BANDS = RiskBands(0.4, 0.7, owner="tests")
TEXTS = {
    "en": "Last order 58 days ago; usually every 31 days.",
    "it": "Ultimo ordine 58 giorni fa; di solito ogni 31. È tardi.",
}


def build_record(
    customer_id: str, churn_probability: float = 0.5, language: str = "en", **changes: Any
) -> ScoreRecord:
    """Return a consistent record; ``changes`` replaces fields."""
    stays, leaves = 120.0, 20.0
    at_risk = churn_probability * (stays - leaves)
    record = ScoreRecord(
        customer_id=customer_id,
        kind="shop",
        segment="regular",
        as_of=AS_OF,
        horizon_days=90,
        churn_probability=churn_probability,
        churn_range=ChurnRange(churn_probability * 0.9, min(1.0, churn_probability * 1.1)),
        risk_band=BANDS.band(churn_probability),
        risk_percentile=churn_probability,
        p_alive=0.9,
        expected_purchases=1 - churn_probability,
        clv=Clv(stays - at_risk, 0.0, 40.0, 300.0),
        clv_horizon_days=365,
        p_no_spend=churn_probability,
        clv_basis="revenue",
        annual_discount_rate=0.0,
        currency="EUR",
        value_if_stays=stays,
        value_if_leaves=leaves,
        value_at_risk=at_risk,
        contact_value=(1 - churn_probability) * at_risk,
        net_clv=None,
        historic_value=250.0,
        net_historic_value=None,
        curve=tuple(CurvePoint(days, churn_probability, 1.0, 50.0) for days in CURVE_DAYS),
        satisfaction=Satisfaction(0.2, 0.3, 0.5, False),
        reasons=(Reason("rhythm.overdue", "rhythm", "brand", "raises", 0.1 + 0.2, True, TEXTS[language]),),
        flags=(),
        model_version="3",
        feature_hash="0123456789abcdef",
        generation="g1",
        scored_at=SCORED_AT,
    )
    return replace(record, **changes)


def build_row(customer_id: str, churn_probability: float = 0.5, **changes: Any) -> StoredScore:
    """Return the stored row of ``build_record`` in both languages."""
    english, italian = (
        build_record(customer_id, churn_probability, language, **changes) for language in ("en", "it")
    )
    return build_scored(
        to_dict(english), to_json(english), to_json(italian), raw_score=churn_probability - 0.5
    )


def build_rows(count: int, generation: str = "g1") -> Iterator[StoredScore]:
    """Yield ``count`` scored customers (every tenth lapsed, many ties) and one of each not-scored reason."""
    for number in range(count):
        segment = "lapsed" if number % 10 == 9 else "thin" if number % 10 == 0 else "regular"
        probability = (number * 7 % 20) / 20
        yield build_row(f"C-{number:05d}", probability, segment=segment, generation=generation)
    yield build_not_scored("N-1", "no_first_order", "shop")
    yield build_not_scored("N-2", "already_ended", "subscription")


def build_info(generation: str = "g1", **changes: Any) -> GenerationInfo:
    """Return the facts of a generation."""
    info = GenerationInfo(
        generation, AS_OF, "3", SCORED_AT, facts_until=datetime(2026, 11, 19, 8, tzinfo=UTC)
    )
    return replace(info, **changes)


def make_workspace(folder: Path, name: str = "shop", url: str | None = None) -> Workspace:
    """Return a new, empty workspace in ``folder``, its store on SQLite or at ``url``."""
    folder.mkdir(parents=True, exist_ok=True)
    store = "" if url is None else f'\n[store]\nurl = "{url}"\n'
    (folder / "fedele.toml").write_text(f'schema_version = 1\n[workspace]\nname = "{name}"\n{store}', "utf-8")
    return open_workspace(folder)
