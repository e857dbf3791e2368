"""The model bundle: a folder of plain data, trusted only after checks of signature, hash, structure and rows.

It holds no clock, run id, path or version number: the same inputs give the same bytes (design, section 7).
"""

import hashlib
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.atomic import replace_file, write_folder
from contracts.errors import BundleRefused, FedeleError, WorkspaceError
from contracts.feature_frame import FeatureList
from contracts.workspace import Workspace
from training.golden import check_golden_rows
from training.manifest import SCHEMA_VERSION, check_manifest, decode, encode, is_table
from training.models.columns import BTYD_FEATURES
from training.models.company_voice import VOICE_FILE, CompanyVoice
from training.models.gamma_gamma import GammaGammaParameters
from training.models.person_periods import hazard_columns
from training.models.purchase_families import PURCHASE_FILES, read_purchase_model
from training.models.tree_text import check_tree_text
from training.signature import SIGNATURE, check_signature, make_key, read_key, sign

if TYPE_CHECKING:
    from training.models.company_model import CompanyModel

MANIFEST = "manifest.json"
CHAMPION = "champion"
HAZARD_FILE = "hazard.lgb.txt"
SATISFACTION_FILE = "satisfaction.json"
__all__ = ["make_key", "read_key"]  # serving sees of training this module only
LARGEST_FILE = 256 * 2**20
GOLDEN_SECONDS = 60.0
_FILE_NAME = re.compile(r"[a-z0-9_]{1,60}(\.lgb\.txt|\.json)")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class BundleContent:
    """What a bundle says: the manifest without its list of files, and each file as text or as JSON values."""

    manifest: Mapping[str, Any]
    files: Mapping[str, "str | Mapping[str, Any]"]

    def to_bytes(self) -> dict[str, bytes]:
        """Return every file of the bundle, the manifest too, as canonical bytes.

        Raises:
            BundleRefused: a value is no plain data or not finite, or the manifest lacks something.
        """
        files = {
            name: value.encode() if isinstance(value, str) else encode(value)
            for name, value in self.files.items()
        }
        listed = {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            for name, data in files.items()
        }
        manifest = {**self.manifest, "schema_version": SCHEMA_VERSION, "files": listed}
        check_manifest(manifest)
        return {**files, MANIFEST: encode(manifest)}


@dataclass(frozen=True)
class BundleParts:
    """A bundle as read: its manifest, the texts of its files, and the SHA-256 of the manifest."""

    manifest: dict[str, Any]
    files: dict[str, str]
    digest: str


def save_bundle(content: BundleContent, folder: Path, key: bytes | None = None) -> str:
    """Write the bundle into the new ``folder``, whole or not at all; return its digest (64 hex digits).

    With ``key`` the manifest is signed: a workspace serves nothing that its own key has not signed.

    Raises:
        BundleRefused: the content is incomplete, or ``folder`` holds another bundle.
    """
    files = content.to_bytes()
    digest = hashlib.sha256(files[MANIFEST]).hexdigest()
    if not folder.exists():
        write_folder(folder, files if key is None else {**files, SIGNATURE: sign(files[MANIFEST], key)})
    elif read_bundle(folder).digest != digest:
        raise BundleRefused(f"Bundle {folder.name} exists with other content: save under a new version.")
    return digest


