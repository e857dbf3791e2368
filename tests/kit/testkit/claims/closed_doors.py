"""Keys of another workspace learn nothing about ours; no spelling of a path opens a thing without a key."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from serving.api.paths import PATHS
from serving.keys import SCOPES, create_key
from serving.store.generations import open_store
from serving.tenants import Tenants
from testkit.claims.figure import Figure, Scale, none_of
from testkit.service import Answer, Caller, build_service
from testkit.spellings import HOSTS, SPELLINGS
from testkit.stored import NOW, build_info, build_rows, make_workspace

MINE, MISSING = "C-00001", "C-99999"
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
ALWAYS = ("request_id", "instance", "x-request-id", "date", "etag")


def measure(scale: Scale) -> list[Figure]:
    """Return differences between ours and a missing id, and what answers without a key."""
    del scale  # seconds in full
    with tempfile.TemporaryDirectory() as folder:
        workspaces = [make_workspace(Path(folder) / name, name=name) for name in ("acme", "bolt")]
        for place, workspace in enumerate(workspaces):
            store = open_store(workspace)
            with store.begin(build_info(f"g{place}")) as writer:
                # The neighbour has customers too, none of them called as ours are.
                writer.add(build_rows(30, f"g{place}") if place == 0 else iter(()))
                writer.finish()
            store.close()
        tenants = Tenants()
        tenants.open([each.root for each in workspaces])
        try:
            return _measure(tenants)
        finally:
            tenants.close()


def _measure(tenants: Tenants) -> list[Figure]:
    first, second = tenants
    app = build_service(tenants, lambda: NOW)
    _, own = create_key(first.store.work, SCOPES, "own", NOW)
    _, other = create_key(second.store.work, SCOPES, "other", NOW)
    owner, neighbour, anyone = Caller(app, own), Caller(app, other), Caller(app)
    compared = differing = leaks = 0
    for method, ours, missing in _find_pairs():
        here, there = (_call(neighbour, method, each) for each in (ours, missing))
        compared += 1
        differing += _normal(here) != _normal(there)
        leaks += b'"g0"' in here.body or b"Last order 58" in here.body
    mine = _call(owner, "GET", ("/v1/customers/{customer_id}/score", MINE))
    tried, opened = 0, 0
    for spelling in SPELLINGS:
        for method in METHODS:
            for host in HOSTS:
                answer = anyone.call(method, spelling, headers={"host": host, "x-original-url": "/livez"})
                tried += 1
                opened += answer.status != 401
    return [
        Figure("routes known to the gate", len(PATHS), 7, "at least"),
        Figure(
            "pairs of questions by the neighbour, our id and a missing one", compared, len(PATHS), "at least"
        ),
        none_of("of them answered differently", differing),
        none_of("answers to the neighbour that hold anything of ours", leaks),
        Figure("our own key on the same id (status)", mine.status, 200, "equals"),
        Figure("spellings of a path", len(SPELLINGS), 40, "at least"),
        Figure("requests without a key in these spellings, methods and hosts", tried, 400, "at least"),
        none_of("of them answered with anything but 401", opened),
    ]


def _find_pairs() -> Iterator[tuple[str, tuple[str, str], tuple[str, str]]]:
    """Yield each route that is known to the gate, with our id and with one that nobody has."""
    for path in PATHS:
        for method in path.methods:
            yield method, (path.template, MINE), (path.template, MISSING)


def _call(caller: Caller, method: str, target: tuple[str, str]) -> Answer:
    template, customer_id = target
    path = template
    for name in ("{customer_id}", "{job_id}", "{generation}"):
        path = path.replace(name, customer_id)
    body = json.dumps({"customer_ids": [customer_id]}).encode() if method == "POST" else b""
    key = hashlib.sha256(path.encode()).hexdigest()[:20]
    headers = {"content-type": "application/json", "idempotency-key": key}
    return caller.call(method, path, [body], headers=headers if method == "POST" else None)


def _normal(answer: Answer) -> tuple[int, str]:
    """Return status and body without what differs in every answer, and without the id that was asked."""
    text = answer.body.decode("utf-8", "replace").replace(MINE, "ID").replace(MISSING, "ID")
    try:
        document = json.loads(text)
    except ValueError:
        return answer.status, text
    if isinstance(document, dict):
        document = {name: value for name, value in document.items() if name not in ALWAYS}
    return answer.status, json.dumps(document, sort_keys=True)
