"""Small workspaces for tests: files written, loaded, and read back as plain rows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from contracts.settings import Settings, SourceSection
from contracts.workspace import Workspace
from features.ingest.job import LoadReport
from features.ingest.load import ingest_file
from features.store.delta import active_files

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def make_workspace(folder: Path, **settings: Any) -> Workspace:
    """Return a workspace in ``folder`` (made if absent) with these settings."""
    folder.mkdir(parents=True, exist_ok=True)
    return Workspace(folder, Settings(**settings))


def write_lines(file: Path, *lines: str, encoding: str = "utf-8") -> Path:
    """Write the lines, each ended, and return the file."""
    file.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return file


def load_lines(
    workspace: Workspace, table: str, *lines: str, name: str = "file.csv", now: datetime = NOW, **options: Any
) -> LoadReport:
    """Load a CSV of these lines, as source ``shop`` unless told otherwise, and return the account."""
    source = options.pop("source", "shop")
    file = write_lines(workspace.root / name, *lines)
    return ingest_file(workspace, table, file, SourceSection(**options), source=source, now=now)


def read_rows(workspace: Workspace, table: str) -> list[dict[str, Any]]:
    """Return all stored versions, sorted by key and recorded_at."""
    rows = [row for file in active_files(workspace.events / table) for row in pq.read_table(file).to_pylist()]
    return sorted(rows, key=lambda row: (row["row_key"], row["recorded_at"], row["removed"]))
