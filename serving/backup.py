"""A whole workspace in one file, and back: consistent, checked by digests, the erased left out again."""

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from contracts.errors import BackupRefused
from contracts.time import to_text
from contracts.workspace import Workspace, open_workspace
from features.store.lock import hold_lock
from features.store.tombstones import Tombstones
from serving.ledger.chain import Chain
from serving.privacy.forget import forget_again

MANIFEST = "backup.json"
RESTORED = "restored"
SCHEMA_VERSION = 1
LARGEST_MANIFEST = 64 * 2**20
MOST_TRIES = 10_000
_CHUNK = 2**20
_LEFT_OUT = re.compile(r"\..*|.*\.partial|.*-(wal|shm|journal)|.*\.log")
_SQLITE = b"SQLite format 3\x00"


@dataclass(frozen=True)
class Backup:
    """A finished backup: its files and their bytes.

    ``digest`` is the SHA-256 of the list of files; restore can ask for it.
    """

    file: Path
    files: int
    size: int
    digest: str


@dataclass(frozen=True)
class Restored:
    """A workspace that is back; ``erased`` customers were in the backup and are out again."""

    workspace: Workspace
    files: int
    size: int
    erased: int


def write_backup(workspace: Workspace, file: Path, now: datetime) -> Backup:
    """Copy everything of ``workspace`` into ``file``, whole or not at all.

    A running service may write meanwhile: its databases are copied by SQLite itself, the ledger while nobody
    adds to it. What lies in PostgreSQL or on an MLflow server is not in it: its own tools back it up.

    Raises:
        BackupRefused: ``file`` exists, lies in the workspace, or its folder does not exist.
        LockHeld: another command is writing.
    """
    target = file.resolve()
    if file.exists() or workspace.root in target.parents or not target.parent.is_dir():
        raise BackupRefused(
            f"{file.name} exists, lies in the workspace, or its folder does not exist: choose another place."
        )
    with hold_lock(workspace.lock, "fedele backup"):
        # A key made now vouches for erasures that come after this backup.
        Tombstones(workspace.tombstones).ensure_key()
        return _write_archive(workspace, file, now)


def _write_archive(workspace: Workspace, file: Path, now: datetime) -> Backup:
    partial = file.with_name(f"{file.name}.partial")
    with tempfile.TemporaryDirectory(prefix="fedele-backup-") as staging:
        sources = dict(_find_sources(workspace, Path(staging)))
        listed = {name: _describe(source) for name, source in sources.items()}
        manifest = json.dumps(
            {"schema_version": SCHEMA_VERSION, "made_at": to_text(now), "files": listed}, sort_keys=True
        ).encode()
        try:
            with open(partial, "wb", opener=_private) as stream:
                with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
                    _add(archive, MANIFEST, io.BytesIO(manifest), len(manifest))
                    for name, source in sources.items():
                        with source.open("rb") as content:
                            _add(archive, name, content, listed[name]["size"])
                stream.flush()
                os.fsync(stream.fileno())
            partial.rename(file)
        finally:
            partial.unlink(missing_ok=True)
    size = sum(facts["size"] for facts in listed.values())
    return Backup(file, len(listed), size, hashlib.sha256(manifest).hexdigest())


def restore_backup(
    file: Path, folder: Path, now: datetime, *, digest: str | None = None, tombstones: Path | None = None
) -> Restored:
    """Unpack ``file`` into the new ``folder``, whole or not at all.

    Whoever was erased since the backup is erased again before the folder appears, as far as the marks are
    known: those in the backup, and those in ``tombstones``.

    Args:
        file: what ``write_backup`` wrote.
        folder: must not exist, or be empty.
        now: when, for the ledger.
        digest: as the backup printed it; None takes the file's word.
        tombstones: a workspace, or the folder of that name in one.

    Raises:
        BackupRefused: the file is damaged, altered, no backup or of a later Fedele, the folder is taken, or
            ``tombstones`` is no folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupRefused(f"{folder.name} is not empty: restore into a new folder.")
    aside = folder.parent / f".{folder.name}.restored"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=0o700)
    try:
        with _open_archive(file) as archive:
            files, size = _unpack(archive, aside, file.name, digest)
        erased = _erase_again(open_workspace(aside), tombstones, files, now)
        if folder.exists():
            folder.rmdir()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Restored(open_workspace(folder), files, size, erased)


def _erase_again(workspace: Workspace, tombstones: Path | None, files: int, now: datetime) -> int:
    if tombstones is not None:
        own = tombstones / "tombstones"
        marks = own if own.is_dir() else tombstones
        if not marks.is_dir():
            raise BackupRefused(f"{tombstones.name} is no folder: name the workspace in use.")
        Tombstones(workspace.tombstones).merge(marks)
    with hold_lock(workspace.lock, "fedele restore"):
        erased = forget_again(workspace, now)
        Chain(workspace.ledger).append(RESTORED, {"files": files, "customers": erased}, now)
    return erased


def _find_sources(workspace: Workspace, staging: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file's name in the backup and where to read it: what changes, from a copy."""
    root, live = workspace.root, staging / "live"
    live.mkdir()
    with Chain(workspace.ledger).hold():
        ledger = dict(_find_files(workspace.ledger, live, root))
        for name in [name for name, source in ledger.items() if source.parent != live]:
            copy = live / hashlib.sha256(name.encode()).hexdigest()
            shutil.copy2(ledger[name], copy)
            ledger[name] = copy
    yield from ledger.items()
    for name, source in _find_files(root, live, root):
        if name not in ledger and workspace.ledger not in source.parents:
            yield name, source


