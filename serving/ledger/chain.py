"""The chain: one line of JSON for each thing that happened, each sealed over the one before it.

``ledger/chain.jsonl`` only ever grows. A seal is the SHA-256 of its line without the seal itself, and a line
names the seal before it, so no line can be altered, moved, added or taken out unseen. ``ledger/head`` repeats
the last line's number and seal, so that lines cut off the end are missed too.
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.atomic import append_line, replace_file
from contracts.errors import StoreError
from contracts.scores import dumps
from contracts.time import to_text

FIRST = "0" * 64
DAMAGED = "run `fedele audit verify` to see where, and restore the folder `ledger` from a backup."
_FIELDS = ("number", "at", "kind", "body", "previous")


@dataclass(frozen=True)
class Entry:
    """One line: ``number`` from 1, ``at`` in RFC 3339, its ``kind``, its facts, the seals."""

    number: int
    at: str
    kind: str
    body: Mapping[str, Any]
    previous: str
    seal: str

    def to_line(self) -> bytes:
        """Return the line's only spelling."""
        return dumps({name: getattr(self, name) for name in (*_FIELDS, "seal")})


@dataclass(frozen=True)
class Fault:
    """Something in the ledger that is not as it was written. ``where`` names file and line or row."""

    where: str
    what: str


class Chain:
    """The chain of one workspace. Making one touches nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines = folder / "chain.jsonl"
        self._head = folder / "head"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the ledger's own lock for a moment: commands and the workers of a service write to it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / ".lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def append(self, kind: str, body: Mapping[str, Any], at: datetime) -> Entry:
        """Add a line, on disk when this returns; the caller does not hold the lock."""
        with self.hold():
            return self.append_held(kind, body, at)

    def append_held(self, kind: str, body: Mapping[str, Any], at: datetime) -> Entry:
        """Add a line as ``append`` does, within ``hold``.

        Raises:
            StoreError: the last line is damaged, so that nothing can be put after it.
        """
        last = self._read_last()
        number, previous = (1, FIRST) if last is None else (last.number + 1, last.seal)
        entry = _seal(number, to_text(at), kind, body, previous)
        append_line(self._lines, entry.to_line())
        replace_file(self._head, _spell_head(entry))
        return entry

    def read(self, *kinds: str) -> Iterator[Entry]:
        """Yield the entries (of these kinds, if any is named), oldest first; a torn last line never counted.

        Raises:
            StoreError: a line cannot be read at all. Whether a readable one was altered is ``find_faults``'s
            affair.
        """
        for number, line in enumerate(self._read_lines(), start=1):
            try:
                entry = Entry(**json.loads(line))
            except (TypeError, ValueError) as error:
                raise StoreError(f"ledger/chain.jsonl: line {number} is damaged: {DAMAGED}") from error
            if not kinds or entry.kind in kinds:
                yield entry

    def find_faults(self) -> Iterator[Fault]:
        """Yield every line that is not as it was written, or does not follow the one before it."""
        seals, previous, number = {0: FIRST}, FIRST, 0
        for number, line in enumerate(self._read_lines(), start=1):
            where = f"chain.jsonl, line {number}"
            try:
                entry = Entry(**json.loads(line))
                again = _seal(entry.number, entry.at, entry.kind, entry.body, entry.previous)
                is_whole = again.to_line() == line
            except (TypeError, ValueError, AttributeError):
                yield Fault(where, "the line cannot be read")
                previous = ""
                continue
            if not is_whole or entry.number != number:
                yield Fault(where, f"the entry was altered ({_name(entry)})")
            elif previous not in ("", entry.previous):
                yield Fault(where, f"the entry does not follow the one before it ({_name(entry)})")
            seals[number] = previous = entry.seal
        yield from self._check_head(seals, number)

    def find_head(self) -> Entry | None:
        """Return the last entry; None before the first. Its seal, kept elsewhere, proves all before it."""
        return self._read_last()

    def _check_head(self, seals: Mapping[int, str], lines: int) -> Iterator[Fault]:
        if not self._head.exists():
            if lines:
                yield Fault("head", "the file is missing")
            return
        text = self._head.read_bytes()
        number = text.partition(b" ")[0]
        told = int(number) if number.isdigit() and len(number) < 12 else -1
        if told > lines:
            yield Fault("chain.jsonl", f"the lines after line {lines} are missing: there were {told}")
        elif told < 1 or text != f"{told} {seals.get(told)}\n".encode():
            yield Fault("head", "it names another entry than the chain holds")

    def _read_lines(self) -> Iterator[bytes]:
        if not self._lines.exists():
            return
        with self._lines.open("rb") as stream:
            for line in stream:
                if line.endswith(b"\n"):
                    yield line[:-1]

    def _read_last(self) -> Entry | None:
        last = self._read_last_line()
        if last is None:
            return None
        try:
            return Entry(**json.loads(last))
        except (TypeError, ValueError) as error:
            raise StoreError(f"ledger/chain.jsonl: its last line is damaged: {DAMAGED}") from error

    def _read_last_line(self) -> bytes | None:
        """Return the last whole line; of a long chain only the end is read."""
        if not self._lines.exists():
            return None
        with self._lines.open("rb") as stream:
            size = stream.seek(0, 2)
            for reach in (1 << 16, size):
                stream.seek(max(0, size - reach))
                whole, mark, _ = stream.read().rpartition(b"\n")
                if mark and (b"\n" in whole or reach >= size):
                    return whole.rpartition(b"\n")[2]
        return None


def _seal(number: int, at: str, kind: str, body: Mapping[str, Any], previous: str) -> Entry:
    plain = dict(zip(_FIELDS, (number, at, kind, body, previous), strict=True))
    return Entry(number, at, kind, body, previous, hashlib.sha256(dumps(plain)).hexdigest())


def _spell_head(entry: Entry) -> bytes:
    return f"{entry.number} {entry.seal}\n".encode()


def _name(entry: Entry) -> str:
    return f"{str(entry.kind)[:40]} of {str(entry.at)[:30]}"
