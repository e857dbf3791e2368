"""How fresh the facts are."""

from datetime import UTC, datetime

from contracts.events import TABLES
from features.engine import read_frame, stacked
from features.snapshot import Snapshot


def find_newest_fact(snapshot: Snapshot) -> datetime | None:
    """Return when the newest fact known at the snapshot's only ``as_of`` occurred; None without facts."""
    tables = [snapshot.table(name) for name in TABLES]
    instants = stacked([table.agg(newest=table.occurred_at.max()) for table in tables])
    newest = [row["newest"] for row in read_frame(instants).to_pylist() if row["newest"] is not None]
    return max(newest).replace(tzinfo=UTC) if newest else None
