"""Hypothesis strategies of small event stores: versions, tombstones, refunds, late and back-filled rows.

Instants fall on a coarse grid around a few cutoffs, so that ties and rows exactly at ``as_of`` are drawn
often.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from contracts.events import TABLES
from features.engine import Engine, Events

Row = dict[str, Any]
Store = dict[str, list[Row]]

START = datetime(2024, 1, 1, tzinfo=UTC)
CUTOFFS = (
    datetime(2024, 7, 1, tzinfo=UTC),
    datetime(2025, 1, 1, 12, tzinfo=UTC),
    datetime(2025, 7, 1, tzinfo=UTC),
)
CUSTOMERS = ("ada", "bo", "cy", "di")
_INSTANTS = {"occurred_at", "recorded_at", "loaded_at", "first_response_at", "resolved_at", "ended_at"}

_steps = st.integers(0, 12 * 60)
_amounts = st.sampled_from(
    [Decimal("0.00"), Decimal("4.00"), Decimal("10.12"), Decimal("19.96"), Decimal("250.00")]
)
_lags = st.sampled_from([0, 0, 0, 1, 40, 200])


def instants() -> st.SearchStrategy[datetime]:
    """Return instants of 2024 and 2025: on a grid, sometimes exactly a cutoff or a second before."""
    grid = _steps.map(lambda step: START + timedelta(hours=step * 29))
    edge = st.sampled_from([cutoff + timedelta(seconds=off) for cutoff in CUTOFFS for off in (-1, 0)])
    return st.one_of(grid, grid, grid, edge)


@st.composite
def rows(draw: st.DrawFn, name: str) -> Row:
    """Return one row of a table, with the store's columns; most other values are missing."""
    occurred = draw(instants())
    backfilled = draw(st.booleans())
    recorded = occurred if backfilled else occurred + timedelta(days=draw(_lags))
    row: Row = {column.name: None for column in TABLES[name].columns}
    row |= {"customer_id": draw(st.sampled_from(CUSTOMERS)), "occurred_at": occurred, "recorded_at": recorded}
    row |= {"source": draw(st.sampled_from(["till", "web"])), "backfilled": backfilled, "content": ""}
    row |= {"loaded_at": draw(instants()) if backfilled else recorded, "removed": False}
    return row


@st.composite
def orders(draw: st.DrawFn) -> list[Row]:
    """Return orders with keys of their own, then versions, removals and refunds of some of them."""
    found: list[Row] = []
    for position in range(draw(st.integers(0, 24))):
        margin = draw(st.sampled_from([None, 0.5, 1.0]))
        key = f"o{position}"
        found.append(
            {
                **draw(rows("orders")),
                "order_id": key,
                "row_key": key,
                "amount": draw(_amounts),
                "margin": margin,
            }
        )
    more: list[Row] = []
    for row in found:
        what = draw(st.sampled_from(["alone", "alone", "alone", "version", "removal", "refund"]))
        if what != "alone":
            more.append(draw(_later(row, what, len(more))))
    return found + more


@st.composite
def _later(draw: st.DrawFn, row: Row, what: str, number: int) -> Row:
    recorded = row["recorded_at"] + timedelta(days=draw(st.sampled_from([1, 30, 200])), hours=number)
    changed = {**row, "recorded_at": recorded, "loaded_at": recorded, "backfilled": False}
    if what == "removal":
        return {**changed, "removed": True}
    if what == "version":
        return {**changed, "amount": draw(_amounts), "content": "b"}
    part = draw(st.sampled_from([Decimal("0.50"), Decimal("1.00"), Decimal("1.00")]))
    paid_back = -(row["amount"] * part).quantize(Decimal("0.01"))
    key = f"r{number}"
    refund = {
        "order_id": key,
        "row_key": key,
        "refund_of": row["order_id"],
        "amount": paid_back,
        "margin": None,
    }
    return {**changed, **refund, "occurred_at": recorded}


@st.composite
def subscriptions(draw: st.DrawFn) -> list[Row]:
    """Return subscriptions, some ended, several of one customer often."""
    found = []
    for position in range(draw(st.integers(0, 6))):
        row = {**draw(rows("subscriptions")), "subscription_id": f"s{position}", "row_key": f"s{position}"}
        length = draw(st.sampled_from([None, 20, 100, 400]))
        ended = None if length is None else row["occurred_at"] + timedelta(days=length)
        fee = draw(st.sampled_from([Decimal("9.90"), Decimal("9.90"), Decimal("24.50"), Decimal("0.00")]))
        plan = draw(st.sampled_from([None, "basic", "plus"]))
        found.append({**row, "monthly_fee": fee, "plan": plan, "ended_at": ended})
    return found


@st.composite
def customers(draw: st.DrawFn) -> list[Row]:
    """Return what is on file, with and without consent."""
    found = []
    for position in range(draw(st.integers(0, 4))):
        row = draw(rows("customers"))
        consent = draw(st.sampled_from([None, True, True, False]))
        key = f"{row['customer_id']}{position}"
        found.append(
            {
                **row,
                "row_key": key,
                "profiling_consent": consent,
                "country": draw(st.sampled_from(["IT", None])),
            }
        )
    return found


def stores() -> st.SearchStrategy[Store]:
    """Return stores of orders, subscriptions and customers; any of them may be empty."""
    return st.fixed_dictionaries(
        {"orders": orders(), "subscriptions": subscriptions(), "customers": customers()}
    )


def open_store(store: Mapping[str, Sequence[Row]], threads: int = 2) -> Events:
    """Return the store as event tables of an engine; empty tables are left out."""
    frames = {name: _frame(list(found)) for name, found in store.items() if found}
    return Events.from_frames(frames, Engine(threads=threads))


def _frame(found: list[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(found)
    for name in _INSTANTS & set(frame.columns):
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.tz_localize(None)
    return frame
