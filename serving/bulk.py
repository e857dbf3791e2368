"""``python -m serving.bulk FOLDER JOB INSTANT``: ids of one job in, scores out, in batches."""

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from contracts.errors import FedeleError, StoreError
from contracts.scores import Language, flatten
from contracts.time import parse_as_of
from contracts.workspace import Workspace, open_workspace
from serving.api.answers import find_scores, render_result
from serving.api.bodies import is_customer_id, read_json
from serving.api.problems import Problem
from serving.export import build_schema
from serving.jobs import Form, Job, beat, end_job, find_job, result_file, sent_file
from serving.store.generations import ScoreStore, open_store
from serving.store.rows import GenerationInfo, StoredScore

MOST_IDS = 5_000_000
LONGEST_LINE = 4_096
BATCH = 1_000
COLUMN = "customer_id"
Asked = tuple[str, StoredScore | None]


class BadList(FedeleError):
    """A list of ids cannot be read; ``code`` says why, for the job."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def run_job(workspace: Workspace, job_id: str, clock: Callable[[], datetime]) -> None:
    """Do a running job: its result appears whole, then the job is done; or it is failed for a reason."""
    store = open_store(workspace)
    try:
        job = find_job(store.work, job_id)
        if job is None or job.state != "running":
            return
        info = store.current()
        if info is None:
            end_job(store.work, job_id, clock(), reason="no_scores")
            return
        counts = _write(workspace, store, job, info, clock)
        end_job(store.work, job_id, clock(), generation=info.generation, counts=counts)
    except BadList as error:
        end_job(store.work, job_id, clock(), reason=error.code)
    except (StoreError, OSError):
        end_job(store.work, job_id, clock(), reason="store")
    finally:
        store.close()


def read_ids(file: Path, form: Form) -> Iterator[str]:
    """Yield the customer ids of a file.

    Raises:
        BadList: it is not of that form, has no column ``customer_id``, or too many rows.
    """
    try:
        readers = {"csv": _read_csv, "ndjson": _read_lines, "parquet": _read_parquet}
        for count, each in enumerate(readers[form](file), start=1):
            if count > MOST_IDS:
                raise BadList("too_many")
            yield each
    except (UnicodeError, csv.Error, pa.ArrowException, Problem, OverflowError) as error:
        raise BadList("unreadable") from error


def _read_csv(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8-sig", newline="") as source:
        rows = csv.reader(source, strict=True)
        head = next(rows, [])
        if COLUMN not in head:
            raise BadList("no_column")
        place = head.index(COLUMN)
        for row in rows:
            if row:
                yield row[place] if place < len(row) else ""


def _read_lines(file: Path) -> Iterator[str]:
    with file.open("rb") as source:
        while line := source.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise BadList("unreadable")
            if not line.strip():
                continue
            value = read_json(line)
            found = value.get(COLUMN) if isinstance(value, dict) else value
            yield found if isinstance(found, str) else ""


def _read_parquet(file: Path) -> Iterator[str]:
    with pq.ParquetFile(file) as source:
        if COLUMN not in source.schema_arrow.names:
            raise BadList("no_column")
        for batch in source.iter_batches(BATCH, columns=[COLUMN], use_threads=False):
            yield from (each if isinstance(each, str) else "" for each in batch.column(0).to_pylist())


def _write(
    workspace: Workspace, store: ScoreStore, job: Job, info: GenerationInfo, clock: Callable[[], datetime]
) -> dict[str, int]:
    counts: Counter[str] = Counter(requested=0, scored=0, not_scored=0)
    language, target = job.request.language, result_file(workspace, job.job_id)

    def count() -> Iterator[list[Asked]]:
        for batch in _ask(workspace, store, job, info):
            for _, row in batch:
                counts["requested"] += 1
                counts["scored" if row is not None and row.status == "scored" else "not_scored"] += 1
            beat(store.work, job.job_id, clock())
            yield batch

    draft = target.with_suffix(".partial")
    if job.request.result == "ndjson":
        with draft.open("wb") as sink:
            for batch in count():
                sink.writelines(render_result(each, row, language) + b"\n" for each, row in batch)
    else:
        _write_table(draft, job.request.result, count(), language)
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    draft.replace(target)
    return dict(counts)


def _ask(workspace: Workspace, store: ScoreStore, job: Job, info: GenerationInfo) -> Iterator[list[Asked]]:
    language = job.request.language
    if job.request.sent is None:
        after = None
        while rows := store.changed_since(None, info, language, BATCH, after):
            after = rows[-1][0]
            yield [(row.customer_id, row) for _, row in rows if isinstance(row, StoredScore)]
        return
    ids = read_ids(sent_file(workspace, job.job_id), job.request.sent)
    while batch := list(islice(ids, BATCH)):
        found = find_scores(store, [each for each in batch if is_customer_id(each)], language, info)
        yield [(each if is_customer_id(each) else "", found.get(each)) for each in batch]


def _write_table(draft: Path, form: Form, batches: Iterable[list[Asked]], language: Language) -> None:
    fields = list(build_schema())
    more = [pa.field("status", pa.string()), pa.field("problem", pa.string())]
    schema = pa.schema([fields[0], *more, *fields[1:]])
    with draft.open("wb") as sink:
        if form == "csv":
            writer: Any = pyarrow.csv.CSVWriter(sink, schema)
        else:
            writer = pq.ParquetWriter(sink, schema, compression="zstd")
        with writer:
            for batch in batches:
                rows = [_flatten(each, row, language) for each, row in batch]
                writer.write_table(pa.Table.from_pylist(rows, schema))


def _flatten(customer_id: str, row: StoredScore | None, language: Language) -> dict[str, Any]:
    record = None if row is None else row.record(language)
    if record is not None:
        return flatten(json.loads(record)) | {COLUMN: customer_id, "status": "scored"}
    reason = "bad_id" if not customer_id else "unknown" if row is None else row.reason
    return {COLUMN: customer_id, "status": "not_scored", "problem": reason}


def main(folder: str, job_id: str, began: str) -> None:
    """Do one job; ``began`` is the instant of whoever started this process, whose clock it goes by."""
    started, instant = perf_counter(), parse_as_of(began)
    run_job(
        open_workspace(Path(folder)), job_id, lambda: instant + timedelta(seconds=perf_counter() - started)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
