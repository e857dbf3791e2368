"""Taking a load back: every row it brought gets a removed version; nothing is overwritten."""

from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.errors import IngestError
from contracts.events import Name, Stored
from contracts.workspace import Workspace
from features.ingest.reader import Session, open_scratch, open_session, quote
from features.ingest.staging import instant_literal
from features.store import delta
from features.store.loads import Load, name_origin, read_loads, save_load
from features.store.lock import hold_lock


@dataclass(frozen=True)
class UndoReport:
    """What an undo did: rows removed, rows back at their earlier version, rows replaced since by others."""

    load: str
    table: str
    file: str
    removed: int
    restored: int
    replaced: int


def undo_load(workspace: Workspace, load: str, now: datetime) -> UndoReport:
    """Take back the rows of a load from ``now`` on, back-filled ones from when they were assumed to be known.

    A row that had replaced an earlier version gives way to that version again; a row that a later load has
    replaced
    stays replaced.

    Raises:
        IngestError: there is no such load, or it was undone before.
        LockHeld: another command is writing.
    """
    with hold_lock(workspace.lock, f"fedele ingest --undo {load}"):
        found = _find(workspace, load)
        name = name_origin("undo", load)
        folder = workspace.events / found.table
        with open_scratch(workspace.root) as scratch, open_session(scratch, [workspace.events]) as session:
            session.open_parquet("everything", delta.active_files(folder), "SELECT '' AS load WHERE false")
            counted = f"SELECT count(*) FROM everything WHERE load = {quote(load)}"
            total = session.value(counted) if found.loaded else 0
            removed, restored = _take_back(session, found, (name, now)) if total else (0, 0)
            if removed or restored:
                delta.append_rows(folder, session.stream("SELECT * FROM taken_back"), name)
            save_load(workspace.events, _undo_row(found, name, removed + restored, now))
    return UndoReport(load, found.table, found.file, removed, restored, total - removed - restored)


def _find(workspace: Workspace, load: str) -> Load:
    loads = read_loads(workspace.events)
    found = next((each for each in loads if each.load == load and each.kind == "load"), None)
    if found is None:
        raise IngestError(f"There is no load {load!r}: `fedele ingest --list` shows them.")
    if any(each.undoes == load for each in loads):
        raise IngestError(f"Load {load!r} was undone before: load its file again if you need it.")
    return found


def _take_back(session: Session, found: Load, undo: tuple[str, datetime]) -> tuple[int, int]:
    name, now = undo
    instant = f"timezone('UTC', {instant_literal(now)})"
    order = "recorded_at DESC, removed DESC, loaded_at DESC"
    latest = f"QUALIFY row_number() OVER (PARTITION BY row_key ORDER BY {order}) = 1"
    others = f"source = {quote(found.source)} AND load <> {quote(name)}"
    session.execute(
        f"CREATE VIEW current AS SELECT * FROM (SELECT * FROM everything WHERE {others} {latest}) "
        f"WHERE load = {quote(found.load)}"
    )
    session.execute(
        f"CREATE VIEW earlier AS SELECT * FROM (SELECT * FROM everything SEMI JOIN current USING (row_key) "
        f"WHERE {others} AND load <> {quote(found.load)} {latest}) WHERE NOT removed"
    )
    stamped = f"{quote(name)} AS {Stored.LOAD}, {instant} AS {Stored.LOADED_AT}"
    undone = f"CASE WHEN backfilled THEN recorded_at ELSE greatest(recorded_at, {instant}) END"
    moment = f"{undone} AS {Name.RECORDED_AT}"
    session.execute(
        f"CREATE TABLE taken_back AS SELECT * REPLACE (true AS {Stored.REMOVED}, {moment}, {stamped}) "
        "FROM current "
        "ANTI JOIN earlier USING (row_key) UNION ALL BY NAME "
        f"SELECT * REPLACE (false AS {Stored.BACKFILLED}, {instant} AS {Name.RECORDED_AT}, {stamped}) "
        "FROM earlier"
    )
    restored: int = session.value("SELECT count(*) FROM taken_back WHERE NOT removed")
    removed: int = session.value("SELECT count(*) FROM taken_back WHERE removed")
    return removed, restored


def _undo_row(found: Load, name: str, removed: int, now: datetime) -> Load:
    return Load(
        load=name,
        origin=name,
        kind="undo",
        table=found.table,
        source=found.source,
        file=found.file,
        file_digest=found.file_digest,
        loaded_at=now.astimezone(UTC),
        read=0,
        loaded=removed,
        duplicate=0,
        quarantined=0,
        undoes=found.load,
    )
