"""A file into a table: read, typed, told apart, written in one commit, and accounted for to the last row."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from contracts.errors import IngestError
from contracts.events import TABLES, Kind, Name, Stored
from contracts.settings import SourceSection
from contracts.workspace import Workspace
from features.ingest.columns import Plan, plan_columns, type_attributes
from features.ingest.commit import count_rows, save_rows
from features.ingest.erased import refuse_erased
from features.ingest.fields import Rules
from features.ingest.history import EMPTY_STORE, Timing, decide_history, name_rows
from features.ingest.instants import build_rule
from features.ingest.job import Job, LoadReport
from features.ingest.lines import fold_lines
from features.ingest.reader import Session, open_raw, open_scratch, open_session, quote, read_facts, read_raw
from features.ingest.refunds import decide_refunds
from features.ingest.staging import Money, Staging, stage_rows
from features.ingest.tokens import Shape
from features.store import delta
from features.store.loads import Load, find_live, next_load, read_loads
from features.store.lock import hold_lock
from features.store.tombstones import Tombstones


def ingest_file(
    workspace: Workspace, table: str, file: Path, options: SourceSection, *, source: str, now: datetime
) -> LoadReport:
    """Load one file into a table and return the account of its rows; see ``ingest_files``."""
    return ingest_files(workspace, table, [file], options, source=source, now=now)[0]


def ingest_files(
    workspace: Workspace,
    table: str,
    files: Sequence[Path],
    options: SourceSection,
    *,
    source: str,
    now: datetime,
) -> list[LoadReport]:
    """Load files into a table, one commit each; together they are one load as to ``recorded_at``.

    Rows without ``recorded_at`` count as recorded when they occurred if nothing but these files was ever
    loaded into
    (table, source), else at ``now``. Repeating a call, also after a crash at any point, changes nothing
    further.

    Raises:
        IngestError: the table is unknown, or a file cannot be read as a whole.
        LockHeld: another command is writing.
    """
    if table not in TABLES:
        raise IngestError(f"There is no table {table!r}: choose one of {', '.join(TABLES)}.")
    with hold_lock(workspace.lock, f"fedele ingest {table}"):
        jobs = [Job(workspace, table, file, options, source, read_facts(file)) for file in files]
        batch = {job.facts.digest for job in jobs}
        return [_load(job, batch, now.astimezone(UTC)) for job in jobs]


def _load(job: Job, batch: set[str], now: datetime) -> LoadReport:
    loads = read_loads(job.workspace.events)
    load = next_load(loads, job.origin)
    live = find_live(loads, job.table, job.source)
    undone = {each.undoes for each in loads}
    seen = any(
        each.file_digest == job.facts.digest and each.load not in undone
        for each in loads
        if _is_of(each, job)
    )
    with (
        open_scratch(job.workspace.root) as scratch,
        open_session(scratch, [job.file, job.workspace.events]) as session,
    ):
        committed = delta.has_commit(job.folder, load)
        if committed:
            now = _find_instant(session, job, load) or now
        timing = Timing(now, all(each.file_digest in batch for each in live), seen)
        plan, clamped = stage_file(session, job, timing, load)
        report = count_rows(session, job, load, plan)
        report = replace(report, clamped=clamped, backfilled=timing.backfill)
        save_rows(session, job, report, now)
        return report


def _is_of(load: Load, job: Job) -> bool:
    return (load.kind, load.table, load.source) == ("load", job.table, job.source)


def stage_file(session: Session, job: Job, timing: Timing, load: str) -> tuple[Plan, int]:
    """Fill the staging tables for a file: afterwards the view ``accepted`` holds what is to be stored.

    Returns:
        The plan of the columns, and how many instants were clamped to now.
    """
    options, settings = job.options, job.workspace.settings
    shape = Shape(options.delimiter or ",", options.encoding or "utf-8-sig")
    raw = open_raw(session, job.file, job.facts, shape)
    rules = Rules(options.decimal, build_rule(options.dates, options.timezone, settings.workspace.timezone))
    plan = plan_columns(raw, TABLES[job.table], options)
    broken = read_raw(session, raw, plan.wanted)
    plan = type_attributes(session, plan, rules, _stored_attributes(job))
    typed = frozenset(name for name, place in plan.positions.items() if raw.header[place] in raw.typed)
    money = Money(settings.workspace.currency, options.currency, settings.rates)
    stage_rows(session, Staging(plan, rules, money, timing.now, typed))
    refuse_erased(session, Tombstones(job.workspace.tombstones))
    session.execute('CREATE TABLE faults (line BIGINT, "column" VARCHAR, code VARCHAR)')
    session.execute("CREATE TABLE duplicates (line BIGINT)")
    for line, code in broken:
        session.execute("INSERT INTO faults VALUES (?, '', ?)", line, code)
    session.execute(
        "INSERT INTO faults SELECT line, split_part(fault, '|', 2), split_part(fault, '|', 1) FROM parsed "
        "WHERE fault IS NOT NULL"
    )
    session.execute("CREATE TABLE counted AS SELECT count(*) AS rows FROM parsed")
    if options.lines:
        fold_lines(session, plan, rules.instants.date_zone)
    _open_stored(session, job, load)
    name_rows(session, plan, lines=options.lines)
    decide_history(session, plan, timing)
    if job.table == "orders":
        decide_refunds(session, settings.history.refund_match)
    session.execute(
        "CREATE VIEW accepted AS SELECT * FROM dated ANTI JOIN faults USING (line) ANTI JOIN duplicates "
        "USING (line)"
    )
    return plan, session.value("SELECT count(*) FROM accepted WHERE clamped")


def _stored_attributes(job: Job) -> dict[str, Kind]:
    known = {*TABLES[job.table].names, *Name, *Stored}
    return {name: kind for name, kind in delta.column_kinds(job.folder).items() if name not in known}


def _open_stored(session: Session, job: Job, load: str) -> None:
    session.open_parquet("everything", delta.active_files(job.folder), EMPTY_STORE)
    mine = f"source = {quote(job.source)} AND load <> {quote(load)}"
    session.execute(
        "CREATE VIEW stored AS SELECT row_key, content, CAST(recorded_at AS TIMESTAMP) AS recorded_at, "
        "removed "
        f"FROM everything WHERE {mine}"
    )
    if job.table == "orders":
        _open_stored_orders(session, mine, is_empty=not delta.active_files(job.folder))


def _open_stored_orders(session: Session, mine: str, *, is_empty: bool) -> None:
    columns = ", ".join(TABLES["orders"].names)
    if is_empty:
        session.execute(
            f"CREATE VIEW stored_orders AS SELECT '' AS row_key, {columns} FROM parsed WHERE false"
        )
        return
    session.execute(
        "CREATE VIEW stored_orders AS SELECT * REPLACE (CAST(occurred_at AS TIMESTAMP) AS occurred_at) FROM ("
        f"SELECT row_key, {columns} FROM everything WHERE {mine} QUALIFY NOT removed AND row_number() OVER "
        "(PARTITION BY row_key ORDER BY recorded_at DESC, removed DESC, loaded_at DESC) = 1)"
    )


def _find_instant(session: Session, job: Job, load: str) -> datetime | None:
    session.open_parquet("committed", delta.active_files(job.folder), EMPTY_STORE)
    found = session.value(
        f"SELECT max(CAST(loaded_at AS TIMESTAMP)) FROM committed WHERE load = {quote(load)} AND NOT removed"
    )
    return None if found is None else found.replace(tzinfo=UTC)
