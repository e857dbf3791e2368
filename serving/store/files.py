"""Generations on SQLite: each its own file, written aside, made durable, renamed, and never changed again."""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, Table, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from contracts.atomic import sync_folder
from contracts.errors import SchemaTooNew, StoreError
from contracts.scores import Language
from serving.store import database, reading
from serving.store.draft import DraftFile
from serving.store.rows import STORED, Changes, GenerationInfo, Numbered, StoredScore
from serving.store.tables import SCORES_VERSION, build_indices, build_scores_table

_APPLICATION = 0x0FEDE1E
_PAGE_BYTES = 16_384


class FileDraft:
    """A generation being written: a file that no reader looks at until it is renamed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._partial = file.with_name(f"{file.name}.partial")
        self._partial.unlink(missing_ok=True)
        self._partial.touch(mode=0o600)
        self._table = build_scores_table()
        columns = ("position", *STORED)
        self._insert = f"INSERT INTO scores ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        self._draft = DraftFile(
            self._partial,
            f"page_size={_PAGE_BYTES}",
            f"application_id={_APPLICATION}",
            f"user_version={SCORES_VERSION}",
        )
        self._draft.execute(str(CreateTable(self._table).compile(dialect=sqlite.dialect())))

    def write(self, rows: Iterable[Numbered]) -> None:
        """Add rows with their positions."""
        self.copy((position, *row.values()) for position, row in rows)

    def copy(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows as the columns of the table hold them."""
        self._draft.insert(self._insert, rows)

    def seal(self) -> None:
        """Make the file complete and durable under its own name."""
        for index in build_indices(self._table):
            self._draft.execute(str(CreateIndex(index).compile(dialect=sqlite.dialect())))
        self._draft.seal()
        self._partial.rename(self._file)
        sync_folder(self._file.parent)

    def attach(self, connection: Connection) -> None:
        """Nothing to do within the flip: the file is in its place already."""

    def abandon(self) -> None:
        """Throw the draft away."""
        self._draft.close()
        self._partial.unlink(missing_ok=True)


