"""Mutants of a promoted bundle: none serves, the model before it goes on answering, the reason is logged."""

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from contracts.atomic import write_folder
from contracts.randomness import generator
from contracts.settings import Settings
from contracts.workspace import Workspace
from serving.champion import ChampionHolder, error_log
from testkit.claims.figure import Figure, Scale, none_of
from testkit.mutants import Mutant, build_genuine, find_found, find_resealed, find_signed
from testkit.tiny_model import invent_frame
from training.bundle import point_champion
from training.signature import make_key

SEED = 2041
FOUND, RESEALED = 110, 60
SMALL_SHARE = 10


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.texts.append(record.getMessage())


def measure(scale: Scale) -> list[Figure]:
    """Return how many mutants of each kind served, went unlogged or changed an answer."""
    lines = Lines()
    error_log.addHandler(lines)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _measure(Workspace(Path(folder).resolve(), Settings()), lines, scale)
    finally:
        error_log.removeHandler(lines)


def _measure(workspace: Workspace, lines: Lines, scale: Scale) -> list[Figure]:
    key = make_key(workspace)
    write_folder(workspace.models / "1", build_genuine(key))
    point_champion(workspace, "1")
    holder = ChampionHolder(workspace)
    holder.look()
    held, frame = holder.champion, invent_frame(40, seed=SEED)
    assert held is not None
    assert held.model.shop is not None
    before = held.model.shop.predict(frame).raw.tobytes()
    made: Counter[str] = Counter()
    served: list[str] = []
    silent: list[str] = []
    for number, mutant in enumerate(_choose(workspace, key, scale), start=2):
        write_folder(workspace.models / str(number), mutant.files)
        point_champion(workspace, str(number))
        logged = len(lines.texts)
        holder.look()
        made[mutant.seal] += 1
        served += [mutant.name] * (holder.champion is not held or holder.state.version != "1")
        silent += [mutant.name] * (len(lines.texts) != logged + 1 or not holder.state.refused)
    write_folder(workspace.models / "999", build_genuine(key, seed=2))
    point_champion(workspace, "999")
    after = held.model.shop.predict(frame).raw.tobytes()
    thorough = scale.thorough
    return [
        Figure("mutants in all", made.total(), 200 if thorough else 15, "at least"),
        Figure("as a disk or a copy makes them", made["as found"], 100 if thorough else 5, "at least"),
        Figure("with hashes that fit, unsigned", made["hashes anew"], 50 if thorough else 5, "at least"),
        Figure("with hashes and signature that fit", made["signed anew"], 50 if thorough else 5, "at least"),
        none_of("mutants that served", len(served)),
        none_of("mutants refused without one logged reason", len(silent)),
        none_of("answers of the old model that changed", int(before != after)),
        Figure("sound heir after all of them serves (1: yes)", float(holder.look()), 1, "equals"),
    ]


def _choose(workspace: Workspace, key: bytes, scale: Scale) -> Iterator[Mutant]:
    rng = generator(SEED, "mutants")
    genuine = build_genuine(key, seed=1)
    share = 1 if scale.thorough else SMALL_SHARE
    found = find_found(genuine, rng)
    yield from islice(found, 0, FOUND, share)
    yield from islice(find_resealed(genuine, rng), RESEALED // share)
    yield from islice(find_signed(genuine, key, rng), 0, None, share)
