"""Killed at a random moment and started again, ingest leaves the tables of an undisturbed load."""

import shutil
import sys
import time
from pathlib import Path

from contracts.randomness import generator
from features.store.loads import read_loads
from features.store.quarantine import read_listing
from testkit.kills import kill_at_random
from testkit.stores import NOW, load_lines, make_workspace, read_rows, write_lines

INGEST = """
import sys
from datetime import datetime
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from contracts.settings import Settings, SourceSection
from contracts.workspace import Workspace
from features.ingest.load import ingest_files
workspace = Workspace(Path(sys.argv[2]), Settings())
files, now = [Path(name) for name in sys.argv[4:]], datetime.fromisoformat(sys.argv[3])
ingest_files(workspace, "orders", files, SourceSection(), source="shop", now=now)
"""
ROOT = Path(__file__).parents[3]
KILLS = 3


def state_of(workspace):
    told = ("row_key", "content", "recorded_at", "load", "line", "backfilled", "loaded_at", "refund_of")
    rows = [tuple(row[name] for name in told) for row in read_rows(workspace, "orders")]
    return rows, read_listing(workspace.events), read_loads(workspace.events)


def test_a_load_killed_and_started_again_equals_an_undisturbed_one(tmp_path):
    lines = [f"o{n},c{n % 901},2026-0{1 + n % 5}-02,{n % 50 - 2}" for n in range(20_000)]
    lines[500], lines[700] = "o1,,2026-01-02,5", "o2,c,2026-02-30,5"
    header = "order_id,customer_id,occurred_at,amount"
    rng = generator(7, "kills")
    files = [write_lines(tmp_path / f"{part}.csv", header, *lines[part::2]) for part in range(2)]

    def command(name):
        words = [sys.executable, "-c", INGEST, str(ROOT), str(tmp_path / name), NOW.isoformat()]
        return [*words, *map(str, files)]

    started = time.perf_counter()
    assert not kill_at_random(command("calm"), rng, 300, shortest=299)
    longest, struck = time.perf_counter() - started, 0
    while struck < KILLS:
        hit = kill_at_random(command("disturbed"), rng, longest, shortest=longest / 4)
        struck += hit
        if not hit:  # this machine is quicker than it was: aim earlier, at a fresh folder
            longest *= 0.8
            shutil.rmtree(tmp_path / "disturbed")
    assert not kill_at_random(command("disturbed"), rng, 300, shortest=299)
    rows, quarantined, loads = state_of(make_workspace(tmp_path / "calm"))
    assert len(rows) + len(quarantined) == len(lines)
    assert len(loads) == len(files)
    assert {row["code"] for row in quarantined} >= {"blank_id", "no_such_date"}
    assert sum(row[-1] is not None for row in rows) > 500
    assert state_of(make_workspace(tmp_path / "disturbed")) == (rows, quarantined, loads)


def test_a_crash_after_each_commit_is_mended_by_a_rerun(tmp_path, monkeypatch):
    lines = (
        "order_id,customer_id,occurred_at,amount",
        "a,c,2026-01-02,5",
        "b,,2026-01-02,5",
        "d,c,2026-01-03,-2",
    )
    calm = make_workspace(tmp_path / "calm")
    load_lines(calm, "orders", *lines)
    for step in ("features.store.quarantine.save_listing", "features.ingest.commit.save_load"):
        workspace = make_workspace(tmp_path / step)
        with monkeypatch.context() as patch:
            patch.setattr(step, _crash)
            try:
                load_lines(workspace, "orders", *lines)
            except KeyboardInterrupt:
                crashed = True
        assert crashed
        load_lines(workspace, "orders", *lines)
        assert state_of(workspace) == state_of(calm)


def _crash(*_):
    raise KeyboardInterrupt