def load_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of the bundle in ``folder``, its form checked, the other files not yet.

    Raises:
        BundleRefused: it is missing, damaged, incomplete or of another schema.
    """
    return _load_manifest(folder)[0]


def find_digest(folder: Path) -> str:
    """Return the digest of the bundle in ``folder``: the SHA-256 of its manifest, 64 hex digits.

    Raises:
        BundleRefused: there is no manifest.
    """
    return hashlib.sha256(_read_plain(folder, MANIFEST)).hexdigest()


def read_bundle(folder: Path, key: bytes | None = None) -> BundleParts:
    """Return the parts of a bundle after checking size and SHA-256 of every file; nothing is built from them.

    With ``key`` the signature of the manifest is checked first.

    Raises:
        BundleRefused: a file is missing, altered, not listed, a link, too large or of a kind not known, or
            the signature is missing or wrong.
    """
    if key is not None:
        _check_signature(folder, key)
    manifest, digest = _load_manifest(folder)
    listed = {MANIFEST, SIGNATURE, *manifest["files"]}
    for entry in sorted(folder.iterdir()):
        if entry.name not in listed:
            raise _refused(folder, f"{entry.name!r} is not listed in the manifest")
    files = {}
    for name, facts in manifest["files"].items():
        data = _read_plain(folder, name, facts["size"])
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            raise _refused(folder, f"{name} does not have the SHA-256 of the manifest")
        try:
            files[name] = data.decode()
        except UnicodeDecodeError as error:
            raise _refused(folder, f"{name} is no UTF-8 text") from error
    return BundleParts(manifest, files, digest)


def verify_bundle(folder: Path, key: bytes | None = None, *, seconds: float = GOLDEN_SECONDS) -> BundleParts:
    """Return the parts of a bundle that passed all checks: hashes, structure, golden rows in a child process.

    With ``key`` the signature is checked first, before anything else is looked at.

    Raises:
        BundleRefused: a check failed; the message names the file and the reason.
    """
    parts = read_bundle(folder, key)
    try:
        for name, text in parts.files.items():
            _check_content(name, text, parts.manifest)
        check_golden_rows(parts.manifest, parts.files, seconds=seconds)
    except FedeleError as error:
        raise _refused(folder, str(error)) from error
    return parts


def load_model(folder: Path, key: bytes | None = None, *, seconds: float = GOLDEN_SECONDS) -> "CompanyModel":
    """Return the model of a verified bundle, built from the very bytes that were verified.

    Raises:
        BundleRefused: as ``verify_bundle``, or the parts do not fit together.
    """
    from training.models.company_model import CompanyModel

    if is_table(load_manifest(folder)):
        raise _refused(folder, "it scores tables, with `fedele score --frame`")
    parts = verify_bundle(folder, key, seconds=seconds)
    try:
        return CompanyModel.from_parts(parts.manifest, parts.files)
    except (KeyError, TypeError, ValueError, FedeleError) as error:
        raise _refused(folder, f"its parts do not fit together ({error})") from error


def read_champion(workspace: Workspace) -> tuple[str, Path] | None:
    """Return version and folder of the champion, None before the first promotion; the pointer is the truth.

    Raises:
        WorkspaceError: the pointer is damaged, or names a folder that is gone.
    """
    version = read_pointer(workspace)
    if version is None:
        return None
    if not is_version(version):
        raise WorkspaceError(f"models/{CHAMPION} holds no version: run `fedele promote VERSION`.")
    folder = workspace.models / version
    if not folder.is_dir():
        raise WorkspaceError(f"models/{version} is gone: run `fedele promote {version}` to bring it back.")
    return version, folder


def read_pointer(workspace: Workspace) -> str | None:
    """Return what the pointer to the champion says, right or wrong; None when there is no pointer."""
    try:
        return (workspace.models / CHAMPION).read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None


def point_champion(workspace: Workspace, version: str) -> None:
    """Make ``version`` the champion, at one instant for every reader."""
    replace_file(workspace.models / CHAMPION, f"{version}\n".encode())


def is_version(text: str) -> bool:
    """Return whether ``text`` is the number of a model version, and so safe in a path.

    Examples:
        >>> is_version("12"), is_version("../12"), is_version("0")
        (True, False, False)
    """
    return _VERSION.fullmatch(text) is not None


def _check_signature(folder: Path, key: bytes) -> None:
    try:
        check_signature(folder, _read_plain(folder, MANIFEST), key)
    except BundleRefused as error:
        raise _refused(folder, str(error)) from error


def _load_manifest(folder: Path) -> tuple[dict[str, Any], str]:
    data = _read_plain(folder, MANIFEST)
    try:
        manifest = decode(data, MANIFEST)
        check_manifest(manifest)
        # One spelling only: no two readers of odd JSON (doubled keys, say) can see different manifests.
        if encode(manifest) != data:
            raise BundleRefused(f"{MANIFEST} is not in canonical form")
    except BundleRefused as error:
        raise _refused(folder, str(error)) from error
    return manifest, hashlib.sha256(data).hexdigest()


def _read_plain(folder: Path, name: str, size: int | None = None) -> bytes:
    """Return the bytes of a regular file directly in ``folder``, of ``size`` bytes when that is given."""
    if name != MANIFEST and not _FILE_NAME.fullmatch(name):
        raise _refused(folder, f"{name!r} is no name for a file of a bundle")
    try:
        facts = (folder / name).lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _refused(folder, f"{name} is missing") from error
    if not stat.S_ISREG(facts.st_mode):
        raise _refused(folder, f"{name} is a link or no regular file")
    if facts.st_size > LARGEST_FILE or (size is not None and facts.st_size != size):
        wanted = f"at most {LARGEST_FILE}" if size is None else str(size)
        raise _refused(folder, f"{name} has {facts.st_size} bytes instead of {wanted}")
    return (folder / name).read_bytes()


def _check_content(name: str, text: str, manifest: Mapping[str, Any]) -> None:
    """Raise ``FedeleError`` when a file is not what its name promises."""
    if name.endswith(".lgb.txt"):
        check_tree_text(text, _find_columns(name, manifest))
        return
    values = decode(text.encode(), name)
    if not isinstance(values, dict):
        raise BundleRefused(f"{name} is no JSON object")
    if name in PURCHASE_FILES.values():
        read_purchase_model(name, values)
    elif name == "gamma_gamma.json":
        GammaGammaParameters.from_dict(values)
    elif name == VOICE_FILE:
        CompanyVoice.from_dict(values)
    elif name == SATISFACTION_FILE:
        from training.models.satisfaction import SatisfactionModel

        SatisfactionModel.from_dict(values)


def _find_columns(name: str, manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns that the trees called ``name`` see."""
    if name == HAZARD_FILE:
        features = manifest.get("subscription", {}).get("features", [])
        return hazard_columns(FeatureList.from_dicts(features).names)
    features = FeatureList.from_dicts(manifest["features"])
    return (features if is_table(manifest) else features.plus(BTYD_FEATURES)).names


def _refused(folder: Path, why: str) -> BundleRefused:
    return BundleRefused(f"Bundle {folder.name}: {why.rstrip('.')}. The model in service stays; train again.")
