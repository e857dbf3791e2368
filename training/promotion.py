"""Which model serves: the pointer ``models/champion`` is the truth, ``promotions.jsonl`` remembers its moves.

A move is four steps: verify, copy, log, point. Killed between any two, the old champion goes on serving and
the same command finishes the move. The alias in MLflow mirrors the pointer afterwards and is never asked.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from contracts.atomic import append_line, write_folder
from contracts.errors import BundleRefused, ModelRefused, WorkspaceError
from contracts.findings import Finding
from contracts.time import to_text
from contracts.workspace import Workspace
from training.bundle import (
    MANIFEST,
    BundleParts,
    is_version,
    load_manifest,
    point_champion,
    read_bundle,
    read_champion,
    read_pointer,
    verify_bundle,
)
from training.manifest import encode, is_table
from training.signature import SIGNATURE, read_key, sign


@dataclass(frozen=True)
class Promotion:
    """One line of the log: ``at`` in RFC 3339, ``digest`` of the bundle, ``gate`` as its manifest says.

    ``warnings`` are of this call alone and not logged.
    """

    action: Literal["promote", "rollback"]
    version: str
    digest: str
    previous: str | None
    who: str
    at: str
    why: str
    forced: bool
    gate: dict[str, Any]
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the line as plain JSON values, without the warnings."""
        plain = asdict(self)
        del plain["warnings"]
        return plain


def next_version(workspace: Workspace) -> str:
    """Return the number of the next model, one above all ever trained or promoted here; "1" at first."""
    promoted = [int(entry.version) for entry in read_promotions(workspace)]
    return str(max([0, *_versions(workspace.bundles), *_versions(workspace.models), *promoted]) + 1)


def promote(
    workspace: Workspace,
    version: str | None,
    *,
    who: str,
    now: datetime,
    reason: str = "",
    force: bool = False,
) -> Promotion:
    """Make ``version`` (by default the latest trained) the champion and return the logged line.

    ``force`` with a reason passes over a gate that said no, never over a leak. Promoting the champion again
    logs nothing and mends the alias. The caller holds the workspace's lock.

    Raises:
        WorkspaceError: no such version was trained here.
        BundleRefused: its bundle is damaged, not signed here, or does not answer as it should.
        ModelRefused: its gate said no, or it is a model of tables.
    """
    chosen = _find_trained(workspace, version)
    _check_kind(workspace, chosen)
    parts = verify_bundle(workspace.bundles / chosen, read_key(workspace))
    forced = _check_gate(chosen, parts.manifest["gate"], reason, force)
    entry = Promotion(
        "promote",
        version=chosen,
        digest=parts.digest,
        previous=_find_serving(workspace),
        who=who,
        at=to_text(now),
        why=reason.strip(),
        forced=forced,
        gate=parts.manifest["gate"],
    )
    return _move(workspace, entry, parts)


def rollback(workspace: Workspace, *, who: str, now: datetime, reason: str = "") -> Promotion:
    """Bring back the champion before the present one and return the logged line; again: one further back.

    Raises:
        WorkspaceError: there is no champion, or none before it.
        BundleRefused: the earlier bundle is damaged, or is not the one the log names.
    """
    champion = read_champion(workspace)
    log = list(read_promotions(workspace))
    earlier = _find_promotion(log, champion[0]) if champion else None
    if earlier is None or earlier.previous is None:
        raise WorkspaceError("No champion before this one is in the promotion log: promote another version.")
    previous = _find_promotion(log, earlier.previous)
    parts = verify_bundle(workspace.models / earlier.previous, read_key(workspace))
    if previous is None or previous.digest != parts.digest:
        raise BundleRefused(
            f"models/{earlier.previous} is not the bundle that was promoted: promote a trained version."
        )
    entry = replace(
        previous,
        action="rollback",
        previous=earlier.version,
        who=who,
        at=to_text(now),
        why=reason.strip(),
    )
    return _move(workspace, entry, parts)


