"""Rows of erased customers: refused and counted, so that nobody comes back by an old export."""

import pyarrow as pa

from contracts.events import Name
from features.ingest.reader import Session
from features.store.tombstones import Tombstones

ERASED = "erased"


def refuse_erased(session: Session, tombstones: Tombstones) -> None:
    """Mark the rows of ``parsed`` whose customer was erased with a fault; their content goes nowhere."""
    if not len(tombstones):
        return
    column = str(Name.CUSTOMER_ID)
    known = session.rows(f"SELECT DISTINCT {column} FROM parsed WHERE {column} IS NOT NULL")
    erased = tombstones.find_erased(each for (each,) in known)
    if erased:
        session.create_table("erased", pa.table({column: pa.array(sorted(erased), pa.string())}))
        session.execute(
            f"UPDATE parsed SET fault = '{ERASED}|{column}' WHERE {column} IN (SELECT {column} FROM erased)"
        )
