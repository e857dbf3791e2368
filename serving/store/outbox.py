"""The outbox: what is to be told to others, noted in the transaction that made it true."""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from contracts.scores import dumps
from contracts.time import to_text
from serving.store import tables
from serving.store.rows import GenerationInfo

FLIP, CHANGED = "flip", "risk.band_changed"
NOBODY = ""
CLAIM = timedelta(seconds=60)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
MOST_ATTEMPTS = 30
KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Message:
    """One event for one target; ``body`` is JSON. ``event_id`` stays the same however often it is sent."""

    event_id: str
    target: str
    kind: str
    body: str
    attempts: int = 0


def note_flip(connection: Connection, info: GenerationInfo, before: str | None) -> None:
    """Note within the flip that a generation became current after ``before``."""
    body = dumps({"generation": info.generation, "before": before}).decode()
    connection.execute(delete(tables.outbox).where(tables.outbox.c.event_id == f"{FLIP}-{info.sequence}"))
    add_messages(connection, [Message(f"{FLIP}-{info.sequence}", NOBODY, FLIP, body)], info.scored_at)


def find_flips(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
    """Return the flips that nobody has been told of: id, and generation and before; oldest first."""
    column = tables.outbox.c
    rows = connection.execute(select(column.event_id, column.body).where(column.kind == FLIP)).all()
    return sorted(
        ((row.event_id, json.loads(row.body)) for row in rows), key=lambda each: int(each[0].split("-")[1])
    )


def add_messages(connection: Connection, messages: Iterable[Message], now: datetime) -> None:
    """Store messages to be sent from now on."""
    rows = [
        {**vars(each), "attempts": 0, "created_at": to_text(now), "next_at": to_text(now)}
        for each in messages
    ]
    if rows:
        connection.execute(tables.outbox.insert(), rows)


def drop_messages(connection: Connection, event_id: str, target: str = NOBODY) -> None:
    """Remove a message: it was told, or nobody is to be told."""
    column = tables.outbox.c
    connection.execute(delete(tables.outbox).where(column.event_id == event_id, column.target == target))


def claim_messages(connection: Connection, now: datetime, most: int) -> list[Message]:
    """Return messages that are due; for a minute nobody else gets them."""
    column = tables.outbox.c
    due = (column.kind != FLIP, column.next_at <= to_text(now))
    oldest = select(tables.outbox).where(*due).order_by(column.created_at, column.event_id)
    rows = connection.execute(oldest.limit(most).with_for_update(skip_locked=True)).all()
    for row in rows:
        here = (column.event_id == row.event_id, column.target == row.target)
        connection.execute(update(tables.outbox).where(*here).values(next_at=to_text(now + CLAIM)))
    return [_build(row) for row in rows]


def is_waiting(connection: Connection, message: Message) -> bool:
    """Return whether a message is still to be told as it stands: an erasure may have altered it meanwhile."""
    column = tables.outbox.c
    here = (column.event_id == message.event_id, column.target == message.target)
    return connection.scalar(select(column.body).where(*here)) == message.body


def withdraw_from_messages(connection: Connection, customer_ids: Collection[str]) -> int:
    """Take customers out of every message that waits; return how many messages named any of them."""
    column, held = tables.outbox.c, 0
    for row in connection.execute(select(tables.outbox).where(column.kind == CHANGED)).all():
        body = json.loads(row.body)
        kept = [each for each in body["changes"] if each["customer_id"] not in customer_ids]
        if len(kept) < len(body["changes"]):
            here = (column.event_id == row.event_id, column.target == row.target)
            told = dumps(body | {"changes": kept}).decode()
            connection.execute(update(tables.outbox).where(*here).values(body=told))
            held += 1
    return held


def put_off(connection: Connection, message: Message, now: datetime, reason: str) -> None:
    """Have a message sent again later: after 5 seconds, then twice as long each time, an hour at most.

    After thirty attempts it rests for good; rests are removed a week after they were noted.
    """
    column = tables.outbox.c
    wait = min(FIRST_WAIT * 2 ** min(message.attempts, 20), LONGEST_WAIT)
    attempts = message.attempts + 1
    later = None if attempts >= MOST_ATTEMPTS else to_text(now + wait)
    here = (column.event_id == message.event_id, column.target == message.target)
    values = {"attempts": attempts, "next_at": later, "reason": reason}
    connection.execute(update(tables.outbox).where(*here).values(**values))
    old = to_text(now - KEPT)
    connection.execute(delete(tables.outbox).where(column.next_at.is_(None), column.created_at < old))


def name_event(*parts: object) -> str:
    """Return an event's id: the same whenever the same thing is told."""
    return "evt_" + hashlib.sha256(repr(parts).encode()).hexdigest()[:26]


def _build(row: Row[Any]) -> Message:
    return Message(row.event_id, row.target, row.kind, row.body, row.attempts)