class FileShelf:
    """The folder of generation files."""

    reopens = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._engines: dict[tuple[str, int], Engine] = {}
        self._records: dict[tuple[str, int], sqlite3.Connection] = {}
        self._lock = Lock()

    def start(self, info: GenerationInfo, kept: Collection[str]) -> FileDraft:
        """Return a draft of a generation; what killed runs left beside the ``kept`` ones is removed."""
        self._folder.mkdir(exist_ok=True)
        for file in self._folder.iterdir():
            if file.suffix == ".partial" or (file.suffix == ".db" and file.stem not in kept):
                file.unlink()
        return FileDraft(self._file(info.generation))

    @contextmanager
    def open(self, info: GenerationInfo) -> Iterator[tuple[Connection, Table]]:
        """Yield a connection to a generation and its table."""
        with database.read(self._engine(info), self._name(info.generation)) as connection:
            yield connection, build_scores_table()

    def find(
        self, info: GenerationInfo, customer_ids: Sequence[str], language: Language | None
    ) -> dict[str, StoredScore]:
        """Return the rows of these customers by id; the most asked question, so without detours."""
        hidden = reading.hide_records(language)
        columns = ("position", *(each for each in STORED if each not in hidden))
        question = f"SELECT {', '.join(columns)} FROM scores WHERE customer_id IN "
        engine, found = self._engine(info), dict[str, StoredScore]()
        with database.answer_for(self._name(info.generation)):
            borrowed = engine.raw_connection()
            try:
                cursor = borrowed.cursor()
                for start in range(0, len(customer_ids), reading.IDS_AT_ONCE):
                    some = tuple(customer_ids[start : start + reading.IDS_AT_ONCE])
                    for row in cursor.execute(f"{question}({','.join('?' * len(some))})", some):
                        score = reading.build(dict(zip(columns, row, strict=True)))
                        found[score.customer_id] = score
            finally:
                borrowed.close()
        return found

    def recall(self, info: GenerationInfo, customer_id: str, language: Language) -> bytes | None:
        """Return a record by a look into the index that takes microseconds; None where ``find`` must tell."""
        key = (info.generation, info.sequence)
        with self._lock:
            connection = self._records.get(key)
            if connection is None and key in self._engines:
                connection = self._records[key] = database.connect_immutable(self._file(info.generation))
            if connection is None:
                return None
            column = "record_it" if language == "it" else "record_en"
            question = f"SELECT {column} FROM scores WHERE customer_id = ?"
            try:
                row = connection.execute(question, (customer_id,)).fetchone()
            except (sqlite3.Error, UnicodeError):
                return None
        return None if row is None or row[0] is None else bytes(row[0])

    @contextmanager
    def open_both(
        self, info: GenerationInfo, before: GenerationInfo
    ) -> Iterator[tuple[Connection, Table, Table]]:
        """Yield a connection to two generations, the table of the first and that of the earlier one."""
        self._engine(before)
        engine = database.open_immutable(self._file(info.generation))
        try:
            with database.read(engine, self._name(info.generation)) as connection:
                address = f"{self._file(before.generation).as_uri()}?mode=ro&immutable=1"
                connection.exec_driver_sql("ATTACH DATABASE ? AS earlier", (address,))
                yield connection, build_scores_table(), build_scores_table(schema="earlier")
        finally:
            engine.dispose()

    def remove(self, infos: Iterable[GenerationInfo], connection: Connection | None = None) -> None:
        """Remove generations that fell out, once the pointer has moved (so not within its transaction)."""
        if connection is None:
            for info in infos:
                self._file(info.generation).unlink(missing_ok=True)

    def revise(self, info: GenerationInfo, changed: Changes) -> None:
        """Write the file anew without what is withdrawn: nothing of it stays in a page of the new one."""
        draft = FileDraft(self._file(info.generation))
        try:
            with self.open(info) as (connection, table):
                columns = (table.c[name] for name in ("position", *STORED))
                rows = connection.execute(select(*columns).order_by(table.c.position))
                draft.copy(tuple(row) for row in rows if row.position not in changed)
            draft.write((position, row) for position, row in changed.items() if row is not None)
            draft.seal()
        except BaseException:
            draft.abandon()
            raise

    def close(self) -> None:
        """Close every file."""
        with self._lock:
            for key in list(self._engines):
                for close in self._take(key):
                    close()

    def _file(self, generation: str) -> Path:
        return self._folder / f"{generation}.db"

    def _name(self, generation: str) -> str:
        return f"{self._folder.name}/{generation}.db"

    def _engine(self, info: GenerationInfo) -> Engine:
        key = (info.generation, info.sequence)
        with self._lock:
            if key not in self._engines:
                engine = self._open(info.generation)
                stale = [each for each in self._engines if each[0] == info.generation]
                for old in {*stale, *sorted(self._engines, key=lambda each: each[1])[:-2]}:
                    database.close_apart(*self._take(old))
                self._engines[key] = engine
            return self._engines[key]

    def _take(self, key: tuple[str, int]) -> list[Callable[[], None]]:
        """Forget an open file; return what closes it."""
        closings: list[Callable[[], None]] = [self._engines.pop(key).dispose]
        if key in self._records:
            closings.append(self._records.pop(key).close)
        return closings

    def _open(self, generation: str) -> Engine:
        file, name = self._file(generation), self._name(generation)
        if not file.is_file():
            raise StoreError(f"{name} is missing: run `fedele score` to write it again.")
        engine = database.open_immutable(file)
        try:
            with database.read(engine, name) as connection:
                version = connection.exec_driver_sql("PRAGMA user_version").scalar() or 0
                written_by_us = connection.exec_driver_sql("PRAGMA application_id").scalar() == _APPLICATION
                if written_by_us and version > SCORES_VERSION:
                    raise SchemaTooNew(
                        f"{name} has schema {version}, this Fedele knows {SCORES_VERSION}: "
                        "use a newer Fedele."
                    )
                if not written_by_us:
                    raise StoreError(f"{name} is damaged: remove it and run `fedele score` again.")
        except BaseException:
            engine.dispose()
            raise
        return engine
