"""Files and folders that appear whole or not at all, also when the process is killed or the power fails."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the new ``folder`` with ``files`` at one instant; ``OSError`` when it exists and is not empty."""
    aside = folder.parent / f".{folder.name}.aside"
    # What a killed writer left; nobody reads names that begin with a dot.
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, data in files.items():
        _write(aside / name, data)
    sync_folder(aside)
    aside.rename(folder)
    sync_folder(folder.parent)


def replace_file(file: Path, data: bytes) -> None:
    """Put ``data`` in place of ``file`` at one instant; its folder is made if absent."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.parent / f".{file.name}.aside"
    _write(aside, data)
    aside.replace(file)
    sync_folder(file.parent)


def append_line(file: Path, line: bytes) -> None:
    """Append ``line`` and a newline to ``file``, on disk when this returns.

    A last line without its newline is what a killed writer left: it never counted, and is cut off first.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with os.fdopen(os.dup(descriptor), "rb") as whole:
            kept = whole.read().rfind(b"\n") + 1
        os.ftruncate(descriptor, kept)
        os.lseek(descriptor, kept, os.SEEK_SET)
        os.write(descriptor, line + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(file.parent)


def _write(file: Path, data: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Put the names in ``folder`` on disk: what was renamed there stays so."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
