"""Who gets in, and what anyone can reach without a key."""

import re

import pytest

from serving.api.app import build_app
from serving.api.paths import PATHS
from serving.keys import create_key, revoke_key
from serving.tenants import Tenants
from testkit.service import Caller
from testkit.spellings import SPELLINGS
from testkit.stored import NOW


def fill(template):
    """Return an address of a route, with ids in it."""
    return re.sub(r"\{[a-z]+_id\}", "x-1", template.replace("{customer_id}", "C-00001"))


ROUTES = [(method, fill(path.template)) for path in PATHS for method in path.methods]
CLOSED = [
    (method, fill(path.template))
    for path in PATHS
    for method in path.methods
    if path.scope not in (None, "model:read")
]


def test_the_gate_knows_exactly_the_routes_of_the_app_and_those_of_bentoml():
    document = build_app(Tenants(), lambda: NOW).openapi()
    routes = {(path, method.upper()) for path, each in document["paths"].items() for method in each}
    gate = {(path.template, method) for path in PATHS for method in path.methods}
    beside = {
        ("/metrics", "GET"),
        ("/rpc/scores", "POST"),
        ("/schema.json", "GET"),
        ("/v1/openapi.json", "GET"),
    }
    assert routes | beside == gate


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_spelling_of_a_path_opens_anything_without_a_key(served, method, spelling):
    answer = served.anyone.call(method, spelling)
    assert (answer.status, answer.problem) == (401, "no-key")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_wants_a_key_that_is_right_to_the_last_character(served, method, path):
    text = served.reader.key
    for header in (
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {text[:-1]}",
        f"Bearer {text}A",
        f"Bearer {text.swapcase()}",
        f"Basic {text}",
        text,
        f"Bearer {text} x",
        "Bearer " + "x" * 5000,
    ):
        answer = served.anyone.call(method, path, headers={"authorization": header})
        assert (answer.status, answer.problem) == (401, "no-key")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_in_the_address_or_sent_twice_does_not_count(served):
    text = served.reader.key
    assert served.anyone.get("/v1/model", f"key={text}&authorization={text}").status == 401
    twice = [("authorization", f"Bearer {text}"), ("authorization", "Bearer x")]
    assert served.anyone.call("GET", "/v1/model", headers=twice).problem == "bad-framing"


def test_a_revoked_key_is_refused_at_once(served):
    key, text = create_key(served.first.store.work, ["admin"], "", NOW)
    caller = Caller(served.anyone.app, text)
    assert caller.get("/v1/model").status == 200
    revoke_key(served.first.store.work, key.key_id, NOW)
    assert caller.get("/v1/model").problem == "no-key"


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_a_key_without_the_scope_is_told_so(served, method, path):
    answer = served.modeller.call(method, path)
    assert (answer.status, answer.problem) == (403, "no-scope")


def test_the_scopes_of_a_key_are_enough_for_their_routes_and_admin_for_all(served):
    assert served.modeller.get("/v1/model").status == 200
    assert served.modeller.get("/v1/openapi.json").status == 200
    for path in ("/v1/model", "/v1/at-risk", "/v1/scores", "/v1/customers/C-00001/score"):
        assert served.admin.get(path).status == 200


def test_the_key_of_another_workspace_gets_the_answer_of_a_missing_customer(served):
    mine, theirs = "/v1/customers/C-00001/score", "/v1/customers/C-99999/score"
    answers = [served.neighbour.get(path) for path in (mine, theirs)]
    documents = [answer.json() | {"instance": ""} for answer in answers]
    assert [answer.status for answer in answers] == [404, 404]
    assert documents[0] == documents[1]
    body = served.neighbour.post("/v1/scores", {"customer_ids": ["C-00001", "C-99999"]}).json()
    assert [result["problem"]["code"] for result in body["results"]] == ["unknown", "unknown"]
    assert served.neighbour.get("/v1/at-risk").json()["data"] == []
    assert served.neighbour.get("/v1/scores").json()["data"] == []
