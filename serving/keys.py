"""Keys of the API: made once, shown once, stored as digests.

Keys and codes must be unguessable, so they come from ``secrets`` (the operating system) and not from
``contracts.randomness``, whose streams repeat by design.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast, get_args

from sqlalchemy import Row, select, update

from contracts.errors import SettingsError, StoreError
from contracts.time import to_text
from serving.store import tables
from serving.store.work import WorkStore

Scope = Literal[
    "score:read",
    "score:live",
    "outcome:write",
    "job:write",
    "customer:erase",
    "model:read",
    "metrics:read",
    "admin",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_KEY = re.compile(r"fdl_([a-z2-7]{16})\.([A-Za-z0-9_-]{43})")
_NO_DIGEST = bytes(32)


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key; the secret itself is not kept. ``last_used_day`` is a UTC date as text."""

    key_id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: str
    revoked_at: str | None
    last_used_day: str | None
    expires_at: str | None = None

    def is_open(self, now: datetime) -> bool:
        """Return whether the key is neither revoked nor expired; it expires at the very instant."""
        expired = self.expires_at is not None and datetime.fromisoformat(self.expires_at) <= now
        return self.revoked_at is None and not expired

    def allows(self, scope: Scope) -> bool:
        """Return whether the key may do what ``scope`` names; ``admin`` may do everything."""
        return scope in self.scopes or "admin" in self.scopes


def create_key(
    work: WorkStore, scopes: Iterable[str], name: str, now: datetime, days: int | None = None
) -> tuple[ApiKey, str]:
    """Store a new key and return it with the text that opens the API, which is never shown again.

    With ``days`` it opens nothing from that long after ``now`` on.

    Raises:
        SettingsError: a scope is unknown, or none is given.
    """
    chosen = tuple(dict.fromkeys(scopes))
    unknown = [scope for scope in chosen if scope not in SCOPES]
    if unknown or not chosen:
        what = f"Scope {unknown[0]!r} is unknown" if unknown else "A key without a scope opens nothing"
        raise SettingsError(f"{what}: choose from {', '.join(SCOPES)}.")
    key_id = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    text = f"fdl_{key_id}.{secrets.token_urlsafe(32)}"
    expires = None if days is None else to_text((now + timedelta(days=days)).replace(microsecond=0))
    key = ApiKey(key_id, name, cast(tuple[Scope, ...], chosen), to_text(now), None, None, expires)
    with work.write() as connection:
        connection.execute(
            tables.api_keys.insert().values(
                key_id=key_id,
                digest=hash_secret(text),
                name=name,
                scopes=" ".join(chosen),
                created_at=key.created_at,
                expires_at=expires,
            )
        )
    return key, text


def find_keys(work: WorkStore) -> list[ApiKey]:
    """Return all keys, revoked ones too, oldest first."""
    column = tables.api_keys.c
    with work.read() as connection:
        rows = connection.execute(select(tables.api_keys).order_by(column.created_at, column.key_id))
        return [_build(row) for row in rows]


def revoke_key(work: WorkStore, key_id: str, now: datetime) -> ApiKey:
    """Close a key for good and return it; closing it twice keeps the first instant.

    Raises:
        SettingsError: there is no such key.
    """
    column = tables.api_keys.c
    with work.write() as connection:
        connection.execute(
            update(tables.api_keys)
            .where(column.key_id == key_id, column.revoked_at.is_(None))
            .values(revoked_at=to_text(now))
        )
        row = connection.execute(select(tables.api_keys).where(column.key_id == key_id)).first()
    if row is None:
        raise SettingsError(f"No key {key_id!r} here: `fedele keys list` shows them.")
    return _build(row)


def find_key_id(text: str) -> str | None:
    """Return the id inside a key's text, or None when it does not look like one.

    Examples:
        >>> find_key_id("fdl_aaaabbbbccccdddd." + "x" * 43)
        'aaaabbbbccccdddd'
        >>> find_key_id("fdl_AAAABBBBCCCCDDDD." + "x" * 43) is None
        True
    """
    match = _KEY.fullmatch(text)
    return match.group(1) if match else None


def find_key(work: WorkStore, text: str, now: datetime) -> ApiKey | None:
    """Return the open key that ``text`` is, or None; as slow for a wrong secret as for an unknown id."""
    key = work.memory.recall(("key", hash_secret(text)), lambda: _look_up(work, text))
    if key is None or not key.is_open(now):
        return None
    if key.last_used_day != now.date().isoformat():
        _note_use(work, key, now)
    return key


def recall_key(work: WorkStore, text: str, now: datetime) -> ApiKey | None:
    """Return the open key that ``text`` is when it is known already; never waits for the database."""
    known = work.memory.peek(("key", hash_secret(text)))
    if isinstance(known, ApiKey) and known.is_open(now) and known.last_used_day == now.date().isoformat():
        return known
    return None


def _look_up(work: WorkStore, text: str) -> ApiKey | None:
    key_id = find_key_id(text)
    column = tables.api_keys.c
    with work.read() as connection:
        row = connection.execute(select(tables.api_keys).where(column.key_id == (key_id or ""))).first()
    equal = hmac.compare_digest(hash_secret(text), _NO_DIGEST if row is None else bytes(row.digest))
    return _build(row) if row is not None and equal else None


def hash_secret(text: str) -> bytes:
    """Return the SHA-256 of a key, code or session token: enough, since each has 256 bits of its own."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _note_use(work: WorkStore, key: ApiKey, now: datetime) -> None:
    column = tables.api_keys.c
    try:
        with work.write() as connection:
            connection.execute(
                update(tables.api_keys)
                .where(column.key_id == key.key_id)
                .values(last_used_day=now.date().isoformat())
            )
    except StoreError:
        return  # a note for people is not worth a refused request; with a full disk reads go on


def _build(row: Row[Any]) -> ApiKey:
    scopes = cast(tuple[Scope, ...], tuple(row.scopes.split()))
    return ApiKey(
        row.key_id, row.name, scopes, row.created_at, row.revoked_at, row.last_used_day, row.expires_at
    )
