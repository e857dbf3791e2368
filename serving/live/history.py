"""Every stored row of a customer by one look into an index: what a live score reads of the past.

``history.db`` holds a row for each customer and table: its columns as JSON, a column whose cells are all the
same as that one cell. Cells are those of ``features.direct``: instants in microseconds, money as its text.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from contracts.events import Name
from features.direct.groups import Column
from features.live import Columns
from serving.store.draft import DraftFile

_OWNER = str(Name.CUSTOMER_ID)
_TABLES = "CREATE TABLE tables (name TEXT PRIMARY KEY, columns BLOB NOT NULL) STRICT"
_ROWS = "CREATE TABLE histories (customer_id TEXT NOT NULL, name TEXT NOT NULL, cells TEXT NOT NULL) STRICT"
_INDEX = "CREATE INDEX histories_by_customer ON histories (customer_id)"
_IDS_AT_ONCE = 500


def write_histories(file: Path, tables: Iterable[tuple[str, pa.RecordBatchReader]]) -> None:
    """Write the new ``file`` from tables whose rows are sorted by customer."""
    with DraftFile(file) as draft:
        draft.execute(_TABLES)
        draft.execute(_ROWS)
        for name, batches in tables:
            schema = batches.schema.serialize().to_pybytes()
            draft.execute("INSERT INTO tables VALUES (?, ?)", name, schema)
            rows = ((customer_id, name, cells) for customer_id, cells in _pack(batches))
            draft.insert("INSERT INTO histories VALUES (?, ?, ?)", rows)
        draft.execute(_INDEX)
        draft.seal()


def erase_histories(file: Path, customer_ids: Collection[str]) -> int:
    """Take customers out of a file that nobody reads; return 1 where it held any of them, else 0."""
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete=ON").fetchall()
        marks = ",".join("?" * len(customer_ids))
        query = f"DELETE FROM histories WHERE customer_id IN ({marks})"
        gone = connection.execute(query, tuple(customer_ids)).rowcount
        connection.execute("VACUUM")
        return int(gone > 0)
    finally:
        connection.close()


class Histories:
    """The histories in a file, open for reading; one thread at a time.

    Raises:
        sqlite3.Error: the file is no such file.
    """

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(
            f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        try:
            known = self._connection.execute("SELECT name, columns FROM tables").fetchall()
        except sqlite3.Error:
            self._connection.close()
            raise
        self.schemas = {name: pa.ipc.read_schema(pa.py_buffer(columns)) for name, columns in known}
        self._exact = {name: _find_exact(schema) for name, schema in self.schemas.items()}

    def read(self, customer_ids: Sequence[str]) -> dict[str, Columns]:
        """Return every row of these customers, by table; tables without any have no rows."""
        found: dict[str, dict[str, Column]] = {
            name: {column: [] for column in schema.names} for name, schema in self.schemas.items()
        }
        for start in range(0, len(customer_ids), _IDS_AT_ONCE):
            some = customer_ids[start : start + _IDS_AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT customer_id, name, cells FROM histories WHERE customer_id IN ({marks})"
            for customer_id, name, cells in self._connection.execute(query, tuple(some)):
                self._unpack(found[name], name, customer_id, json.loads(cells))
        return dict(found)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _unpack(
        self, columns: dict[str, Column], name: str, customer_id: str, packed: tuple[int, list[Any]]
    ) -> None:
        count, parts = packed
        given = iter(parts)
        for column, cells in columns.items():
            part = customer_id if column == _OWNER else next(given)
            own = part if isinstance(part, list) else [part] * count
            if column in self._exact[name]:
                own = [None if cell is None else Decimal(cell) for cell in own]
            cells.extend(own)


def _find_exact(schema: pa.Schema) -> frozenset[str]:
    return frozenset(each.name for each in schema if pa.types.is_decimal(each.type))


def _pack(batches: pa.RecordBatchReader) -> Iterator[tuple[str, str]]:
    """Yield each customer's rows as they are kept; a customer may begin in one batch and end in another."""
    held: tuple[str, list[Column]] | None = None
    names = [name for name in batches.schema.names if name != _OWNER]
    for batch in batches:
        columns = [_to_cells(batch.column(name)) for name in names]
        start = 0
        for customer_id, run in groupby(batch.column(_OWNER).to_pylist()):
            end = start + sum(1 for _ in run)
            own = [column[start:end] for column in columns]
            start = end
            if held is not None and held[0] == customer_id:
                held = (customer_id, [first + second for first, second in zip(held[1], own, strict=True)])
                continue
            if held is not None:
                yield _render(*held)
            held = (customer_id, own)
    if held is not None:
        yield _render(*held)


def _to_cells(column: pa.Array | pa.ChunkedArray) -> Column:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    elif pa.types.is_date(column.type):
        column = column.cast(pa.date32()).cast(pa.int32())
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.string())
    cells: Column = column.to_pylist()
    return cells


def to_columns(rows: pa.Table) -> dict[str, Column]:
    """Return the rows of a table as they are read from a history."""
    exact = _find_exact(rows.schema)
    columns = {name: _to_cells(rows.column(name)) for name in rows.schema.names}
    return {
        name: [None if cell is None else Decimal(cell) for cell in cells] if name in exact else cells
        for name, cells in columns.items()
    }


def _render(customer_id: str, columns: Sequence[Column]) -> tuple[str, str]:
    count = len(columns[0])
    parts = [column[0] if column.count(column[0]) == count else column for column in columns]
    # With a space after each comma: so the search for an erased id takes no bare number for one.
    return customer_id, json.dumps([count, parts], ensure_ascii=False, default=str)


def add_rows(
    tables: Mapping[str, Columns], new: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, Columns]:
    """Return the rows of tables with new ones below; what a new row does not say is missing."""
    joined = dict(tables)
    for name, rows in new.items():
        joined[name] = {
            column: [*cells, *(row.get(column) for row in rows)] for column, cells in tables[name].items()
        }
    return joined
