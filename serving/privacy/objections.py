"""Objection to profiling: whoever objects loses every kept score at once, not with the next run."""

from datetime import datetime

from contracts.scores import NotScored
from contracts.time import just_after
from contracts.workspace import Workspace
from features.engine import Engine
from features.population import find_refusals
from features.snapshot import take_snapshot
from features.store.lock import hold_lock
from serving.jobs import drop_results
from serving.ledger.chain import Chain
from serving.store.generations import open_store
from serving.store.outbox import withdraw_from_messages

OBJECTION = "objection"
REASON: NotScored = "suppressed"


def heed_objections(workspace: Workspace, now: datetime) -> int:
    """Withdraw the scores of everyone who objects by ``now``; return how many customers that were.

    Lists, the API, the desk, results of bulk jobs and messages that wait then know them as ``suppressed`` or
    not at all; training and scoring leave them out by themselves. Called after each load of customers, and
    safe to repeat.

    Raises:
        LockHeld: another command is writing; nothing was withdrawn, call it again.
    """
    with hold_lock(workspace.lock, "fedele ingest customers"):
        return withdraw_objectors(workspace, now)


def withdraw_objectors(workspace: Workspace, now: datetime) -> int:
    """Do what ``heed_objections`` does; the caller holds the workspace's lock."""
    if not workspace.scores.exists() and workspace.store_url is None:
        return 0
    events = Engine(threads=workspace.settings.training.engine_threads).open_events(workspace.events)
    refusals = find_refusals(take_snapshot(events, just_after(now), workspace.settings))
    if not refusals:
        return 0
    store = open_store(workspace)
    try:
        counts = store.withdraw(refusals, REASON)
        withdrawn = max(counts.values(), default=0)
        with store.work.write() as connection:
            withdraw_from_messages(connection, refusals)
        if withdrawn:
            drop_results(workspace, store.work, now)
    finally:
        store.close()
    if withdrawn:
        Chain(workspace.ledger).append(OBJECTION, {"customers": withdrawn, "scores": counts}, now)
    return withdrawn
