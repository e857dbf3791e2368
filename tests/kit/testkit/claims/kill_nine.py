"""kill -9 at random points of `ingest` and `score`: after a rerun all is as an undisturbed run leaves it."""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.randomness import generator
from contracts.workspace import Workspace, create_workspace, open_workspace
from testkit.claims.figure import Figure, Scale, none_of
from testkit.commands import build_command, build_environment, call_fedele
from testkit.kills import kill_at_random
from testkit.ledger import Rows, count_differences, find_current, read_commits, read_generations
from testkit.stores import write_lines
from testkit.tenth import find_trained

SEED = 9
CLOCK = "2026-06-01T12:00:00Z"
HEADER = "order_id,customer_id,occurred_at,amount"
ROWS = 6_000
LATER = "1997-11-01"
# Where in the usual time of a command it is killed: after its imports, before its end.
FIRST, LAST = 0.3, 0.97
HASTE = 0.85
State = Mapping[str, Rows]


@dataclass(frozen=True)
class Drill:
    """A command, the workspace it starts from, and how to read what it wrote: rows by commit."""

    name: str
    start: Path
    arguments: tuple[str, ...]
    read: Callable[[Workspace], State]


def measure(scale: Scale) -> list[Figure]:
    """Return how many rows of tables and generations differ after kills and reruns."""
    with tempfile.TemporaryDirectory() as folder:
        drills = (_prepare_ingest(Path(folder)), _prepare_score(Path(folder)))
        return [
            figure for drill in drills for figure in _carry_out(drill, Path(folder) / drill.name, scale.kills)
        ]


def _prepare_ingest(folder: Path) -> Drill:
    """Two files of orders, refunds and a few bad rows into an empty workspace."""
    start = create_workspace(folder / "empty", currency="EUR").root
    lines = [f"o{n},c{n % 901},2026-0{1 + n % 5}-02,{n % 50 - 2}" for n in range(ROWS)]
    lines[500], lines[700] = "o1,,2026-01-02,5", "o2,c,2026-02-30,5"
    files = [write_lines(start / f"{part}.csv", HEADER, *lines[part::2]) for part in range(2)]
    return Drill("ingest", start, ("ingest", "orders", *(file.name for file in files)), read_commits)


def _prepare_score(folder: Path) -> Drill:
    """The tenth sample with a generation that readers see already, and the facts of a later month."""
    start = folder / "scored"
    shutil.copytree(find_trained().root, start)
    return Drill("score", start, ("score", "--as-of", LATER), _read_scores)


def _read_scores(workspace: Workspace) -> State:
    """Return what is kept, and under a name of its own what readers see."""
    kept = read_generations(workspace)
    return kept | {"readers": kept.get(find_current(workspace).generation, [])}


def _carry_out(drill: Drill, folder: Path, kills: int) -> list[Figure]:
    shutil.copytree(drill.start, folder / "calm")
    before = drill.read(open_workspace(folder / "calm"))
    started = time.perf_counter()
    _finish(drill, folder / "calm")
    usual = time.perf_counter() - started
    calm = drill.read(open_workspace(folder / "calm"))
    rng = generator(SEED, drill.name)
    struck = halves = rows = 0
    for number in range(3 * kills):
        if struck == kills:
            break
        copy = folder / f"killed-{number}"
        shutil.copytree(drill.start, copy)
        command, environment = build_command(*drill.arguments), build_environment(copy, CLOCK)
        hit = kill_at_random(command, rng, LAST * usual, FIRST * usual, folder=copy, environment=environment)
        struck, usual = struck + hit, usual if hit else usual * HASTE
        halves += _count_halves(drill.read(open_workspace(copy)), before, calm)
        _finish(drill, copy)
        rows += _count_apart(drill.read(open_workspace(copy)), calm)
        shutil.rmtree(copy)
    name = f"fedele {drill.name}"
    return [
        Figure(f"{name}: kills of the running command", struck, kills, "equals"),
        Figure(f"{name}: rows compared after each", sum(map(len, calm.values())), 2_000, "at least"),
        none_of(f"{name}: commits or generations that readers saw in part", halves),
        none_of(f"{name}: rows that differ from the undisturbed run's after the rerun", rows),
    ]


def _finish(drill: Drill, folder: Path) -> None:
    call_fedele(folder, *drill.arguments, clock=CLOCK)


def _count_halves(found: State, before: State, calm: State) -> int:
    """Count what is neither as before the command nor as after it."""
    return sum(rows not in (before.get(name, []), calm.get(name, [])) for name, rows in found.items())


def _count_apart(found: State, calm: State) -> int:
    names = found.keys() | calm.keys()
    return sum(count_differences(found.get(name, []), calm.get(name, [])) for name in names)
