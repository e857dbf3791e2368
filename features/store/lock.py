"""One writer at a time in a workspace: two writers at once would store rows twice."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import LockHeld


@contextmanager
def hold_lock(file: Path, command: str) -> Iterator[None]:
    """Hold the workspace's lock ``file`` while the block lasts; a dead owner's lock is free at once.

    Raises:
        LockHeld: another writer holds it; the message names its command and process.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = find_owner(file) or "another command"
            raise LockHeld(
                f"{owner} is writing to this workspace: wait until it ends, then try again."
            ) from error
        handle.truncate(0)
        handle.write(f"`{command}` (process {os.getpid()})")
        handle.flush()
        try:
            yield
        finally:
            handle.truncate(0)


def find_owner(file: Path) -> str | None:
    """Return the command and process named in the lock ``file``; None when nobody wrote their name there.

    After a crash the name stays although the lock is free: ``is_held`` tells the two apart.
    """
    return (file.read_text(encoding="utf-8").strip() or None) if file.is_file() else None


def is_held(file: Path) -> bool:
    """Return whether a living process holds the lock."""
    if not file.is_file():
        return False
    with file.open("r", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
