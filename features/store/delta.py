"""The one door to Delta Lake: typed append-only tables whose commits can be repeated after a crash."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import TableNotFoundError

from contracts.events import Kind

# Statistics and history would outlive an erasure: only instants are kept in them, and nothing expired stays.
_CONFIGURATION = {
    "delta.dataSkippingStatsColumns": "occurred_at",
    "delta.logRetentionDuration": "interval 0 days",
    "delta.deletedFileRetentionDuration": "interval 0 days",
    "delta.enableExpiredLogCleanup": "true",
}
_KINDS: dict[str, Kind] = {"double": "number", "boolean": "flag", "string": "string"}


def active_files(folder: Path) -> list[str]:
    """Return the Parquet files of the table in ``folder``, sorted; empty where there is no row."""
    table = _open(folder)
    if table is None:
        return []
    # Addresses have percent signs where a folder has a space; without partitions files lie side by side.
    return sorted(str(folder.resolve() / uri.rpartition("/")[2]) for uri in table.file_uris())


def column_kinds(folder: Path) -> dict[str, Kind]:
    """Return the kind of each column that is a number, flag or string; empty without a table."""
    table = _open(folder)
    if table is None:
        return {}
    types = {field.name: getattr(field.type, "type", "struct") for field in table.schema().fields}
    return {name: _KINDS[kind] for name, kind in types.items() if kind in _KINDS}


def has_commit(folder: Path, transaction: str) -> bool:
    """Return whether the table in ``folder`` holds the commit named ``transaction``."""
    table = _open(folder)
    return table is not None and table.transaction_version(transaction) is not None


def append_rows(folder: Path, rows: pa.RecordBatchReader, transaction: str) -> None:
    """Append the rows in one commit named ``transaction``; nothing happens when that commit is there already.

    Columns the table does not know yet are added to it.
    """
    table = _ensure(folder, rows.schema)
    if table.transaction_version(transaction) is None:
        write_deltalake(
            table, rows, mode="append", schema_mode="merge", commit_properties=_named(transaction)
        )


def replace_rows(folder: Path, rows: pa.Table, column: str, value: str, transaction: str) -> None:
    """Put ``rows`` in the place of all rows whose ``column`` equals ``value``, in one commit; repeatable.

    ``value`` stays in the log: never a customer's id.
    """
    table = _ensure(folder, rows.schema)
    if table.transaction_version(transaction) is None:
        literal = value.replace("'", "''")
        write_deltalake(
            table,
            rows,
            mode="overwrite",
            predicate=f"\"{column}\" = '{literal}'",
            commit_properties=_named(transaction),
        )


def erase_rows(folder: Path, column: str, values: Sequence[str]) -> int:
    """Remove all rows whose ``column`` is one of ``values``, and every file and log entry that held them.

    Nothing of the values stays in the log: they are matched as a table, never as a predicate. Killed at any
    point, calling it again finishes. Returns how many rows went.
    """
    table = _open(folder)
    if table is None:
        return 0
    files = [str(folder / uri.rpartition("/")[2]) for uri in table.file_uris()]
    held = sum(_count(file, column, values) for file in files)
    if held:
        ids = pa.table({column: pa.array(sorted(values), pa.string())})
        merge = table.merge(ids, f'target."{column}" = source."{column}"', "source", "target")
        merge.when_matched_delete().execute()
    table = _open(folder)
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    table.create_checkpoint()
    table.cleanup_metadata()
    _remove_unlisted(folder, table)
    return held


def list_values(folder: Path, column: str) -> set[str]:
    """Return the distinct values of a text column; empty without a table."""
    found: set[str] = set()
    for file in active_files(folder):
        values = _read_texts(file, column)
        found.update(value for value in pc.unique(values).to_pylist() if value is not None)
    return found


def _count(file: str, column: str, values: Sequence[str]) -> int:
    held = pc.is_in(_read_texts(file, column), pa.array(list(values), pa.string()))
    return int(pc.sum(held).as_py() or 0)


def _read_texts(file: str, column: str) -> pa.ChunkedArray:
    # What a merge wrote comes as string views, which Arrow cannot look values up in.
    return pq.read_table(file, columns=[column], schema=pa.schema([(column, pa.string())])).column(0)


def _remove_unlisted(folder: Path, table: Any) -> None:
    """Remove Parquet files no commit ever named: what a writer killed before its commit left behind."""
    listed = {uri.rpartition("/")[2] for uri in table.file_uris()}
    for file in folder.glob("*.parquet"):
        if file.name not in listed:
            file.unlink()


def _open(folder: Path) -> Any:
    try:
        return DeltaTable(folder)
    except TableNotFoundError:
        return None


def _ensure(folder: Path, schema: pa.Schema) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    return _open(folder) or DeltaTable.create(folder, schema, mode="ignore", configuration=_CONFIGURATION)


def _named(transaction: str) -> CommitProperties:
    return CommitProperties(app_transactions=[Transaction(transaction, 1)])
