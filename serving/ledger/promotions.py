"""Promotions in the chain: ``promotions.jsonl`` is written by who promotes, the chain takes its lines over.

A promotion is on disk before the pointer moves, so a crash between the two files loses nothing: whoever
writes to the ledger next takes over what is missing.
"""

import hashlib
import json
from datetime import datetime

from contracts.workspace import Workspace
from serving.ledger.chain import Chain, Entry

PROMOTION = "promotion"
_TOLD = ("action", "version", "previous", "who", "at", "why", "forced")


def take_over_promotions(workspace: Workspace, now: datetime) -> list[Entry]:
    """Add an entry for each line of the promotion log that the chain does not name yet; return them."""
    if not workspace.promotions.exists():
        return []
    whole, _, _ = workspace.promotions.read_bytes().rpartition(b"\n")
    chain = Chain(workspace.ledger)
    known = {entry.body["line"] for entry in chain.read(PROMOTION)}
    added = []
    for number, line in enumerate(whole.splitlines(), start=1):
        if number not in known:
            values = json.loads(line)
            told = {name: values.get(name) for name in _TOLD} | {"bundle": values.get("digest")}
            sealed = {"line": number, "digest": hashlib.sha256(line).hexdigest()}
            added.append(chain.append(PROMOTION, sealed | told, now))
    return added
