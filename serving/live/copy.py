"""The copy that live scores read: feature rows by customer, and events sorted by customer.

Derived from the store and the scoring run, and written by that run: losing it loses nothing.
"""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from contracts.atomic import replace_file, sync_folder
from contracts.errors import StoreError
from contracts.feature_frame import INDEX, FeatureFrame, FeatureList
from contracts.scores import dumps
from contracts.time import to_text
from contracts.voice import SURVEY_REQUESTS
from contracts.workspace import Workspace
from features.economics import Economics
from features.engine import Engine, read_batches
from features.live import Columns, Company
from features.snapshot import Crowd
from serving.everyone import Everyone
from serving.live.history import Histories, erase_histories, write_histories
from serving.live.records import StoredFeatures
from serving.store.database import answer_for
from serving.store.draft import DraftFile
from serving.store.rows import GenerationInfo
from training.models.company_model import CompanyModel

META, FEATURES, HISTORY, READINGS = "copy.json", "features.db", "history.db", "readings"
KEPT_COPIES = 2
_BATCH_ROWS = 65_536
_COSTS = ("acquisition_cost", "tickets", "interactions")
_ANSWERS = ("band", *SURVEY_REQUESTS)
# Rows stand beside the index and not in it: with two of them to a page it would be seventeen pages deep.
_ROWS = (
    "CREATE TABLE features (customer_id TEXT NOT NULL, kind TEXT NOT NULL, segment TEXT NOT NULL, "
    "numbers BLOB NOT NULL, texts TEXT NOT NULL, economics TEXT, answers TEXT) STRICT"
)
_INDEX = "CREATE UNIQUE INDEX features_by_customer ON features (customer_id)"


@dataclass(frozen=True)
class CopyFacts:
    """What holds for a whole copy. ``hashes`` and ``unseen`` families are by kind of customer.

    ``voice`` is the digest of the head that read the texts, ``answered`` tells whether answers were kept.
    """

    generation: str
    as_of: datetime
    newest: datetime | None
    margin_share: float | None
    company: Company
    hashes: dict[str, str]
    unseen: dict[str, tuple[str, ...]]
    voice: str | None
    answered: bool

    def fits(self, model: CompanyModel) -> bool:
        """Return whether texts were read as this model reads them, and answers kept if it asks for them."""
        return self.voice == digest_voice(model) and (self.answered or model.satisfaction is None)


def digest_voice(model: CompanyModel) -> str | None:
    """Return the digest of the head that the company's own answers taught; None without one."""
    return None if model.voice is None else hashlib.sha256(dumps(model.voice.to_dict())).hexdigest()


def write_copy(workspace: Workspace, info: GenerationInfo, everyone: Everyone, model: CompanyModel) -> None:
    """Write the copy of a scoring run beside those there are; nobody reads it before it is whole."""
    assert everyone.company is not None
    workspace.live.mkdir(exist_ok=True)
    draft = workspace.live / f".{info.generation}.partial"
    shutil.rmtree(draft, ignore_errors=True)
    with answer_for(f"{workspace.live.name}/{info.generation}"):
        draft.mkdir(mode=0o700)
        _write_features(draft / FEATURES, everyone)
        write_histories(draft / HISTORY, _read_tables(workspace, everyone, draft / "spill"))
        shutil.rmtree(draft / "spill", ignore_errors=True)
        told = _describe(info, everyone, everyone.company)
        replace_file(draft / META, dumps(told | {"voice": digest_voice(model)}))
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
        held += erase_histories(draft / HISTORY, customer_ids)
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
                self._histories = Histories(folder / HISTORY)
            except (ValueError, KeyError, sqlite3.Error, pa.ArrowException) as error:
                raise StoreError(f"live/{folder.name} is damaged: run `fedele score` again.") from error
            address = f"file:{folder / FEATURES}?mode=ro&immutable=1"
            self._connection = sqlite3.connect(address, uri=True, check_same_thread=False)

    @property
    def schemas(self) -> dict[str, pa.Schema]:
        """The columns of each event table."""
        return {name: schema for name, schema in self._histories.schemas.items() if name != READINGS}

    def read_history(self, customer_ids: Sequence[str]) -> tuple[dict[str, Columns], Columns | None]:
        """Return every stored row of these customers by table, and what was read from their texts.

        The readings are None where no text of anybody was read.
        """
        with answer_for(f"live/{self.facts.generation}"):
            tables = self._histories.read(customer_ids)
        readings = tables.pop(READINGS, None)
        return tables, readings

    def read_features(
        self, customer_ids: Sequence[str], lists: Mapping[str, FeatureList]
    ) -> dict[str, StoredFeatures]:
        """Return the stored feature rows of these customers, sorted by id, for each kind that some are of.

        ``lists`` are the features by kind; customers of another kind are left out.
        """
        rows = self._select(customer_ids)
        found = {}
        for kind, features in lists.items():
            own = [row for row in rows if row[1] == kind]
            if own:
                frame = _build_frame(own, self.facts, kind, features)
                economics = Economics(_read_table(own, 5, _COSTS), self.facts.margin_share)
                answers = _read_table(own, 6, _ANSWERS) if self.facts.answered else None
                found[kind] = StoredFeatures(frame, economics, answers)
        return found

    def close(self) -> None:
        """Close every file."""
        if self._connection is not None:
            self._connection.close()
            self._histories.close()

    def _select(self, customer_ids: Sequence[str]) -> list[tuple[Any, ...]]:
        assert self._connection is not None
        rows: list[tuple[Any, ...]] = []
        for start in range(0, len(customer_ids), 500):
            some = customer_ids[start : start + 500]
            marks = ",".join("?" * len(some))
            query = f"SELECT * FROM features WHERE customer_id IN ({marks})"
            rows += self._connection.execute(query, tuple(some)).fetchall()
        return sorted(rows, key=lambda row: row[0])


