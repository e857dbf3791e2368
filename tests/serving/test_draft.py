"""A file that is written from beginning to end: to disk as it grows, and whole or nothing."""

import os
import sqlite3

import pytest

from serving.store import draft
from serving.store.draft import DraftFile

ROW = bytes(10_000)


def write(file, count, *, seal=True):
    with DraftFile(file, "user_version=7") as written:
        written.execute("CREATE TABLE rows (number INTEGER, body BLOB)")
        written.execute("INSERT INTO rows VALUES (?, ?)", -1, b"")
        written.insert("INSERT INTO rows VALUES (?, ?)", ((number, ROW) for number in range(count)))
        if seal:
            written.seal()


def test_a_sealed_file_holds_every_row_and_what_it_was_told_to_be(tmp_path):
    write(tmp_path / "a.db", 300)
    with sqlite3.connect(tmp_path / "a.db") as read:
        assert read.execute("SELECT count(*), sum(length(body)) FROM rows").fetchone() == (301, 3_000_000)
        assert read.execute("PRAGMA user_version").fetchone() == (7,)
    read.close()


def test_a_file_that_is_not_sealed_holds_nothing(tmp_path):
    write(tmp_path / "a.db", 3, seal=False)
    read = sqlite3.connect(tmp_path / "a.db")
    with pytest.raises(sqlite3.DatabaseError, match="no such table"):
        read.execute("SELECT * FROM rows")
    read.close()


def test_a_growing_file_is_synced_in_steps_and_at_the_end(tmp_path, monkeypatch):
    steps, ended = [], []
    monkeypatch.setattr(draft, "_STEP_BYTES", 2**20)
    monkeypatch.setattr(draft.os, "fdatasync", lambda number: steps.append(os.fstat(number).st_size))
    monkeypatch.setattr(draft.os, "fsync", lambda number: ended.append(os.fstat(number).st_size))
    write(tmp_path / "a.db", 4_000)
    whole = (tmp_path / "a.db").stat().st_size
    assert ended == [whole]
    # No more waits than a step, the rows between two looks, and what SQLite still holds in memory.
    waited = [later - before for before, later in zip([0, *steps], [*steps, whole], strict=True)]
    assert max(waited) < 2**20 + 256 * 2 * len(ROW) + 3 * 2**20
    assert len(steps) >= 5
