"""The end of a load: rows counted, then facts, quarantine and the load's own row written, a commit each."""

from datetime import UTC, datetime

import pyarrow as pa

from contracts.events import TABLES, Name, Stored
from features.ingest.columns import Plan
from features.ingest.job import Job, LoadReport
from features.ingest.reader import Session, quote
from features.ingest.reasons import explain_reason
from features.ingest.staging import instant_literal
from features.store import delta, quarantine
from features.store.loads import Load, read_loads, save_load

_UNREADABLE = "('broken_line', 'encoding')"


def count_rows(session: Session, job: Job, load: str, plan: Plan) -> LoadReport:
    """Return the account of the rows; lines of one order share its fate.

    Raises:
        IngestError: the counts do not balance.
    """
    if job.options.lines:
        _spread_fates(session)
    reasons = dict(
        session.rows("SELECT code, count(*) FROM faults GROUP BY code ORDER BY count(*) DESC, code")
    )
    unreadable = f"(SELECT count(*) FROM faults WHERE code IN {_UNREADABLE})"
    return LoadReport(
        table=job.table,
        file=job.file.name,
        source=job.source,
        load=load,
        read=session.value(f"SELECT rows + {unreadable} FROM counted"),
        loaded=int(session.value("SELECT coalesce(sum(weight), 0) FROM accepted")),
        duplicate=session.value("SELECT count(*) FROM duplicates"),
        quarantined=sum(reasons.values()),
        reasons=reasons,
        ignored=plan.ignored,
    )


def save_rows(session: Session, job: Job, report: LoadReport, now: datetime) -> None:
    """Write what a load changed, in commits of its name: a rerun after a crash goes on where it broke."""
    events = job.workspace.events
    listing = _listing(session, job, report)
    changed = not _equal(quarantine.read_table(events, job.listing), listing)
    changed = changed or delta.has_commit(events / quarantine.FOLDER, report.load)
    repeated = any(load.origin == job.origin for load in read_loads(events))
    if report.loaded:
        delta.append_rows(job.folder, session.stream(_facts(job, report, now)), report.load)
    if changed:
        quarantine.save_listing(events, listing, job.listing, report.load)
    if report.loaded or changed or not repeated:
        save_load(events, _load_row(job, report, now))


def _spread_fates(session: Session) -> None:
    for table, columns in (("faults", ', f."column", f.code'), ("duplicates", "")):
        session.execute(
            f"INSERT INTO {table} SELECT m.line{columns} FROM {table} AS f JOIN members AS m ON m.head "
            "= f.line "
            "WHERE m.line <> f.line AND m.head IN (SELECT line FROM staged)"
        )


def _facts(job: Job, report: LoadReport, now: datetime) -> str:
    kinds = {column.name: column.kind for column in TABLES[job.table].columns}
    internal = ("line", "content", "row_key", "recorded", "recorded_given", "fault", "clamped", "weight")
    instants = [f"timezone('UTC', {name}) AS {name}" for name, kind in kinds.items() if kind == "instant"]
    matched = ["refunds.order_id AS refund_of"] if job.table == "orders" else []
    added = {
        Name.RECORDED_AT: "timezone('UTC', recorded)",
        Name.SOURCE: quote(report.source),
        Stored.LOAD: quote(report.load),
        Stored.LOADED_AT: f"timezone('UTC', {instant_literal(now)})",
        Stored.LINE: "CAST(accepted.line AS BIGINT)",
        Stored.BACKFILLED: "recorded_given IS NULL" if report.backfilled else "false",
        Stored.ROW_KEY: "row_key",
        Stored.CONTENT: "content",
        Stored.REMOVED: "false",
    }
    stored = ", ".join(f"{expression} AS {name}" for name, expression in added.items())
    joined = "LEFT JOIN refunds ON refunds.line = accepted.line" if matched else ""
    return (
        f"SELECT accepted.* EXCLUDE ({', '.join(internal)}) REPLACE ({', '.join(instants + matched)}), "
        f"{stored} "
        f"FROM accepted {joined}"
    )


def _listing(session: Session, job: Job, report: LoadReport) -> pa.Table:
    pairs = session.rows('SELECT DISTINCT code, "column" FROM faults')
    told = pa.table(
        {
            "code": pa.array([code for code, _ in pairs], pa.string()),
            "column": pa.array([column for _, column in pairs], pa.string()),
            "reason": pa.array([explain_reason(code, column) for code, column in pairs], pa.string()),
        }
    )
    session.create_table("told", told)
    named = [job.listing, report.load, report.table, report.source, report.file]
    rows = session.stream(
        f'SELECT {", ".join(map(quote, named))}, CAST(line AS BIGINT), "column", code, reason '
        'FROM faults JOIN told USING (code, "column") ORDER BY line'
    ).read_all()
    return rows.rename_columns(quarantine.SCHEMA.names).cast(quarantine.SCHEMA)


def _equal(earlier: pa.Table, listing: pa.Table) -> bool:
    told = ["line", "column", "code"]
    order = [(name, "ascending") for name in told]
    return bool(earlier.select(told).sort_by(order).equals(listing.select(told).sort_by(order)))


def _load_row(job: Job, report: LoadReport, now: datetime) -> Load:
    return Load(
        load=report.load,
        origin=job.origin,
        kind="load",
        table=report.table,
        source=report.source,
        file=report.file,
        file_digest=job.facts.digest,
        loaded_at=now.astimezone(UTC),
        read=report.read,
        loaded=report.loaded,
        duplicate=report.duplicate,
        quarantined=report.quarantined,
    )