def _read_table(rows: list[tuple[Any, ...]], place: int, columns: tuple[str, ...]) -> pd.DataFrame:
    known = {row[0]: json.loads(row[place]) for row in rows if row[place]}
    cells = np.array(list(known.values()), dtype=np.float64).reshape(len(known), len(columns))
    return pd.DataFrame(cells, index=pd.Index(list(known), dtype=object), columns=columns)


def _build_frame(
    rows: list[tuple[Any, ...]], facts: CopyFacts, kind: str, features: FeatureList
) -> FeatureFrame:
    cells = (
        # Of arrays: what pandas has to make columns of takes it three times as long.
        pd.Series([facts.as_of]).array.repeat(len(rows)),
        pd.array([row[0] for row in rows], dtype="str"),
        pd.array([kind], dtype="str").repeat(len(rows)),
        pd.array(["scored"], dtype="str").repeat(len(rows)),
        pd.array([row[2] for row in rows], dtype="str"),
    )
    index = pd.DataFrame(dict(zip(INDEX, cells, strict=True)))
    numbers = np.frombuffer(b"".join(row[3] for row in rows), dtype="<f8")
    matrix = numbers.reshape(len(rows), len(features.numeric))
    texts = zip(*(json.loads(row[4]) for row in rows), strict=True)
    words = dict(zip(features.categorical, texts, strict=True))
    return FeatureFrame.of_numbers(index, matrix.copy(), words, features, facts.unseen.get(kind, ()))


def _write_features(file: Path, everyone: Everyone) -> None:
    with DraftFile(file) as draft:
        draft.execute(_ROWS)
        costs = _write_table(everyone.economics.table, _COSTS)
        answers = {} if everyone.answers is None else _write_table(everyone.answers, _ANSWERS)
        for kind, frame in everyone.frames.items():
            rows = _pack(frame, kind, costs, answers)
            draft.insert("INSERT INTO features VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        draft.execute(_INDEX)
        draft.seal()


def _write_table(known: pd.DataFrame, columns: tuple[str, ...]) -> dict[str, str]:
    rows = known[list(columns)].to_numpy(dtype=np.float64).tolist()
    return {
        customer_id: json.dumps([None if x != x else x for x in row])
        for customer_id, row in zip(known.index, rows, strict=True)
    }


def _pack(
    frame: FeatureFrame, kind: str, costs: dict[str, str], answers: dict[str, str]
) -> Iterator[tuple[Any, ...]]:
    texts = [frame.values[name].tolist() for name in frame.features.categorical]
    matrix = np.ascontiguousarray(frame.values[list(frame.features.numeric)].to_numpy(dtype="<f8"))
    ids, segments = frame.customers, frame.segments.tolist()
    for place, (customer_id, segment) in enumerate(zip(ids, segments, strict=True)):
        words = dumps([column[place] for column in texts]).decode()
        beside = (costs.get(customer_id), answers.get(customer_id))
        yield customer_id, kind, segment, matrix[place].tobytes(), words, *beside


def _read_tables(
    workspace: Workspace, everyone: Everyone, spill: Path
) -> Iterator[tuple[str, pa.RecordBatchReader]]:
    """Yield every event table sorted by customer and time, and what was read from texts where any was."""
    engine = Engine(threads=workspace.settings.training.engine_threads, temp_folder=spill)
    for name, table in engine.open_events(workspace.events).tables.items():
        yield name, read_batches(table.order_by([table.customer_id, table.occurred_at]), _BATCH_ROWS)
    if everyone.readings is not None:
        yield READINGS, pa.Table.from_pandas(everyone.readings, preserve_index=False).to_reader(_BATCH_ROWS)


def _describe(info: GenerationInfo, everyone: Everyone, company: Company) -> dict[str, Any]:
    def text(instant: datetime | None) -> str | None:
        return None if instant is None else to_text(instant)

    return {
        "generation": info.generation,
        "as_of": to_text(info.as_of),
        "newest": text(everyone.newest),
        "margin_share": everyone.economics.margin_share,
        "since": {name: text(first) for name, first in company.since.items()},
        "crowd": company.crowd.to_dict(),
        "answered": everyone.answers is not None,
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
        Company(since, Crowd.from_dict(values["crowd"])),
        values["hashes"],
        {kind: tuple(names) for kind, names in values["unseen"].items()},
        values["voice"],
        values["answered"],
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
    sync_folder(folder.parent)
