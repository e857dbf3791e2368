"""Generations on PostgreSQL: each a partition of ``scores``, filled aside and attached within the flip."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, text, update
from sqlalchemy.schema import CreateIndex

from contracts.scores import Language
from serving.store import database, reading
from serving.store.rows import STORED, Changes, GenerationInfo, Numbered, StoredScore
from serving.store.tables import build_indices, build_scores_table

_STORE = "the PostgreSQL store"


def find_partition(info: GenerationInfo) -> str:
    """Return the name of the table that holds a generation."""
    return f"scores_{hashlib.sha256(info.generation.encode()).hexdigest()[:12]}_{info.sequence}"


class PartitionDraft:
    """A generation being written: a table that no reader looks at until it is attached."""

    def __init__(self, engine: Engine, info: GenerationInfo) -> None:
        self._engine = engine
        self._info = info
        self._table = build_scores_table(find_partition(info))
        with database.write(engine, _STORE) as connection:
            for left in _find_loose(connection):
                connection.execute(text(f'DROP TABLE "{left}"'))
            connection.execute(text(f'CREATE TABLE "{self._table.name}" (LIKE scores)'))

    def write(self, rows: Iterable[Numbered]) -> None:
        """Add rows with their positions."""
        columns = ", ".join(("generation", "position", *STORED))
        with database.write(self._engine, _STORE) as connection:
            driver: Any = connection.connection.driver_connection
            statement = f'COPY "{self._table.name}" ({columns}) FROM STDIN'
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                for position, row in rows:
                    values = (int(each) if each is True or each is False else each for each in row.values())
                    copy.write_row((self._info.generation, position, *values))

    def seal(self) -> None:
        """Build what pages need and what lets the table be attached without reading it again."""
        name = self._table.name
        with database.write(self._engine, _STORE) as connection:
            connection.execute(text(f'ALTER TABLE "{name}" ADD PRIMARY KEY (position)'))
            connection.execute(text(f'ALTER TABLE "{name}" ADD UNIQUE (customer_id)'))
            for index in build_indices(self._table):
                connection.execute(CreateIndex(index))
            literal = self._info.generation.replace("'", "''")
            connection.execute(text(f"""ALTER TABLE "{name}" ADD CHECK (generation = '{literal}')"""))
            connection.execute(text(f'ANALYZE "{name}"'))

    def attach(self, connection: Connection) -> None:
        """Make the table a partition, in place of an equal generation written before."""
        literal = self._info.generation.replace("'", "''")
        for old in _find_attached(connection, literal):
            _drop(connection, old)
        connection.execute(
            text(f"""ALTER TABLE scores ATTACH PARTITION "{self._table.name}" FOR VALUES IN ('{literal}')""")
        )

    def abandon(self) -> None:
        """Throw the draft away."""
        with database.write(self._engine, _STORE) as connection:
            connection.execute(text(f'DROP TABLE IF EXISTS "{self._table.name}"'))


class PartitionShelf:
    """The partitions of ``scores``."""

    reopens = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self, info: GenerationInfo, kept: Collection[str]) -> PartitionDraft:
        """Return a draft of a generation; what a killed run left behind (never attached) is removed."""
        del kept
        return PartitionDraft(self._engine, info)

    @contextmanager
    def open(self, info: GenerationInfo) -> Iterator[tuple[Connection, Table]]:
        """Yield a connection and the table of a generation."""
        with database.read(self._engine, _STORE) as connection:
            yield connection, build_scores_table(find_partition(info))

    def recall(self, info: GenerationInfo, customer_id: str, language: Language) -> bytes | None:
        """Return None: a question to a server takes too long for whoever must not wait."""
        del info, customer_id, language
        return None

    def find(
        self, info: GenerationInfo, customer_ids: Sequence[str], language: Language | None
    ) -> dict[str, StoredScore]:
        """Return the rows of these customers by id."""
        with self.open(info) as (connection, table):
            return reading.read_by_id(connection, table, customer_ids, language)

    @contextmanager
    def open_both(
        self, info: GenerationInfo, before: GenerationInfo
    ) -> Iterator[tuple[Connection, Table, Table]]:
        """Yield a connection, the table of a generation and that of an earlier one."""
        with database.read(self._engine, _STORE) as connection:
            yield (
                connection,
                build_scores_table(find_partition(info)),
                build_scores_table(find_partition(before)),
            )

    def remove(self, infos: Iterable[GenerationInfo], connection: Connection | None = None) -> None:
        """Remove generations that fell out, within the transaction of the flip."""
        if connection is not None:
            for info in infos:
                _drop(connection, find_partition(info))

    def revise(self, info: GenerationInfo, changed: Changes) -> None:
        """Take out or replace rows, and write the table anew so that no page keeps what they held."""
        table = build_scores_table(find_partition(info))
        with database.write(self._engine, _STORE) as connection:
            for position, row in changed.items():
                mine = table.c.position == position
                if row is None:
                    connection.execute(delete(table).where(mine))
                else:
                    cells = dict(zip(STORED, row.values(), strict=True)) | {"in_play": int(row.in_play)}
                    connection.execute(update(table).where(mine).values(cells))
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f'VACUUM (FULL, ANALYZE) "{table.name}"'))

    def close(self) -> None:
        """Nothing of its own is open: the engine is the work store's."""


def _drop(connection: Connection, partition: str) -> None:
    connection.execute(text(f'ALTER TABLE scores DETACH PARTITION "{partition}"'))
    connection.execute(text(f'DROP TABLE "{partition}"'))


def _find_loose(connection: Connection) -> list[str]:
    query = """
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
          AND c.relname ~ '^scores_[0-9a-f]{12}_[0-9]+$'
    """
    return list(connection.scalars(text(query)))


def _find_attached(connection: Connection, literal: str) -> list[str]:
    query = """
        SELECT c.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
        WHERE i.inhparent = 'scores'::regclass AND pg_get_expr(c.relpartbound, c.oid) = :bound
    """
    return list(connection.scalars(text(query), {"bound": f"FOR VALUES IN ('{literal}')"}))
