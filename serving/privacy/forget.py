"""Forgetting a customer: out of every store of a workspace, a mark left behind, and a proof."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.errors import WorkspaceError
from contracts.workspace import Workspace
from features.store.erasure import erase_facts, find_customers
from features.store.lock import hold_lock
from features.store.tombstones import Tombstones
from serving.ledger.chain import Chain
from serving.ledger.erasing import erase_from_ledger
from serving.ledger.keyring import Keyring
from serving.privacy.copies import erase_from_copies
from serving.privacy.search import Search, search_workspace
from serving.store.generations import open_store

PROOF = "proof"
LONGEST_ID = 256


@dataclass(frozen=True)
class Forgotten:
    """What an erasure took, and what was looked through afterwards.

    ``facts`` counts rows by table (versions too), ``scores`` rows by generation, ``ledger_rows`` those that
    were blanked, ``work_rows`` those of the work database, ``copies`` rows by file. ``search`` names the
    files that still hold the id; there should be none.
    """

    facts: Mapping[str, int]
    scores: Mapping[str, int]
    ledger_rows: int
    work_rows: int
    copies: Mapping[str, int]
    search: Search

    @property
    def is_complete(self) -> bool:
        """Whether nothing names the customer any more."""
        return not self.search.hits

    def to_dict(self) -> dict[str, Any]:
        """Return the proof as plain JSON values."""
        return {
            "status": "erased" if self.is_complete else "left_over",
            "facts": dict(self.facts),
            "scores": dict(self.scores),
            "ledger_rows": self.ledger_rows,
            "work_rows": self.work_rows,
            "copies": dict(self.copies),
            "searched_files": self.search.files,
            "searched_bytes": self.search.bytes,
            "hits": list(self.search.hits),
        }


def forget(workspace: Workspace, customer_id: str, now: datetime) -> Forgotten:
    """Erase a customer for good and return the proof; the command line and the API both call this.

    The mark comes first, so that no load brings the customer back meanwhile; then the scores, so that nobody
    sees them from that moment on; then all else. Killed at any point, the same call finishes. It is right to
    forget somebody nothing is known of: the mark stands for later.

    Raises:
        WorkspaceError: the id is empty or longer than any id can be.
        LockHeld: another command is writing.
    """
    if not customer_id.strip() or len(customer_id) > LONGEST_ID:
        raise WorkspaceError(f"Name the customer: an id has 1 to {LONGEST_ID} characters and is not blank.")
    with hold_lock(workspace.lock, "fedele forget"):
        return erase_customer(workspace, customer_id, now)


def erase_customer(workspace: Workspace, customer_id: str, now: datetime) -> Forgotten:
    """Do what ``forget`` does; the caller holds the workspace's lock."""
    Tombstones(workspace.tombstones).add(customer_id)
    store = open_store(workspace)
    try:
        scores = store.withdraw([customer_id])
        work_rows = store.work.erase_customer(customer_id)
    finally:
        store.close()
    found = Forgotten(
        scores=scores,
        work_rows=work_rows,
        ledger_rows=erase_from_ledger(workspace, customer_id, now),
        facts=erase_facts(workspace.root, workspace.events, [customer_id]),
        copies=erase_from_copies(workspace, customer_id),
        search=_look(workspace, customer_id),
    )
    body = {"files": found.search.files, "bytes": found.search.bytes, "hits": len(found.search.hits)}
    Chain(workspace.ledger).append(PROOF, body, now)
    return found


def forget_again(workspace: Workspace, now: datetime) -> int:
    """Erase whoever came back although erased, by a restored backup say; return how many they were.

    The caller holds the workspace's lock.
    """
    tombstones = Tombstones(workspace.tombstones)
    if not len(tombstones):
        return 0
    back = tombstones.find_erased(find_known(workspace))
    for customer_id in sorted(back):
        erase_customer(workspace, customer_id, now)
    return len(back)


def find_known(workspace: Workspace) -> set[str]:
    """Return every id that facts, the ledger or kept scores hold."""
    known = find_customers(workspace.events)
    if (workspace.ledger / "keys.db").exists():
        with Keyring(workspace.ledger) as keyring:
            known |= keyring.list_customers()
    store = open_store(workspace)
    try:
        for info in store.find_generations():
            known |= store.list_customers(info)
    finally:
        store.close()
    return known


def _look(workspace: Workspace, customer_id: str) -> Search:
    drop_voice_cache(workspace)
    return search_workspace(workspace, customer_id)


def drop_voice_cache(workspace: Workspace) -> None:
    """Drop what was computed from comments; it is computed again when it is next needed.

    The cache is kept by the digest of each text, so that nothing tells whose it was: it goes whole.
    """
    shutil.rmtree(workspace.root / "voice", ignore_errors=True)
