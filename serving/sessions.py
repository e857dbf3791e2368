"""How a person gets in: a one-time entry code becomes a session; both are stored as digests only."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Connection, delete, select

from contracts.time import to_text
from serving.keys import hash_secret
from serving.people import User
from serving.roles import Permission, Role, is_allowed
from serving.store import tables
from serving.store.work import WorkStore

CODE_LASTS = timedelta(minutes=15)
SESSION_LASTS = timedelta(hours=12)


@dataclass(frozen=True)
class Session:
    """A signed-in person's session. ``form_token`` guards forms against other sites.

    ``user`` is None for who came by a sign-in link: whoever runs the machine, and so an admin.
    """

    created_at: datetime
    expires_at: datetime
    form_token: str
    user: str | None = None
    role: Role = "admin"

    def may(self, permission: Permission) -> bool:
        """Return whether the person may do what ``permission`` names."""
        return is_allowed(self.role, permission)


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
    codes = tables.entry_codes
    with work.write() as connection:
        used = connection.execute(
            delete(codes).where(codes.c.digest == hash_secret(code), codes.c.expires_at > _second(now))
        )
        return _open_session(connection, now, None) if used.rowcount == 1 else None


def open_session(work: WorkStore, user: User, now: datetime, before: str | None = None) -> str:
    """Return the token of a new session of ``user``; ``before``, a token the browser came with, ends."""
    with work.write() as connection:
        if before:
            connection.execute(delete(tables.sessions).where(tables.sessions.c.digest == hash_secret(before)))
        return _open_session(connection, now, user.name)


def _open_session(connection: Connection, now: datetime, user_name: str | None) -> str:
    sessions, token = tables.sessions, secrets.token_urlsafe(32)
    connection.execute(delete(sessions).where(sessions.c.expires_at <= _second(now)))
    connection.execute(
        sessions.insert().values(
            digest=hash_secret(token),
            created_at=_second(now),
            expires_at=_second(now + SESSION_LASTS),
            user_name=user_name,
        )
    )
    return token


def find_session(work: WorkStore, token: str, now: datetime) -> Session | None:
    """Return the open session of a token, with the role its person has now; None when there is none.

    It is unknown, ended, too old, or its person has been disabled.
    """
    sessions, users = tables.sessions, tables.users
    together = sessions.outerjoin(users, users.c.name == sessions.c.user_name)
    wanted = sessions.c.digest == hash_secret(token), sessions.c.expires_at > _second(now)
    with work.read() as connection:
        row = connection.execute(
            select(sessions, users.c.role, users.c.disabled_at).select_from(together).where(*wanted)
        ).first()
    if row is None or (row.user_name is not None and (row.role is None or row.disabled_at is not None)):
        return None
    created, expires = datetime.fromisoformat(row.created_at), datetime.fromisoformat(row.expires_at)
    role = cast(Role, row.role if row.user_name is not None else "admin")
    return Session(created, expires, hash_secret(f"form {token}").hex(), row.user_name, role)


def end_session(work: WorkStore, token: str) -> None:
    """Forget a session."""
    with work.write() as connection:
        connection.execute(delete(tables.sessions).where(tables.sessions.c.digest == hash_secret(token)))


def _second(instant: datetime) -> str:
    # Without fractions the texts sort as the instants do.
    return to_text(instant.replace(microsecond=0))
