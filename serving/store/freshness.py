"""What was read of the work database stays known until anybody, in any process, writes to it.

SQLite tells a connection in microseconds whether another one has committed since (``PRAGMA data_version``).
So the pointer to the generation and the keys need no query per request, and a revoked key is still refused at
once. PostgreSQL has no such counter: there nothing is remembered.
"""

import sqlite3
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import TypeVar, cast

MOST_REMEMBERED = 5_000
Value = TypeVar("Value")


class Memory:
    """Remembers answers of one database ``file`` (None: of a server, of which nothing is remembered)."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._probe: sqlite3.Connection | None = None
        self._lock = Lock()
        self._held: tuple[int | None, dict[Hashable, object]] = (None, {})

    def recall(self, name: Hashable, ask: Callable[[], Value]) -> Value:
        """Return what ``ask`` returns, without asking when nothing was written since it last did.

        None is never remembered, so that strangers cannot fill the memory with what does not exist.
        """
        known = self._fresh()
        if known is None:
            return ask()
        if name in known:
            return cast(Value, known[name])
        value = ask()  # after the counter was read: a write in between is seen at the next call
        if value is not None and len(known) < MOST_REMEMBERED:
            known[name] = value
        return value

    def peek(self, name: Hashable) -> object | None:
        """Return what is remembered under ``name``, or None; never asks and never waits."""
        known = self._fresh()
        return None if known is None else known.get(name)

    def close(self) -> None:
        """Close the connection that watches."""
        with self._lock:
            if self._probe is not None:
                self._probe.close()
            self._probe = None

    def _fresh(self) -> dict[Hashable, object] | None:
        """Return what is known since the last write; None when that cannot be told just now."""
        stamp = self._read_stamp()
        if stamp is None:
            return None
        seen, known = self._held
        if stamp != seen:
            known = {}
            self._held = (stamp, known)
        return known

    def _read_stamp(self) -> int | None:
        if self._file is None:
            return None
        with self._lock:
            try:
                if self._probe is None:
                    # No waiting: while somebody commits, the slow way is taken, which may wait.
                    self._probe = sqlite3.connect(
                        f"{self._file.as_uri()}?mode=ro", uri=True, timeout=0, check_same_thread=False
                    )
                return int(self._probe.execute("PRAGMA data_version").fetchone()[0])
            except sqlite3.Error:
                return None
