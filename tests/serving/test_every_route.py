"""What must be survived, at every route that takes a body: refused in one shape, and nothing written."""

import asyncio

import pytest
from sqlalchemy import func, select

from serving.api.paths import PATHS
from serving.store import tables
from serving.store.rows import build_not_scored
from testkit.stored import build_info

DEEP = b"[" * 100_000 + b"]" * 100_000
ROUTES = {
    "/v1/scores": "POST",
    "/v1/customers/C-00001/rescore": "POST",
    "/v1/customers:erase": "POST",
    "/v1/outcomes": "POST",
    "/v1/outcomes/out_aaaa": "PUT",
    "/v1/jobs": "POST",
}
UNREADABLE = {
    "empty": b"",
    "null": b"null",
    "text": b"not json",
    "bytes": b'{"x": "\xff"}',
    "surrogate": b'{"x": "\\ud800"}',
    "mark": b"\xef\xbb\xbf{}",
    "deep": DEEP,
    "deep inside": b'{"x": ' + DEEP + b"}",
}
WRONG = {
    "nan": b'{"x": NaN}',
    "infinity": b'{"x": -Infinity}',
    "huge float": b'{"x": 1e999}',
    "many digits": b'{"x": ' + b"9" * 5000 + b"}",
    "key twice": b'{"x": 1, "x": 1}',
    "unknown field": b'{"role": "admin"}',
}


@pytest.fixture
def untouched(served):
    """Fails when a row of work or a file of a job came or went during the test."""

    def count():
        files = sorted(served.first.workspace.jobs.glob("*")) if served.first.workspace.jobs.is_dir() else []
        with served.first.store.work.read() as connection:
            rows = [
                connection.scalar(select(func.count()).select_from(each))
                for each in (tables.outcomes, tables.jobs, tables.answers)
            ]
        return rows, files, served.first.store.current()

    before = count()
    yield
    assert count() == before


def send(caller, path, body, headers=()):
    told = {"content-type": "application/json", "idempotency-key": "k", "if-match": '"x"'} | dict(headers)
    return caller.call(ROUTES[path], path, [body], headers=told)


def test_every_route_with_a_body_is_asked_here():
    written = {each.template for each in PATHS if set(each.methods) & {"POST", "PUT"}}
    asked = {path.replace("C-00001", "{customer_id}").replace("out_aaaa", "{outcome_id}") for path in ROUTES}
    assert written == asked | {"/rpc/scores"}  # BentoML's own; test_bad_requests has it


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read_is_a_400_and_writes_nothing(served, untouched, path, body):
    answer = send(served.admin, path, body)
    assert (answer.status, answer.problem in ("unreadable", "too-deep")) == (400, True)
    assert len(answer.body) < 500


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_a_body_that_is_read_but_wrong_is_refused_and_writes_nothing(served, untouched, path, body):
    answer = send(served.admin, path, body)
    # A correction looks first whether there is such an outcome; a job takes one object only.
    assert answer.problem in ("invalid", "unreadable", "not-found")
    assert b"admin" not in answer.body


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "kind", ["", "multipart/form-data", "application/vnd.bentoml+pickle", "Application/VND.BentoML+Pickle"]
)
def test_another_type_of_body_is_refused_before_it_is_read(served, untouched, path, kind):
    answer = send(served.admin, path, b"\x80\x04.", {"content-type": kind})
    assert (answer.status, answer.problem) == (415, "media-type")


@pytest.mark.parametrize("path", ROUTES)
def test_a_compressed_or_enormous_body_is_refused_early(served, untouched, path):
    assert send(served.admin, path, b"{}", {"content-encoding": "gzip"}).problem == "media-type"
    assert send(served.admin, path, b"{}", {"content-length": str(500 * 2**20)}).problem == "too-large"


@pytest.mark.parametrize("path", ROUTES)
def test_an_ambiguous_framing_is_refused_with_the_connection_closed(served, untouched, path):
    both = {"content-length": "2", "transfer-encoding": "chunked"}
    answer = send(served.admin, path, b"{}", both)
    assert (answer.status, answer.problem, answer.headers["connection"]) == (400, "bad-framing", "close")


@pytest.mark.parametrize("path", ROUTES)
def test_a_caller_who_hangs_up_half_way_leaves_nothing(served, untouched, path):
    pairs = {"authorization": f"Bearer {served.admin.key}", "content-type": "application/json"}
    headers = [(name.encode(), value.encode()) for name, value in (pairs | {"idempotency-key": "k"}).items()]
    scope = {"type": "http", "method": ROUTES[path], "path": path, "query_string": b"", "headers": headers}
    messages = [{"type": "http.request", "body": b'{"every', "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    async def send_nothing(message):
        raise AssertionError("nothing is sent to a caller who is gone")

    asyncio.run(served.admin.app(scope, receive, send_nothing))
    assert messages == []


def test_a_cursor_of_another_workspace_is_none_of_ours(served):
    for path in ("/v1/at-risk", "/v1/scores"):
        cursor = served.crm.get(path, "limit=2").json()["next_cursor"]
        assert served.crm.get(path, f"limit=2&cursor={cursor}").status == 200
        answer = served.neighbour.get(path, f"limit=2&cursor={cursor}")
        assert (answer.status, answer.problem) == (400, "bad-cursor")


def test_a_customer_without_profiling_is_told_apart_from_an_unknown_one_and_has_no_number(served):
    (second,) = (each for each in served.tenants if each is not served.first)
    assert served.other_crm.get("/v1/customers/S-1/score").problem == "unknown"
    with second.store.begin(build_info("h2")) as writer:
        writer.add([build_not_scored("S-1", "suppressed", "shop")])
        writer.finish()
    answer = served.other_crm.get("/v1/customers/S-1/score").json()
    assert (answer["status"], answer["problem"]["code"]) == ("not_scored", "suppressed")
    assert "score" not in answer
    told = {"outcomes": [{"customer_id": "S-1", "result": "kept", "occurred_at": "2026-11-20T09:00:00Z"}]}
    (result,) = served.other_crm.post("/v1/outcomes", told, idempotency_key="s").json()["results"]
    assert result["errors"][0]["code"] == "suppressed"
