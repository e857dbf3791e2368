"""Rows of the ledger: fixed in size, each sealed over the one before it, and blank once a customer is erased.

A file of rows is written for each generation of scores, and for the reads of each worker and day. A row holds
64 bytes: a pseudonym of the customer and what else there is to hold (48 together), and its seal (16). The
pseudonym comes of a key that exists for this customer alone. An erasure blanks the 48 and leaves the seal:
whoever altered any other byte is found, and of the erased nothing is left to be found.
"""

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from contracts.errors import StoreError

ROW, CONTENT, PSEUDONYM = 64, 48, 16
SEAL = ROW - CONTENT
BLANK = bytes(CONTENT)
_AT_ONCE = 1 << 14


class RowWriter:
    """Appends rows to one file, which nobody else writes to."""

    def __init__(self, file: Path, name: str) -> None:
        """Start the new ``file``; ``name``, by which the ledger knows it, is sealed into its first row."""
        self.rows = 0
        self._seal = _first(name)
        self._seals = hashlib.sha256()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)

    def write(self, contents: Iterable[bytes]) -> None:
        """Add a row for each content of 48 bytes."""
        batch = bytearray()
        for content in contents:
            self._seal = seal_row(self._seal, content)
            self._seals.update(self._seal)
            batch += content + self._seal
            self.rows += 1
            if len(batch) >= _AT_ONCE * ROW:
                os.write(self._descriptor, batch)
                batch.clear()
        os.write(self._descriptor, batch)

    def sync(self) -> str:
        """Put the rows on disk and return the digest over all their seals, 64 hex digits."""
        os.fsync(self._descriptor)
        return self._seals.hexdigest()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def seal_row(previous: bytes, content: bytes) -> bytes:
    """Return the seal of a row that follows one sealed ``previous``: 16 bytes."""
    return hashlib.blake2b(content, digest_size=SEAL, key=previous).digest()


def find_rows(file: Path, pseudonym: bytes) -> list[int]:
    """Return the numbers (from 0) of the rows under a pseudonym."""
    data = file.read_bytes() if file.exists() else b""
    found, start = [], data.find(pseudonym)
    while start >= 0:
        if start % ROW == 0:
            found.append(start // ROW)
        start = data.find(pseudonym, start + 1)
    return found


def read_row(file: Path, number: int) -> bytes:
    """Return the 48 bytes of a row.

    Raises:
        StoreError: the file ends before it.
    """
    with file.open("rb") as stream:
        stream.seek(number * ROW)
        content = stream.read(CONTENT)
    if len(content) < CONTENT:
        raise StoreError(f"ledger/{file.parent.name}/{file.name} is cut off: restore it from a backup.")
    return content


def blank_rows(file: Path, numbers: Collection[int]) -> None:
    """Blank rows for good; blanking them again changes nothing."""
    descriptor = os.open(file, os.O_WRONLY)
    try:
        for number in numbers:
            os.pwrite(descriptor, BLANK, number * ROW)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def find_altered(file: Path, name: str, blanked: Collection[int]) -> Iterator[tuple[int, str]]:
    """Yield the number of each row that is not as it was written, and what is wrong with it.

    ``blanked`` are the rows that erasures have blanked: they must be blank, and no others may be.
    """
    previous = _first(name)
    for number, (content, seal) in enumerate(_read(file)):
        if content == BLANK and number not in blanked:
            yield number, "it is blank, and no erasure says so"
        elif number in blanked and content != BLANK:
            yield number, "an erasure of it was not finished: run the same `fedele forget` again"
        elif content != BLANK and seal_row(previous, content) != seal:
            yield number, "it was altered, or the one before it was"
        previous = seal


def digest_seals(file: Path, counts: Collection[int]) -> dict[int, str]:
    """Return the digest over the seals of the first ``n`` rows for each of ``counts`` the file reaches."""
    sums, found, wanted = hashlib.sha256(), dict[int, str](), set(counts)
    if 0 in wanted:
        found[0] = sums.hexdigest()
    for number, (_, seal) in enumerate(_read(file), start=1):
        sums.update(seal)
        if number in wanted:
            found[number] = sums.hexdigest()
    return found


def count_rows(file: Path) -> tuple[int, int]:
    """Return how many whole rows a file has, and how many bytes follow them."""
    return divmod(file.stat().st_size, ROW)


def _read(file: Path) -> Iterator[tuple[bytes, bytes]]:
    with file.open("rb") as stream:
        while chunk := stream.read(_AT_ONCE * ROW):
            for start in range(0, len(chunk) - ROW + 1, ROW):
                yield chunk[start : start + CONTENT], chunk[start + CONTENT : start + ROW]


def _first(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=SEAL).digest()
