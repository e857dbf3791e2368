"""A workspace of made-up customers, one for each state that an answer can be in, to build a CRM against.

Their ids and states never change within /v1, their numbers are invented and agree with one another. There is
no model behind them, so live scores answer as they do before one is loaded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from contracts.scores import (
    CURVE_DAYS,
    FLAGS,
    LANGUAGES,
    ChurnRange,
    Clv,
    CurvePoint,
    Flag,
    Kind,
    Language,
    NotScored,
    Reason,
    RiskBands,
    Satisfaction,
    ScoreRecord,
    Segment,
    to_dict,
    to_json,
)
from contracts.workspace import Workspace, create_workspace
from features.wording.catalogue import Catalogue, load_catalogue
from serving.keys import SCOPES, create_key
from serving.privacy.forget import forget
from serving.store.generations import ScoreStore, open_store
from serving.store.rows import GenerationInfo, StoredScore, build_not_scored, build_scored

BANDS = RiskBands(0.4, 0.7, owner="sandbox")
BEFORE, NOW = "sandbox-before", "sandbox-now"
WEEK = timedelta(days=7)
SILENCE_DAYS, GAP_DAYS = 58.0, 31.0
HORIZON, YEAR = 90, 365
_SATISFIED = Satisfaction(0.12, 0.31, 0.57, observed=False)


@dataclass(frozen=True)
class Made:
    """A made-up customer with a score: ``risk`` is the churn probability now, ``before`` a week ago."""

    state: str
    risk: float
    kind: Kind = "shop"
    segment: Segment = "regular"
    flags: tuple[Flag, ...] = ()
    satisfaction: Satisfaction | None = _SATISFIED
    before: float | None = None


SCORED: Mapping[str, Made] = {
    "SB-HIGH": Made("scored, band high", 0.82),
    "SB-MEDIUM": Made("scored, band medium", 0.55),
    "SB-LOW": Made("scored, band low", 0.08),
    "SB-NEW": Made("scored, segment thin: one order so far", 0.63, segment="thin", flags=("thin_history",)),
    "SB-LAPSED": Made("scored, segment lapsed: in the win-back view only", 0.96, segment="lapsed"),
    "SB-SUBSCRIBER": Made("scored, kind subscription", 0.21, kind="subscription"),
    "SB-MOVED": Made("scored, band low a generation ago and high now", 0.78, before=0.2),
    "SB-ANSWERED": Made(
        "scored, satisfaction observed", 0.34, satisfaction=Satisfaction(0.0, 0.0, 1.0, observed=True)
    ),
    "SB-UNASKED": Made("scored, no satisfaction: the company has no surveys", 0.47, satisfaction=None),
    "SB-GONE": Made("in the generation before only: `unknown` now, gone in the feed of changes", 0.5),
    **{
        f"SB-FLAG-{flag.upper().replace('_', '-')}": Made(f"scored, flag {flag}", 0.5, flags=(flag,))
        for flag in FLAGS
        if flag != "thin_history"
    },
}
NOT_SCORED: Mapping[str, NotScored] = {
    "SB-NO-ORDER": "no_first_order",
    "SB-ENDED": "already_ended",
    "SB-SUPPRESSED": "suppressed",
    "SB-NO-MODEL": "no_model",
}
ERASED, UNKNOWN = "SB-ERASED", "SB-UNKNOWN"


def list_states() -> dict[str, str]:
    """Return what each customer of the sandbox shows, by id."""
    return {
        **{customer_id: made.state for customer_id, made in SCORED.items()},
        **{customer_id: f"not scored, `{reason}`" for customer_id, reason in NOT_SCORED.items()},
        ERASED: "erased: `unknown`, like somebody who never was",
        UNKNOWN: "`unknown`",
    }


def make_sandbox(folder: Path, now: datetime) -> tuple[Workspace, str]:
    """Make the workspace in the new ``folder``, scored as of the last midnight; return it and a key.

    The key may do everything but what needs ``admin``; it stands nowhere else.
    """
    workspace = create_workspace(folder, name="sandbox")
    store = open_store(workspace)
    try:
        as_of = workspace.as_of(None, now)
        for generation, age in ((BEFORE, WEEK), (NOW, timedelta())):
            info = GenerationInfo(generation, as_of - age, "sandbox", now - age, facts_until=as_of - age)
            _write(store, info)
        scopes = [scope for scope in SCOPES if scope != "admin"]
        _, key = create_key(store.work, scopes, "sandbox", now)
    finally:
        store.close()
    forget(workspace, ERASED, now)
    return workspace, key


def _write(store: ScoreStore, info: GenerationInfo) -> None:
    with store.begin(info) as writer:
        writer.add(_build_rows(info))
        writer.finish()


def _build_rows(info: GenerationInfo) -> Iterator[StoredScore]:
    catalogue = load_catalogue()
    for customer_id, made in {**SCORED, ERASED: Made("", 0.5)}.items():
        if customer_id != "SB-GONE" or info.generation == BEFORE:
            yield _build_row(customer_id, made, info, catalogue)
    for customer_id, reason in NOT_SCORED.items():
        yield build_not_scored(customer_id, reason)


def _build_row(customer_id: str, made: Made, info: GenerationInfo, catalogue: Catalogue) -> StoredScore:
    risk = made.before if made.before is not None and info.generation == BEFORE else made.risk
    record = _build_record(customer_id, replace(made, risk=risk), info)
    spoken = {each: _speak(record, catalogue, each) for each in LANGUAGES}
    return build_scored(
        to_dict(spoken["en"]), to_json(spoken["en"]), to_json(spoken["it"]), raw_score=risk - 0.5
    )


def _build_record(customer_id: str, made: Made, info: GenerationInfo) -> ScoreRecord:
    """Return a record whose numbers keep the laws of real ones; its reasons have no words yet."""
    risk, is_shop = made.risk, made.kind == "shop"
    stays, leaves = 410.0, 80.0
    at_risk = risk * (stays - leaves)
    mean = stays - at_risk
    no_spend = 0.7 * risk
    curve = tuple(_build_point(days, risk, mean, is_shop=is_shop) for days in CURVE_DAYS)
    return ScoreRecord(
        customer_id=customer_id,
        kind=made.kind,
        segment=made.segment,
        as_of=info.as_of,
        horizon_days=HORIZON,
        churn_probability=risk,
        churn_range=ChurnRange(0.9 * risk, min(1.0, 1.1 * risk)),
        risk_band=BANDS.band(risk),
        risk_percentile=None if made.segment == "lapsed" else risk,
        p_alive=1 - 0.6 * risk if is_shop and made.segment != "thin" else None,
        expected_purchases=next(each.expected_purchases for each in curve if each.days == HORIZON),
        clv=Clv(mean, 0.0, 0.0 if no_spend >= 0.5 else 0.8 * mean, 2.4 * mean),
        clv_horizon_days=YEAR,
        p_no_spend=no_spend,
        clv_basis="revenue",
        annual_discount_rate=0.0,
        currency="EUR",
        value_if_stays=stays,
        value_if_leaves=leaves,
        value_at_risk=at_risk,
        contact_value=(1 - risk) * at_risk,
        net_clv=None,
        historic_value=640.0,
        net_historic_value=None,
        curve=curve,
        satisfaction=made.satisfaction,
        reasons=(
            Reason("rfm.days_since_last_order", "rfm", "brand", "raises", 0.61, True, ""),
            Reason("rfm.historic_value", "rfm", "brand", "lowers", -0.2, False, ""),
        ),
        flags=made.flags,
        model_version=info.model_version,
        feature_hash="0" * 16,
        generation=info.generation,
        scored_at=info.scored_at,
    )


def _build_point(days: int, risk: float, mean: float, *, is_shop: bool) -> CurvePoint:
    """Return one point of the curve: silence becomes less likely with time, the end of a plan more."""
    share = days / HORIZON
    gone = risk**share if is_shop else 1 - (1 - risk) ** share
    bought = max(1 - gone, 1.8 * (1 - risk) * share)
    return CurvePoint(days, gone, bought, mean * days / YEAR)


def _speak(record: ScoreRecord, catalogue: Catalogue, language: Language) -> ScoreRecord:
    values = {
        "rfm.days_since_last_order": SILENCE_DAYS,
        "rhythm.usual_gap_days": GAP_DAYS,
        "rfm.historic_value": record.historic_value,
    }
    reasons = tuple(
        replace(each, text=catalogue.sentence(each.code, language, values, {})) for each in record.reasons
    )
    return replace(record, reasons=reasons)
