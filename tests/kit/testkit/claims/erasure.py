"""A forgotten customer is in no file of the workspace, does not come back, and is not learned from.

Customers of a simulated company with facts in seven tables, scores, live copies, outcomes, waiting messages,
results of bulk jobs, a feature frame, an export and logged reads are forgotten: by the command, killed at
random moments and run again, and the last one by the API of a running service, which is then asked for all of
them in every way there is. Every file is searched as it lies, Parquet unpacked too, for the id and for every
digest the ledger knew the customer by: the key, and the pseudonym in each file. A backup from before is
restored with the marks of the erased. The one thing that stays is the mark itself: a digest under a secret of
the workspace, without which nobody could tell that an old export must not bring them back.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd

from contracts.randomness import generator
from contracts.scores import dumps
from contracts.settings import SourceSection
from contracts.time import to_text
from contracts.workspace import Workspace, open_workspace
from features.engine import Engine
from features.ingest.load import ingest_files
from features.store.erasure import find_customers
from serving.backup import restore_backup, write_backup
from serving.batch import export_generation
from serving.bulk import run_job
from serving.jobs import JobRequest, add_job, claim_job, result_file, sent_file
from serving.keys import create_key
from serving.ledger.accesses import Access, AccessLog
from serving.ledger.audit import verify
from serving.ledger.keyring import Keyring, pseudonym
from serving.ledger.replay import find_entry, replay
from serving.outcomes import Outcome, add_outcomes
from serving.store.generations import open_store
from serving.store.outbox import CHANGED, Message, add_messages
from serving.tenants import Tenants
from testkit.claims.figure import Figure, Scale, none_of
from testkit.commands import build_command, build_environment, call_fedele
from testkit.kills import kill_at_random
from testkit.ledger import find_current
from testkit.remains import find_remains
from testkit.service import Caller, build_service
from testkit.workspaces import NOW, find_shop
from training.dataset import build_training_set
from training.frames import store_frame

SEED = 12
LATER = NOW + timedelta(days=2)
FORGOTTEN, KILLS = 12, 5
# Where in the usual time of the command it is killed: after its imports, before its end.
FIRST, LAST = 0.3, 0.97


@dataclass(frozen=True)
class Marked:
    """A customer and every byte string that could give them away."""

    customer_id: str
    needles: tuple[bytes, ...]


def measure(scale: Scale) -> list[Figure]:
    """Return in how many files anything of the forgotten is left: now, restored, re-imported."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = find_shop().copy(folder / "shop")
        _fill(workspace, thorough=scale.thorough)
        chosen = _choose(workspace, FORGOTTEN if scale.thorough else 1)
        before = sum(bool(find_remains(workspace.root, each.needles[0])) for each in chosen)
        write_backup(workspace, folder / "shop.tar", LATER)
        with _serve(workspace) as caller:
            known = _ask(caller, chosen)
            struck = _forget(workspace, chosen[: -1 if scale.thorough else None], scale)
            by_api = [caller.post("/v1/customers:erase", {"customer_id": chosen[-1].customer_id})]
            still = _ask(caller, chosen)
        figures = [
            Figure("answers of a running service that knew them before", known, len(chosen), "at least"),
            none_of("of its answers that still know any of them", still),
            none_of("erasures by the API without proof", sum(e.json()["hits"] != [] for e in by_api)),
            Figure("customers found in the workspace before", before, len(chosen), "equals"),
            Figure("kills of the running command", struck, KILLS if scale.thorough else 0, "at least"),
            none_of("files that hold anything of them afterwards", _count_remains(workspace.root, chosen)),
            *_bring_back(workspace, chosen),
        ]
        back = restore_backup(folder / "shop.tar", folder / "again", LATER, tombstones=workspace.root)
        restored = open_workspace(folder / "again")
        return [
            *figures,
            Figure("customers erased again from a restored backup", back.erased, len(chosen), "equals"),
            none_of("restored files that hold anything of them", _count_remains(restored.root, chosen)),
            none_of("faults in the ledgers of both", len(verify(workspace).faults + verify(restored).faults)),
            *_learn(workspace, chosen, thorough=scale.thorough),
        ]


def _fill(workspace: Workspace, *, thorough: bool) -> None:
    """Leave traces everywhere: reads of everyone, an export in the folder, and a frame where time allows."""
    shop = find_shop()
    everyone = tuple(shop.company.tables["customers"]["customer_id"])
    export_generation(workspace, find_current(workspace), workspace.root / "list.csv", "it")
    log = AccessLog(workspace)
    log.note(Access(LATER, "desk", "list", everyone))
    log.close()
    _fill_work(workspace, everyone)
    if thorough:
        store_frame(workspace, shop.as_of)


def _fill_work(workspace: Workspace, everyone: tuple[str, ...]) -> None:
    """Leave an outcome of each customer, a message about them all that waits, and two bulk jobs."""
    store = open_store(workspace)
    changes = [{"customer_id": each, "from": "low", "to": "high"} for each in everyone]
    with store.work.write() as connection:
        add_outcomes(connection, [Outcome(each, "kept", to_text(NOW)) for each in everyone], "crm", LATER)
        add_messages(
            connection, [Message("evt_1", "crm", CHANGED, dumps({"changes": changes}).decode())], LATER
        )
        jobs = [add_job(connection, JobRequest(None, form), LATER) for form in ("parquet", "csv")]
    workspace.jobs.mkdir(exist_ok=True)
    claim_job(store.work, LATER)
    claim_job(store.work, LATER)
    run_job(workspace, jobs[0], lambda: LATER)
    assert result_file(workspace, jobs[0]).exists()
    sent_file(workspace, jobs[1]).write_text("customer_id\n" + "\n".join(everyone), encoding="utf-8")
    store.close()


