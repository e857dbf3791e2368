"""A workspace with the customers of another one many times over: a large store in seconds."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contracts.events import TABLES, Name, Stored
from contracts.workspace import Workspace
from features.store.delta import active_files, append_rows


def multiply_customers(workspace: Workspace, times: int) -> int:
    """Add ``times - 1`` twins of every customer, with all their events; return how many events there are.

    A twin's id is the customer's with a dash and a number; ids of events and what refers to them, alike.
    """
    events = 0
    for name, contract in TABLES.items():
        folder = workspace.events / name
        files = active_files(folder)
        if not files:
            continue
        rows = pa.concat_tables([pq.read_table(file) for file in files], promote_options="default")
        rows = rows.combine_chunks()
        ids = {str(Name.CUSTOMER_ID), str(Stored.ROW_KEY), contract.key, "refund_of"} & {*rows.schema.names}
        twins = pa.RecordBatchReader.from_batches(rows.schema, _make_twins(rows, sorted(ids), times))
        append_rows(folder, twins, f"twins-{times}")
        events += rows.num_rows * times
    return events


def _make_twins(rows: pa.Table, ids: list[str], times: int) -> Iterator[pa.RecordBatch]:
    for number in range(1, times):
        twins = rows
        for name in ids:
            place = rows.schema.get_field_index(name)
            own = pc.cast(rows.column(name), pa.string())
            renamed = pc.binary_join_element_wise(own, pa.scalar(f"-{number}"), "")
            twins = twins.set_column(
                place, rows.schema.field(place), renamed.cast(rows.schema.field(place).type)
            )
        yield from twins.to_batches()
