"""Past scores are computed again to the byte, whatever came since; an altered row of the ledger is named.

A simulated company is scored several times while facts of all tables go on arriving: late, back-dated,
corrected. Then settings change, a load is undone, customers are erased. Random past scores of all generations
are replayed and compared with the records that were stored when they were new. Afterwards bytes of the ledger
are changed, one at a time.
"""

import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from contracts.randomness import generator
from contracts.workspace import Workspace, open_workspace
from features.ingest.undo import undo_load
from features.store.loads import read_loads
from serving.batch import score_everyone
from serving.ledger.audit import verify
from serving.ledger.chain import Entry
from serving.ledger.replay import Replay, find_entry, replay
from serving.ledger.rows import CONTENT, ROW
from serving.privacy.forget import forget
from serving.store.generations import open_store
from testkit.claims.figure import Figure, Scale, none_of
from testkit.later_facts import add_later_facts
from testkit.workspaces import NOW, find_shop

SEED = 8
SCORES, ERASED, ALTERED = 1_000, 10, 200
Records = dict[str, tuple[bytes, bytes]]
Past = list[tuple[Entry, Records]]


def measure(scale: Scale) -> list[Figure]:
    """Return how many replayed scores differ, and how many altered bytes the audit names."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = find_shop().copy(Path(folder) / "shop")
        past = _live_on(workspace, 5 if scale.thorough else 1)
        erased = _change(workspace, past, ERASED if scale.thorough else 2)
        workspace = open_workspace(workspace.root)
        chosen = _choose(past, SCORES if scale.thorough else 100)
        found = [
            (replay(workspace, ids, entry, NOW), records)
            for (entry, records), ids in zip(past, chosen, strict=True)
        ]
        whole = len(verify(workspace).faults)
        named = _alter(workspace, past[-1][0], ALTERED if scale.thorough else 20)
    return [
        *_compare(found, erased, sum(map(len, chosen))),
        none_of("faults the audit names before any byte is altered", whole),
        Figure("altered bytes of rows, one at a time, at which it names the row", named, 1, "equals"),
    ]


def _live_on(workspace: Workspace, generations: int) -> Past:
    """Return every generation with its records; facts arrive between them."""
    past = [(find_entry(workspace), _read(workspace))]
    as_of = find_shop().as_of
    for week in range(1, generations):
        as_of += timedelta(days=7)
        add_later_facts(workspace, sorted(past[0][1]), as_of - timedelta(days=7), 2400 + week)
        score_everyone(workspace, as_of, NOW + timedelta(days=week))
        past.append((find_entry(workspace), _read(workspace)))
    return past


def _change(workspace: Workspace, past: Past, count: int) -> set[str]:
    """Change settings, load and undo facts and erase customers; return who was erased."""
    later = NOW + timedelta(days=30)
    add_later_facts(workspace, sorted(past[0][1]), find_shop().as_of - timedelta(days=90), 2499)
    newest = read_loads(workspace.events)[-1]
    undo_load(workspace, newest.load, later)
    file = workspace.root / "fedele.toml"
    text = file.read_text(encoding="utf-8").replace("per_ticket = 8.0", "per_ticket = 80.0")
    file.write_text(text.replace("stale_after_days = 35 ", "stale_after_days = 1 "), encoding="utf-8")
    ids = sorted(past[0][1])
    places = generator(SEED, "erased").choice(len(ids), count, replace=False)
    erased = {ids[place] for place in places}
    for one in sorted(erased):
        forget(workspace, one, later)
    return erased


def _choose(past: Past, count: int) -> list[list[str]]:
    pairs = [(place, one) for place, (_, records) in enumerate(past) for one in sorted(records)]
    drawn = generator(SEED, "scores").choice(len(pairs), min(count, len(pairs)), replace=False)
    chosen: list[list[str]] = [[] for _ in past]
    for number in drawn:
        place, one = pairs[number]
        chosen[place].append(one)
    return chosen


def _compare(found: list[tuple[dict[str, Replay], Records]], erased: set[str], count: int) -> list[Figure]:
    told = [(one, each, records[one]) for answers, records in found for one, each in answers.items()]
    kept = [(each, record) for one, each, record in told if one not in erased]
    gone = [each for one, each, _ in told if one in erased]
    differing = sum((each.record_en, each.record_it) != record for each, record in kept)
    return [
        Figure("past scores replayed, in both languages", len(told), count, "equals"),
        none_of("of them with other bytes than when they were new", differing),
        none_of(
            "of them without a record, nobody erased", sum(each.status != "reproduced" for each, _ in kept)
        ),
        Figure("of them of erased customers", len(gone), 1, "at least"),
        none_of(
            "of those, any that are not answered `erased`", sum(each.status != "erased" for each in gone)
        ),
    ]


def _alter(workspace: Workspace, entry: Entry, count: int) -> float:
    """Return the share of random bytes whose change makes the audit name the row they are in."""
    name: str = entry.body["file"]
    file = workspace.ledger / name
    whole = file.read_bytes()
    rng, named = generator(SEED, "bytes"), 0
    rows = [row for row in range(len(whole) // ROW) if any(whole[row * ROW : row * ROW + CONTENT])]
    for _ in range(count):
        row, place = int(rng.choice(rows)), int(rng.integers(CONTENT))
        altered = bytearray(whole)
        altered[row * ROW + place] ^= int(rng.integers(1, 256))
        file.write_bytes(altered)
        named += [fault.where for fault in verify(workspace).faults] == [f"{name}, row {row + 1}"]
    file.write_bytes(whole)
    return named / count


def _read(workspace: Workspace) -> Records:
    store = open_store(workspace)
    try:
        info = store.current()
        assert info is not None
        both: list[Mapping[str, bytes | None]] = [
            {
                row.customer_id: row.record(language)
                for _, row in store.changed_since(None, info, language, 10_000)
                if not isinstance(row, str)
            }
            for language in ("en", "it")
        ]
    finally:
        store.close()
    return {one: (record, both[1][one] or b"") for one, record in both[0].items() if record is not None}
