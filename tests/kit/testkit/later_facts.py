"""Facts of all tables that happen, or become known, at or after an instant: no answer as of it may change."""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from contracts.randomness import generator
from contracts.settings import SourceSection
from contracts.time import SECONDS_PER_DAY, to_text
from contracts.workspace import Workspace
from features.ingest.job import LoadReport
from features.ingest.load import ingest_files

OPTIONS = SourceSection(recorded_at="recorded_at")
ROWS = 60
DAYS = 300
MONEY, KEY = "money", "key"
_CHANNELS = ("web", "store", "app")
COLUMNS: dict[str, dict[str, str | tuple[str, ...]]] = {
    "customers": {
        "country": ("IT", "FR"),
        "profiling_consent": ("true",),
        "loyalty_tier": ("gold", "silver"),
    },
    "orders": {"order_id": KEY, "amount": MONEY, "channel": _CHANNELS},
    "subscriptions": {"subscription_id": KEY, "plan": ("basic", "plus"), "monthly_fee": MONEY},
    "interactions": {
        "interaction_id": KEY,
        "touchpoint": ("website.visit", "delivery.late", "payment.failed"),
        "channel": _CHANNELS,
        "owner": ("brand", "partner", "customer", "social"),
        "stage": ("compare", "buy", "problem"),
    },
    "tickets": {
        "ticket_id": KEY,
        "priority": ("low", "high"),
        "reason": ("delivery", "refund"),
        "reopened_count": ("0", "3"),
    },
    "feedback": {
        "feedback_id": KEY,
        "kind": ("nps_relational", "nps_transactional"),
        "score": ("2", "9"),
        "scale_min": ("0",),
        "scale_max": ("10",),
        "text": ("Ten days late and nobody told me anything.", "Prezzi onesti, senza trucchi."),
    },
    "actions": {"action_id": KEY, "kind": ("mail", "call"), "arm": ("treated", "holdout"), "cost": MONEY},
}


def add_later_facts(
    workspace: Workspace, customers: Sequence[str], as_of: datetime, seed: int
) -> list[LoadReport]:
    """Load random facts about ``customers`` and newcomers into all seven tables; return the accounts.

    All are recorded at ``as_of`` or after it: most happened after it too, some exactly at it, the rest is
    late news of an earlier time. One order in five is a refund, ``loyalty_tier`` a new attribute. Nobody
    objects to profiling: an objection holds backwards, on purpose.
    """
    folder = workspace.root / f"later-{seed}"
    folder.mkdir()
    now = as_of + timedelta(days=2 * DAYS)
    return [
        ingest_files(workspace, table, [file], OPTIONS, source=f"later-{seed}", now=now)[0]
        for table, file in _write(folder, customers, as_of, seed)
    ]


def _write(folder: Path, customers: Sequence[str], as_of: datetime, seed: int) -> Iterator[tuple[str, Path]]:
    for table, columns in COLUMNS.items():
        draw = generator(seed, "later facts", table)
        file = folder / f"{table}.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(("customer_id", *columns, "occurred_at", "recorded_at"))
            for row in range(ROWS):
                known = draw.random() < 0.7
                customer = customers[int(draw.integers(len(customers)))] if known else f"new-{row}"
                values = [_draw_value(draw, kind, row) for kind in columns.values()]
                rows.writerow((customer, *values, *map(to_text, _draw_instants(draw, as_of))))
        yield table, file


def _draw_value(draw: np.random.Generator, kind: str | tuple[str, ...], row: int) -> str:
    if kind == KEY:
        return f"later-{row}"
    if kind == MONEY:
        return f"{draw.gamma(2, 20) + 0.01:.2f}" if draw.random() < 0.8 else "-3.00"
    return str(draw.choice(np.array(kind)))


def _draw_instants(draw: np.random.Generator, as_of: datetime) -> tuple[datetime, datetime]:
    """Return when it happened and when it was known: the second never before ``as_of``."""
    after = timedelta(seconds=int(draw.integers(0, DAYS * SECONDS_PER_DAY)))
    kind = draw.random()
    if kind < 0.2:
        return as_of, as_of
    if kind < 0.7:
        return as_of + after, as_of + after + timedelta(hours=int(draw.integers(0, 48)))
    return as_of - after / 3 - timedelta(seconds=1), as_of + after
