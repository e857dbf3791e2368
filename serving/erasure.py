"""Erasing a customer from what the CRM wrote and is told: outcomes, messages that wait, files of jobs."""

import json
from collections.abc import Iterator

from sqlalchemy import Connection, select, update

from contracts.scores import dumps
from contracts.workspace import Workspace
from serving.live.copy import erase_from_copies
from serving.outcomes import erase_outcomes
from serving.store import tables
from serving.store.work import WorkStore


def erase_traces(workspace: Workspace, work: WorkStore, customer_id: str) -> dict[str, int]:
    """Remove every trace of a customer but the events, scores and ledger; return how many, by place.

    All files of bulk jobs go: which of them name the customer cannot be told without reading each, and each
    can be asked for again. Killed half-way it may be run again.
    """
    with work.write() as connection:
        found = {
            "outcomes": erase_outcomes(connection, customer_id),
            "messages": sum(_erase_messages(connection, customer_id)),
        }
    files = sorted(workspace.jobs.iterdir()) if workspace.jobs.is_dir() else []
    for file in files:
        file.unlink(missing_ok=True)
    return found | {"job_files": len(files), "live_files": erase_from_copies(workspace, [customer_id])}


def _erase_messages(connection: Connection, customer_id: str) -> Iterator[int]:
    column = tables.outbox.c
    for row in connection.execute(select(tables.outbox).where(column.kind == "risk.band_changed")).all():
        body = json.loads(row.body)
        kept = [each for each in body["changes"] if each["customer_id"] != customer_id]
        if len(kept) < len(body["changes"]):
            here = (column.event_id == row.event_id, column.target == row.target)
            connection.execute(
                update(tables.outbox).where(*here).values(body=dumps(body | {"changes": kept}).decode())
            )
            yield 1