@contextmanager
def _serve(workspace: Workspace) -> Iterator[Caller]:
    """Yield a caller who may do everything, of a service with its model loaded."""
    tenants = Tenants()
    tenants.open([workspace.root])
    (tenant,) = tenants
    tenant.holder.look()
    tenant.prepare()
    _, key = create_key(tenant.store.work, ["admin"], "crm", LATER)
    try:
        yield Caller(build_service(tenants, lambda: LATER), key)
    finally:
        tenants.close()


def _ask(caller: Caller, chosen: list[Marked]) -> int:
    """Return how many answers hold more of a customer than that nobody knows them."""
    ids = [each.customer_id for each in chosen]
    known = 0
    for each in ids:
        for path in (f"/v1/customers/{each}/score", f"/v1/customers/{each}/history"):
            known += caller.get(path).status != 404
        known += caller.post(f"/v1/customers/{each}/rescore", {}).status != 404
    body, headers = json.dumps({"customer_ids": ids}).encode(), {"content-type": "application/json"}
    for query in ("", "mode=live"):
        results = caller.call("POST", "/v1/scores", [body], query, headers).json()["results"]
        known += sum(each.get("problem", {}).get("code") != "unknown" for each in results)
    for path in ("/v1/scores", "/v1/at-risk"):
        for page in _read_pages(caller, path):
            known += sum(f'"{each}"' in page for each in ids)
    return known


def _read_pages(caller: Caller, path: str) -> Iterator[str]:
    cursor = ""
    while cursor is not None:
        answer = caller.get(path, f"limit=100{cursor and '&cursor=' + cursor}")
        yield answer.body.decode()
        cursor = answer.json()["next_cursor"]


def _choose(workspace: Workspace, count: int) -> list[Marked]:
    with Keyring(workspace.ledger) as keyring:
        keys = keyring.find(keyring.list_customers())
    ids = sorted(keys)
    drawn = generator(SEED, "customers").choice(len(ids), count, replace=False)
    names = [str(file.relative_to(workspace.ledger)) for file in sorted(workspace.ledger.glob("*/*.rows"))]
    marked = []
    for one in (ids[place] for place in sorted(drawn)):
        secrets = [keys[one], *(pseudonym(keys[one], one, name) for name in names)]
        spelt = [each.hex().encode() for each in secrets]
        marked.append(Marked(one, (one.encode(), *secrets, *spelt)))
    return marked


def _forget(workspace: Workspace, chosen: list[Marked], scale: Scale) -> int:
    """Forget each; in full, kill the command at a random moment first. Return how often it was killed."""
    rng, struck, usual = generator(SEED, "kills"), 0, 0.0
    for each in chosen:
        if scale.thorough and usual:
            command, environment = (
                build_command("forget", each.customer_id),
                build_environment(workspace.root),
            )
            span = (LAST * usual, FIRST * usual)
            struck += kill_at_random(command, rng, *span, folder=workspace.root, environment=environment)
        began = time.perf_counter()
        told = call_fedele(workspace.root, "forget", each.customer_id)
        usual = usual or time.perf_counter() - began
        assert told["hits"] == [], "the command itself found something left"
    return struck


def _count_remains(folder: Path, chosen: list[Marked]) -> int:
    return len(find_remains(folder, *(needle for each in chosen for needle in each.needles)))


def _bring_back(workspace: Workspace, chosen: list[Marked]) -> list[Figure]:
    """Load what was first loaded once more, and ask for the scores of then."""
    ids = [each.customer_id for each in chosen]
    rows = loaded = counted = 0
    for table, facts in find_shop().company.tables.items():
        mine: pd.DataFrame = facts[facts["customer_id"].isin(ids)]
        if len(mine):
            file = workspace.root.parent / f"{table}.csv"
            mine.to_csv(file, index=False)
            (report,) = ingest_files(workspace, table, [file], SourceSection(), source="old", now=LATER)
            rows, loaded = rows + len(mine), loaded + report.loaded
            counted += report.reasons.get("erased", 0)
            file.unlink()
    answers = replay(workspace, ids, find_entry(workspace), LATER)
    return [
        Figure("rows of them in an old export, loaded again", rows, 10, "at least"),
        none_of("of those, any that were stored", loaded),
        none_of("of those, any that were not counted as `erased`", rows - counted),
        none_of("files that hold anything of them after that", _count_remains(workspace.root, chosen)),
        none_of(
            "replays that are not answered `erased`", sum(e.status != "erased" for e in answers.values())
        ),
    ]


def _learn(workspace: Workspace, chosen: list[Marked], *, thorough: bool) -> list[Figure]:
    ids = {each.customer_id for each in chosen}
    figures = [
        none_of("of them in the facts that training reads", len(ids & find_customers(workspace.events)))
    ]
    if thorough:
        events = Engine(threads=1).open_events(workspace.events)
        found = build_training_set(events, workspace.settings, find_shop().as_of)
        known = set(found.present.index["customer_id"])
        known |= set() if found.past is None else set(found.past.index["customer_id"])
        figures.append(none_of("of them in the next training set", len(ids & known)))
    return figures
