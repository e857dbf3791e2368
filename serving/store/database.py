"""Engines of the store: how SQLite and PostgreSQL are opened, asked and written to safely."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError

from contracts.errors import StoreError

BUSY_MILLISECONDS = 5_000
_NOT_NOW = (
    "database is locked",
    "database table is locked",
    "lock timeout",
    "could not connect",
    "connection",
)


class StoreBusy(StoreError):
    """The database cannot answer just now; the same question may succeed in a moment."""

    code = "store_busy"


def has_safe_wal(version: tuple[int, int, int]) -> bool:
    """Return whether a SQLite of this version has the fix of the bug that can damage a write-ahead log.

    Examples:
        >>> [has_safe_wal(each) for each in ((3, 40, 1), (3, 44, 6), (3, 50, 4), (3, 50, 7), (3, 51, 3))]
        [False, True, False, True, True]
    """
    return version >= (3, 51, 3) or any(
        floor <= version < (3, floor[1] + 1, 0) for floor in ((3, 44, 6), (3, 50, 7))
    )


def open_sqlite(file: Path) -> Engine:
    """Return an engine on the SQLite database ``file``, made readable by its owner only if it is new."""
    if not file.exists():
        file.touch(mode=0o600)
    engine = create_engine("sqlite://", creator=lambda: _connect(file), poolclass=QueuePool, pool_size=8)
    event.listen(engine, "begin", _begin)
    return engine


def open_immutable(file: Path) -> Engine:
    """Return an engine on a finished file that never changes again: no locks, no journal, no writes."""
    return create_engine(
        "sqlite://", creator=lambda: connect_immutable(file), poolclass=QueuePool, pool_size=8
    )


def connect_immutable(file: Path) -> sqlite3.Connection:
    """Return a connection of its own to a finished file; its user sees to it that threads take turns."""
    address = f"file:{quote(str(file))}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)


def close_apart(*closings: Callable[[], None]) -> None:
    """Close files on a thread of its own.

    Whoever closes a replaced file last frees its gigabytes, which takes half a second that no request waits.
    """

    def close() -> None:
        for each in closings:
            each()

    Thread(target=close, name="fedele-closing").start()


def open_postgres(url: str, schema: str) -> Engine:
    """Return an engine on PostgreSQL in which every table is looked up in ``schema`` alone."""
    address = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(
        address,
        pool_pre_ping=True,
        connect_args={
            "options": f"-c search_path={schema} -c lock_timeout={BUSY_MILLISECONDS}",
            "connect_timeout": 5,
        },
    )


def _connect(file: Path) -> sqlite3.Connection:
    # Transactions are begun by _begin, never by the driver.
    connection = sqlite3.connect(
        file, timeout=BUSY_MILLISECONDS / 1000, check_same_thread=False, isolation_level=None
    )
    try:
        _assert_pragmas(connection)
    except (sqlite3.Error, StoreError):
        connection.close()
        raise
    return connection


def _assert_pragmas(connection: sqlite3.Connection) -> None:
    journal = "wal" if has_safe_wal(sqlite3.sqlite_version_info) else "truncate"
    wanted = {
        "busy_timeout": BUSY_MILLISECONDS,
        "foreign_keys": 1,
        "synchronous": 2,
        "secure_delete": 1,
        "journal_mode": journal,
    }
    for name, value in wanted.items():
        connection.execute(f"PRAGMA {name}={value}").fetchall()
        found = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if found != value:
            raise StoreError(
                f"SQLite keeps {name} at {found!r}, {value!r} is needed: put the workspace on a local disk."
            )


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def write(engine: Engine, name: str) -> Iterator[Connection]:
    """Yield a connection in a transaction that holds the write lock at once; ``name`` is for messages."""
    with answer_for(name), engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def read(engine: Engine, name: str) -> Iterator[Connection]:
    """Yield a connection that only reads; ``name`` is for messages."""
    with answer_for(name), engine.connect() as connection:
        yield connection


def rewrite(engine: Engine, name: str) -> None:
    """Write a SQLite file anew, and empty its log, so that no page keeps what was deleted."""
    with answer_for(name):
        raw = engine.raw_connection()
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                raw.cursor().execute(statement).fetchall()
        finally:
            raw.close()


@contextmanager
def answer_for(name: str) -> Iterator[None]:
    """Turn what a driver raises about the store called ``name`` into one sentence.

    Raises:
        StoreBusy: locked, or not reachable.
        StoreError: damaged, full or otherwise unusable.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        raise _explain(error, name) from error


def _explain(error: Exception, name: str) -> StoreError:
    cause: Any = getattr(error, "orig", None) or error
    text = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
    if getattr(error, "connection_invalidated", False) or any(each in text.lower() for each in _NOT_NOW):
        return StoreBusy(f"{name} is busy or out of reach: try again in a few seconds.")
    if "disk is full" in text or "No space left" in text:
        return StoreError(f"No space left to write {name}: free some and try again.")
    if "IntegrityError" in type(error).__name__ or "UniqueViolation" in type(cause).__name__:
        return StoreError(f"A customer comes twice in {name}: nothing was shown of it. Score again.")
    if isinstance(error, DatabaseError | sqlite3.DatabaseError) and _is_damage(text):
        return StoreError(
            f"{name} is damaged: restore it from a backup, or remove it and run `fedele score` again."
        )
    return StoreError(f"{name} cannot be used ({type(cause).__name__}): check the disk and its permissions.")


def _is_damage(text: str) -> bool:
    signs = (
        "malformed",
        "not a database",
        "file is encrypted",
        "unable to open",
        "no such table",
        "disk I/O",
    )
    return any(sign in text for sign in signs)
