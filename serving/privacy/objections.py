"""Objection to profiling: whoever objects loses every kept score at once, not with the next run."""

from datetime import datetime

from contracts.scores import NotScored
from contracts.time import just_after
from contracts.workspace import Workspace
from features.engine import Engine
from features.population import find_refusals
from features.snapshot import take_snapshot
from features.store.lock import hold_lock
from serving.ledger.chain import Chain
from serving.store.generations import open_store

OBJECTION = "objection"
REASON: NotScored = "suppressed"


def heed_objections(workspace: Workspace, now: datetime) -> int:
    """Withdraw the scores of everyone who objects by ``now``; return how many customers that were.

    Lists, the API and the desk then know them as ``suppressed``; training and scoring leave them out by
    themselves. Called after each load of customers, and safe to repeat.

    Raises:
        LockHeld: another command is writing; nothing was withdrawn, call it again.
    """
    if not workspace.scores.exists() and workspace.store_url is None:
        return 0
    with hold_lock(workspace.lock, "fedele ingest customers"):
        instant = just_after(now)
        events = Engine(threads=workspace.settings.training.engine_threads).open_events(workspace.events)
        refusals = find_refusals(take_snapshot(events, instant, workspace.settings))
        if not refusals:
            return 0
        store = open_store(workspace)
        try:
            counts = store.withdraw(refusals, REASON)
        finally:
            store.close()
        withdrawn = max(counts.values(), default=0)
        if withdrawn:
            Chain(workspace.ledger).append(OBJECTION, {"customers": withdrawn, "scores": counts}, now)
        return withdrawn