def read_promotions(workspace: Workspace) -> Iterator[Promotion]:
    """Yield the lines of the log, oldest first; a torn last line never counted.

    Raises:
        WorkspaceError: a line inside the log is damaged.
    """
    if not workspace.promotions.exists():
        return
    whole, _, _ = workspace.promotions.read_bytes().rpartition(b"\n")
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            entry = Promotion(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise WorkspaceError(
                f"promotions.jsonl: line {number} is damaged: restore it from a backup."
            ) from error
        if not is_version(entry.version):
            raise WorkspaceError(
                f"promotions.jsonl: line {number} names no version: restore it from a backup."
            )
        yield entry


def find_alias_difference(workspace: Workspace) -> Finding | None:
    """Return a finding for ``fedele check`` when MLflow's alias does not show the champion, else None."""
    from training.registry import read_champion_alias

    champion = read_champion(workspace)
    truth = champion[0] if champion else None
    alias, fault = read_champion_alias(workspace)
    if fault:
        return Finding("remark", "alias_unknown", fault, "Nothing here depends on it.")
    if alias == truth:
        return None
    return Finding(
        "warning",
        "alias_differs",
        f"MLflow calls version {alias or 'none'} champion, but version {truth or 'none'} serves.",
        f"Run `fedele promote {truth}` to mend the alias." if truth else "Remove the alias in MLflow.",
    )


def _find_trained(workspace: Workspace, version: str | None) -> str:
    trained = sorted(_versions(workspace.bundles))
    if not trained:
        raise WorkspaceError("No model has been trained here: run `fedele train`.")
    chosen = _find_latest(workspace, trained) if version is None else version.strip()
    if not is_version(chosen) or int(chosen) not in trained:
        raise WorkspaceError(f"No version {chosen!r} was trained here: choose one of {trained[-5:]}.")
    return chosen


def _find_latest(workspace: Workspace, trained: list[int]) -> str:
    """Return the latest version that scores customers, else the latest of all."""
    for version in reversed(trained):
        if not is_table(load_manifest(workspace.bundles / str(version))):
            return str(version)
    return str(trained[-1])


def _check_kind(workspace: Workspace, version: str) -> None:
    if is_table(load_manifest(workspace.bundles / version)):
        raise ModelRefused(
            f"Version {version} scores tables, with `fedele score --frame FILE --model {version}`; the "
            "champion scores customers of the workspace: promote a version of `fedele train` without --frame."
        )


def _versions(folder: Path) -> list[int]:
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return [int(name) for name in names if is_version(name)]


def _check_gate(version: str, gate: dict[str, Any], reason: str, force: bool) -> bool:
    """Return whether the gate was passed over; raise ``ModelRefused`` when it may not be."""
    if gate["passed"]:
        return False
    why = "; ".join(map(str, gate["reasons"])) or "no reason recorded"
    if gate.get("leak", False):
        raise ModelRefused(
            f"Version {version} saw the future ({why}): mend the data and train again; --force does not help."
        )
    if not force:
        raise ModelRefused(
            f"Version {version} failed its gate ({why}): train again, or --force with --reason."
        )
    if not reason.strip():
        raise ModelRefused(
            f"Version {version} failed its gate ({why}): --force needs a --reason, for the log."
        )
    return True


def _find_promotion(log: list[Promotion], version: str) -> Promotion | None:
    """Return the last promotion (no rollback) of ``version``: its ``previous`` leads further back."""
    found = [entry for entry in log if entry.version == version and entry.action == "promote"]
    return found[-1] if found else None


def _move(workspace: Workspace, entry: Promotion, parts: BundleParts) -> Promotion:
    _copy_bundle(workspace.models / entry.version, parts, read_key(workspace))
    if entry.previous != entry.version:
        log = list(read_promotions(workspace))
        # Equal but for the instant: a command killed before it pointed; it is finished, not doubled.
        if not (log and replace(log[-1], at=entry.at) == entry):
            append_line(workspace.promotions, json.dumps(entry.to_dict(), ensure_ascii=False).encode())
        point_champion(workspace, entry.version)
    return replace(entry, warnings=_mirror(workspace, entry))


def _find_serving(workspace: Workspace) -> str | None:
    """Return the version the pointer names, also when its folder is gone: promoting mends that."""
    version = read_pointer(workspace)
    return version if version is not None and is_version(version) else None


def _copy_bundle(folder: Path, parts: BundleParts, key: bytes) -> None:
    """Write the verified bytes, not the files again, into ``folder``; a damaged copy there is replaced."""
    if folder.exists():
        try:
            if read_bundle(folder, key).digest == parts.digest:
                return
        except BundleRefused:
            pass
        shutil.rmtree(folder)
    files = {name: text.encode() for name, text in parts.files.items()}
    manifest = encode(parts.manifest)
    write_folder(folder, {**files, MANIFEST: manifest, SIGNATURE: sign(manifest, key)})


def _mirror(workspace: Workspace, entry: Promotion) -> tuple[str, ...]:
    from training.registry import mirror_champion

    fault = mirror_champion(workspace, entry.version, entry.digest)
    return (fault,) if fault else ()
