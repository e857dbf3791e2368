"""The signature of a bundle: who changes one in the registry cannot sign it, the key is kept elsewhere."""

import hashlib
import hmac
import os
import re
import secrets  # a key must be unguessable; contracts.randomness repeats itself on purpose
import stat
from pathlib import Path

from contracts.errors import BundleRefused, WorkspaceError
from contracts.workspace import Workspace

SIGNATURE = "manifest.sig"
KEY_BYTES = 32
_FORM = re.compile(rb"hmac-sha256 [0-9a-f]{64}\n")
_PURPOSE = b"fedele bundle 1 "


def make_key(workspace: Workspace) -> bytes:
    """Return the key this workspace signs its bundles with, made on first use, readable by its owner only.

    Raises:
        WorkspaceError: the key is damaged, or others can read it.
    """
    file = workspace.bundle_key
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(KEY_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(aside, file)  # whole or not at all; of two first uses one wins
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return read_key(workspace)


def read_key(workspace: Workspace) -> bytes:
    """Return the key of a workspace.

    Raises:
        WorkspaceError: there is none, it is damaged, or others can read it.
    """
    file = workspace.bundle_key
    try:
        facts = file.stat()
        key = file.read_bytes()
    except OSError as error:
        raise WorkspaceError(
            f"{file.name}, which bundles are signed with, cannot be read: bring it back from a backup, or "
            "train and promote again."
        ) from error
    # A key that is mounted as a secret belongs to another user and is read through the group.
    closed = 0o077 if workspace.settings.serve.bundle_key_file is None else 0o027
    if not stat.S_ISREG(facts.st_mode) or stat.S_IMODE(facts.st_mode) & closed:
        raise WorkspaceError(f"{file.name} can be read by others: run `chmod 600 {file.name}`.")
    if len(key) != KEY_BYTES:
        raise WorkspaceError(
            f"{file.name} has {len(key)} bytes, not {KEY_BYTES}: bring it back from a backup."
        )
    return key


def sign(manifest: bytes, key: bytes) -> bytes:
    """Return the signature file of a manifest.

    Examples:
        >>> sign(b"{}", bytes(32))[:18]
        b'hmac-sha256 b821ac'
    """
    return b"hmac-sha256 " + hmac.new(key, _PURPOSE + manifest, hashlib.sha256).hexdigest().encode() + b"\n"


def check_signature(folder: Path, manifest: bytes, key: bytes) -> None:
    """Return nothing when ``folder`` holds the signature of ``manifest`` by ``key``.

    Raises:
        BundleRefused: it is missing, no signature, or that of another manifest or key.
    """
    try:
        found = (folder / SIGNATURE).read_bytes()[:200]
    except OSError as error:
        raise BundleRefused(f"{SIGNATURE} is missing") from error
    if not _FORM.fullmatch(found):
        raise BundleRefused(f"{SIGNATURE} is no signature")
    if not hmac.compare_digest(found, sign(manifest, key)):
        raise BundleRefused(f"{SIGNATURE} is not this workspace's signature of the manifest")
