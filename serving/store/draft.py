"""A SQLite file that one writer fills from beginning to end, and that is on disk before anybody reads it."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_STEP_BYTES, _STEP_ROWS = 16 * 2**20, 256


class DraftFile:
    """The file being written: no reader looks at it, and one that is cut short is thrown away.

    It goes to disk as it grows. A gigabyte that waits for one sync at the end holds up everybody else's:
    the ledger syncs for each live score meanwhile, and waited a quarter of a second instead of a hundredth.
    """

    def __init__(self, file: Path, *pragmas: str) -> None:
        self._file = file.open("ab")
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._synced = 0
        # No journal: it would serve to go back, and nobody goes back in a draft.
        for pragma in (*pragmas, "journal_mode=OFF", "synchronous=OFF"):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        self.execute("BEGIN")

    def execute(self, statement: str, *values: Any) -> None:
        """Run a statement that gives no rows."""
        self._connection.execute(statement, values)

    def insert(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run an insertion for each row."""
        self._connection.executemany(statement, self._follow(rows))

    def seal(self) -> None:
        """Make the file complete and durable."""
        self.execute("COMMIT")
        self._connection.close()
        os.fsync(self._file.fileno())
        self._file.close()

    def close(self) -> None:
        """Let go of the file, finished or not."""
        self._connection.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _follow(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        for number, row in enumerate(rows):
            if number % _STEP_ROWS == 0:
                self._catch_up()
            yield row

    def _catch_up(self) -> None:
        written = os.fstat(self._file.fileno()).st_size
        if written - self._synced >= _STEP_BYTES:
            os.fdatasync(self._file.fileno())
            self._synced = written