def _find_files(folder: Path, staging: Path, root: Path) -> Iterator[tuple[str, Path]]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not _LEFT_OUT.fullmatch(each))
        for name in sorted(names):
            source = Path(place) / name
            if _LEFT_OUT.fullmatch(name) or source.is_symlink() or not source.is_file():
                continue
            inside = source.relative_to(root).as_posix()
            if _is_live_database(source, root):
                copy = staging / hashlib.sha256(inside.encode()).hexdigest()
                _copy_database(source, copy)
                yield inside, copy
            else:
                yield inside, source


def _is_live_database(source: Path, root: Path) -> bool:
    if source.parent == root / "scores":
        return False  # generations never change
    with source.open("rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


def _copy_database(source: Path, copy: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=0)) as live,
        closing(sqlite3.connect(copy)) as target,
    ):
        tries = 0

        def give_up(status: int, remaining: int, total: int) -> None:
            nonlocal tries
            del status, remaining, total
            tries += 1
            if tries > MOST_TRIES:
                raise BackupRefused(f"{source.name} is being written to without a pause: try again later.")

        # Asked again every 2 ms: SQLite's own waiting polls so rarely that a busy writer starves it.
        live.backup(target, progress=give_up, sleep=0.002)
    copy.chmod(source.stat().st_mode & 0o777)


def _describe(source: Path) -> dict[str, Any]:
    sums, size = hashlib.sha256(), 0
    with source.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            sums.update(chunk)
            size += len(chunk)
    return {"sha256": sums.hexdigest(), "size": size, "private": not source.stat().st_mode & 0o077}


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    archive.addfile(member, content)


def _open_archive(file: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(file, mode="r:")
    except (OSError, tarfile.TarError) as error:
        raise BackupRefused(f"{file.name} is no backup that can be read: take another one.") from error


def _unpack(archive: tarfile.TarFile, aside: Path, name: str, digest: str | None) -> tuple[int, int]:
    try:
        members = iter(archive)
        listed = _read_manifest(archive, next(members, None), digest)
        files, size = len(listed), sum(int(facts["size"]) for facts in listed.values())
        for member in members:
            facts = listed.pop(member.name, None)
            if facts is None or not member.isreg() or not _is_inside(member.name):
                raise BackupRefused("it holds what its list does not")
            _write(archive, member, aside / member.name, facts)
        if listed:
            raise BackupRefused(f"{len(listed)} listed files are missing")
    except (BackupRefused, OSError, tarfile.TarError, ValueError, TypeError, KeyError) as error:
        why = str(error) if isinstance(error, BackupRefused) else type(error).__name__
        raise BackupRefused(f"{name} is damaged or altered ({why}): nothing was restored.") from error
    return files, size


def _read_manifest(
    archive: tarfile.TarFile, member: tarfile.TarInfo | None, digest: str | None
) -> dict[str, dict[str, Any]]:
    stream = None if member is None or member.name != MANIFEST else archive.extractfile(member)
    if stream is None or member is None or member.size > LARGEST_MANIFEST:
        raise BackupRefused("it does not begin with its list")
    data = stream.read()
    if digest is not None and hashlib.sha256(data).hexdigest() != digest.strip().lower():
        raise BackupRefused("its list does not have the digest given")
    manifest = json.loads(data)
    if manifest["schema_version"] > SCHEMA_VERSION:
        raise BackupRefused("a later Fedele wrote it: use that one")
    files: dict[str, dict[str, Any]] = manifest["files"]
    return files


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path, facts: dict[str, Any]) -> None:
    stream = archive.extractfile(member)
    if stream is None or member.size != facts["size"]:
        raise BackupRefused(f"{member.name} has another size than listed")
    place.parent.mkdir(parents=True, exist_ok=True)
    sums = hashlib.sha256()
    with open(place, "wb", opener=_private) as target:
        while chunk := stream.read(_CHUNK):
            sums.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if sums.hexdigest() != facts["sha256"]:
        raise BackupRefused(f"{member.name} does not have the SHA-256 of the list")
    place.chmod(0o600 if facts["private"] else 0o644)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
