"""A whole workspace in one file, and back: consistent, checked by digests, nothing trusted on the way in."""

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from contracts.errors import BackupRefused
from contracts.time import to_text
from contracts.workspace import Workspace, open_workspace

MANIFEST = "backup.json"
SCHEMA_VERSION = 1
LARGEST_MANIFEST = 64 * 2**20
MOST_TRIES = 10_000
_CHUNK = 2**20
_LEFT_OUT = re.compile(r"\..*|.*\.partial|.*-(wal|shm|journal)|.*\.log")
_SQLITE = b"SQLite format 3\x00"


@dataclass(frozen=True)
class Backup:
    """A finished backup. ``digest`` is the SHA-256 of its list of files; restore can ask for it."""

    file: Path
    files: int
    size: int
    digest: str


def write_backup(workspace: Workspace, file: Path, now: datetime) -> Backup:
    """Copy everything of ``workspace`` into ``file``, whole or not at all; the caller holds its lock.

    The work database is copied by SQLite itself, so that a service may write meanwhile. Scores and work in
    PostgreSQL are not in it: its own tools back them up.

    Raises:
        BackupRefused: ``file`` exists, or lies in the workspace.
    """
    if file.exists() or workspace.root in file.resolve().parents:
        raise BackupRefused(f"{file.name} exists, or lies in the workspace: choose another place.")
    partial = file.with_name(f"{file.name}.partial")
    with tempfile.TemporaryDirectory(prefix="fedele-backup-") as staging:
        sources = dict(_find_sources(workspace.root, Path(staging)))
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
    return Backup(file, len(listed), file.stat().st_size, hashlib.sha256(manifest).hexdigest())


def restore_backup(
    file: Path,
    folder: Path,
    *,
    digest: str | None = None,
    finish: Callable[[Workspace], None] | None = None,
) -> Workspace:
    """Unpack ``file`` into the new ``folder``, whole or not at all, and return the workspace.

    Args:
        file: what ``write_backup`` wrote.
        folder: must not exist, or be empty.
        digest: as the backup printed it; None takes the file's word.
        finish: called with the unpacked workspace before anybody can see it under its name; erasures that
            came after the backup are applied here. If it raises, nothing is restored.

    Raises:
        BackupRefused: the file is damaged, altered, no backup or of a later Fedele, or the folder is taken.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupRefused(f"{folder.name} is not empty: restore into a new folder.")
    aside = folder.parent / f".{folder.name}.restored"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=0o700)
    try:
        with _open_archive(file) as archive:
            _unpack(archive, aside, file.name, digest)
        if finish is not None:
            finish(open_workspace(aside))
        if folder.exists():
            folder.rmdir()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return open_workspace(folder)


def _find_sources(root: Path, staging: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file's name in the backup and where to read it: databases from a copy of this instant."""
    for place, folders, names in os.walk(root):
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


def _unpack(archive: tarfile.TarFile, aside: Path, name: str, digest: str | None) -> None:
    try:
        members = iter(archive)
        listed = _read_manifest(archive, next(members, None), digest)
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
