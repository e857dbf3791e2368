"""Whether the ledger is as it was written: the lines of the chain, the rows, the promotions it tells of."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.errors import StoreError
from contracts.workspace import Workspace
from serving.ledger import rows
from serving.ledger.account import GENERATION, SCORES
from serving.ledger.chain import Chain, Entry, Fault
from serving.ledger.lines import find_line_faults
from serving.ledger.promotions import PROMOTION

ACCESSES, LIVE, ERASURE, EXPIRY = "accesses", "live", "erasure", "expiry"
ROW_FILES = (SCORES, ACCESSES, LIVE)
"""The folders of files of rows."""
MOST_FAULTS = 100


@dataclass(frozen=True)
class Audit:
    """What was checked and what is wrong.

    ``entries`` counts the chain by kind, ``rows`` the rows that were checked, ``unanchored`` those of reads
    the chain does not name yet. ``head`` is the last seal: kept elsewhere, it proves later that nothing up to
    here was rewritten.
    """

    entries: Mapping[str, int]
    rows: int
    unanchored: int
    head: str | None
    faults: tuple[Fault, ...]
    is_cut: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


@dataclass
class _Told:
    """What the chain says of the files of rows."""

    anchors: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[str, tuple[int, str]] = field(default_factory=dict)
    blanked: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    removed: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)
    seals: set[str] = field(default_factory=set)
    promotions: dict[int, str] = field(default_factory=dict)


def verify(workspace: Workspace, head: str | None = None) -> Audit:
    """Return what is wrong with the ledger of a workspace, a hundred faults at most; changes nothing.

    ``head`` is a seal that was noted earlier: the chain must hold it.
    """
    chain = Chain(workspace.ledger)
    faults = list(chain.find_faults())
    told = _Told()
    try:
        for entry in chain.read():
            _note(told, entry)
    except (StoreError, KeyError, TypeError, ValueError, AttributeError):
        # An unreadable line hides what follows it; the chain's own faults name it.
        return Audit(told.kinds, 0, 0, None, tuple(faults[:MOST_FAULTS]) or (_unreadable(),), is_cut=True)
    counted = Counter[str]()
    faults += _check_rows(workspace.ledger, told, counted)
    faults += _check_promotions(workspace, told)
    if head is not None and head not in told.seals:
        faults.append(Fault("chain.jsonl", "it does not hold the seal that was noted earlier"))
    last = chain.find_head()
    return Audit(
        dict(sorted(told.kinds.items())),
        counted["rows"],
        counted["unanchored"],
        None if last is None else last.seal,
        tuple(faults[:MOST_FAULTS]),
        len(faults) > MOST_FAULTS,
    )


def find_blanked(chain: Chain) -> dict[str, set[int]]:
    """Return by file of rows the numbers that erasures have blanked."""
    told = _Told()
    for entry in chain.read(ERASURE):
        _note(told, entry)
    return told.blanked


def _note(told: _Told, entry: Entry) -> None:
    body: Mapping[str, Any] = entry.body
    told.kinds[entry.kind] += 1
    told.seals.add(entry.seal)
    if entry.kind in (GENERATION, ACCESSES, LIVE):
        told.anchors[body["file"]].append((body["rows"], body["root"]))
    if entry.kind == LIVE:
        told.lines[body["file"]] = (body["lines"], body["seal"])
    elif entry.kind == ERASURE:
        for name, numbers in body["rows"].items():
            told.blanked[name].update(numbers)
    elif entry.kind == EXPIRY:
        told.removed.update(body["files"])
    elif entry.kind == PROMOTION:
        told.promotions[body["line"]] = body["digest"]


def _check_rows(folder: Path, told: _Told, counted: Counter[str]) -> Iterator[Fault]:
    there = {f"{kind}/{file.name}" for kind in ROW_FILES for file in (folder / kind).glob("*.rows")}
    for name in sorted({*told.anchors, *there}):
        file = folder / name
        if name in told.removed and not file.exists():
            continue
        if not file.exists():
            yield Fault(name, "the file is missing")
            continue
        if name in told.anchors or not name.startswith(SCORES):
            yield from _check_file(file, name, told, counted)
        if name.startswith(LIVE):
            yield from _check_lines(file, name, told)


def _check_lines(file: Path, name: str, told: _Told) -> Iterator[Fault]:
    lines, rows_there = file.with_suffix(".lines"), rows.count_rows(file)[0]
    if not lines.exists():
        # A worker killed between making the two has told nobody a score.
        if rows_there:
            yield Fault(f"{LIVE}/{lines.name}", "the file is missing")
        return
    yield from find_line_faults(lines, f"{LIVE}/{lines.name}", told.lines.get(name), rows_there)


def _check_file(file: Path, name: str, told: _Told, counted: Counter[str]) -> Iterator[Fault]:
    total, torn = rows.count_rows(file)
    anchored = max((number for number, _ in told.anchors[name]), default=0)
    counted["rows"] += total
    counted["unanchored"] += max(0, total - anchored)
    named = False
    for number, what in rows.find_altered(file, name, told.blanked[name]):
        named = True
        yield Fault(f"{name}, row {number + 1}", what)
    if total < anchored:
        yield Fault(name, f"the rows after row {total} are missing: there were {anchored}")
    elif name.startswith(SCORES) and (total > anchored or torn):
        yield Fault(name, f"something was added after row {anchored}")
    wanted = {number for number, _ in told.anchors[name] if number <= total}
    roots = {} if named else rows.digest_seals(file, wanted)
    for number, root in told.anchors[name]:
        if number in roots and roots[number] != root:
            yield Fault(name, f"rows up to row {number} were rewritten, or the entry was")


def _check_promotions(workspace: Workspace, told: _Told) -> Iterator[Fault]:
    lines = workspace.promotions.read_bytes().splitlines() if workspace.promotions.exists() else []
    for number, digest in sorted(told.promotions.items()):
        if number > len(lines):
            yield Fault("promotions.jsonl", f"line {number} is missing")
        elif hashlib.sha256(lines[number - 1]).hexdigest() != digest:
            yield Fault(f"promotions.jsonl, line {number}", "the line was altered")


def _unreadable() -> Fault:
    return Fault("chain.jsonl", "an entry cannot be read")
