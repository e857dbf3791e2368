"""The work database: the pointer to the current generation, keys, sign-in codes, sessions and secrets."""

import hashlib
import re
import secrets as entropy  # secrets must be unguessable; contracts.randomness repeats itself on purpose
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, func, inspect, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from contracts.errors import SchemaTooNew
from contracts.workspace import Workspace
from serving.store import database, tables
from serving.store.freshness import Memory
from serving.store.outbox import note_flip
from serving.store.rows import GenerationInfo, read_info

KEPT_GENERATIONS = 3
_MIGRATIONS = Path(__file__).parent / "migrations"
# Any number will do, as long as every Fedele takes the same lock while it changes a schema.
_SCHEMA_LOCK = 7_146_051_962


class WorkStore:
    """The small, often written part of the store. Made by ``open_work``; closed by ``close``."""

    def __init__(self, engine: Engine, name: str, file: Path | None = None) -> None:
        self.engine = engine
        self.name = name
        self.memory = Memory(file)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection for reading; ``StoreError`` or ``StoreBusy`` when the database cannot answer."""
        with database.read(self.engine, self.name) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection in one transaction, committed at the end, undone by any exception."""
        with database.write(self.engine, self.name) as connection:
            yield connection

    def find_current(self) -> GenerationInfo | None:
        """Return the generation that readers see; None before the first one."""
        pointed = select(tables.current_generation.c.generation).scalar_subquery()
        return self.memory.recall("current", lambda: self._find_one(pointed))

    def recall_current(self) -> GenerationInfo | None:
        """Return what ``find_current`` would when it is known already; never waits for the database."""
        known = self.memory.peek("current")
        return known if isinstance(known, GenerationInfo) else None

    def find_generation(self, generation: str) -> GenerationInfo | None:
        """Return a kept generation by its name, or None."""
        return self.memory.recall(("generation", generation), lambda: self._find_one(generation))

    def _find_one(self, generation: object) -> GenerationInfo | None:
        known = tables.generations
        with self.read() as connection:
            row = connection.execute(
                select(known.c.info, known.c.sequence).where(known.c.generation == generation)
            ).first()
        return None if row is None else read_info(row.info, row.sequence)

    def find_generations(self) -> list[GenerationInfo]:
        """Return the kept generations, newest first."""
        known = tables.generations
        with self.read() as connection:
            rows = connection.execute(
                select(known.c.info, known.c.sequence).order_by(known.c.sequence.desc())
            )
            return [read_info(row.info, row.sequence) for row in rows]

    def next_sequence(self) -> int:
        """Return the number of the next flip."""
        with self.read() as connection:
            return 1 + (connection.scalar(select(func.max(tables.generations.c.sequence))) or 0)

    def flip(self, connection: Connection, info: GenerationInfo) -> list[GenerationInfo]:
        """Point readers to ``info`` within the caller's transaction; return the generations that fell out."""
        known, pointer = tables.generations, tables.current_generation
        before = connection.scalar(select(pointer.c.generation))
        note_flip(connection, info, before)
        connection.execute(delete(known).where(known.c.generation == info.generation))
        connection.execute(
            known.insert().values(generation=info.generation, sequence=info.sequence, info=info.to_json())
        )
        connection.execute(delete(pointer))
        connection.execute(pointer.insert().values(id=1, generation=info.generation))
        rows = connection.execute(
            select(known.c.info, known.c.sequence).order_by(known.c.sequence.desc()).offset(KEPT_GENERATIONS)
        )
        dropped = [read_info(row.info, row.sequence) for row in rows]
        for old in dropped:
            connection.execute(delete(known).where(known.c.generation == old.generation))
        return dropped

    def restate(self, infos: Sequence[GenerationInfo], *, anew: bool) -> None:
        """Store new facts of kept generations, oldest first.

        ``anew`` gives each a new number above all others, so that readers open it anew.
        """
        known = tables.generations
        if not infos:
            return
        with self.write() as connection:
            last = connection.scalar(select(func.max(known.c.sequence))) or 0
            for place, info in enumerate(infos, start=1):
                sequence = last + place if anew else info.sequence
                mine = known.c.generation == info.generation
                connection.execute(update(known).where(mine).values(sequence=sequence, info=info.to_json()))

    def erase_customer(self, customer_id: str) -> int:
        """Remove what any table of the work database holds of a customer; return how many rows went."""
        held = [table for table in tables.WORK.sorted_tables if "customer_id" in table.c]
        with self.write() as connection:
            found = [
                connection.execute(delete(table).where(table.c.customer_id == customer_id)) for table in held
            ]
        if self.engine.dialect.name == "sqlite":
            database.rewrite(self.engine, self.name)
        return sum(each.rowcount for each in found)

    def fetch_secret(self, name: str) -> bytes:
        """Return 32 secret bytes of this workspace called ``name``, made on first use."""
        column = tables.secrets.c
        with self.read() as connection:
            value = connection.scalar(select(column.value).where(column.name == name))
        if value is None:
            insert = sqlite_insert if self.engine.dialect.name == "sqlite" else postgres_insert
            with self.write() as connection:
                new = insert(tables.secrets).values(name=name, value=entropy.token_bytes(32))
                connection.execute(new.on_conflict_do_nothing())
                value = connection.scalar(select(column.value).where(column.name == name))
        return bytes(value or b"")

    def close(self) -> None:
        """Close every connection."""
        self.memory.close()
        self.engine.dispose()


def open_work(workspace: Workspace) -> WorkStore:
    """Return the work database of ``workspace``, made or brought to the newest schema where needed.

    Raises:
        SchemaTooNew: a later Fedele wrote it.
        StoreBusy: it is locked or out of reach.
        StoreError: it is damaged; never mended by making a new one.
    """
    if workspace.store_url is None:
        file = workspace.work_database
        store = WorkStore(database.open_sqlite(file), file.name, file.resolve())
    else:
        schema = find_schema(workspace)
        store = WorkStore(database.open_postgres(workspace.store_url, schema), "the PostgreSQL store")
    try:
        if _find_version(store) != tables.HEAD:
            _upgrade(store, None if workspace.store_url is None else find_schema(workspace))
    except BaseException:
        store.close()
        raise
    return store


def find_schema(workspace: Workspace) -> str:
    """Return the PostgreSQL schema of a workspace, made of its name: one database, one name each."""
    name = workspace.settings.workspace.name
    slug = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")[:30]
    return f"fedele_{slug}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _find_version(store: WorkStore) -> str | None:
    with store.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if version is not None and version > tables.HEAD:
        raise SchemaTooNew(
            f"{store.name} has schema {version}, this Fedele knows {tables.HEAD}: use a newer Fedele."
        )
    return None if version is None else str(version)


def _upgrade(store: WorkStore, schema: str | None) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with store.write() as connection:
        if schema is not None:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SCHEMA_LOCK})
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
