"""Taking a customer out of the facts: every version of every row, and whatever staging left behind."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from contracts.events import TABLES, Name, Stored
from features.ingest.reader import SCRATCH
from features.store import delta


def erase_facts(root: Path, events: Path, customer_ids: Sequence[str]) -> dict[str, int]:
    """Remove the rows of these customers from every table; return how many went, by table.

    The caller holds the workspace's lock. Quarantine and loads name lines and files, never a customer.
    """
    shutil.rmtree(root / SCRATCH, ignore_errors=True)
    column = str(Name.CUSTOMER_ID)
    return {name: delta.erase_rows(events / name, column, customer_ids) for name in TABLES}


def find_customers(events: Path) -> set[str]:
    """Return every customer any table names, removed versions too."""
    column = str(Name.CUSTOMER_ID)
    return set().union(*(delta.list_values(events / name, column) for name in TABLES))


def find_loads(events: Path) -> set[str]:
    """Return the names of the loads and undos that rows of the tables came by."""
    return set().union(*(delta.list_values(events / name, str(Stored.LOAD)) for name in TABLES))
