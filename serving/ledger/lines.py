"""Sealed lines of one writer: one of JSON for each request that live scores were computed for.

Like the chain's, each is sealed over the one before it; the chain itself vouches for a file every minute.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.scores import dumps
from serving.ledger.chain import Fault


class LineWriter:
    """Appends lines to one new file, which nobody else writes to; each is on disk when ``write`` returns."""

    def __init__(self, file: Path, name: str) -> None:
        """Start the ``file``; ``name``, by which the ledger knows it, is sealed into its first line."""
        self.lines = 0
        self.seal = _first(name)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)

    def write(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Add a line for each body."""
        told = b""
        for body in bodies:
            self.seal = seal_line(self.seal, body)
            told += dumps({"body": body, "seal": self.seal}) + b"\n"
        os.write(self._descriptor, told)
        os.fsync(self._descriptor)
        self.lines += len(bodies)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def seal_line(previous: str, body: Mapping[str, Any]) -> str:
    """Return the seal of a line that follows one sealed ``previous``: 64 hex digits."""
    return hashlib.sha256(previous.encode() + b" " + dumps(body)).hexdigest()


def read_lines(file: Path) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield body and seal of each whole line; a torn last one never counted.

    Raises:
        ValueError: a line cannot be read.
    """
    with file.open("rb") as stream:
        for line in stream:
            if line.endswith(b"\n"):
                told = json.loads(line)
                if not isinstance(told, dict) or set(told) != {"body", "seal"}:
                    raise ValueError("no line of ours")
                yield told["body"], told["seal"]


def find_line_faults(file: Path, name: str, anchor: tuple[int, str] | None, rows: int) -> Iterator[Fault]:
    """Yield what is wrong with a file of lines.

    Args:
        file: the lines.
        name: of the file, as the ledger knows it.
        anchor: how many lines the chain vouched for last and the seal of the last of them, if it did.
        rows: how many rows the file of rows beside it has.
    """
    seal, number, told = _first(name), 0, 0
    try:
        for number, (body, own) in enumerate(read_lines(file), start=1):
            if seal_line(seal, body) != own:
                yield Fault(f"{name}, line {number}", "it was altered, or the one before it was")
                return
            seal, told = own, int(body["first"]) + int(body["count"])
            if anchor is not None and anchor[0] == number and anchor[1] != own:
                yield Fault(name, f"lines up to line {number} were rewritten, or the entry was")
                return
    except (ValueError, KeyError, TypeError):
        yield Fault(f"{name}, line {number + 1}", "the line cannot be read")
        return
    if anchor is not None and number < anchor[0]:
        yield Fault(name, f"the lines after line {number} are missing: there were {anchor[0]}")
    elif told > rows:
        yield Fault(name, f"it tells of {told} rows, and {rows} are there")


def _first(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
