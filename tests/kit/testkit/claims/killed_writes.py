"""Kills at random moments between writes: what was acknowledged is there afterwards, once."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from contracts.randomness import generator
from contracts.workspace import Workspace
from serving.keys import find_key, find_keys
from serving.people import find_users
from serving.sessions import find_session
from serving.store.database import open_sqlite, read
from serving.store.work import WorkStore, open_work
from testkit.claims.figure import Figure, Scale, none_of
from testkit.commands import build_environment
from testkit.stored import NOW, make_workspace

SEED = 2061
KILLS, FEW_KILLS = 200, 3
SHORTEST, LONGEST = 0.02, 0.6
# Forks a writer for each number it is given; it writes for ever and says each write once it is committed.
WRITER = """
import json, os, sys
from datetime import UTC, datetime
from pathlib import Path

from contracts.workspace import open_workspace
from serving.keys import create_key, revoke_key
from serving.people import add_user, disable_user
from serving.sessions import create_entry_code, redeem_entry_code
from serving.store.work import open_work

def say(kind, value):
    os.write(1, (json.dumps([kind, value]) + chr(10)).encode())

def write(turn, now):
    work = open_work(open_workspace(Path(sys.argv[1])))
    say("pid", os.getpid())
    number = 0
    while True:
        number += 1
        name = f"p{turn}-{number}"
        key, text = create_key(work, ["score:read"], name, now)
        say("key", text)
        say("session", redeem_entry_code(work, create_entry_code(work, now), now))
        add_user(work, name, "agent", now, None, name)
        say("user", name)
        if number % 2:
            revoke_key(work, key.key_id, now)
            say("revoked", text)
            disable_user(work, name, now)
            say("disabled", name)

for turn in sys.stdin:
    child = os.fork()
    if child == 0:
        write(int(turn), datetime.fromisoformat(sys.argv[2]))
    os.waitpid(child, 0)
    say("ended", "")
"""
Said = list[tuple[str, str]]


def measure(scale: Scale) -> list[Figure]:
    """Return writes that were acknowledged and lost, doubled or in part, after each kill."""
    kills = KILLS if scale.thorough else FEW_KILLS
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder).resolve() / "shop")
        open_work(workspace).close()
        rng, said = generator(SEED, "kills"), list[tuple[str, str]]()
        faults: Counter[str] = Counter()
        with _start_writers(workspace) as writers:
            for number in range(kills):
                told = _write_until_killed(writers, number, float(rng.uniform(SHORTEST, LONGEST)))
                said += told
                # Every tenth kill looks at all that was ever said, the others at the last writes.
                faults += _find_faults(workspace, said if number % 10 == 9 or number == kills - 1 else told)
        return [
            Figure("kills while it wrote", kills, kills, "equals"),
            Figure("acknowledged writes", len(said), kills, "at least"),
            *(none_of(name, faults[name]) for name in ("lost", "doubled", "undone", "damaged")),
        ]


@contextmanager
def _start_writers(workspace: Workspace) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WRITER, str(workspace.root), NOW.isoformat()],
        env=build_environment(workspace.root),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writers:
        try:
            yield writers
        finally:
            writers.kill()


def _write_until_killed(writers: "subprocess.Popen[str]", number: int, seconds: float) -> Said:
    """Return what one writer said before it was killed ``seconds`` after it began."""
    assert writers.stdin is not None
    assert writers.stdout is not None
    writers.stdin.write(f"{number}\n")
    writers.stdin.flush()
    _, process = json.loads(writers.stdout.readline())
    timer = Timer(seconds, os.kill, (process, signal.SIGKILL))
    timer.start()
    said: Said = []
    for line in writers.stdout:
        kind, value = json.loads(line)
        if kind == "ended":
            break
        said.append((kind, value))
    timer.join()
    return said


def _find_faults(workspace: Workspace, said: Said) -> Counter[str]:
    faults: Counter[str] = Counter()
    work = open_work(workspace)
    try:
        closed = {value for kind, value in said if kind == "revoked"}
        for kind, value in said:
            if kind == "session":
                faults["lost"] += find_session(work, value, NOW) is None
            elif kind == "key":
                is_open = find_key(work, value, NOW) is not None
                faults["undone"] += value in closed and is_open
                faults["lost"] += value not in closed and not is_open and not _is_closing(work, value)
        users = {user.name: user.disabled_at for user in find_users(work)}
        faults["lost"] += sum(kind == "user" and value not in users for kind, value in said)
        faults["undone"] += sum(kind == "disabled" and users.get(value) is None for kind, value in said)
        names = Counter(key.name for key in find_keys(work))
        faults["doubled"] += sum(count > 1 for count in names.values())
    finally:
        work.close()
    engine = open_sqlite(workspace.work_database)
    with read(engine, "work.db") as connection:
        faults["damaged"] += connection.exec_driver_sql("PRAGMA integrity_check").scalar() != "ok"
    engine.dispose()
    return faults


def _is_closing(work: WorkStore, text: str) -> bool:
    """Return whether the key was revoked by a write that was committed and killed before it could be said."""
    key_id = text.removeprefix("fdl_").partition(".")[0]
    return any(key.key_id == key_id and key.revoked_at for key in find_keys(work))
