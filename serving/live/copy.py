"""The copy that live scores read: feature rows by customer, and events sorted by customer.

Derived from the store and the scoring run, and written by that run: losing it loses nothing.
"""

import json
import shutil
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contracts.errors import StoreError
from contracts.feature_frame import INDEX, FeatureFrame, FeatureList
from contracts.scores import dumps
from contracts.time import to_text
from contracts.workspace import Workspace
from features.economics import Economics
from features.engine import Engine, read_batches
from features.live import Company
from serving.everyone import Everyone
from serving.store.database import answer_for
from serving.store.rows import GenerationInfo

META, FEATURES = "copy.json", "features.db"
GROUP_ROWS = 2_048
KEPT_COPIES = 2
_BATCH_ROWS = 65_536
_SCHEMA = (
    "CREATE TABLE features (customer_id TEXT PRIMARY KEY, kind TEXT NOT NULL, segment TEXT NOT NULL, "
    "numbers BLOB NOT NULL, texts TEXT NOT NULL, economics TEXT) STRICT, WITHOUT ROWID"
)


@dataclass(frozen=True)
class CopyFacts:
    """What holds for a whole copy. ``hashes`` and ``unseen`` families are by kind of customer."""

    generation: str
    as_of: datetime
    newest: datetime | None
    margin_share: float | None
    company: Company
    hashes: dict[str, str]
    unseen: dict[str, tuple[str, ...]]


def write_copy(workspace: Workspace, info: GenerationInfo, everyone: Everyone) -> None:
    """Write the copy of a scoring run beside those there are; nobody reads it before it is whole."""
    assert everyone.company is not None
    workspace.live.mkdir(exist_ok=True)
    draft = workspace.live / f".{info.generation}.partial"
    shutil.rmtree(draft, ignore_errors=True)
    with answer_for(f"{workspace.live.name}/{info.generation}"):
        draft.mkdir(mode=0o700)
        _write_features(draft / FEATURES, everyone)
        _write_events(workspace, draft)
        (draft / META).write_bytes(dumps(_describe(info, everyone, everyone.company)))
        _replace(draft, workspace.live / info.generation)


def prune_copies(workspace: Workspace, current: str) -> None:
    """Remove all copies but the newest two, ``current`` being one, and what killed runs left."""
    if not workspace.live.is_dir():
        return
    folders = [each for each in workspace.live.iterdir() if each.name != current]
    folders.sort(key=lambda each: (not each.name.startswith("."), each.stat().st_mtime), reverse=True)
    for folder in folders[KEPT_COPIES - 1 :] + [each for each in folders if each.name.startswith(".")]:
        shutil.rmtree(folder, ignore_errors=True)


def erase_from_copies(workspace: Workspace, customer_ids: Collection[str]) -> int:
    """Write every copy again without these customers; return how many files held any of them."""
    if not workspace.live.is_dir():
        return 0
    held = 0
    for folder in sorted(workspace.live.iterdir()):
        if folder.name.startswith("."):
            shutil.rmtree(folder)
            continue
        draft = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(folder, draft)
        held += _erase_features(draft / FEATURES, customer_ids)
        held += sum(_erase_events(file, customer_ids) for file in sorted(draft.glob("*.parquet")))
        _replace(draft, folder)
    return held


