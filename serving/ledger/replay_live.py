"""A live score once more: from the features of a generation, or from the history and the facts sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from contracts.errors import StoreError, WorkspaceError
from contracts.scores import Language
from contracts.workspace import Workspace
from features.economics import Economics
from features.engine import Engine, read_frame
from features.hearing import hear_company
from features.live import Company
from features.spoken import read_all
from features.store.erasure import find_loads
from features.store.tombstones import Tombstones
from serving.everyone import Hindsight, listen, look_back
from serving.ledger.audit import LIVE
from serving.ledger.chain import Entry
from serving.ledger.keyring import Keyring, pseudonym
from serving.ledger.known import Known, open_texts, read_occasion
from serving.ledger.lines import read_lines
from serving.ledger.live import LINES, LiveRow, build_live_row, open_sent
from serving.ledger.replay import Replay, find_differing, find_entry, find_hindsight, is_expired, open_bundle
from serving.ledger.rows import find_rows, read_row
from serving.live.facts import FactReader
from serving.live.history import to_columns
from serving.live.records import StoredFeatures, compile_features, write_records
from training.models.company_model import CompanyModel


@dataclass(frozen=True)
class _Found:
    """A live score in the ledger: the line of its request, its row, the customer's key."""

    told: Mapping[str, Any]
    content: bytes
    key: bytes
    name: str


def replay_live(workspace: Workspace, customer_id: str, at: datetime | None, now: datetime) -> Replay:
    """Return what becomes of the last live score of a customer told at or before ``at`` (None: of any).

    Raises:
        WorkspaceError: there is none.
        StoreError: the ledger's lines or rows are damaged.
    """
    found = _find(workspace, customer_id, at)
    if found is None:
        if Tombstones(workspace.tombstones).find_erased([customer_id]):
            return Replay("erased", find_entry(workspace))
        raise WorkspaceError(
            "The ledger holds no live score of this customer: leave out --live for the generation's."
        )
    entry = find_entry(workspace, str(found.told["generation"]))
    told = {name: found.told[name] for name in ("as_of", "scored_at", "model_version", "bundle")}
    shown = replace(entry, body={**entry.body, **told})
    if is_expired(workspace, shown, now):
        return Replay("expired", shown)
    parts = open_bundle(workspace, str(told["model_version"]), str(told["bundle"]))
    if parts is None:
        return Replay("differs", shown, ("bundle",))
    model = CompanyModel.from_parts(parts.manifest, parts.files)
    try:
        row = _compute(workspace, model, entry, found, customer_id)
    except StoreError:
        return Replay("differs", shown, ("texts",))
    return _judge(shown, found, row)


def _find(workspace: Workspace, customer_id: str, at: datetime | None) -> _Found | None:
    with Keyring(workspace.ledger) as keyring:
        key = keyring.find([customer_id]).get(customer_id)
    found: _Found | None = None
    for file in sorted((workspace.ledger / LIVE).glob("*.rows")) if key else []:
        assert key is not None
        name = f"{LIVE}/{file.name}"
        for number in find_rows(file, pseudonym(key, customer_id, name)):
            told = _find_line(file.with_suffix(LINES), number)
            is_later = found is None or told["scored_at"] >= found.told["scored_at"]
            if is_later and (at is None or datetime.fromisoformat(told["scored_at"]) <= at):
                found = _Found(told, read_row(file, number), key, name)
    return found


def _find_line(file: Any, row: int) -> Mapping[str, Any]:
    try:
        for body, _ in read_lines(file):
            if body["first"] <= row < body["first"] + body["count"]:
                return body
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"ledger/{LIVE}/{file.name} is damaged: restore it from a backup.") from error
    raise StoreError(f"ledger/{LIVE}/{file.name} tells nothing of row {row + 1}: restore it from a backup.")


def _compute(
    workspace: Workspace, model: CompanyModel, entry: Entry, found: _Found, customer_id: str
) -> LiveRow | None:
    known, told = Known.from_body(entry.body), found.told
    occasion, language = read_occasion(told), told["language"]
    hindsight = find_hindsight(workspace, known, (customer_id,), entry)
    if told["sent"] is None:
        everyone = look_back(workspace, model, occasion.as_of, hindsight)
        frame = everyone.frames.get(told["kind"])
        stored = None if frame is None else StoredFeatures(frame, everyone.economics, everyone.answers)
    else:
        stored = _build(workspace, model, (known, hindsight), occasion.as_of, found)
    if stored is None or not len(stored.frame):
        return None
    manner: tuple[Any, Language] = (occasion, language)
    texts = open_texts(workspace.ledger, known.texts)
    (row,) = write_records(model, told["kind"], stored, manner, texts)
    return row


def _build(
    workspace: Workspace,
    model: CompanyModel,
    then: tuple[Known, Hindsight],
    as_of: datetime,
    found: _Found,
) -> StoredFeatures | None:
    known, hindsight = then
    settings = hindsight.settings
    engine = Engine(threads=workspace.settings.training.engine_threads)
    later = find_loads(workspace.events) - hindsight.loads
    own = engine.open_events(workspace.events, later).of(hindsight.customer_ids)
    (customer_id,) = hindsight.customer_ids
    facts = FactReader(customer_id, settings.workspace.currency, as_of).read(
        open_sent(found.key, found.told["sent"])
    )
    stored = {name: read_frame(table) for name, table in own.tables.items()}
    rows = facts.join({name: to_columns(table) for name, table in stored.items()})
    texts = read_all(listen(hear_company(own, workspace, settings), model.voice), as_of)
    live = compile_features(model, {name: table.schema for name, table in stored.items()}, settings)
    company = Company(known.since, known.crowd).learn(facts.rows, as_of)
    readings = None if texts is None else to_columns(pa.Table.from_pandas(texts, preserve_index=False))
    built = live.build(rows, readings, as_of, company)
    frame = built.frames[found.told["kind"]]
    return StoredFeatures(frame, Economics(built.economics, known.margin_share), built.answers)


def _judge(entry: Entry, found: _Found, row: LiveRow | None) -> Replay:
    if row is None:
        return Replay("differs", entry, ("features",))
    again = build_live_row(found.key, row, found.name)
    if again != found.content:
        return Replay("differs", entry, find_differing(again, found.content))
    italian = found.told["language"] == "it"
    both = (None, row.record) if italian else (row.record, None)
    return Replay("reproduced", entry, (), *both)
