"""Copies of customers' data in the workspace's folder: frames, exports and files left there to be loaded."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from contracts.atomic import replace_file
from contracts.events import Name
from contracts.workspace import Workspace

DELIMITERS = (",", ";", "\t", "|")
_OURS = (
    *("events", "scores", "ledger", "tombstones", "models", "bundles", "mlartifacts", ".bentoml"),
    *("live", "jobs"),
)
_COLUMN = str(Name.CUSTOMER_ID)


def erase_from_copies(workspace: Workspace, customer_id: str) -> dict[str, int]:
    """Take a customer's rows out of every CSV and Parquet file that has a column ``customer_id``.

    All other rows stay byte for byte (CSV) or value for value (Parquet). Half-written files of ours, which
    begin with a dot and end in ``.partial``, are removed.

    Returns:
        How many rows went, by file, relative to the workspace; files without any are left out.
    """
    counts: dict[str, int] = {}
    for file in sorted(find_copies(workspace)):
        if file.name.startswith(".") and file.suffix == ".partial":
            file.unlink()
        elif file.suffix == ".parquet":
            counts[str(file.relative_to(workspace.root))] = _erase_parquet(file, customer_id)
        elif file.suffix == ".csv":
            counts[str(file.relative_to(workspace.root))] = _erase_csv(file, customer_id)
    return {name: count for name, count in counts.items() if count}


def find_copies(workspace: Workspace) -> Iterator[Path]:
    """Yield the files in the workspace's folder that no store of ours keeps."""
    for entry in workspace.root.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            if entry.name not in _OURS:
                yield from (file for file in entry.rglob("*") if file.is_file())
        elif entry.is_file():
            yield entry


def _erase_parquet(file: Path, customer_id: str) -> int:
    try:
        schema = pq.read_schema(file)
        if _COLUMN not in schema.names:
            return 0
        table = pq.read_table(file)
    except (pa.ArrowInvalid, OSError):
        return 0  # not ours, and not readable: the search that follows looks at its bytes
    mine = pc.equal(table[_COLUMN].cast(pa.string()), customer_id)
    count = int(pc.sum(mine).as_py() or 0)
    if count:
        draft = file.with_name(f".{file.name}.partial")
        kept = table.filter(pc.invert(pc.fill_null(mine, False)))
        pq.write_table(kept, draft, compression="zstd")
        draft.replace(file)
    return count


def _erase_csv(file: Path, customer_id: str) -> int:
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        header = stream.readline()
        chosen = next((each for each in DELIMITERS if _COLUMN in _split(header, each)), None)
        if chosen is None:
            return 0
        place = _split(header, chosen).index(_COLUMN)
        records = list(_read_records(stream, chosen))
    kept = [text for text, cells in records if _cell(cells, place) != customer_id]
    if len(kept) < len(records):
        mark = b"\xef\xbb\xbf" if file.read_bytes()[:3] == b"\xef\xbb\xbf" else b""
        replace_file(file, mark + "".join([header, *kept]).encode("utf-8", "surrogateescape"))
    return len(records) - len(kept)


def _split(header: str, delimiter: str) -> list[str]:
    return next(csv.reader([header], delimiter=delimiter), [])


def _read_records(lines: Iterable[str], delimiter: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each record's own text, line ends and all, and its cells."""
    taken: list[str] = []

    def feed() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    for cells in csv.reader(feed(), delimiter=delimiter):
        yield "".join(taken), cells
        taken.clear()


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip() if place < len(cells) else ""
