"""One writer at a time; a dead one blocks nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import LockHeld
from features.store.lock import find_owner, hold_lock, is_held

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from features.store.lock import hold_lock
with hold_lock(Path(sys.argv[1]), "fedele score"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_writer_is_told_who_holds_the_lock(tmp_path):
    file = tmp_path / ".lock"
    command = [sys.executable, "-c", HOLDER, str(file), str(ROOT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        assert is_held(file)
        with (
            pytest.raises(LockHeld, match=rf"`fedele score` \(process {other.pid}\) is writing"),
            hold_lock(file, "x"),
        ):
            pass
        other.kill()
        other.wait()
        with hold_lock(file, "fedele ingest orders"):
            assert find_owner(file) == f"`fedele ingest orders` (process {os.getpid()})"
        assert (is_held(file), find_owner(file)) == (False, None)


def test_a_lock_that_was_never_taken_is_free(tmp_path):
    assert not is_held(tmp_path / ".lock")
    assert find_owner(tmp_path / ".lock") is None
