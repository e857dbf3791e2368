"""How a person gets in: a one-time entry code becomes a session; both are stored as digests only."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from contracts.time import to_text
from serving.keys import hash_secret
from serving.store import tables
from serving.store.work import WorkStore

CODE_LASTS = timedelta(minutes=15)
SESSION_LASTS = timedelta(hours=12)


@dataclass(frozen=True)
class Session:
    """A signed-in person's session; no names yet. ``form_token`` guards forms against other sites."""

    created_at: datetime
    expires_at: datetime
    form_token: str


def create_entry_code(work: WorkStore, now: datetime) -> str:
    """Store and return a code that opens the desk once, within 15 minutes."""
    code = secrets.token_urlsafe(32)
    codes = tables.entry_codes
    with work.write() as connection:
        connection.execute(delete(codes).where(codes.c.expires_at <= _second(now)))
        connection.execute(
            codes.insert().values(digest=hash_secret(code), expires_at=_second(now + CODE_LASTS))
        )
    return code


def redeem_entry_code(work: WorkStore, code: str, now: datetime) -> str | None:
    """Use up a code and return a new session's token; None when it is unknown, used or too old."""
    codes, sessions = tables.entry_codes, tables.sessions
    token = secrets.token_urlsafe(32)
    with work.write() as connection:
        used = connection.execute(
            delete(codes).where(codes.c.digest == hash_secret(code), codes.c.expires_at > _second(now))
        )
        if used.rowcount != 1:
            return None
        connection.execute(delete(sessions).where(sessions.c.expires_at <= _second(now)))
        connection.execute(
            sessions.insert().values(
                digest=hash_secret(token), created_at=_second(now), expires_at=_second(now + SESSION_LASTS)
            )
        )
    return token


def find_session(work: WorkStore, token: str, now: datetime) -> Session | None:
    """Return the open session of a token; None when it is unknown, ended or too old."""
    sessions = tables.sessions
    with work.read() as connection:
        row = connection.execute(
            select(sessions).where(
                sessions.c.digest == hash_secret(token), sessions.c.expires_at > _second(now)
            )
        ).first()
    if row is None:
        return None
    created, expires = datetime.fromisoformat(row.created_at), datetime.fromisoformat(row.expires_at)
    return Session(created, expires, hash_secret(f"form {token}").hex())


def end_session(work: WorkStore, token: str) -> None:
    """Forget a session."""
    with work.write() as connection:
        connection.execute(delete(tables.sessions).where(tables.sessions.c.digest == hash_secret(token)))


def _second(instant: datetime) -> str:
    # Without fractions the texts sort as the instants do.
    return to_text(instant.replace(microsecond=0))
