"""Whether anything in a workspace still names a customer: every file opened, every value looked at."""

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contracts.workspace import Workspace

_CHUNK = 1 << 24
_SQLITE, _PARQUET = b"SQLite format 3\0", b"PAR1"
SHORTEST_WORD, SHORTEST_NUMBER = 6, 9


@dataclass(frozen=True)
class Search:
    """How many files and bytes were looked through, and the files (relative) that still name the customer."""

    files: int
    bytes: int
    hits: tuple[str, ...]


def search_workspace(workspace: Workspace, customer_id: str) -> Search:
    """Look for a customer's id in every file of a workspace; changes nothing.

    Databases and Parquet files are searched value by value, since they store values side by side or packed;
    all else byte by byte. There an id too short to tell from any number (under 6 characters, or under 9
    digits) counts only in quotes or as a whole cell.
    """
    wanted = _Wanted(customer_id)
    files = size = 0
    hits = []
    for file in sorted(workspace.root.rglob("*")):
        try:
            if file.is_symlink() or not file.is_file():
                continue
            length, held = file.stat().st_size, wanted.names(file.name) or _holds(file, wanted)
        except FileNotFoundError:
            continue  # a running service has files that come and go
        files, size = files + 1, size + length
        if held:
            hits.append(str(file.relative_to(workspace.root)))
    return Search(files, size, tuple(hits))


class _Wanted:
    """An id in each of its spellings: as it is, and as JSON and addresses escape it."""

    def __init__(self, customer_id: str) -> None:
        self.text = customer_id
        spellings = {customer_id, json.dumps(customer_id)[1:-1], quote(customer_id, safe="")}
        self.spellings = sorted(each.encode("utf-8", "surrogatepass") for each in spellings)
        self.shortest = min(map(len, self.spellings))
        either = b"|".join(map(re.escape, self.spellings))
        whole = rb"(?<![\w-])(?:" + either + rb")(?![\w-])"
        enough = SHORTEST_NUMBER if customer_id.isdigit() else SHORTEST_WORD
        marked = rb'(?:(?<=")|(?<=^)|(?<=[\n,;\t|]))(?:' + either + rb')(?=$|["\r\n,;\t|])'
        self.in_values = re.compile(whole)
        self.in_bytes = re.compile(whole if len(customer_id) >= enough else marked)

    def names(self, text: str) -> bool:
        """Whether a file's own name names the customer."""
        return len(self.text) >= SHORTEST_WORD and self.in_bytes.search(text.encode()) is not None

    def is_in(self, value: Any) -> bool:
        """Whether a value of a database or column names the customer."""
        if isinstance(value, str):
            value = value.encode("utf-8", "surrogatepass")
        if not isinstance(value, bytes):
            value = str(value).encode("utf-8", "surrogatepass")
        return (
            value in self.spellings
            or (len(self.text) >= SHORTEST_WORD and self.in_values.search(value) is not None)
            or self.in_bytes.search(value) is not None
        )


def _holds(file: Path, wanted: _Wanted) -> bool:
    with file.open("rb") as stream:
        start = stream.read(len(_SQLITE))
    if start == _SQLITE:
        return any(_search_database(file, wanted))
    if start[: len(_PARQUET)] == _PARQUET:
        return _search_parquet(file, wanted)
    return _search_bytes(file, wanted)


def _search_database(file: Path, wanted: _Wanted) -> Iterator[bool]:
    connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=5)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            held = " OR ".join(
                f'instr(CAST("{column}" AS BLOB), ?{place + 1})'
                for column in columns
                for place in range(len(wanted.spellings))
            )
            rows = connection.execute(f'SELECT * FROM "{table}" WHERE {held}', wanted.spellings)
            yield any(wanted.is_in(value) for row in rows for value in row if isinstance(value, str | bytes))
    finally:
        connection.close()


def _search_parquet(file: Path, wanted: _Wanted) -> bool:
    try:
        opened = pq.ParquetFile(file)
        return any(
            _search_column(column, wanted) for batch in opened.iter_batches() for column in batch.columns
        )
    except (pa.ArrowInvalid, OSError):
        return _search_bytes(file, wanted)


def _search_column(column: pa.Array, wanted: _Wanted) -> bool:
    if pa.types.is_nested(column.type) or pa.types.is_dictionary(column.type):
        return any(wanted.is_in(value) for value in column.to_pylist() if value is not None)
    if pa.types.is_integer(column.type) and wanted.text.isdigit():
        return False  # a count is no name; ids are stored as text
    try:
        texts = column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    found = texts.filter(pc.match_substring(texts, wanted.text))
    return any(wanted.is_in(value) for value in found.to_pylist())


def _search_bytes(file: Path, wanted: _Wanted) -> bool:
    kept = b""
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            data = kept + chunk
            if wanted.in_bytes.search(data):
                return True
            kept = data[-2 * max(map(len, wanted.spellings)) :]
    return False
