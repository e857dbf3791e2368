"""Marks of erased customers: digests under keys of the workspace, so that nobody comes back by a new load.

A mark is an HMAC of the id under a secret key. It tells nothing without the key, and the key tells nothing
without an id to try. Both lie in one folder that a backup takes along and that may be copied into another
workspace: a restored workspace that has the folder knows whom it may not hold.
"""

import hashlib
import hmac
import secrets  # keys must be unguessable; contracts.randomness repeats itself on purpose
import shutil
from collections.abc import Iterable
from pathlib import Path

from contracts.atomic import append_line, replace_file
from contracts.errors import StoreError

MARKS = "marks"
_KEY_BYTES, _NAME_DIGITS, _MARK_DIGITS = 32, 8, 64
_SUFFIX = ".secret"


class Tombstones:
    """The marks in ``folder`` as they were when this was made; ``add`` keeps both in step."""

    def __init__(self, folder: Path) -> None:
        """Read the folder, which may be absent.

        Raises:
            StoreError: a line is damaged, or the key it was made with is gone.
        """
        self._folder = folder
        self._read()

    def _read(self) -> None:
        folder = self._folder
        self._keys = {file.stem: file.read_bytes() for file in sorted(folder.glob(f"*{_SUFFIX}"))}
        self._marks: dict[str, set[str]] = {}
        for line in _read_lines(folder / MARKS):
            name, _, mark = line.partition(":")
            if name not in self._keys or len(mark) != _MARK_DIGITS:
                raise StoreError(
                    f"{folder.name}/{MARKS} is damaged or its key is gone: restore the folder from a backup."
                )
            self._marks.setdefault(name, set()).add(mark)

    def __len__(self) -> int:
        return sum(map(len, self._marks.values()))

    def find_erased(self, customer_ids: Iterable[str]) -> set[str]:
        """Return those of the ids that were erased."""
        keys = [(self._keys[name], marks) for name, marks in self._marks.items()]
        return {each for each in customer_ids if any(_mark(key, each) in marks for key, marks in keys)}

    def add(self, customer_id: str) -> None:
        """Mark a customer, durably; nothing happens when the mark is there already."""
        if self.find_erased([customer_id]):
            return
        name = self.ensure_key()
        mark = _mark(self._keys[name], customer_id)
        append_line(self._folder / MARKS, f"{name}:{mark}".encode())
        self._marks.setdefault(name, set()).add(mark)

    def ensure_key(self) -> str:
        """Return the name of the key that new marks are made with, made on first use."""
        if not self._keys:
            key = secrets.token_bytes(_KEY_BYTES)
            name = hashlib.sha256(key).hexdigest()[:_NAME_DIGITS]
            file = self._folder / f"{name}{_SUFFIX}"
            replace_file(file, key)
            file.chmod(0o600)
            self._keys[name] = key
        return next(iter(self._keys))

    def merge(self, other: Path) -> None:
        """Take over the keys and marks of another folder, which stays as it is.

        Raises:
            StoreError: the other folder is damaged.
        """
        theirs = Tombstones(other)
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in theirs._keys:
            if name not in self._keys:
                shutil.copy2(other / f"{name}{_SUFFIX}", self._folder / f"{name}{_SUFFIX}")
        for name, marks in theirs._marks.items():
            for mark in sorted(marks - self._marks.get(name, set())):
                append_line(self._folder / MARKS, f"{name}:{mark}".encode())
        self._read()


def _mark(key: bytes, customer_id: str) -> str:
    return hmac.digest(key, customer_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


def _read_lines(file: Path) -> list[str]:
    if not file.exists():
        return []
    # A last line without its end is what a killed writer left: it never counted.
    whole, _, _ = file.read_bytes().rpartition(b"\n")
    return whole.decode("ascii", "replace").splitlines()
