"""One customer, four ways: POST, GET, the batch file and BentoML's client give the same canonical bytes."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from contracts.randomness import generator
from contracts.scores import LANGUAGES, Language, dumps, unflatten
from contracts.time import to_text
from contracts.workspace import Workspace, open_workspace
from serving.batch import export_generation
from testkit.claims.figure import Figure, Scale, none_of
from testkit.commands import build_environment, call_fedele
from testkit.ledger import find_current, read_generations
from testkit.running import Running, serve_workspace
from testkit.tenth import AS_OF, NOW, find_trained

SEED = 3
CUSTOMERS = 50
# A process of its own, as a customer would have: arguments are the address, the key, then languages.
CLIENT = """
import json, sys, bentoml

url, key, *languages = sys.argv[1:]
ids = json.load(sys.stdin)
with bentoml.SyncHTTPClient(url, token=key) as client:
    answers = {each: client.score_customers(customer_ids=ids, lang=each)["results"] for each in languages}
print(json.dumps(answers))
"""

Records = dict[str, dict[str, bytes]]


def measure(scale: Scale) -> list[Figure]:
    """Return how many records differ between the ways to them, in both languages."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "shop"
        shutil.copytree(find_trained().root, root)
        before = read_generations(find_trained())
        workspace = open_workspace(root)
        files = {each: _write_file(workspace, each, afresh=scale.thorough) for each in LANGUAGES}
        ids = _choose(list(files["en"]), CUSTOMERS * scale.examples)
        key = call_fedele(root, "keys", "create", "--scope", "score:read", "--name", "crm")["key"]
        with serve_workspace(root) as running:
            ways: dict[str, Records] = {
                "POST /v1/scores": _post(running, key, ids),
                "BentoML's client": _ask_client(running, key, ids, Path(folder)),
                "the batch file": {name: {each: file[each] for each in ids} for name, file in files.items()},
            }
            single = _get(running, key, ids)
    both = {each for each in ids if single["en"][each] != single["it"][each]}
    stored = before[find_current(find_trained()).generation]
    canonical = {bytes(part) for row in stored for part in row if isinstance(part, bytes)}
    return [
        Figure("customers compared, each in both languages", len(ids), CUSTOMERS, "at least"),
        *(
            none_of(f"records of {way} that differ from those of the single GET", _count(way_records, single))
            for way, way_records in ways.items()
        ),
        none_of(
            "records of the GET that are not the stored bytes",
            sum(each not in canonical for part in single.values() for each in part.values()),
        ),
        Figure(
            "customers whose reasons are worded differently in the two languages",
            len(both),
            len(ids),
            "equals",
        ),
    ]


def _write_file(workspace: Workspace, language: Language, *, afresh: bool) -> dict[str, bytes]:
    """Return each customer's canonical bytes as a batch file has them.

    The file is what ``fedele score --out`` writes; ``afresh`` has the command score everyone again for it.
    """
    file = workspace.root / f"scores-{language}.parquet"
    if afresh:
        as_of, clock = to_text(AS_OF), to_text(NOW)
        call_fedele(
            workspace.root, "score", "--as-of", as_of, "--out", str(file), "--lang", language, clock=clock
        )
    else:
        export_generation(workspace, find_current(workspace), file, language)
    return {row["customer_id"]: dumps(unflatten(row)) for row in pq.read_table(file).to_pylist()}


def _choose(ids: list[str], count: int) -> list[str]:
    chosen = generator(SEED, "customers").choice(len(ids), size=min(count, len(ids)), replace=False)
    return [ids[place] for place in sorted(chosen.tolist())]


def _post(running: Running, key: str, ids: list[str]) -> Records:
    """Cut each record out of the body's own bytes."""
    found: Records = {}
    for language in LANGUAGES:
        body = running.ask("POST", "/v1/scores", key, json={"customer_ids": ids, "lang": language}).content
        found[language] = dict(zip(ids, _cut(body), strict=True))
    return found


def _cut(body: bytes) -> list[bytes]:
    """Return the bytes of each ``score`` in an answer, which no parser has touched."""
    text, decoder, records = body.decode(), json.JSONDecoder(), []
    start = text.find('"score":')
    while start >= 0:
        start += len('"score":')
        _, end = decoder.raw_decode(text, start)
        records.append(text[start:end].encode())
        start = text.find('"score":', end)
    return records


def _get(running: Running, key: str, ids: list[str]) -> Records:
    return {
        language: {
            each: running.ask("GET", f"/v1/customers/{each}/score", key, params={"lang": language}).content
            for each in ids
        }
        for language in LANGUAGES
    }


def _ask_client(running: Running, key: str, ids: list[str], home: Path) -> Records:
    """Ask through `bentoml.SyncHTTPClient`, whose parsed answers are written canonically again."""
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CLIENT, running.url, key, *LANGUAGES],
        env=build_environment(home),
        input=json.dumps(ids),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: dict[str, list[dict[str, Any]]] = json.loads(child.stdout.splitlines()[-1])
    return {
        language: {each["customer_id"]: dumps(each["score"]) for each in answer}
        for language, answer in answers.items()
    }


def _count(one: Records, other: Records) -> int:
    return sum(
        one[language].get(each) != record for language, part in other.items() for each, record in part.items()
    )
