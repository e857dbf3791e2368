"""The rows that were not loaded: file, line, column and reason, never their content."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.store import delta

FOLDER = "quarantine"
SCHEMA = pa.schema(
    [
        ("listing", pa.string()),
        ("load", pa.string()),
        ("table", pa.string()),
        ("source", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("column", pa.string()),
        ("code", pa.string()),
        ("reason", pa.string()),
    ]
)


def save_listing(events: Path, rows: pa.Table, listing: str, load: str) -> None:
    """Put the rows in the place of the file's earlier listing: a file read again is not listed twice.

    ``listing`` names (file's bytes, table, source); ``load`` is the commit's name.
    """
    delta.replace_rows(events / FOLDER, rows, "listing", listing, load)


def read_table(events: Path, listing: str | None = None) -> pa.Table:
    """Return the quarantined rows as Arrow (of one file, when ``listing`` names it)."""
    table = _read(events)
    return table if listing is None else table.filter(pc.equal(table["listing"], listing))


def read_listing(events: Path, listing: str | None = None) -> list[dict[str, Any]]:
    """Return the quarantined rows (of one file, when ``listing`` names it), by table, file and line."""
    rows: list[dict[str, Any]] = read_table(events, listing).to_pylist()
    return sorted(rows, key=lambda row: (row["table"], row["file"], row["line"]))


def count_reasons(events: Path) -> dict[tuple[str, str], int]:
    """Return how many rows are in quarantine by (table, code)."""
    table = _read(events)
    return dict(Counter(zip(table["table"].to_pylist(), table["code"].to_pylist(), strict=True)))


def _read(events: Path) -> pa.Table:
    files = delta.active_files(events / FOLDER)
    if not files:
        return SCHEMA.empty_table()
    return pa.concat_tables(pq.read_table(file, schema=SCHEMA) for file in files)
