"""What a workspace holds, as plain rows: two workspaces are equal when these are."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from contracts.events import Stored
from contracts.feature_frame import FeatureFrame
from contracts.scores import Language
from contracts.workspace import Workspace
from features.engine import Engine
from features.frame import build_frame
from features.snapshot import take_snapshot
from features.store.delta import active_files
from serving.store.generations import open_store
from serving.store.rows import STORED, GenerationInfo
from serving.store.work import open_work
from training.bundle import read_bundle, read_champion
from training.models.customer_model import CustomerModel

Rows = list[tuple[Any, ...]]


def read_commits(workspace: Workspace) -> dict[str, Rows]:
    """Return the rows of every Delta table under ``events/`` by table and load, columns and rows in order."""
    commits: dict[str, Rows] = defaultdict(list)
    for folder in sorted(each for each in workspace.events.glob("*") if each.is_dir()):
        for row in _read_delta(folder):
            commits[f"{folder.name} {dict(row)[Stored.LOAD]}"].append(row)
    return {commit: sorted(rows, key=repr) for commit, rows in commits.items()}


def _read_delta(folder: Path) -> Iterator[tuple[tuple[str, Any], ...]]:
    files = [pq.read_table(file) for file in active_files(folder)]
    whole = pa.concat_tables(files, promote_options="default").to_pylist() if files else []
    yield from (tuple(sorted(row.items())) for row in whole)


def read_generations(workspace: Workspace) -> dict[str, Rows]:
    """Return by name the rows of every kept generation, the canonical bytes of both languages among them.

    The first row of each is what is known of the run, its place in the order of runs left out.
    """
    work = open_work(workspace)
    try:
        kept = work.find_generations()
    finally:
        work.close()
    return {each.generation: [(each.to_json(),), *read_scores(workspace, each.generation)] for each in kept}


def read_scores(workspace: Workspace, generation: str) -> Rows:
    """Return the rows of one generation in the order written."""
    file = workspace.scores / f"{generation}.db"
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
    try:
        return connection.execute(f"SELECT {', '.join(STORED)} FROM scores ORDER BY position").fetchall()
    finally:
        connection.close()


def find_current(workspace: Workspace) -> GenerationInfo:
    """Return the facts of the generation readers see."""
    work = open_work(workspace)
    try:
        current = work.find_current()
    finally:
        work.close()
    assert current is not None, "Nothing was scored yet."
    return current


def read_model(workspace: Workspace) -> CustomerModel:
    """Return the champion, its hashes checked but not its golden rows, which cost a process."""
    champion = read_champion(workspace)
    assert champion is not None, "Nothing was promoted yet."
    parts = read_bundle(champion[1])
    return CustomerModel.from_parts(parts.manifest, parts.files)


def build_champion_frame(workspace: Workspace, as_of: datetime) -> FeatureFrame:
    """Return the champion's own features at ``as_of``."""
    model = read_model(workspace)
    events = Engine(threads=1).open_events(workspace.events)
    snapshot = take_snapshot(events, as_of, workspace.settings)
    frame = build_frame(snapshot, model.features, model.reference.lapsed_after_days)
    return frame.rows(frame.index["kind"] == "shop")


def count_frame_differences(one: FeatureFrame, other: FeatureFrame) -> int:
    """Return how many cells differ between two frames of one list; a row too many counts whole."""
    if len(one) != len(other):
        return abs(len(one) - len(other)) * len(one.features)
    pairs = ((one.index, other.index), (one.values, other.values))
    return sum(int(_differ(left, right).to_numpy().sum()) for left, right in pairs)


def _differ(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    return (left != right) & ~(left.isna() & right.isna())


def count_differences(one: Rows, other: Rows) -> int:
    """Return how many rows stand in one of the two only, each as often as it does."""
    ours, theirs = Counter(map(repr, one)), Counter(map(repr, other))
    return (ours - theirs).total() + (theirs - ours).total()


def read_records(workspace: Workspace, language: Language) -> list[dict[str, Any]]:
    """Return the records of the current generation as plain values, in the order written."""
    store = open_store(workspace)
    try:
        current = store.current()
        return [] if current is None else list(store.records(current, language))
    finally:
        store.close()
