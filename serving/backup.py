"""A workspace in one file and back: as of one moment, checked byte by byte, the erased left out again."""

import hashlib
import json
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from contracts.errors import StoreError, WorkspaceError
from contracts.time import to_text
from contracts.workspace import Workspace, open_workspace
from features.ingest.reader import SCRATCH
from features.store.lock import hold_lock
from features.store.tombstones import Tombstones
from serving.ledger.chain import Chain
from serving.privacy.forget import forget_again

MANIFEST = "BACKUP.json"
RESTORED = "restored"
SCHEMA_VERSION = 1
_SQLITE = b"SQLite format 3\0"
_LEFT_OUT = {".lock", SCRATCH, ".bentoml"}
_PASSING = (".partial", "-journal", "-wal", "-shm")


@dataclass(frozen=True)
class Copied:
    """How many files and bytes were copied; ``erased`` customers were in a backup and are out again."""

    files: int
    bytes: int
    erased: int = 0


def save_backup(workspace: Workspace, file: Path, now: datetime) -> Copied:
    """Write everything in the workspace's folder into one new file, which appears whole or not at all.

    Nobody writes meanwhile but a running service, whose databases are copied at one instant each. What lies
    in PostgreSQL or on an MLflow server is not in the folder, and so not in the file.

    Raises:
        WorkspaceError: the file exists, its folder does not, or it would lie in the workspace itself.
        LockHeld: another command is writing.
    """
    target = file.resolve()
    if target.exists() or not target.parent.is_dir() or target.is_relative_to(workspace.root):
        raise WorkspaceError(
            f"{file.name} must be a new file in a folder that exists, outside the workspace."
        )
    draft = target.with_name(f".{target.name}.partial")
    with hold_lock(workspace.lock, "fedele backup"):
        # A key made now vouches for erasures that come after this backup.
        Tombstones(workspace.tombstones).ensure_key()
        with tarfile.open(draft, "w") as archive, Chain(workspace.ledger).hold():
            listed = {name: _add(archive, path, name) for name, path in _find_files(workspace.root)}
            told = {"schema_version": SCHEMA_VERSION, "made_at": to_text(now), "files": listed}
            _add_bytes(archive, MANIFEST, json.dumps(told).encode())
    draft.chmod(0o600)
    draft.replace(target)
    return Copied(len(listed), sum(each["size"] for each in listed.values()))


def restore_backup(file: Path, folder: Path, tombstones: Path | None, now: datetime) -> Copied:
    """Make the new workspace ``folder`` from a backup, every file checked against its digest.

    Whoever was erased since the backup is erased again before the folder appears, as far as the marks are
    known: those in the backup, and those in ``tombstones`` (a workspace, or the folder of that name in one).

    Raises:
        WorkspaceError: ``folder`` holds something already, or the file is no backup.
        StoreError: a file in the backup is damaged; nothing was restored.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkspaceError(f"{folder.name} holds something already: name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.resolve().with_name(f".{folder.name}.restoring")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        listed = _unpack(file, aside)
        workspace = open_workspace(aside)
        if tombstones is not None:
            own = tombstones / "tombstones"
            Tombstones(workspace.tombstones).merge(own if own.is_dir() else tombstones)
        with hold_lock(workspace.lock, "fedele restore"):
            erased = forget_again(workspace, now)
            Chain(workspace.ledger).append(RESTORED, {"files": len(listed), "customers": erased}, now)
        if folder.exists():
            folder.rmdir()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Copied(len(listed), sum(each["size"] for each in listed.values()), erased)


def _find_files(root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        left_out = _LEFT_OUT & {parts[0], parts[-1]} or path.name.endswith(_PASSING)
        if path.is_file() and not path.is_symlink() and not left_out:
            yield PurePosixPath(*parts).as_posix(), path


def _add(archive: tarfile.TarFile, path: Path, name: str) -> dict[str, Any]:
    with path.open("rb") as stream:
        is_database = stream.read(len(_SQLITE)) == _SQLITE
    if not is_database:
        return _add_bytes(archive, name, path.read_bytes())
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "copy.db"
        source = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        with closing(source), closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        return _add_bytes(archive, name, copy.read_bytes())


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> dict[str, Any]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o600
    archive.addfile(entry, BytesIO(data))
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def _unpack(file: Path, folder: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    told: dict[str, Any] = {}
    try:
        with tarfile.open(file, "r:") as archive:
            for entry in archive:
                data = _read(archive, entry)
                if entry.name == MANIFEST:
                    told = json.loads(data)
                    continue
                path = folder / entry.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                path.chmod(0o600)
                found[entry.name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    except (tarfile.TarError, OSError, ValueError) as error:
        raise WorkspaceError(f"{file.name} is no backup that can be read: name another one.") from error
    if told.get("schema_version") != SCHEMA_VERSION or found != told.get("files"):
        raise StoreError(f"{file.name} is damaged, so nothing was restored: use an earlier backup.")
    return found


def _read(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    parts = PurePosixPath(entry.name).parts
    stream = archive.extractfile(entry) if entry.isreg() else None
    if stream is None or entry.name.startswith("/") or ".." in parts or not parts:
        raise ValueError("a name or kind of file that no backup of ours holds")
    return stream.read()
