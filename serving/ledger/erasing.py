"""Taking a customer out of the ledger: rows blanked, the key destroyed, and an entry that says so."""

from collections.abc import Mapping
from datetime import datetime

from contracts.workspace import Workspace
from serving.ledger.audit import ERASURE, ROW_FILES, find_blanked
from serving.ledger.chain import Chain
from serving.ledger.keyring import Keyring, pseudonym
from serving.ledger.rows import blank_rows, find_rows


def erase_from_ledger(workspace: Workspace, customer_id: str, now: datetime) -> int:
    """Blank every row of a customer and destroy the key; return how many rows were blanked now.

    The entry names files and rows before any is blanked, and the key goes last: killed at any point, calling
    it again finishes. What earlier erasures left half done is finished too.
    """
    chain = Chain(workspace.ledger)
    if not workspace.ledger.exists():
        return 0
    with chain.hold(), Keyring(workspace.ledger) as keyring:
        key = keyring.find([customer_id]).get(customer_id)
        found = {} if key is None else _find(workspace, customer_id, key)
        if found:
            chain.append_held(ERASURE, {"rows": found}, now)
        _blank(workspace, find_blanked(chain))
        keyring.destroy(customer_id)
    return sum(map(len, found.values()))


def _find(workspace: Workspace, customer_id: str, key: bytes) -> dict[str, list[int]]:
    names = [
        f"{kind}/{file.name}"
        for kind in ROW_FILES
        for file in sorted((workspace.ledger / kind).glob("*.rows"))
    ]
    rows = {name: find_rows(workspace.ledger / name, pseudonym(key, customer_id, name)) for name in names}
    return {name: numbers for name, numbers in rows.items() if numbers}


def _blank(workspace: Workspace, blanked: Mapping[str, set[int]]) -> None:
    for name, numbers in blanked.items():
        file = workspace.ledger / name
        if file.exists():
            blank_rows(file, sorted(numbers))
