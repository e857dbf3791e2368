"""Kills at random moments between writes: what was acknowledged is there afterwards, once.

Keys, users and sessions are written to the store, outcomes sent to the real app and corrected there. After
each kill the outcome that may have been under way is sent again with its Idempotency-Key, twice: it is there
once.
"""

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

from sqlalchemy import select

from contracts.randomness import generator
from contracts.workspace import Workspace
from serving.keys import create_key, find_key, find_keys
from serving.people import find_users
from serving.sessions import find_session
from serving.store import tables
from serving.store.database import open_sqlite, read
from serving.store.generations import open_store
from serving.store.work import WorkStore, open_work
from serving.tenants import Tenants
from testkit.claims.figure import Figure, Scale, none_of
from testkit.commands import build_environment
from testkit.service import Caller, build_service
from testkit.stored import NOW, build_info, build_rows, make_workspace
from testkit.tree import ROOT

SEED = 2061
KILLS, FEW_KILLS = 200, 3
SHORTEST, LONGEST = 0.05, 0.8
# Forks a writer for each number it is given; it writes for ever and says each write once it is committed.
WRITER = """
import json, os, sys
from datetime import UTC, datetime
from pathlib import Path

from serving.keys import create_key, revoke_key
from serving.people import add_user, disable_user
from serving.sessions import create_entry_code, redeem_entry_code
from serving.tenants import Tenants
from testkit.claims.killed_writes import correct, send
from testkit.service import Caller, build_service

tenants, now = Tenants(), datetime.fromisoformat(sys.argv[2])
caller = Caller(build_service(tenants, lambda: now), sys.argv[3])

# What the first request costs is paid before the first fork; no connection is open while it forks.
tenants.open([Path(sys.argv[1])])
send(caller, "first", "kept")
tenants.close()

def say(kind, value):
    os.write(1, (json.dumps([kind, value]) + chr(10)).encode())

def write(turn):
    tenants.open([Path(sys.argv[1])])
    work = next(iter(tenants)).store.work
    say("pid", os.getpid())
    number = 0
    while True:
        number += 1
        name = f"p{turn}-{number}"
        outcome_id = send(caller, name, "kept")
        say("outcome", name)
        if number % 2:
            correct(caller, name, outcome_id)
            say("corrected", name)
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
        write(int(turn))
    os.waitpid(child, 0)
    say("ended", "")
"""
Said = list[tuple[str, str]]


def measure(scale: Scale) -> list[Figure]:
    """Return writes that were acknowledged and lost, doubled or in part, after each kill."""
    kills = KILLS if scale.thorough else FEW_KILLS
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder).resolve() / "shop")
        key = _fill(workspace)
        rng, said = generator(SEED, "kills"), list[tuple[str, str]]()
        faults: Counter[str] = Counter()
        with _start_writers(workspace, key) as writers, _serve(workspace, key) as caller:
            for number in range(kills):
                told = _write_until_killed(writers, number, float(rng.uniform(SHORTEST, LONGEST)))
                said += told
                said += [("outcome", name) for name in _send_again(caller, number, told)]
                # Every tenth kill looks at all that was ever said, the others at the last writes.
                faults += _find_faults(workspace, said if number % 10 == 9 or number == kills - 1 else told)
        return [
            Figure("kills while it wrote", kills, kills, "equals"),
            Figure("acknowledged writes", len(said), kills, "at least"),
            Figure("of them outcomes", sum(kind == "outcome" for kind, _ in said), kills, "at least"),
            *(none_of(name, faults[name]) for name in ("lost", "doubled", "undone", "damaged")),
        ]


def send(caller: Caller, name: str, result: str) -> str:
    """Tell an outcome under the Idempotency-Key ``name`` and return its id once it was acknowledged."""
    told = {"customer_id": "C-00001", "result": result, "occurred_at": "2026-11-20T09:00:00Z"}
    answer = caller.post("/v1/outcomes", {"outcomes": [told | {"campaign_id": name}]}, idempotency_key=name)
    assert answer.status == 200, answer.body
    return str(answer.json()["results"][0]["outcome_id"])


def correct(caller: Caller, name: str, outcome_id: str) -> None:
    """Correct an outcome to ``lost``; it returns once that was acknowledged."""
    told = {"customer_id": "C-00001", "result": "lost", "occurred_at": "2026-11-20T09:00:00Z"}
    body = json.dumps(told | {"campaign_id": name}).encode()
    headers = {"content-type": "application/json", "if-match": f'"{outcome_id}.1"'}
    answer = caller.call("PUT", f"/v1/outcomes/{outcome_id}", [body], headers=headers)
    assert answer.status == 200, answer.body


def _fill(workspace: Workspace) -> str:
    """Write scores of a few customers and return a key that may tell outcomes."""
    store = open_store(workspace)
    with store.begin(build_info()) as writer:
        writer.add(build_rows(3))
        writer.finish()
    _, key = create_key(store.work, ["outcome:write"], "crm", NOW)
    store.close()
    return key


@contextmanager
def _serve(workspace: Workspace, key: str) -> Iterator[Caller]:
    tenants = Tenants()
    tenants.open([workspace.root])
    try:
        yield Caller(build_service(tenants, lambda: NOW), key)
    finally:
        tenants.close()


def _send_again(caller: Caller, turn: int, told: Said) -> list[str]:
    """Send the outcome after the last acknowledged one, which the kill may have met, twice."""
    last = max((int(value.split("-")[1]) for kind, value in told if kind == "outcome"), default=0)
    name = f"p{turn}-{last + 1}"
    assert send(caller, name, "kept") == send(caller, name, "kept")
    return [name]


@contextmanager
def _start_writers(workspace: Workspace, key: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WRITER, str(workspace.root), NOW.isoformat(), key],
        env=build_environment(workspace.root, PYTHONPATH=f"{ROOT}{os.pathsep}{ROOT / 'tests' / 'kit'}"),
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
        faults += _find_outcome_faults(work, said)
        names = Counter(key.name for key in find_keys(work))
        faults["doubled"] += sum(count > 1 for count in names.values())
    finally:
        work.close()
    engine = open_sqlite(workspace.work_database)
    with read(engine, "work.db") as connection:
        faults["damaged"] += connection.exec_driver_sql("PRAGMA integrity_check").scalar() != "ok"
    engine.dispose()
    return faults


def _find_outcome_faults(work: WorkStore, said: Said) -> Counter[str]:
    with work.read() as connection:
        rows = connection.execute(select(tables.outcomes)).all()
    there = Counter(row.campaign_id for row in rows)
    corrected = {row.campaign_id for row in rows if row.revision == 2 and row.result == "lost"}
    return Counter(
        lost=sum(kind == "outcome" and value not in there for kind, value in said),
        doubled=sum(count > 1 for count in there.values()),
        undone=sum(kind == "corrected" and value not in corrected for kind, value in said),
    )


def _is_closing(work: WorkStore, text: str) -> bool:
    """Return whether the key was revoked by a write that was committed and killed before it could be said."""
    key_id = text.removeprefix("fdl_").partition(".")[0]
    return any(key.key_id == key_id and key.revoked_at for key in find_keys(work))
