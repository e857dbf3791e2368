"""People who sign in to the desk: names, roles, Argon2id passwords, and a pause after bad tries."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Row, delete, select, update

from contracts.errors import SettingsError
from contracts.time import to_text
from serving.roles import ROLES, Role
from serving.store import tables
from serving.store.work import WorkStore

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
FREE_TRIES = 5
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
FORGET_AFTER = timedelta(days=1)
COST = (3, 65_536, 1)
"""Passes, KiB of memory and lanes of Argon2id: about a tenth of a second of one core."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")


@dataclass(frozen=True)
class User:
    """A person. ``subject`` is how the company's sign-in service names them; the password is not kept."""

    name: str
    role: Role
    created_at: str
    disabled_at: str | None
    subject: str | None
    has_password: bool


class TooManyTries(Exception):
    """The name has to wait before it may try again; ``seconds`` is how long."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def add_user(
    work: WorkStore, name: str, role: str, now: datetime, password: str | None, subject: str | None = None
) -> User:
    """Store a person and return it; adding one that is there sets role, password and subject anew.

    Raises:
        SettingsError: the name or the role is not one, the password too short, the subject taken, or neither
            a password nor a subject is given.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError("A name has 1 to 100 of a-z, 0-9 and . _ @ + -: write an e-mail address, say.")
    if role not in ROLES:
        raise SettingsError(f"Role {role!r} is unknown: choose from {', '.join(ROLES)}.")
    if password is None and subject is None:
        raise SettingsError(f"{name} needs a password, or --subject of the sign-in service.")
    if password is not None and not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise SettingsError(f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    values = {
        "role": role,
        "password": None if password is None else _hasher(COST).hash(password),
        "subject": subject,
        "disabled_at": None,
    }
    users = tables.users
    with work.write() as connection:
        owner = connection.scalar(select(users.c.name).where(users.c.subject == (subject or "")))
        if subject is not None and owner not in (None, name):
            raise SettingsError(f"That subject belongs to {owner}: disable them, or name another.")
        changed = connection.execute(update(users).where(users.c.name == name).values(**values))
        if changed.rowcount == 0:
            connection.execute(users.insert().values(name=name, created_at=to_text(now), **values))
        _end_sessions(connection, name)
        row = connection.execute(select(users).where(users.c.name == name)).one()
    return _build(row)


def find_users(work: WorkStore) -> list[User]:
    """Return everyone, disabled ones too, by name."""
    with work.read() as connection:
        return [_build(row) for row in connection.execute(select(tables.users).order_by(tables.users.c.name))]


def disable_user(work: WorkStore, name: str, now: datetime) -> User:
    """Shut a person out, their open sessions too, and return them; twice keeps the first instant.

    Raises:
        SettingsError: there is nobody of that name.
    """
    users = tables.users
    with work.write() as connection:
        still = users.c.name == name, users.c.disabled_at.is_(None)
        connection.execute(update(users).where(*still).values(disabled_at=to_text(now)))
        _end_sessions(connection, name)
        row = connection.execute(select(users).where(users.c.name == name)).first()
    if row is None:
        raise SettingsError(f"Nobody is called {name!r} here: `fedele users list` shows who is.")
    return _build(row)


def check_password(work: WorkStore, name: str, password: str, now: datetime) -> User | None:
    """Return the person when name and password are right, else None, after the same work either way.

    An unknown name is counted and paused like a known one, so that nobody learns who is here.

    Raises:
        TooManyTries: bad tries came before; even the right password waits. The pause doubles with each.
    """
    with work.read() as connection:
        row = connection.execute(select(tables.users).where(tables.users.c.name == name)).first()
        paused = connection.execute(
            select(tables.bad_tries).where(tables.bad_tries.c.digest == _digest(name))
        ).first()
    if paused is not None and datetime.fromisoformat(paused.paused_until) > now:
        seconds = (datetime.fromisoformat(paused.paused_until) - now).total_seconds()
        raise TooManyTries(max(1, round(seconds)))
    stored = None if row is None else row.password
    fits = _fits(stored or _no_password(COST), password)  # also for nobody: it takes as long
    if not fits or row is None or stored is None or row.disabled_at is not None:
        _count_try(work, name, now)
        return None
    if paused is not None:
        with work.write() as connection:
            connection.execute(delete(tables.bad_tries).where(tables.bad_tries.c.digest == _digest(name)))
    return _build(row)


def find_by_subject(work: WorkStore, subject: str) -> User | None:
    """Return the person whom the company's sign-in service calls ``subject``, unless disabled."""
    users = tables.users
    with work.read() as connection:
        row = connection.execute(
            select(users).where(users.c.subject == subject, users.c.disabled_at.is_(None))
        ).first()
    return None if row is None else _build(row)


def _count_try(work: WorkStore, name: str, now: datetime) -> None:
    tries = tables.bad_tries
    with work.write() as connection:
        connection.execute(delete(tries).where(tries.c.last_at < _second(now - FORGET_AFTER)))
        row = connection.execute(select(tries).where(tries.c.digest == _digest(name))).first()
        count = 1 if row is None else row.tries + 1
        pause = (
            min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(count - FREE_TRIES, 10))
            if count >= FREE_TRIES
            else timedelta()
        )
        values = {"tries": count, "last_at": _second(now), "paused_until": _second(now + pause)}
        if row is None:
            connection.execute(tries.insert().values(digest=_digest(name), **values))
        else:
            connection.execute(update(tries).where(tries.c.digest == _digest(name)).values(**values))


def _fits(stored: str, password: str) -> bool:
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return bool(_hasher(COST).verify(stored, password[:LONGEST_PASSWORD]))
    except (Argon2Error, InvalidHashError):
        return False


def _end_sessions(connection: Connection, name: str) -> None:
    connection.execute(delete(tables.sessions).where(tables.sessions.c.user_name == name))


@cache
def _hasher(cost: tuple[int, int, int]) -> "PasswordHasher":
    from argon2 import PasswordHasher  # imported late: most requests need no password

    passes, kibibytes, lanes = cost
    return PasswordHasher(time_cost=passes, memory_cost=kibibytes, parallelism=lanes)


@cache
def _no_password(cost: tuple[int, int, int]) -> str:
    """Return the hash that stands for nobody's, so that an unknown name takes as long as a known one."""
    return _hasher(cost).hash("nobody has this password, but checking it takes as long")


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()


def _second(instant: datetime) -> str:
    return to_text(instant.replace(microsecond=0))


def _build(row: Row[Any]) -> User:
    role = cast(Role, row.role)
    return User(row.name, role, row.created_at, row.disabled_at, row.subject, row.password is not None)
