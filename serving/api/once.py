"""A write that may be sent again: its answer is stored with its effect, and given again byte for byte."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, text
from starlette.requests import Request
from starlette.responses import Response

from contracts.scores import dumps
from contracts.time import to_text
from serving.api.problems import Problem
from serving.keys import ApiKey
from serving.store import tables
from serving.store.work import WorkStore

HEADER = "idempotency-key"
KEPT = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
JSON = "application/json"


@dataclass(frozen=True)
class Written:
    """What a write answers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def read_key(request: Request) -> str:
    """Return the Idempotency-Key of a request.

    Raises:
        Problem: it has none, or one that is no 1 to 255 visible ASCII characters.
    """
    key = request.headers.get(HEADER, "")
    if not _KEY.fullmatch(key):
        raise Problem(
            "no-idempotency-key", "Send Idempotency-Key: a new value per request, the same when repeating it."
        )
    return key


def answer_once(
    request: Request, template: str, payload: bytes, write: Callable[[Connection], Written]
) -> Response:
    """Return what ``write`` answers, or what it answered the first time within 24 hours.

    ``write`` gets the transaction that stores the answer, so effect and answer are there together or not at
    all. Problems it raises are not stored: they may be mended and sent again with the same key.

    Args:
        request: the request, with the work database of its tenant.
        template: of the route; keys of different routes do not meet.
        payload: what makes two requests the same, for example the body.
        write: does the work.

    Raises:
        Problem: the key is missing, was used for another request, or its first request is still running.
    """
    work: WorkStore = request.state.tenant.store.work
    caller: ApiKey = request.state.key
    now: datetime = request.state.now
    place = (caller.key_id, template, read_key(request))
    sent = [request.method, request.url.path, request.url.query]
    fingerprint = hashlib.sha256(json.dumps(sent).encode() + b"\n" + payload).digest()
    column = tables.answers.c
    with work.write() as connection:
        _lock(connection, place)
        connection.execute(delete(tables.answers).where(column.created_at < to_text(now - KEPT)))
        here = (column.key_id == place[0], column.route == place[1], column.idempotency_key == place[2])
        row = connection.execute(select(tables.answers).where(*here)).first()
        if row is None:
            written = write(connection)
            connection.execute(
                tables.answers.insert().values(
                    key_id=place[0],
                    route=place[1],
                    idempotency_key=place[2],
                    fingerprint=fingerprint,
                    status=written.status,
                    headers=dumps(written.headers).decode(),
                    body=written.body,
                    created_at=to_text(now),
                )
            )
            return Response(written.body, written.status, written.headers, media_type=JSON)
    if bytes(row.fingerprint) != fingerprint:
        raise Problem("key-reused", "Use a new Idempotency-Key for another request.")
    headers = json.loads(row.headers) | {"Idempotent-Replayed": "true"}
    return Response(bytes(row.body), row.status, headers, media_type=JSON)


def _lock(connection: Connection, place: tuple[str, ...]) -> None:
    """Refuse a second request while the first runs; SQLite lets one writer in at a time anyway."""
    if connection.dialect.name != "postgresql":
        return
    name = hashlib.sha256("\n".join(place).encode()).digest()[:8]
    number = int.from_bytes(name, "big", signed=True)
    if not connection.scalar(text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": number}):
        raise Problem("busy-key", "Wait a second and send the same again.", headers={"retry-after": "1"})
