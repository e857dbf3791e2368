"""What is left of somebody in a folder: every file searched as it lies, packed ones unpacked too."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def find_remains(folder: Path, *needles: bytes) -> list[str]:
    """Return the files (relative) that hold any of the byte strings, in their bytes or in their name."""
    found = []
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        data = file.read_bytes() + str(file.relative_to(folder)).encode()
        if data[:4] == b"PAR1":
            data += unpack(file)
        if any(needle in data for needle in needles):
            found.append(str(file.relative_to(folder)))
    return found


def unpack(file: Path) -> bytes:
    """Return the rows of a Parquet file as Arrow writes them plain, and all that its footer says."""
    sink = pa.BufferOutputStream()
    table = pq.read_table(file)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    groups = pq.ParquetFile(file).metadata.to_dict()
    plain: bytes = sink.getvalue().to_pybytes()
    return plain + repr(groups).encode()
