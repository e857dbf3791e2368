"""The questions asked of a generation, as SQL that both databases answer alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, func, or_, select

from contracts.scores import LANGUAGES, Language
from serving.store.database import answer_for
from serving.store.rows import Selection, StoredScore

__all__ = ["Changed", "answer_for", "count", "read_all", "read_by_id", "read_changes", "read_page"]

IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Changed:
    """A place in a feed of changes: ``gone`` ids follow the new and changed ones."""

    gone: bool
    position: int


def read_by_id(
    connection: Connection, table: Table, customer_ids: Sequence[str], language: Language | None
) -> dict[str, StoredScore]:
    """Return the rows of these customers by id; ``language`` None: without their records."""
    found: dict[str, StoredScore] = {}
    for start in range(0, len(customer_ids), IDS_AT_ONCE):
        some = list(customer_ids[start : start + IDS_AT_ONCE])
        wanted = table.c.customer_id == some[0] if len(some) == 1 else table.c.customer_id.in_(some)
        for row in connection.execute(_columns(table, language).where(wanted)):
            found[row.customer_id] = _build(row)
    return found


def read_page(
    connection: Connection,
    table: Table,
    selection: Selection,
    language: Language,
    window: tuple[int | None, int],
) -> list[StoredScore]:
    """Return the rows of a list after a position, at most so many: ``window`` is (after, limit)."""
    after, limit = window
    value = table.c[selection.sort]
    query = _columns(table, language).where(_matches(table, selection))
    if after is not None:
        last = connection.execute(select(value, table.c.customer_id).where(table.c.position == after)).first()
        if last is None:
            return []
        query = query.where(and_(value <= last[0], or_(value < last[0], table.c.customer_id > last[1])))
    rows = connection.execute(query.order_by(value.desc(), table.c.customer_id).limit(limit))
    return [_build(row) for row in rows]


def count(connection: Connection, table: Table, selection: Selection) -> int:
    """Return how many rows a list has."""
    return connection.scalar(select(func.count()).select_from(table).where(_matches(table, selection))) or 0


def read_all(
    connection: Connection, table: Table, language: Language, window: tuple[Changed | None, int]
) -> list[tuple[Changed, StoredScore | str]]:
    """Return every row in the order written, after a place, at most so many."""
    after, limit = window
    query = _columns(table, language).where(table.c.position > (after.position if after else 0))
    rows = connection.execute(query.order_by(table.c.position).limit(limit))
    return [(Changed(False, row.position), _build(row)) for row in rows]


def read_changes(
    connection: Connection,
    generations: tuple[Table, Table],
    language: Language,
    window: tuple[Changed | None, int],
) -> list[tuple[Changed, StoredScore | str]]:
    """Return the rows that are new or differ, then the ids that are gone, after a place, at most so many."""
    (table, earlier), (after, limit) = generations, window
    found: list[tuple[Changed, StoredScore | str]] = []
    if after is None or not after.gone:
        joined = table.outerjoin(earlier, table.c.customer_id == earlier.c.customer_id)
        differs = or_(earlier.c.digest.is_(None), earlier.c.digest != table.c.digest)
        query = _columns(table, language).select_from(joined).where(differs)
        query = query.where(table.c.position > (after.position if after else 0))
        rows = connection.execute(query.order_by(table.c.position).limit(limit))
        found = [(Changed(False, row.position), _build(row)) for row in rows]
    if len(found) < limit:
        joined = earlier.outerjoin(table, table.c.customer_id == earlier.c.customer_id)
        gone = select(earlier.c.position, earlier.c.customer_id).select_from(joined)
        start = after.position if after and after.gone else 0
        gone = gone.where(table.c.customer_id.is_(None), earlier.c.position > start)
        rows = connection.execute(gone.order_by(earlier.c.position).limit(limit - len(found)))
        found += [(Changed(True, row.position), row.customer_id) for row in rows]
    return found


def _matches(table: Table, selection: Selection) -> ColumnElement[bool]:
    conditions = [table.c.in_play == (0 if selection.segment == "lapsed" else 1)]
    conditions.append(table.c.status == "scored") if selection.segment == "lapsed" else None
    if selection.segment is not None:
        conditions.append(table.c.segment == selection.segment)
    if selection.kind is not None:
        conditions.append(table.c.kind == selection.kind)
    if selection.band is not None:
        conditions.append(table.c.risk_band == selection.band)
    return and_(*conditions)


def _columns(table: Table, language: Language | None) -> Select[Any]:
    hidden = hide_records(language)
    return select(*(column for column in table.c if column.name not in hidden))


def hide_records(language: Language | None) -> set[str]:
    """Return the columns of records in other languages than this."""
    return {f"record_{each}" for each in LANGUAGES if each != language}


def _build(row: Row[Any]) -> StoredScore:
    return build(dict(zip(row._fields, row, strict=True)))


def build(values: dict[str, Any]) -> StoredScore:
    """Return the stored score of a row's values by column; the other language's record may be absent."""
    values["in_play"] = bool(values["in_play"])
    for name in ("record_en", "record_it"):
        if values.get(name) is not None:
            values[name] = bytes(values[name])
    return StoredScore(**values)