class LiveCopy:
    """One copy, open for reading; one thread at a time.

    Raises:
        StoreError: there is none in ``folder``, or it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._connection: sqlite3.Connection | None = None
        if not (folder / META).is_file():
            raise StoreError("There is no copy for live scores: run `fedele score` once more.")
        with answer_for(f"live/{folder.name}"):
            try:
                self.facts = _read_facts(json.loads((folder / META).read_bytes()))
                self._files = {file.stem: _Sorted(file) for file in sorted(folder.glob("*.parquet"))}
            except (ValueError, KeyError, pa.ArrowException) as error:
                raise StoreError(f"live/{folder.name} is damaged: run `fedele score` again.") from error
            address = f"file:{folder / FEATURES}?mode=ro&immutable=1"
            self._connection = sqlite3.connect(address, uri=True, check_same_thread=False)

    @property
    def schemas(self) -> dict[str, pa.Schema]:
        """The columns of each event table."""
        return {name: file.schema for name, file in self._files.items()}

    def read_events(self, customer_ids: Sequence[str]) -> dict[str, pa.Table]:
        """Return every stored row of these customers, by table."""
        return {name: file.read(customer_ids) for name, file in self._files.items()}

    def read_features(
        self, customer_ids: Sequence[str], kind: str, features: FeatureList
    ) -> tuple[FeatureFrame, Economics]:
        """Return the stored feature rows of those of these customers who are of ``kind``, sorted by id."""
        rows = self._select(customer_ids, kind)
        frame = _build_frame(rows, self.facts, kind, features)
        known = {row[0]: json.loads(row[5]) for row in rows if row[5]}
        columns = ("acquisition_cost", "tickets", "interactions")
        table = pd.DataFrame.from_dict(known, orient="index", columns=columns, dtype=np.float64)
        return frame, Economics(table, self.facts.margin_share)

    def close(self) -> None:
        """Close every file."""
        if self._connection is not None:
            self._connection.close()
        for file in self._files.values():
            file.close()

    def _select(self, customer_ids: Sequence[str], kind: str) -> list[tuple[Any, ...]]:
        assert self._connection is not None
        rows: list[tuple[Any, ...]] = []
        for start in range(0, len(customer_ids), 500):
            some = customer_ids[start : start + 500]
            marks = ",".join("?" * len(some))
            query = f"SELECT * FROM features WHERE kind = ? AND customer_id IN ({marks})"
            rows += self._connection.execute(query, (kind, *some)).fetchall()
        return sorted(rows, key=lambda row: row[0])


class _Sorted:
    """A Parquet file sorted by customer, and which customers each of its row groups holds."""

    def __init__(self, file: Path) -> None:
        self._file = pq.ParquetFile(file)
        self.schema = self._file.schema_arrow
        place = self.schema.get_field_index("customer_id")
        groups = [self._file.metadata.row_group(at) for at in range(self._file.num_row_groups)]
        bounds = [group.column(place).statistics for group in groups]
        self._first = [each.min for each in bounds]
        self._last = [each.max for each in bounds]

    def read(self, customer_ids: Sequence[str]) -> pa.Table:
        wanted: set[int] = set()
        for each in customer_ids:
            wanted.update(range(bisect_left(self._last, each), bisect_right(self._first, each)))
        if not wanted:
            return self.schema.empty_table()
        rows = self._file.read_row_groups(sorted(wanted), use_threads=False)
        return rows.filter(pc.is_in(rows["customer_id"], pa.array(customer_ids, pa.string())))

    def close(self) -> None:
        self._file.close()


def _build_frame(
    rows: list[tuple[Any, ...]], facts: CopyFacts, kind: str, features: FeatureList
) -> FeatureFrame:
    index = pd.DataFrame(
        {
            "as_of": [facts.as_of] * len(rows),
            "customer_id": [row[0] for row in rows],
            "kind": [kind] * len(rows),
            "status": ["scored"] * len(rows),
            "segment": [row[2] for row in rows],
        },
        columns=list(INDEX),
    )
    numeric = [each.name for each in features if each.dtype == "float64"]
    matrix = np.frombuffer(b"".join(row[3] for row in rows), dtype="<f8").reshape(len(rows), len(numeric))
    texts = [json.loads(row[4]) for row in rows]
    columns: dict[str, Any] = dict(zip(numeric, matrix.T.copy(), strict=True))
    for place, name in enumerate(each.name for each in features if each.dtype != "float64"):
        columns[name] = np.array([row[place] for row in texts], dtype=object)
    values = pd.DataFrame({name: columns[name] for name in features.names}, index=pd.RangeIndex(len(rows)))
    return FeatureFrame(index, values, features, facts.unseen.get(kind, ()))


def _write_features(file: Path, everyone: Everyone) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        # The draft is thrown away when it is cut short, so it needs no journal.
        for statement in ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "BEGIN", _SCHEMA):
            connection.execute(statement)
        known = everyone.economics.table
        costs = dict(zip(known.index, known.to_numpy(dtype=np.float64).tolist(), strict=True))
        for kind, frame in everyone.frames.items():
            rows = _pack(frame, kind, costs)
            connection.executemany("INSERT INTO features VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    finally:
        connection.close()


def _pack(frame: FeatureFrame, kind: str, costs: dict[str, list[float]]) -> Iterator[tuple[Any, ...]]:
    numeric = [each.name for each in frame.features if each.dtype == "float64"]
    texts = [frame.values[each.name].tolist() for each in frame.features if each.dtype != "float64"]
    matrix = np.ascontiguousarray(frame.values[numeric].to_numpy(dtype="<f8"))
    ids, segments = frame.index["customer_id"].tolist(), frame.index["segment"].tolist()
    for place, (customer_id, segment) in enumerate(zip(ids, segments, strict=True)):
        words = dumps([column[place] for column in texts]).decode()
        known = costs.get(customer_id)
        money = None if known is None else json.dumps([None if x != x else x for x in known])
        yield customer_id, kind, segment, matrix[place].tobytes(), words, money


def _write_events(workspace: Workspace, folder: Path) -> None:
    threads = workspace.settings.training.engine_threads
    events = Engine(threads=threads, temp_folder=folder / "spill").open_events(workspace.events)
    for name, table in events.tables.items():
        batches = read_batches(table.order_by([table.customer_id, table.occurred_at]), _BATCH_ROWS)
        with pq.ParquetWriter(folder / f"{name}.parquet", batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch, row_group_size=GROUP_ROWS)
    shutil.rmtree(folder / "spill", ignore_errors=True)


def _describe(info: GenerationInfo, everyone: Everyone, company: Company) -> dict[str, Any]:
    def text(instant: datetime | None) -> str | None:
        return None if instant is None else to_text(instant)

    return {
        "generation": info.generation,
        "as_of": to_text(info.as_of),
        "newest": text(everyone.newest),
        "margin_share": everyone.economics.margin_share,
        "since": {name: text(first) for name, first in company.since.items()},
        "fees": str(company.fees),
        "payers": company.payers,
        "hashes": {kind: frame.features.hash for kind, frame in everyone.frames.items()},
        "unseen": {kind: list(frame.unseen_families) for kind, frame in everyone.frames.items()},
    }


def _read_facts(values: dict[str, Any]) -> CopyFacts:
    def instant(text: str | None) -> datetime | None:
        return None if text is None else datetime.fromisoformat(text)

    since = {name: instant(first) for name, first in values["since"].items()}
    return CopyFacts(
        values["generation"],
        datetime.fromisoformat(values["as_of"]),
        instant(values["newest"]),
        values["margin_share"],
        Company(since, Decimal(values["fees"]), values["payers"]),
        values["hashes"],
        {kind: tuple(names) for kind, names in values["unseen"].items()},
    )


def _erase_features(file: Path, customer_ids: Collection[str]) -> int:
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete=ON").fetchall()
        marks = ",".join("?" * len(customer_ids))
        gone = connection.execute(f"DELETE FROM features WHERE customer_id IN ({marks})", tuple(customer_ids))
        connection.execute("VACUUM")
        return int(gone.rowcount > 0)
    finally:
        connection.close()


def _erase_events(file: Path, customer_ids: Collection[str]) -> int:
    draft, held = file.with_suffix(".new"), 0
    gone = pa.array(list(customer_ids), pa.string())
    with (
        pq.ParquetFile(file) as source,
        pq.ParquetWriter(draft, source.schema_arrow, compression="zstd") as writer,
    ):
        for batch in source.iter_batches(_BATCH_ROWS):
            kept = batch.filter(pc.invert(pc.is_in(batch["customer_id"], gone)))
            held += batch.num_rows - kept.num_rows
            writer.write_batch(kept, row_group_size=GROUP_ROWS)
    draft.replace(file)
    return int(held > 0)


def _replace(draft: Path, folder: Path) -> None:
    # Whoever reads the old one goes on with its open files; a crash between the two leaves none at all.
    if folder.exists():
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old)
    else:
        draft.rename(folder)
