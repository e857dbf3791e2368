"""The door to DuckDB for ingest and readiness: a locked-down session, and files read as numbered text."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from contracts.errors import IngestError
from features.ingest.tokens import Shape, Tokens, read_header

_CHUNK = 1 << 22
_BATCH = 100_000
SCRATCH = ".ingest"
_SMALL = 1 << 25
_PARQUET = b"PAR1"


@dataclass(frozen=True)
class Session:
    """A DuckDB connection on a scratch database, that reads only what it was opened for and works in UTC."""

    connection: Any

    def execute(self, sql: str, *values: object) -> None:
        """Execute a statement with bound values."""
        self.connection.execute(sql, list(values))

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return all rows of a query: only where they are few."""
        found: list[tuple[Any, ...]] = self.connection.execute(sql, list(values)).fetchall()
        return found

    def value(self, sql: str, *values: object) -> Any:
        """Return the single value of a query."""
        return self.rows(sql, *values)[0][0]

    def stream(self, sql: str) -> pa.RecordBatchReader:
        """Return the rows of a query as Arrow batches, computed while they are read."""
        return self.connection.sql(sql).to_arrow_reader(_BATCH)

    def create_table(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Make the table ``name`` from Arrow rows."""
        self.connection.register("incoming", rows)
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM incoming")
        self.connection.unregister("incoming")

    def open_parquet(self, name: str, files: Sequence[str], empty: str) -> None:
        """Make the view ``name`` over Parquet files, or over the query ``empty`` where there are none."""
        listed = ", ".join(quote(file) for file in files)
        query = f"SELECT * FROM read_parquet([{listed}], union_by_name=true)" if files else empty
        self.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")


@contextmanager
def open_scratch(root: Path) -> Iterator[Path]:
    """Give an empty folder for staging below ``root``, gone afterwards. Hold the lock meanwhile."""
    folder = root / SCRATCH
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_session(scratch: Path, readable: Sequence[Path], memory: str = "900MB") -> Iterator[Session]:
    """Open a session that lives and spills in ``scratch`` and can read below ``readable`` only."""
    small = sum(map(_size, readable)) < _SMALL  # a file of its own costs small loads most of their time
    connection = duckdb.connect(":memory:" if small else str(scratch / "staging.duckdb"))
    places = ", ".join(quote(f"{path.resolve()}/") for path in (*readable, scratch) if path.is_dir())
    files = ", ".join(quote(str(path.resolve())) for path in readable if not path.is_dir())
    try:
        for setting in (
            "TimeZone = 'UTC'",
            f"memory_limit = {quote(memory)}",
            f"temp_directory = {quote(str(scratch))}",
            "threads = 2",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            "allow_community_extensions = false",
            "python_enable_replacements = false",
            f"allowed_directories = [{places}]",
            f"allowed_paths = [{files}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            connection.execute(f"SET {setting}")
        yield Session(connection)
    finally:
        connection.close()


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*.parquet")
    return sum(file.stat().st_size for file in files)


@dataclass(frozen=True)
class FileFacts:
    """What one pass over the bytes tells: digest, rows' line ends, and whether DuckDB may read it as CSV."""

    digest: str
    lines: int
    has_nul: bool
    is_parquet: bool


def read_facts(file: Path) -> FileFacts:
    """Return the facts of a file.

    Raises:
        IngestError: there is no such file, or it is empty.
    """
    digest, lines, has_nul, last, start = hashlib.sha256(), 0, False, b"\n", b""
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                lines += chunk.count(b"\n")
                has_nul = has_nul or b"\0" in chunk
                start, last = start or chunk[:4], chunk[-1:]
    except OSError as error:
        raise IngestError(f"{file.name} cannot be read ({error.strerror}): check the path.") from error
    if not start:
        raise IngestError(f"{file.name} is empty: export it again.")
    return FileFacts(digest.hexdigest(), lines + (last != b"\n"), has_nul, start == _PARQUET)


@dataclass(frozen=True)
class RawFile:
    """A file ready to be read: its column names in order, and which of them come typed (Parquet)."""

    file: Path
    facts: FileFacts
    shape: Shape
    header: tuple[str, ...]
    typed: frozenset[str] = field(default_factory=frozenset)


def open_raw(session: Session, file: Path, facts: FileFacts, shape: Shape) -> RawFile:
    """Return the file with its header read.

    Raises:
        IngestError: it has no header, or is no Parquet file although it says so.
    """
    if facts.is_parquet:
        try:
            described = session.rows(f"DESCRIBE SELECT * FROM read_parquet({quote(str(file))})")
        except duckdb.Error as error:
            raise IngestError(f"{file.name} is a damaged Parquet file: export it again.") from error
        typed = frozenset(name for name, kind, *_ in described if kind != "VARCHAR")
        return RawFile(file, facts, shape, tuple(name for name, *_ in described), typed)
    try:
        header = read_header(file, shape)
    except (LookupError, UnicodeError) as error:
        raise IngestError(
            f"{file.name} does not read as {shape.encoding}: name its encoding with --encoding."
        ) from error
    if not any(header):
        raise IngestError(f"{file.name} has no header: the first line must name the columns.")
    return RawFile(file, facts, shape, tuple(header))


def read_raw(session: Session, raw: RawFile, positions: Sequence[int]) -> list[tuple[int, str]]:
    """Make the table ``raw`` (line, c<position> as text); return (line, code) of the broken lines."""
    if raw.facts.is_parquet:
        columns = ", ".join(
            f"CAST({identifier(raw.header[place])} AS VARCHAR) AS c{place}" for place in positions
        )
        source = f"read_parquet({quote(str(raw.file))}, file_row_number=true)"
        session.execute(f"CREATE TABLE raw AS SELECT file_row_number + 1 AS line, {columns} FROM {source}")
        return []
    if _is_plain(raw) and _read_quickly(session, raw, positions):
        return []
    tokens = Tokens(raw.file, raw.shape, len(raw.header), positions)
    session.create_table("raw", pa.RecordBatchReader.from_batches(tokens.schema, tokens.read_batches()))
    return tokens.broken


def _is_plain(raw: RawFile) -> bool:
    return not raw.facts.has_nul and raw.shape.encoding.lower() in ("utf-8", "utf8", "utf-8-sig")


def _read_quickly(session: Session, raw: RawFile, positions: Sequence[int]) -> bool:
    """Read with DuckDB; False when a line is broken or a field spans lines: numbers would be wrong."""
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(raw.header)))
    wanted = ", ".join(f"c{place}" for place in positions)
    source = (
        f"read_csv({quote(str(raw.file))}, auto_detect=false, header=false, skip=1, strict_mode=true, "
        f"delim={quote(raw.shape.delimiter)}, quote='\"', escape='\"', columns={{{columns}}})"
    )
    try:
        session.execute(
            f"CREATE TABLE raw AS SELECT row_number() OVER () + 1 AS line, {wanted} FROM {source}"
        )
    except duckdb.Error:
        return False
    if session.value("SELECT count(*) FROM raw") == raw.facts.lines - 1:
        return True
    session.execute("DROP TABLE raw")
    return False


def quote(text: str) -> str:
    """Return an SQL literal.

    Examples:
        >>> quote("d'Este")
        "'d''Este'"
    """
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a quoted SQL name.

    Examples:
        >>> identifier('a"b')
        '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'
