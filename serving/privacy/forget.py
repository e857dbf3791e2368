"""Forgetting a customer: out of every store of a workspace, a mark left behind, and a proof."""

import shutil
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.errors import WorkspaceError
from contracts.workspace import Workspace
from features.store.erasure import erase_facts, find_customers
from features.store.lock import hold_lock
from features.store.tombstones import Tombstones
from serving.jobs import drop_files
from serving.ledger.chain import Chain
from serving.ledger.erasing import erase_from_ledger
from serving.ledger.keyring import Keyring
from serving.live.copy import erase_from_copies as erase_from_live_copies
from serving.privacy.copies import erase_from_copies
from serving.privacy.search import Search, search_workspace
from serving.store.generations import ScoreStore, open_store
from serving.store.outbox import withdraw_from_messages

PROOF = "proof"
LONGEST_ID = 256


@dataclass(frozen=True)
class Forgotten:
    """What an erasure took, and what was looked through afterwards.

    ``facts`` counts rows by table (versions too), ``scores`` rows by generation, ``ledger_rows`` those that
    were blanked, ``work_rows`` those of the work database (outcomes), ``messages`` those that wait to be told
    to others, ``job_files`` all lists and results of bulk jobs, ``live_files`` the files of live copies that
    held the customer, ``copies`` rows by file. ``search`` names the files that still hold the id; there
    should be none.
    """

    facts: Mapping[str, int]
    scores: Mapping[str, int]
    ledger_rows: int
    work_rows: int
    messages: int
    job_files: int
    live_files: int
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
            "messages": self.messages,
            "job_files": self.job_files,
            "live_files": self.live_files,
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
        # Whoever is found by a spelling with combining marks is erased by it too.
        spellings = dict.fromkeys((customer_id, unicodedata.normalize("NFC", customer_id)))
        return _join([erase_customer(workspace, each, now) for each in spellings])


def erase_customer(workspace: Workspace, customer_id: str, now: datetime) -> Forgotten:
    """Do what ``forget`` does; the caller holds the workspace's lock.

    The facts go last of all: while they are there ``forget_again`` finds who was forgotten in part.
    """
    Tombstones(workspace.tombstones).add(customer_id)
    store = open_store(workspace)
    try:
        scores = store.withdraw([customer_id])
        messages, job_files, work_rows = _erase_work(workspace, store, customer_id, now)
    finally:
        store.close()
    live_files = erase_from_live_copies(workspace, [customer_id])
    copies = erase_from_copies(workspace, customer_id)
    ledger_rows = erase_from_ledger(workspace, customer_id, now)
    facts = erase_facts(workspace.root, workspace.events, [customer_id])
    search = _look(workspace, customer_id)
    body = {"files": search.files, "bytes": search.bytes, "hits": len(search.hits)}
    Chain(workspace.ledger).append(PROOF, body, now)
    return Forgotten(
        facts, scores, ledger_rows, work_rows, messages, job_files, live_files, copies=copies, search=search
    )


def _erase_work(
    workspace: Workspace, store: ScoreStore, customer_id: str, now: datetime
) -> tuple[int, int, int]:
    """Return how many messages, files of jobs and rows of the work database went."""
    for draft in workspace.scores.glob("*.partial"):
        draft.unlink()  # a killed run left it: with the lock held nobody writes one
    files = drop_files(workspace, store.work, now)
    with store.work.write() as connection:
        messages = withdraw_from_messages(connection, [customer_id])
    return messages, files, store.work.erase_customer(customer_id)


def _join(found: Sequence[Forgotten]) -> Forgotten:
    """Return several erasures as one."""
    last = found[-1]

    def add(name: str) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for each in found:
            counts.update(getattr(each, name))
        return dict(counts)

    hits = tuple(dict.fromkeys(hit for each in found for hit in each.search.hits))
    return Forgotten(
        facts=add("facts"),
        scores=add("scores"),
        ledger_rows=sum(each.ledger_rows for each in found),
        work_rows=sum(each.work_rows for each in found),
        messages=sum(each.messages for each in found),
        job_files=sum(each.job_files for each in found),
        live_files=sum(each.live_files for each in found),
        copies=add("copies"),
        search=Search(last.search.files, last.search.bytes, hits),
    )


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
