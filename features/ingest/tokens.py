"""The patient reader of CSV: line by line, every broken or undecodable line set aside with its number.

DuckDB reads sound files (``reader.py``); this one reads the others, and knows the exact line of every row.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import pyarrow as pa

_ROWS_PER_BATCH = 20_000
_LINES_PER_ROW = 200


@dataclass(frozen=True)
class Shape:
    """How a CSV file is written."""

    delimiter: str = ","
    encoding: str = "utf-8-sig"


@dataclass
class Tokens:
    """The rows of a CSV file below its header, in batches; ``broken`` then holds (line, code) of the others.

    ``positions`` are the columns wanted. A batch has ``line`` (of the row's start, 1 is the header) and
    c0, c1, ...
    as text; empty fields are missing. A quote that never closes costs its own line only.
    """

    file: Path
    shape: Shape
    width: int
    positions: Sequence[int]
    broken: list[tuple[int, str]] = field(default_factory=list)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the batches."""
        return pa.schema([("line", pa.int64()), *((f"c{place}", pa.string()) for place in self.positions)])

    def read_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches; memory stays bounded by one of them."""
        self.broken.clear()
        rows: list[tuple[int, list[str]]] = []
        for row in self._rows():
            rows.append(row)
            if len(rows) == _ROWS_PER_BATCH:
                yield self._batch(rows)
                rows = []
        yield self._batch(rows)

    def _batch(self, rows: list[tuple[int, list[str]]]) -> pa.RecordBatch:
        columns = [
            pa.array([cells[place] or None for _, cells in rows], pa.string()) for place in self.positions
        ]
        return pa.record_batch(
            [pa.array([line for line, _ in rows], pa.int64()), *columns], schema=self.schema
        )

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        with open_text(self.file, self.shape.encoding) as stream:
            lines = Lookahead(stream)
            next(split_rows(lines, self.shape.delimiter), None)
            for start, cells in split_rows(lines, self.shape.delimiter):
                if cells is None or (len(cells) == self.width and not _is_readable("".join(cells))):
                    self.broken.append((start, "broken_line" if cells is None else "encoding"))
                elif len(cells) == self.width:
                    yield start, cells
                elif cells:
                    self.broken.append((start, "broken_line"))


class Lookahead:
    """Physical lines with their numbers, that can be put back."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[tuple[int, str]] = []
        self._number = 0

    def take(self) -> tuple[int, str] | None:
        """Return the next (number, text), None at the end."""
        if self._waiting:
            return self._waiting.pop()
        text = self._stream.readline()
        if not text:
            return None
        self._number += 1
        return self._number, text

    def put_back(self, lines: Sequence[tuple[int, str]]) -> None:
        """Give back lines, in their order."""
        self._waiting.extend(reversed(lines))


def split_rows(lines: Lookahead, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """Yield (first line, cells) of each row; None where a quote never closes, no cells on a blank line."""
    while (first := lines.take()) is not None:
        taken, text = [first], first[1]
        while text.count('"') % 2 and len(taken) < _LINES_PER_ROW and (more := lines.take()) is not None:
            taken.append(more)
            text += more[1]
        if text.count('"') % 2:
            lines.put_back(taken[1:])
            yield first[0], None
            continue
        yield first[0], _cells(text, delimiter)


def read_header(file: Path, shape: Shape) -> list[str]:
    """Return the names in the first row, trimmed; empty for an empty file."""
    with open_text(file, shape.encoding) as stream:
        _, cells = next(split_rows(Lookahead(stream), shape.delimiter), (0, None))
    return [cell.strip() for cell in cells or []]


def open_text(file: Path, encoding: str) -> TextIO:
    """Open for reading with bytes that do not decode marked rather than fatal.

    Raises:
        LookupError: the encoding is unknown.
    """
    marked = "replace" if encoding.lower().replace("_", "-").startswith("utf-16") else "surrogateescape"
    return file.open("r", encoding=encoding, errors=marked, newline="\n")


def _cells(text: str, delimiter: str) -> list[str] | None:
    if '"' not in text:  # most lines by far: splitting is ten times quicker than a CSV reader
        plain = text.removesuffix("\n").removesuffix("\r")
        return plain.split(delimiter) if plain else []
    try:
        rows = list(
            csv.reader(
                text.removesuffix("\n").removesuffix("\r").splitlines(keepends=True), delimiter=delimiter
            )
        )
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else [] if not rows else None


def _is_readable(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= sign <= "\udcff" or sign == "\ufffd" for sign in text)
