"""The model in service: verified in a child, swapped by one reference, kept when its heir is refused."""

import hashlib
import json
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

from contracts.errors import BundleRefused, FedeleError, WorkspaceError
from contracts.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from training.models.company_model import CompanyModel

NO_CHAMPION = "No model has been promoted: run `fedele train`, which promotes the first one that passes."
KEPT_MODELS = 3
RETRY_LOOKS = 30
error_log = logging.getLogger("fedele.errors")


@dataclass(frozen=True)
class Champion:
    """The serving model, verified, and the version it is called by.

    ``bundle`` is the SHA-256 of its manifest. ``proven`` when the gate passed, ``subscription_proven`` when
    that of the subscribers' part did.
    """

    version: str
    digest: str
    trained_until: datetime
    proven: bool
    subscription_proven: bool
    model: "CompanyModel"
    bundle: str = ""

    def proves(self, kind: str) -> bool:
        """Return whether the part for customers of ``kind`` has proved better than a simple rule."""
        return self.subscription_proven if kind == "subscription" else self.proven


@dataclass(frozen=True)
class ChampionState:
    """What is in service and what should be. ``refused`` says why the wanted version is not; else None."""

    version: str | None = None
    wanted: str | None = None
    refused: str | None = None


def load_champion(workspace: Workspace) -> Champion:
    """Return the champion of a workspace, verified: signature, hashes, structure, golden rows in a child.

    Raises:
        WorkspaceError: nothing has been promoted.
        BundleRefused: its bundle is damaged, altered or not signed with the workspace's key.
    """
    from training.bundle import read_champion

    found = read_champion(workspace)
    if found is None:
        raise WorkspaceError(NO_CHAMPION)
    return _load(workspace, *found)


def _load(workspace: Workspace, version: str, folder: "Path") -> Champion:
    from training.bundle import find_digest, load_manifest, load_model, read_key

    model = load_model(folder, key=read_key(workspace))
    manifest = load_manifest(folder)
    digest = hashlib.sha256(json.dumps(manifest["files"], sort_keys=True).encode()).hexdigest()
    proven = manifest["gate"]["passed"]
    subscribers_proven = manifest.get("subscription", {"gate": {"passed": proven}})["gate"]["passed"]
    try:
        trained_until = datetime.fromisoformat(manifest["trained_until"])
    except (KeyError, TypeError, ValueError) as error:
        raise BundleRefused(f"Bundle {version}: trained_until is no instant: train again.") from error
    return Champion(version, digest, trained_until, proven, subscribers_proven, model, find_digest(folder))


class ChampionHolder:
    """Holds the model one process serves a workspace with. Reading it never waits; ``look`` does the work.

    A request takes ``champion`` once and uses that object to its end, so it never sees two models. The last
    few models stay in memory: a rollback to one of them needs its hashes checked again, no child process.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._now: tuple[Champion | None, ChampionState] = (None, ChampionState())
        self._seen: tuple[str, ...] | None = None
        self._looks = 0
        self._known: OrderedDict[str, Champion] = OrderedDict()
        self._lock = Lock()

    @property
    def champion(self) -> Champion | None:
        """The verified model in service; None before the first one could be loaded."""
        return self._now[0]

    @property
    def state(self) -> ChampionState:
        """What is in service, what the pointer wants, and why they differ."""
        return self._now[1]

    def look(self) -> bool:
        """Follow the pointer; return whether another model serves now. Never raises for a bad bundle.

        Takes microseconds while the pointer rests, seconds when a bundle has to be verified. A refused one is
        logged with its reason, once, and tried again after ``RETRY_LOOKS`` looks: it may have been mended.
        """
        with self._lock:
            mark = self._read_mark()
            self._looks += 1
            if mark == self._seen and (self.state.refused is None or self._looks % RETRY_LOOKS):
                return False
            fresh = mark != self._seen
            self._seen = mark
            try:
                return self._follow()
            except (FedeleError, OSError) as error:
                self._refuse(str(error), log=fresh)
                return False

    def _follow(self) -> bool:
        from training.bundle import read_bundle, read_champion, read_key

        before = self.champion
        found = read_champion(self._workspace)
        if found is None:
            # A pointer that is gone is no order to stop: who serves goes on.
            self._now = (before, ChampionState(None if before is None else before.version))
            return False
        version, folder = found
        digest = read_bundle(folder, read_key(self._workspace)).digest
        champion = self._known.get(f"{version} {digest}")
        if champion is None:
            champion = _load(self._workspace, version, folder)
            self._known[f"{version} {digest}"] = champion
        self._known.move_to_end(f"{version} {digest}")
        while len(self._known) > KEPT_MODELS:
            self._known.popitem(last=False)
        self._now = (champion, ChampionState(version, version))
        return champion is not before

    def _refuse(self, why: str, *, log: bool) -> None:
        wanted = self._seen[0] if self._seen and self._seen[0] else None
        before = self.champion
        self._now = (before, ChampionState(None if before is None else before.version, wanted, why))
        if log:
            error_log.error(json.dumps({"error": "champion_refused", "wanted": wanted, "text": why}))

    def _read_mark(self) -> tuple[str, ...]:
        """Return what changes whenever another bundle may have come: the pointer, and the manifest's stat."""
        from training.bundle import MANIFEST, is_version, read_pointer

        version = read_pointer(self._workspace) or ""
        if not is_version(version):
            return (version,)
        try:
            facts = (self._workspace.models / version / MANIFEST).stat()
        except OSError:
            return (version, "gone")
        return (version, str(facts.st_ino), str(facts.st_mtime_ns))
