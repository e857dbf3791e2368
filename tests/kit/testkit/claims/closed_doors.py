"""Keys of another workspace learn nothing about ours; no spelling of a path opens a thing without a key.

Every route and method of the frozen document is asked by a neighbour twice: about what is ours (a customer,
an outcome, a job with its result, a generation, a cursor) and about what nobody has. The two answers must be
the same but for the id. Our own key, asked alike, must tell them apart, or the comparison would show nothing.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from serving.api.paths import PATHS
from serving.bulk import run_job
from serving.jobs import claim_job
from serving.keys import SCOPES, create_key
from serving.store.generations import open_store
from serving.tenants import Tenant, Tenants
from testkit.claims.figure import Figure, Scale, none_of
from testkit.service import Answer, Caller, build_service
from testkit.spellings import HOSTS, SPELLINGS
from testkit.stored import NOW, build_info, build_rows, make_workspace
from testkit.tree import ROOT

MARK = "mark-7f3a91"
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
FEW_METHODS = METHODS[:2]
ALWAYS = ("request_id", "instance")
COUNTED = ("searched_files", "searched_bytes")
KEPT_HEADERS = ("content-type", "retry-after", "allow", "location", "content-language")


@dataclass(frozen=True)
class Things:
    """What a workspace has, or what nobody has: ids that stand in addresses and bodies."""

    customer_id: str
    outcome_id: str
    job_id: str
    generation: str
    cursor: str


@dataclass(frozen=True)
class Question:
    """A request. ``route`` is the template it belongs to; ``tells`` whether its owner sees a difference."""

    method: str
    route: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    tells: bool = True


def measure(scale: Scale) -> list[Figure]:
    """Return differences between ours and a missing id, and what answers without a key."""
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
            return _measure(tenants, METHODS if scale.thorough else FEW_METHODS)
        finally:
            tenants.close()


def _measure(tenants: Tenants, methods: tuple[str, ...]) -> list[Figure]:
    first, second = tenants
    app = build_service(tenants, lambda: NOW)
    _, own = create_key(first.store.work, SCOPES, "own", NOW)
    _, other = create_key(second.store.work, SCOPES, "other", NOW)
    owner, neighbour, anyone = Caller(app, own), Caller(app, other), Caller(app)
    ours = _make_things(owner, first)
    missing = Things(
        "C-99999", "out_" + "a" * 26, "job_" + "a" * 26, "g7", ours.cursor[:-1] + _other(ours.cursor[-1])
    )
    compared = differing = leaks = told = telling = 0
    asked = set()
    for mine, nobodys in zip(_find_questions(ours), _find_questions(missing), strict=True):
        here, there = _ask(neighbour, mine), _ask(neighbour, nobodys)
        asked.add((mine.route, mine.method))
        compared += 1
        differing += _normal(here, ours) != _normal(there, missing)
        leaks += any(each in here.body for each in (b'"g0"', b"Last order 58", MARK.encode()))
        if mine.tells:
            telling += 1
            told += _normal(_ask(owner, mine), ours) != _normal(_ask(owner, nobodys), missing)
    kept = _ask(owner, Question("GET", "", f"/v1/customers/{ours.customer_id}/score"))
    tried, opened = _knock(anyone, methods)
    return [
        Figure("routes known to the gate", len(PATHS), 17, "at least"),
        none_of("routes and methods of the frozen document that were not asked", len(_find_routes() - asked)),
        Figure("pairs of questions by the neighbour, about ours and nobody's", compared, 18, "at least"),
        none_of("of them answered differently", differing),
        none_of("answers to the neighbour that hold anything of ours", leaks),
        Figure("pairs that our own key is answered differently", told, telling, "equals"),
        Figure("our customer after the neighbour erased that id (status)", kept.status, 200, "equals"),
        Figure("spellings of a path", len(SPELLINGS), 40, "at least"),
        Figure("requests without a key in these spellings, methods and hosts", tried, 400, "at least"),
        none_of("of them answered with anything but 401", opened),
    ]


def _make_things(owner: Caller, tenant: Tenant) -> Things:
    """Return what is made for the comparison: an outcome, a job that is done, a page of the list."""
    told = {"customer_id": "C-00001", "result": "kept", "occurred_at": "2026-11-20T09:00:00Z", "action": MARK}
    outcomes = owner.post("/v1/outcomes", {"outcomes": [told]}, idempotency_key="made").json()
    job_id = owner.post("/v1/jobs", {"everyone": True}, idempotency_key="made").json()["job_id"]
    claim_job(tenant.store.work, NOW)
    run_job(tenant.workspace, job_id, lambda: NOW)
    cursor = owner.get("/v1/at-risk", "limit=2").json()["next_cursor"]
    return Things("C-00001", outcomes["results"][0]["outcome_id"], job_id, "g0", cursor)


def _find_questions(things: Things) -> Iterator[Question]:
    """Yield each route of the document with these ids wherever an id may stand.

    The erasure comes before the neighbour's own jobs, whose files it would count.
    """
    customer, outcome, job = things.customer_id, things.outcome_id, things.job_id
    told = {"customer_id": customer, "result": "lost", "occurred_at": "2026-11-20T09:00:00Z"}
    json_ = {"content-type": "application/json"}
    once = json_ | {"idempotency-key": f"neighbour-{customer}"}
    ids = json.dumps({"customer_ids": [customer]}).encode()
    at, out, jobs = "/v1/customers/{customer_id}", "/v1/outcomes/{outcome_id}", "/v1/jobs/{job_id}"
    yield Question("POST", "/v1/scores", "/v1/scores", "", ids, json_)
    yield Question("POST", "/v1/scores", "/v1/scores", "mode=live", ids, json_, tells=False)
    yield Question("GET", "/v1/scores", "/v1/scores", f"changed_since={things.generation}")
    yield Question("GET", f"{at}/score", f"/v1/customers/{customer}/score")
    yield Question("GET", f"{at}/history", f"/v1/customers/{customer}/history")
    rescore = f"/v1/customers/{customer}/rescore"
    yield Question("POST", f"{at}/rescore", rescore, "", b'{"orders": [{"amount": 9}]}', json_)
    yield Question("GET", "/v1/at-risk", "/v1/at-risk", f"limit=2&cursor={things.cursor}")
    yield Question("GET", "/v1/model", "/v1/model", tells=False)
    yield Question("GET", "/v1/reasons", "/v1/reasons", tells=False)
    body = json.dumps({"outcomes": [told]}).encode()
    yield Question("POST", "/v1/outcomes", "/v1/outcomes", "", body, once)
    yield Question(
        "POST", "/v1/outcomes", "/v1/outcomes", "atomic=true", body, once | {"idempotency-key": "a"}
    )
    yield Question("GET", out, f"/v1/outcomes/{outcome}")
    for revision in (1, 2):
        match = json_ | {"if-match": f'"{outcome}.{revision}"'}
        yield Question("PUT", out, f"/v1/outcomes/{outcome}", "", json.dumps(told).encode(), match)
    erase = json.dumps({"customer_id": customer}).encode()
    yield Question("POST", "/v1/customers:erase", "/v1/customers:erase", "", erase, json_, tells=False)
    listed = f"customer_id\n{customer}\n".encode()
    csv = once | {"content-type": "text/csv"}
    yield Question("POST", "/v1/jobs", "/v1/jobs", "", listed, csv, tells=False)
    yield Question("GET", jobs, f"/v1/jobs/{job}")
    yield Question("GET", f"{jobs}/result", f"/v1/jobs/{job}/result")


def _find_routes() -> set[tuple[str, str]]:
    document = json.loads((ROOT / "tests" / "serving" / "openapi.json").read_text(encoding="utf-8"))
    return {(path, method.upper()) for path, each in document["paths"].items() for method in each}


def _ask(caller: Caller, question: Question) -> Answer:
    given = question
    return caller.call(given.method, given.path, [given.body], given.query, given.headers)


def _normal(answer: Answer, things: Things) -> tuple[int, str, dict[str, str]]:
    """Return what is the same for ours and nobody's: without new ids, and without the ids that were asked."""
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    text = answer.body.decode("utf-8", "replace")
    for each in vars(things).values():
        text = text.replace(each, "ID")
    try:
        document = json.loads(text)
    except ValueError:
        return answer.status, text, headers
    if "job_id" in document and answer.status == 202:
        document["job_id"] = headers["location"] = "NEW"
    left = {name: value for name, value in document.items() if name not in (*ALWAYS, *COUNTED)}
    return answer.status, json.dumps(left, sort_keys=True), headers


def _other(sign: str) -> str:
    return "A" if sign != "A" else "E"


def _knock(anyone: Caller, methods: tuple[str, ...]) -> tuple[int, int]:
    """Return how many requests without a key were made, and how many were answered with other than 401."""
    tried = opened = 0
    for spelling in SPELLINGS:
        for method in methods:
            for host in HOSTS:
                answer = anyone.call(method, spelling, headers={"host": host, "x-original-url": "/livez"})
                tried += 1
                opened += answer.status != 401
    return tried, opened
