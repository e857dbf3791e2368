"""Scores by generation: written aside, shown all at once, read by id, by page and by what changed."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Any, Protocol, Self

from sqlalchemy import Connection, Table, select

from contracts.errors import StoreError
from contracts.scores import Language, NotScored
from contracts.workspace import Workspace
from serving.store import reading
from serving.store.files import FileShelf
from serving.store.partitions import PartitionShelf
from serving.store.reading import Changed
from serving.store.rows import (
    Changes,
    GenerationInfo,
    Numbered,
    Selection,
    StoredScore,
    build_not_scored,
    recount,
)
from serving.store.work import WorkStore, open_work

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_BATCH = 5_000


class Draft(Protocol):
    """A generation being written."""

    def write(self, rows: Iterable[Numbered]) -> None: ...  # noqa: D102
    def seal(self) -> None: ...  # noqa: D102
    def attach(self, connection: Connection) -> None: ...  # noqa: D102
    def abandon(self) -> None: ...  # noqa: D102


class Shelf(Protocol):
    """Where generations are kept: files beside SQLite, partitions in PostgreSQL.

    ``reopens``: whether readers see a revised generation only once it has a new number.
    """

    reopens: bool

    def start(self, info: GenerationInfo, kept: Collection[str]) -> Draft: ...  # noqa: D102
    def open(self, info: GenerationInfo) -> AbstractContextManager[tuple[Connection, Table]]: ...  # noqa: D102
    def find(  # noqa: D102
        self, info: GenerationInfo, customer_ids: Sequence[str], language: Language | None
    ) -> dict[str, StoredScore]: ...
    def recall(self, info: GenerationInfo, customer_id: str, language: Language) -> bytes | None: ...  # noqa: D102
    def open_both(  # noqa: D102
        self, info: GenerationInfo, before: GenerationInfo
    ) -> AbstractContextManager[tuple[Connection, Table, Table]]: ...
    def remove(self, infos: Iterable[GenerationInfo], connection: Connection | None = None) -> None: ...  # noqa: D102
    def revise(self, info: GenerationInfo, changed: Changes) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class GenerationWriter:
    """Writes one generation; nobody sees a row before ``finish``. Leaving the block unfinished drops it."""

    def __init__(self, work: WorkStore, shelf: Shelf, info: GenerationInfo) -> None:
        self._work, self._shelf, self._info = work, shelf, info
        self._draft = shelf.start(info, {each.generation for each in work.find_generations()})
        self._position = 0
        self._counts: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._open = True

    def add(self, rows: Iterable[StoredScore]) -> None:
        """Write rows, in the order given.

        Raises:
            StoreError: a number is not finite, a row contradicts itself or comes twice, the disk is full.
        """
        numbered = self._number(rows)
        while batch := list(islice(numbered, _BATCH)):
            with reading.answer_for(self._info.generation):
                self._draft.write(batch)

    def finish(self) -> GenerationInfo:
        """Make the generation durable, then current at one instant; return its facts with the counts."""
        with reading.answer_for(self._info.generation):
            self._draft.seal()
        not_scored = {reason: count for reason, count in sorted(self._counts.items()) if reason != "scored"}
        scored, kinds = self._counts["scored"], dict(sorted(self._kinds.items()))
        info = replace(self._info, scored=scored, not_scored=not_scored, kinds=kinds)
        with self._work.write() as connection:
            self._draft.attach(connection)
            dropped = self._work.flip(connection, info)
            self._shelf.remove(dropped, connection)
        self._shelf.remove(dropped)
        self._open = False
        return info

    def _number(self, rows: Iterable[StoredScore]) -> Iterator[Numbered]:
        for row in rows:
            row.check()
            self._position += 1
            self._counts[row.reason or "scored"] += 1
            if row.reason is None and row.kind is not None:
                self._kinds[row.kind] += 1
            yield self._position, row

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            self._draft.abandon()


class ScoreStore:
    """The scores of one workspace. Every answer belongs to one whole generation."""

    def __init__(self, work: WorkStore, shelf: Shelf) -> None:
        self.work = work
        self._shelf = shelf

    def begin(self, info: GenerationInfo) -> GenerationWriter:
        """Return a writer for a new generation (``with store.begin(info) as writer``).

        Raises:
            StoreError: the generation's name holds more than letters, digits, dots and dashes.
        """
        if not _NAME.fullmatch(info.generation):
            raise StoreError(
                f"{info.generation!r} names no generation: use letters, digits, dots and dashes."
            )
        return GenerationWriter(self.work, self._shelf, replace(info, sequence=self.work.next_sequence()))

    def current(self) -> GenerationInfo | None:
        """Return the generation readers see now; None before the first. Asks the pointer each time."""
        return self.work.find_current()

    def find_generation(self, generation: str) -> GenerationInfo | None:
        """Return a kept generation by its name; None when it is unknown or has fallen out."""
        return self.work.find_generation(generation)

    def find_generations(self) -> list[GenerationInfo]:
        """Return the kept generations (three at most), newest first."""
        return self.work.find_generations()

    def read(
        self, customer_ids: Sequence[str], language: Language | None, info: GenerationInfo | None = None
    ) -> dict[str, StoredScore]:
        """Return stored scores by id, unknown customers absent; ``info`` None is the current generation.

        ``language`` is that of the records, None for rows without any.
        """
        chosen = info or self.current()
        if chosen is None or not customer_ids:
            return {}
        return self._shelf.find(chosen, customer_ids, language)

    def recall(self, customer_id: str, language: Language) -> bytes | None:
        """Return the record of the current generation if that takes microseconds and no waiting.

        None says nothing: ``current`` and ``read`` do.
        """
        info = self.work.recall_current()
        return None if info is None else self._shelf.recall(info, customer_id, language)

    def page(
        self,
        selection: Selection,
        language: Language,
        limit: int,
        after: int | None = None,
        info: GenerationInfo | None = None,
    ) -> list[StoredScore]:
        """Return at most ``limit`` scored customers of a list.

        Args:
            selection: which customers, in which order.
            language: of the records.
            limit: rows, at least 1.
            after: ``position`` of the last row of the page before; None for the first page.
            info: the generation, by default the current one.
        """
        chosen = info or self.current()
        if chosen is None:
            return []
        with self._shelf.open(chosen) as (connection, table):
            return reading.read_page(connection, table, selection, language, (after, limit))

    def has_score_at(self, position: int, info: GenerationInfo) -> bool:
        """Return whether a list can go on after ``position``: whoever stood there may have been withdrawn."""
        with self._shelf.open(info) as (connection, table):
            query = select(table.c.contact_value).where(table.c.position == position)
            return connection.scalar(query) is not None

    def count(self, selection: Selection, info: GenerationInfo | None = None) -> int:
        """Return how many customers a list holds."""
        chosen = info or self.current()
        if chosen is None:
            return 0
        with self._shelf.open(chosen) as (connection, table):
            return reading.count(connection, table, selection)

    def changed_since(
        self,
        before: GenerationInfo | None,
        info: GenerationInfo,
        language: Language,
        limit: int,
        after: Changed | None = None,
    ) -> list[tuple[Changed, StoredScore | str]]:
        """Return what differs between two generations: new and changed scores, then ids that are gone.

        Each comes with its place, to be given back as ``after``. ``before`` None: everything in ``info``.
        """
        if before is None:
            with self._shelf.open(info) as (connection, table):
                return reading.read_all(connection, table, language, (after, limit))
        if before.sequence == info.sequence:
            return []
        with self._shelf.open_both(info, before) as (connection, table, earlier):
            return reading.read_changes(connection, (table, earlier), language, (after, limit))

    def records(self, info: GenerationInfo, language: Language) -> Iterator[dict[str, Any]]:
        """Yield the records of a generation as plain values, in the order written."""
        after: Changed | None = None
        while rows := self.changed_since(None, info, language, _BATCH, after):
            after = rows[-1][0]
            for _, row in rows:
                record = None if isinstance(row, str) else row.record(language)
                if record is not None:
                    yield json.loads(record)

    def list_customers(self, info: GenerationInfo) -> set[str]:
        """Return the ids of everyone a generation knows."""
        with self._shelf.open(info) as (connection, table):
            return set(connection.scalars(select(table.c.customer_id)))

    def withdraw(self, customer_ids: Collection[str], reason: NotScored | None = None) -> dict[str, int]:
        """Take customers out of every kept generation, for readers of any process at once.

        With a ``reason`` scored customers become customers without a score for it; without one nothing is
        left of them. The caller holds the workspace's lock. Killed at any point, calling it again finishes.

        Returns:
            How many rows changed, by generation.
        """
        counts: dict[str, int] = {}
        moved: list[GenerationInfo] = []
        for info in reversed(self.find_generations()):
            rows = self.read(sorted(customer_ids), "en", info)
            if reason is not None:
                rows = {name: row for name, row in rows.items() if row.status == "scored"}
            counts[info.generation] = len(rows)
            if rows:
                changed = {row.position: _without_score(row, reason) for row in rows.values()}
                with reading.answer_for(info.generation):
                    self._shelf.revise(info, changed)
            if rows or reason is None:
                moved.append(recount(info, rows.values(), reason))
        self.work.restate(moved, anew=self._shelf.reopens)
        return counts

    def close(self) -> None:
        """Close every connection and file."""
        self._shelf.close()
        self.work.close()


def _without_score(row: StoredScore, reason: NotScored | None) -> StoredScore | None:
    return None if reason is None else build_not_scored(row.customer_id, reason, row.kind)


def open_store(workspace: Workspace) -> ScoreStore:
    """Return the scores of a workspace: SQLite files in its folder, or PostgreSQL if the settings say so.

    Raises:
        SchemaTooNew: a later Fedele wrote it.
        StoreError: it is damaged, busy or out of reach.
    """
    work = open_work(workspace)
    shelf: Shelf = FileShelf(workspace.scores) if workspace.store_url is None else PartitionShelf(work.engine)
    return ScoreStore(work, shelf)
