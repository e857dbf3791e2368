"""Hypothesis strategies for score records of every shape the contract allows."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from contracts.scores import (
    CURVE_DAYS,
    FLAGS,
    SEGMENTS,
    ChurnRange,
    Clv,
    CurvePoint,
    Reason,
    Satisfaction,
    ScoreRecord,
)

EPOCH = datetime(1990, 1, 1, tzinfo=UTC)

chances = st.floats(0, 1)
amounts = st.floats(-1e9, 1e9)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
instants = st.integers(0, 2 * 10**9).map(lambda seconds: EPOCH + timedelta(seconds=seconds))
languages = st.sampled_from(["en", "it"])

reasons = st.builds(
    Reason,
    code=st.sampled_from(["rhythm.overdue_ratio", "support.open_tickets", "btyd.p_no_purchase"]),
    family=st.sampled_from(["rhythm", "support"]),
    owner=st.sampled_from(["brand", "customer"]),
    direction=st.sampled_from(["raises", "lowers"]),
    contribution=st.floats(-20, 20),
    actionable=st.booleans(),
    text=texts,
)
curves = st.tuples(
    *(
        st.builds(
            CurvePoint,
            days=st.just(days),
            churn_probability=chances,
            expected_purchases=st.floats(0, 1e4),
            clv_mean=amounts,
        )
        for days in CURVE_DAYS
    )
)


def score_records() -> SearchStrategy[ScoreRecord]:
    """Return a strategy of records: numbers need not agree with each other, only with the contract."""
    special = {
        "customer_id": texts.filter(bool),
        "kind": st.sampled_from(["shop", "subscription"]),
        "segment": st.sampled_from(SEGMENTS),
        "as_of": instants,
        "scored_at": instants,
        "horizon_days": st.integers(1, 3650),
        "clv_horizon_days": st.integers(1, 3650),
        "churn_range": st.builds(ChurnRange, chances, chances),
        "risk_band": st.sampled_from(["low", "medium", "high"]),
        "clv": st.builds(Clv, amounts, amounts, amounts, amounts),
        "clv_basis": st.sampled_from(["revenue", "margin"]),
        "annual_discount_rate": chances,
        "currency": st.sampled_from(["EUR", "USD"]),
        "curve": curves,
        "satisfaction": st.none() | st.builds(Satisfaction, chances, chances, chances, st.booleans()),
        "reasons": st.lists(reasons, max_size=5).map(tuple),
        "flags": st.lists(st.sampled_from(FLAGS), unique=True).map(tuple),
        "model_version": st.integers(1, 99).map(str),
        "feature_hash": st.just("0123456789abcdef"),
        "generation": st.just("20260131-m1-0123456789"),
    }
    optional = {
        "risk_percentile": chances,
        "p_alive": chances,
        "net_clv": amounts,
        "net_historic_value": amounts,
    }
    known = special | {name: st.none() | values for name, values in optional.items()}
    names = [field.name for field in fields(ScoreRecord)]
    rest = {name: chances for name in names if name not in known}
    return st.builds(ScoreRecord, **(known | rest))
