"""What came of a contact: stored when the CRM tells it, handed to the event store as actions later."""

import base64
import csv
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, select, update

from contracts.settings import SourceSection
from contracts.time import to_text
from contracts.workspace import Workspace
from serving.store import tables
from serving.store.work import WorkStore, open_work

Result = Literal["contacted", "kept", "lost"]
RESULTS: tuple[Result, ...] = get_args(Result)
SOURCE = "api"
_COLUMNS = (
    *("action_id", "customer_id", "occurred_at", "recorded_at", "kind"),
    *("campaign_id", "arm", "cost", "outcome"),
)


@dataclass(frozen=True)
class Outcome:
    """One contact and what came of it. ``occurred_at`` is RFC 3339 in UTC, ``cost`` money as text."""

    customer_id: str
    result: Result
    occurred_at: str
    action: str = "contact"
    campaign_id: str | None = None
    arm: str | None = None
    cost: str | None = None


@dataclass(frozen=True)
class StoredOutcome:
    """An outcome with its id; ``revision`` counts from 1 and goes up with each correction."""

    outcome_id: str
    outcome: Outcome
    revision: int
    recorded_at: str


def add_outcomes(
    connection: Connection, outcomes: Sequence[Outcome], key_id: str, now: datetime
) -> list[StoredOutcome]:
    """Store outcomes within the caller's transaction and return them with their new ids."""
    stored = [StoredOutcome(make_id("out"), each, 1, to_text(now)) for each in outcomes]
    rows = [
        {"outcome_id": each.outcome_id, **asdict(each.outcome), "revision": 1, "taken": 0}
        | {"recorded_at": each.recorded_at, "key_id": key_id}
        for each in stored
    ]
    if rows:
        connection.execute(tables.outcomes.insert(), rows)
    return stored


def find_outcome(work: WorkStore, outcome_id: str) -> StoredOutcome | None:
    """Return a stored outcome, or None."""
    with work.read() as connection:
        found = select(tables.outcomes).where(tables.outcomes.c.outcome_id == outcome_id)
        row = connection.execute(found).first()
    return None if row is None else _build(row)


def change_outcome(
    work: WorkStore, before: StoredOutcome, outcome: Outcome, key_id: str, now: datetime
) -> StoredOutcome | None:
    """Replace an outcome and return it; None when somebody else changed it since ``before`` was read."""
    column = tables.outcomes.c
    after = StoredOutcome(before.outcome_id, outcome, before.revision + 1, to_text(now))
    with work.write() as connection:
        done = connection.execute(
            update(tables.outcomes)
            .where(column.outcome_id == before.outcome_id, column.revision == before.revision)
            .values(**asdict(outcome), revision=after.revision, recorded_at=after.recorded_at, key_id=key_id)
        )
    return after if done.rowcount == 1 else None


def hand_over(workspace: Workspace, now: datetime) -> int:
    """Load new and corrected outcomes into the event store as actions; return how many.

    Takes the workspace's lock for the load. Killed half-way it loads them again: the store knows them by key.

    Raises:
        LockHeld: another command is writing.
    """
    work = open_work(workspace)
    try:
        rows = _find_waiting(work)
        if rows:
            _load(workspace, rows, now)
            _mark(work, rows)
        return len(rows)
    finally:
        work.close()


def _find_waiting(work: WorkStore) -> Sequence[Row[Any]]:
    column = tables.outcomes.c
    with work.read() as connection:
        waiting = select(tables.outcomes).where(column.taken < column.revision).order_by(column.outcome_id)
        return connection.execute(waiting).all()


def _load(workspace: Workspace, rows: Sequence[Row[Any]], now: datetime) -> None:
    from features.ingest.load import ingest_files

    file = workspace.root / ".outcomes.csv"
    try:
        _write_actions(file, rows)
        options = SourceSection(recorded_at="recorded_at")
        ingest_files(workspace, "actions", [file], options, source=SOURCE, now=now)
    finally:
        file.unlink(missing_ok=True)


def _mark(work: WorkStore, rows: Sequence[Row[Any]]) -> None:
    column = tables.outcomes.c
    with work.write() as connection:
        for row in rows:
            here = (column.outcome_id == row.outcome_id, column.revision == row.revision)
            connection.execute(update(tables.outcomes).where(*here).values(taken=row.revision))


def make_id(prefix: str) -> str:
    """Return a new id that nobody can guess, such as ``out_`` and 26 letters and digits."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(16)).decode().lower().rstrip('=')}"


def _write_actions(file: Path, rows: Sequence[Row[Any]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as sink:
        file.chmod(0o600)
        writer = csv.writer(sink)
        writer.writerow(_COLUMNS)
        for row in rows:
            names = (row.outcome_id, row.customer_id, row.occurred_at, row.recorded_at, row.action)
            writer.writerow([*names, row.campaign_id, row.arm, row.cost, row.result])


def _build(row: Row[Any]) -> StoredOutcome:
    outcome = Outcome(
        row.customer_id, row.result, row.occurred_at, row.action, row.campaign_id, row.arm, row.cost
    )
    return StoredOutcome(row.outcome_id, outcome, row.revision, row.recorded_at)
