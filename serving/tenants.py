"""The workspaces one service answers for; a key or session belongs to one and opens its store only."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

from contracts.errors import SettingsError, StoreError
from contracts.workspace import Workspace, open_workspace
from serving.champion import ChampionHolder
from serving.heap import freeze_heap
from serving.keys import ApiKey, find_key, recall_key
from serving.ledger.accesses import AccessLog
from serving.live.scorer import LiveScorer
from serving.metrics import Metrics
from serving.sessions import Session, find_session
from serving.store.generations import ScoreStore, open_store
from serving.store.work import find_schema
from serving.tracing import Tracer, find_tracer

WATCH_SECONDS = 1.0


@dataclass(frozen=True)
class Tenant:
    """One workspace: its store (``store.work``: the work database), the log of who reads it, its model.

    ``live`` scores its customers now.
    """

    workspace: Workspace
    store: ScoreStore
    accesses: AccessLog
    holder: ChampionHolder = field(init=False)
    live: LiveScorer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holder", ChampionHolder(self.workspace))
        object.__setattr__(self, "live", LiveScorer(self.workspace, self.holder))

    def prepare(self) -> bool:
        """Make ready what the next live score needs, and return whether that was something new.

        A store that cannot answer is told to requests.
        """
        with suppress(StoreError):
            return self.live.prepare(self.store.current())
        return False

    @property
    def name(self) -> str:
        """The workspace's own name, for logs."""
        return self.workspace.settings.workspace.name


class Tenants:
    """The open workspaces. Made empty, so that making a service touches nothing; ``open`` fills it."""

    def __init__(self) -> None:
        self._tenants: tuple[Tenant, ...] = ()
        self._ended = Event()
        self._watcher: Thread | None = None
        self.metrics = Metrics()
        self.tracer: Tracer | None = None

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self._tenants)

    def open(self, folders: Sequence[Path]) -> None:
        """Open the workspaces in ``folders``.

        Raises:
            SettingsError: two of them share a folder or a database, so that their scores would mix.
            WorkspaceError: a folder is no workspace.
            StoreError: a store cannot be used.
        """
        workspaces = [open_workspace(folder) for folder in folders]
        homes = [_find_home(workspace) for workspace in workspaces]
        if len(set(homes)) < len(homes):
            raise SettingsError(
                "Two workspaces share one store: name each folder once, and give workspaces of one "
                "PostgreSQL database different names."
            )
        self.close()
        self.tracer = find_tracer(workspaces)
        self._tenants = tuple(
            Tenant(workspace, open_store(workspace), AccessLog(workspace)) for workspace in workspaces
        )

    def watch(self, seconds: float = WATCH_SECONDS) -> None:
        """Follow the pointer of each workspace from now on, every ``seconds``, until ``close``."""

        def follow() -> None:
            looking = True
            while looking:
                news = [(tenant.holder.look(), tenant.prepare()) for tenant in self._tenants]
                if any(map(any, news)):
                    freeze_heap()
                self.metrics.save()
                looking = not self._ended.wait(seconds)

        self._ended.clear()
        self._watcher = Thread(target=follow, name="fedele-champion", daemon=True)
        self._watcher.start()

    def find_key(self, text: str, now: datetime) -> tuple[Tenant, ApiKey] | None:
        """Return the tenant and key that ``text`` opens, or None."""
        for tenant in self._tenants:
            key = find_key(tenant.store.work, text, now)
            if key is not None:
                return tenant, key
        return None

    def recall_key(self, text: str, now: datetime) -> tuple[Tenant, ApiKey] | None:
        """Return what ``find_key`` would when it is known already, without waiting for a database."""
        for tenant in self._tenants:
            key = recall_key(tenant.store.work, text, now)
            if key is not None:
                return tenant, key
        return None

    def find_session(self, token: str, now: datetime) -> tuple[Tenant, Session] | None:
        """Return the tenant and session of a signed-in person, or None."""
        for tenant in self._tenants:
            session = find_session(tenant.store.work, token, now)
            if session is not None:
                return tenant, session
        return None

    def close(self) -> None:
        """Stop watching and close every store, once the reads are written."""
        self._ended.set()
        if self._watcher is not None:
            self._watcher.join(timeout=1)  # one that is verifying a bundle ends by itself
            self._watcher = None
        for tenant in self._tenants:
            tenant.accesses.close()
            tenant.live.close()
            tenant.store.close()
        self._tenants = ()


def _find_home(workspace: Workspace) -> str:
    if workspace.store_url is None:
        return str(workspace.root)
    return f"{workspace.store_url} {find_schema(workspace)}"
