"""A past score once more: from the facts, the model and the texts of then, held against its digests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from contracts.errors import BundleRefused, StoreError, WorkspaceError
from contracts.workspace import Workspace
from features.store.tombstones import Tombstones
from serving.batch import build_rows
from serving.everyone import Hindsight, look_back
from serving.ledger.account import GENERATION, build_content
from serving.ledger.chain import Chain, Entry
from serving.ledger.keyring import Keyring, pseudonym
from serving.ledger.known import Known, open_texts, restore_settings
from serving.ledger.rows import PSEUDONYM, find_rows, read_row
from serving.store.rows import StoredScore
from training.bundle import BundleParts, read_bundle
from training.models.company_model import CompanyModel

Status = Literal["reproduced", "differs", "erased", "expired", "not_scored"]
Part = Literal["bundle", "texts", "features", "record"]


@dataclass(frozen=True)
class Replay:
    """What became of one past score.

    ``reproduced``: the records are those of then, byte for byte. ``differs``: ``differing`` names the digests
    that do not agree, and no record is given. ``erased``: the customer was erased, ``expired``: the score is
    older than ``[retention] ledger_days``, ``not_scored``: that generation holds no score of this customer.
    """

    status: Status
    entry: Entry
    differing: tuple[Part, ...] = ()
    record_en: bytes | None = None
    record_it: bytes | None = None


def replay(
    workspace: Workspace, customer_ids: Sequence[str], entry: Entry, now: datetime
) -> dict[str, Replay]:
    """Return by id what becomes of the scores of some customers in the generation of ``entry``.

    Raises:
        StoreError: the ledger's rows are cut off.
    """
    ids = list(dict.fromkeys(customer_ids))
    erased = Tombstones(workspace.tombstones).find_erased(ids)
    found = {each: Replay("erased", entry) for each in erased}
    left = [each for each in ids if each not in erased]
    if is_expired(workspace, entry, now):
        return found | {each: Replay("expired", entry) for each in left}
    rows = _find_contents(workspace, left, entry)
    found |= {each: Replay("not_scored", entry) for each in left if each not in rows}
    return found | _compute(workspace, rows, entry) if rows else found


def find_entry(workspace: Workspace, generation: str | None = None, at: datetime | None = None) -> Entry:
    """Return the entry of a generation: by its name, or of the last scored at or before ``at``, or the last.

    Raises:
        WorkspaceError: there is none.
    """
    found = None
    for entry in Chain(workspace.ledger).read(GENERATION):
        scored_at = datetime.fromisoformat(entry.body["scored_at"])
        if generation in (None, entry.body["generation"]) and (at is None or scored_at <= at):
            found = entry
    if found is None:
        raise WorkspaceError(
            "The ledger holds no such generation: `fedele audit show` lists them, `fedele score` makes one."
        )
    return found


def is_expired(workspace: Workspace, entry: Entry, now: datetime) -> bool:
    """Return whether a generation is older than the ledger has to remember."""
    kept = timedelta(days=workspace.settings.retention.ledger_days)
    return now - datetime.fromisoformat(entry.body["scored_at"]) > kept


def _find_contents(
    workspace: Workspace, customer_ids: Sequence[str], entry: Entry
) -> dict[str, tuple[bytes, bytes]]:
    """Return key and row of each customer the generation has a score of."""
    name = entry.body["file"]
    file = workspace.ledger / name
    with Keyring(workspace.ledger) as keyring:
        keys = keyring.find(customer_ids)
    found = {}
    for each, key in keys.items():
        for number in find_rows(file, pseudonym(key, each, name)):
            found[each] = (key, read_row(file, number))
    return found


def _compute(
    workspace: Workspace, rows: Mapping[str, tuple[bytes, bytes]], entry: Entry
) -> dict[str, Replay]:
    known = Known.from_body(entry.body)
    parts = open_bundle(workspace, entry.body["model_version"], known.bundle)
    if parts is None:
        return {each: Replay("differs", entry, ("bundle",)) for each in rows}
    try:
        again = {row.customer_id: row for row in _score_again(workspace, parts, known, tuple(rows), entry)}
    except StoreError:
        return {each: Replay("differs", entry, ("texts",)) for each in rows}
    name = entry.body["file"]
    return {
        each: _judge(entry, again.get(each), key, (content, name)) for each, (key, content) in rows.items()
    }


def open_bundle(workspace: Workspace, version: str, digest: str) -> BundleParts | None:
    """Return the bundle the generation was computed by; None where it is gone or another one."""
    for folder in (workspace.models / version, workspace.bundles / version):
        try:
            parts = read_bundle(folder)
        except BundleRefused:
            continue
        if parts.digest == digest:
            return parts
    return None


def _score_again(
    workspace: Workspace, parts: BundleParts, known: Known, customer_ids: tuple[str, ...], entry: Entry
) -> Iterator[StoredScore]:
    # Its golden rows were answered when it was promoted, and these are the same bytes.
    model = CompanyModel.from_parts(parts.manifest, parts.files)
    catalogue = open_texts(workspace.ledger, known.texts)
    hindsight = find_hindsight(workspace, known, customer_ids, entry)
    as_of = datetime.fromisoformat(entry.body["as_of"])
    everyone = look_back(workspace, model, as_of, hindsight)
    return build_rows(model, everyone, known.occasions, None, catalogue)


def find_hindsight(
    workspace: Workspace, known: Known, customer_ids: tuple[str, ...], entry: Entry
) -> Hindsight:
    """Return what it takes to look back at some customers as a generation saw them."""
    return Hindsight(
        customer_ids,
        _find_loads(workspace, entry),
        known.crowd,
        restore_settings(workspace.settings, known.settings),
        known.margin_share,
    )


def _find_loads(workspace: Workspace, last: Entry) -> frozenset[str]:
    """Return the loads that had come when a generation was computed: its own news and those before it."""
    entries = Chain(workspace.ledger).read(GENERATION)
    return frozenset(load for entry in entries if entry.number <= last.number for load in entry.body["loads"])


def _judge(entry: Entry, row: StoredScore | None, key: bytes, kept: tuple[bytes, str]) -> Replay:
    content, name = kept
    if row is None or row.status != "scored":
        return Replay("differs", entry, ("features",))
    again = build_content(key, row, name)
    if again == content:
        return Replay("reproduced", entry, (), row.record_en, row.record_it)
    return Replay("differs", entry, find_differing(again, content))


def find_differing(again: bytes, content: bytes) -> tuple[Part, ...]:
    """Return which digests of a row's content are others when it is computed again."""
    halves: tuple[tuple[Part, slice], ...] = (
        ("features", slice(PSEUDONYM, 2 * PSEUDONYM)),
        ("record", slice(2 * PSEUDONYM, 3 * PSEUDONYM)),
    )
    return tuple(part for part, half in halves if again[half] != content[half])


def describe(found: Replay) -> dict[str, Any]:
    """Return a replay as plain JSON values; the records as their very text."""
    body = found.entry.body
    return {
        "status": found.status,
        "generation": body["generation"],
        "as_of": body["as_of"],
        "scored_at": body["scored_at"],
        "model_version": body["model_version"],
        "bundle": body["bundle"],
        "software": body["software"],
        "differing": list(found.differing),
        "record_en": None if found.record_en is None else found.record_en.decode(),
        "record_it": None if found.record_it is None else found.record_it.decode(),
    }
