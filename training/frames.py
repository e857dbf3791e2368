"""Feature frames as Parquet files, with the hash of their list inside."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from contracts.errors import StoreError
from contracts.feature_frame import INDEX, FeatureFrame
from contracts.workspace import Workspace
from features.engine import Engine
from features.frame import build_frame
from features.hearing import open_company
from features.snapshot import take_snapshot
from training.own_answers import listen

METADATA = b"fedele"


@dataclass(frozen=True)
class StoredFrame:
    """A frame on disk."""

    file: Path
    customers: int
    families: dict[str, int]
    feature_hash: str


def store_frame(workspace: Workspace, as_of: datetime, file: Path | None = None) -> StoredFrame:
    """Build and write the frame at ``as_of``: index columns, then the features; equal facts, equal bytes.

    The list of features and its hash are in the file's metadata under ``fedele``. Without ``file`` it goes to
    ``frames/<date>-<hash>.parquet``.

    Raises:
        StoreError: the file's name does not end in .parquet.
    """
    if file is not None and file.suffix != ".parquet":
        raise StoreError(f"{file.name} does not end in .parquet: a frame is a Parquet file, rename it.")
    engine = Engine(threads=workspace.settings.training.engine_threads)
    snapshot = take_snapshot(listen(open_company(workspace, engine)), as_of, workspace.settings)
    frame = build_frame(snapshot)
    chosen = file or workspace.frames / f"{as_of:%Y%m%dT%H%M%S}-{frame.features.hash}.parquet"
    chosen.parent.mkdir(parents=True, exist_ok=True)
    table = _tabulate(frame)
    facts = {"feature_hash": frame.features.hash, "features": frame.features.to_dicts()}
    draft = chosen.with_name(f".{chosen.name}.partial")
    pq.write_table(
        table.replace_schema_metadata({METADATA: json.dumps(facts).encode()}), draft, compression="zstd"
    )
    draft.replace(chosen)
    families = Counter(feature.family for feature in frame.features)
    return StoredFrame(chosen, len(frame), dict(families), frame.features.hash)


def _tabulate(frame: FeatureFrame) -> pa.Table:
    # Arrow asks pandas for instants in a way that pandas will drop: it gets them without their zone.
    naive = frame.index.assign(**{INDEX[0]: frame.index[INDEX[0]].dt.tz_convert(None)})
    table = pa.Table.from_pandas(pd.concat([naive, frame.values], axis=1), preserve_index=False)
    return table.set_column(0, INDEX[0], table[INDEX[0]].cast(pa.timestamp("us", "UTC")))
