"""Scores as a file: Parquet or CSV by its name, one row per customer, written whole or not at all."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from contracts.errors import StoreError
from contracts.scores import FIELDS, ScoreRecord, flatten

_BATCH = 10_000
_INTEGERS = {"horizon_days", "clv_horizon_days"}


def check_export_name(file: Path) -> None:
    """Raise ``StoreError`` unless the name ends in .parquet or .csv and its folder exists."""
    if file.suffix not in (".parquet", ".csv"):
        raise StoreError(f"{file.name} ends neither in .parquet nor in .csv: choose one of them.")
    if not file.parent.is_dir():
        raise StoreError(f"There is no folder {file.parent} for {file.name}: make it, or choose another.")


def save_export(file: Path, records: Iterable[Mapping[str, Any]]) -> int:
    """Write the records (as ``contracts.scores.to_dict`` gives them) flat and return how many there were.

    Text columns are text, numbers doubles (missing where null), reasons, curve and flags JSON text. The file
    appears under its name only when complete.

    Raises:
        StoreError: the name ends in neither .parquet nor .csv, or its folder does not exist.
    """
    check_export_name(file)
    draft = file.with_name(f".{file.name}.partial")
    schema = build_schema()
    count = 0
    with draft.open("wb") as sink, _open_writer(file, sink, schema) as writer:
        batch: list[dict[str, Any]] = []
        for record in records:
            batch.append(flatten(record))
            count += 1
            if len(batch) == _BATCH:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, schema))
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    draft.replace(file)
    return count


def _open_writer(file: Path, sink: Any, schema: pa.Schema) -> Any:
    if file.suffix == ".csv":
        return pyarrow.csv.CSVWriter(sink, schema)
    return pq.ParquetWriter(sink, schema, compression="zstd")


def build_schema() -> pa.Schema:
    """Return the columns in the order of the contract: what is no number in it is text."""
    hints = get_type_hints(ScoreRecord)
    sample = flatten(dict.fromkeys(FIELDS))
    fields = []
    for name in sample:
        if name in _INTEGERS:
            fields.append(pa.field(name, pa.int64()))
        elif name == "satisfaction_observed":
            fields.append(pa.field(name, pa.bool_()))
        elif name not in FIELDS or hints[name] in (float, float | None):
            fields.append(pa.field(name, pa.float64()))
        else:
            fields.append(pa.field(name, pa.string()))
    return pa.schema(fields)
