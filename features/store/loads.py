"""What was loaded when: one row for each load that changed something, and one for each undo."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.store import delta

FOLDER = "loads"
_SCHEMA = pa.schema(
    [
        ("load", pa.string()),
        ("origin", pa.string()),
        ("kind", pa.string()),
        ("table", pa.string()),
        ("source", pa.string()),
        ("file", pa.string()),
        ("file_digest", pa.string()),
        ("loaded_at", pa.timestamp("us", "UTC")),
        ("read", pa.int64()),
        ("loaded", pa.int64()),
        ("duplicate", pa.int64()),
        ("quarantined", pa.int64()),
        ("undoes", pa.string()),
    ]
)


@dataclass(frozen=True)
class Load:
    """One load of a file (kind ``load``), or the undo of one (kind ``undo``, ``undoes`` names it).

    ``origin`` is the digest of the file's bytes, table, source and options: equal for a repetition.
    """

    load: str
    origin: str
    kind: str
    table: str
    source: str
    file: str
    file_digest: str
    loaded_at: datetime
    read: int
    loaded: int
    duplicate: int
    quarantined: int
    undoes: str | None = None


def read_loads(events: Path) -> list[Load]:
    """Return all loads and undos, oldest first."""
    files = delta.active_files(events / FOLDER)
    rows = [row for file in files for row in pq.read_table(file, schema=_SCHEMA).to_pylist()]
    return sorted((Load(**row) for row in rows), key=lambda load: (load.loaded_at, load.load))


def find_live(loads: Sequence[Load], table: str, source: str) -> list[Load]:
    """Return the loads of (table, source) that stored rows and were not undone."""
    undone = {load.undoes for load in loads if load.undoes}
    return [
        load
        for load in loads
        if (load.table, load.source, load.kind) == (table, source, "load")
        and load.loaded
        and load.load not in undone
    ]


def save_load(events: Path, load: Load) -> None:
    """Append the row; nothing happens when it is there already."""
    rows = pa.Table.from_pylist([asdict(load)], schema=_SCHEMA)
    delta.append_rows(events / FOLDER, rows.to_reader(), load.load)


def name_origin(*parts: object) -> str:
    """Return a short digest of the parts, equal whenever their JSON is.

    Examples:
        >>> name_origin("a", 1) == name_origin("a", 1), len(name_origin("a"))
        (True, 16)
    """
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def next_load(loads: Sequence[Load], origin: str) -> str:
    """Return the name of the next load of ``origin``: a rerun after a crash finds the same one."""
    earlier = sum(load.origin == origin and load.kind == "load" for load in loads)
    return origin if earlier == 0 else f"{origin}-{earlier + 1}"
