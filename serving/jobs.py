"""Bulk jobs: customer ids in, scores out. Queued in the work database, done in a process of their own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, or_, select, update

from contracts.scores import Language, dumps
from contracts.time import to_text
from contracts.workspace import Workspace
from serving.outcomes import make_id
from serving.store import tables
from serving.store.work import WorkStore

Form = Literal["csv", "ndjson", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)
State = Literal["queued", "running", "done", "failed"]
SILENT = timedelta(seconds=60)
"""A running job that has said nothing for so long is taken up again."""
MOST_ATTEMPTS = 3
MOST_SECONDS = 3_600.0
KEPT = timedelta(days=7)


@dataclass(frozen=True)
class JobRequest:
    """What is wanted: the form of the ids sent (None: everyone with a row), of the result, the language."""

    sent: Form | None
    result: Form = "csv"
    language: Language = "en"


@dataclass(frozen=True)
class Job:
    """A job as it stands. ``counts`` once it is done, ``reason`` when it failed."""

    job_id: str
    state: State
    request: JobRequest
    created_at: str
    ended_at: str | None
    attempts: int
    generation: str | None
    counts: dict[str, int] | None
    reason: str | None


def sent_file(workspace: Workspace, job_id: str) -> Path:
    """Return where the ids of a job are."""
    return workspace.jobs / f"{job_id}.sent"


def result_file(workspace: Workspace, job_id: str) -> Path:
    """Return where the result of a job is once it is done."""
    return workspace.jobs / f"{job_id}.result"


def add_job(connection: Connection, request: JobRequest, now: datetime) -> str:
    """Queue a job within the caller's transaction and return its new id."""
    job_id = make_id("job")
    connection.execute(
        tables.jobs.insert().values(
            job_id=job_id,
            state="queued",
            request=dumps(vars(request)).decode(),
            created_at=to_text(now),
            attempts=0,
        )
    )
    return job_id


def find_job(work: WorkStore, job_id: str) -> Job | None:
    """Return a job, or None."""
    with work.read() as connection:
        row = connection.execute(select(tables.jobs).where(tables.jobs.c.job_id == job_id)).first()
    return None if row is None else _build(row)


def claim_job(work: WorkStore, now: datetime) -> Job | None:
    """Take the oldest job that waits, or that whoever had it has left; None when there is none.

    A job left three times has failed: what kills its process is not tried for ever.
    """
    column = tables.jobs.c
    left = (column.state == "running") & (column.beat_at < to_text(now - SILENT))
    with work.read() as connection:
        if (
            connection.execute(select(column.job_id).where(or_(column.state == "queued", left))).first()
            is None
        ):
            return None
    with work.write() as connection:
        connection.execute(
            update(tables.jobs)
            .where(left, column.attempts >= MOST_ATTEMPTS)
            .values(state="failed", reason="stopped", ended_at=to_text(now))
        )
        oldest = select(tables.jobs).where(or_(column.state == "queued", left)).order_by(column.created_at)
        row = connection.execute(oldest.limit(1).with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        taken = {"state": "running", "attempts": row.attempts + 1, "beat_at": to_text(now)}
        connection.execute(update(tables.jobs).where(column.job_id == row.job_id).values(**taken))
        return replace(_build(row), state="running", attempts=row.attempts + 1)


def beat(work: WorkStore, job_id: str, now: datetime) -> None:
    """Say that a running job is alive."""
    column = tables.jobs.c
    with work.write() as connection:
        connection.execute(
            update(tables.jobs)
            .where(column.job_id == job_id, column.state == "running")
            .values(beat_at=to_text(now))
        )


def end_job(
    work: WorkStore,
    job_id: str,
    now: datetime,
    *,
    generation: str | None = None,
    counts: dict[str, int] | None = None,
    reason: str | None = None,
) -> None:
    """Mark a running job done, or failed for a ``reason``."""
    column = tables.jobs.c
    with work.write() as connection:
        connection.execute(
            update(tables.jobs)
            .where(column.job_id == job_id, column.state == "running")
            .values(
                state="failed" if reason else "done",
                ended_at=to_text(now),
                generation=generation,
                counts=None if counts is None else dumps(counts).decode(),
                reason=reason,
            )
        )


def sweep_jobs(workspace: Workspace, work: WorkStore, now: datetime) -> None:
    """Remove the files of jobs that ended a week ago, and of uploads that never became a job."""
    if not workspace.jobs.is_dir():
        return
    column = tables.jobs.c
    with work.read() as connection:
        old = or_(column.ended_at.is_(None), column.ended_at >= to_text(now - KEPT))
        kept = set(connection.scalars(select(column.job_id).where(old)))
    for file in workspace.jobs.iterdir():
        age = now.timestamp() - file.stat().st_mtime
        if file.name.split(".")[0] not in kept and age > SILENT.total_seconds():
            file.unlink(missing_ok=True)


def drop_files(workspace: Workspace, work: WorkStore, now: datetime) -> int:
    """Remove every list and result, and fail the jobs that were not done; return how many files went.

    Which of them name one customer cannot be told without reading each, and each can be asked for again. Safe
    while jobs run: their results are renamed from drafts, and the draft is gone.
    """
    return _drop(workspace, work, now, ("*",), ("queued", "running"), "erasure")


def drop_results(workspace: Workspace, work: WorkStore, now: datetime) -> int:
    """Remove every result, and fail the jobs that are at one; lists that wait stay. Return how many went."""
    return _drop(workspace, work, now, ("*.result", "*.partial"), ("running",), "objection")


def _drop(
    workspace: Workspace,
    work: WorkStore,
    now: datetime,
    patterns: tuple[str, ...],
    states: tuple[State, ...],
    reason: str,
) -> int:
    column = tables.jobs.c
    ended = {"state": "failed", "reason": reason, "ended_at": to_text(now)}
    with work.write() as connection:
        connection.execute(update(tables.jobs).where(column.state.in_(states)).values(**ended))
    files = {file for pattern in patterns for file in workspace.jobs.glob(pattern)}
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)


def run_next(workspace: Workspace, work: WorkStore, now: datetime, command: Sequence[str] = ()) -> bool:
    """Do one job in a process of its own, if one waits; return whether one did.

    A list of ids may be crafted to break its reader: that costs the job, not the service.
    """
    job = claim_job(work, now)
    if job is None:
        return False
    child = [
        *(command or (sys.executable, "-m", "serving.bulk")),
        str(workspace.root),
        job.job_id,
        to_text(now),
    ]
    try:
        ended = subprocess.run(child, timeout=MOST_SECONDS, check=False, stdout=subprocess.DEVNULL)
        reason = None if ended.returncode == 0 else "stopped"
    except subprocess.TimeoutExpired:
        reason = "too_long"
    if reason is not None:
        end_job(work, job.job_id, now, reason=reason)
    return True


def _build(row: Row[Any]) -> Job:
    counts = None if row.counts is None else json.loads(row.counts)
    return Job(
        row.job_id,
        row.state,
        JobRequest(**json.loads(row.request)),
        row.created_at,
        row.ended_at,
        row.attempts,
        row.generation,
        counts,
        row.reason,
    )
