"""Requests that must be survived: refused in one shape, nothing repeated or logged, the rest unharmed."""

import asyncio
import json
import logging

import pytest

from contracts.errors import StoreError
from serving.api import framing, middleware
from serving.api.problems import PROBLEMS
from serving.store.database import StoreBusy
from serving.store.generations import ScoreStore

POSTS = ("/v1/scores", "/rpc/scores")
CANARY = "canary-7f3a91"
DEEP = b"[" * 100_000 + b"]" * 100_000
BODIES = {
    b"": 400,
    b"null": 400,
    b"[]": 400,
    b'"x"': 400,
    b"{": 400,
    b"not json": 400,
    b'{"customer_ids": ["a"]} x': 400,
    b"\xef\xbb\xbf{}": 400,
    b'{"customer_ids": ["\xff"]}': 400,
    b'{"customer_ids": ["\\ud800"]}': 400,
    b'{"customer_ids": ["a\x00"]}': 400,
    DEEP: 400,
    b'{"customer_ids": ' + DEEP + b"}": 400,
    b"{}": 422,
    b'{"customer_ids": null}': 422,
    b'{"customer_ids": "C-1"}': 422,
    b'{"customer_ids": {"a": 1}}': 422,
    b'{"customer_ids": [], "customer_ids": []}': 422,
    b'{"Customer_Ids": []}': 422,
    b'{"customer_ids": [], "role": "admin"}': 422,
    b'{"customer_ids": [], "lang": "de"}': 422,
    b'{"customer_ids": [], "lang": 1}': 422,
    b'{"customer_ids": [], "include": "clv"}': 422,
    b'{"customer_ids": [], "include": ["secret"]}': 422,
    b'{"customer_ids": [], "include": [[]]}': 422,
    b'{"customer_ids": [NaN]}': 422,
    b'{"customer_ids": [-Infinity]}': 422,
    b'{"customer_ids": [1e999]}': 422,
    b'{"customer_ids": [' + b"9" * 5000 + b"]}": 422,
}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(("body", "status"), BODIES.items(), ids=[repr(body[:40]) for body in BODIES])
def test_a_body_that_is_not_right_is_refused_in_one_shape(served, path, body, status):
    answer = served.reader.post(path, body)
    assert answer.status == status
    assert answer.problem in ("unreadable", "too-deep", "invalid")
    assert len(answer.body) < 2000


def test_deep_nesting_is_refused_as_what_it_is(served):
    for body in (DEEP, b'{"customer_ids": ' + DEEP + b"}"):
        assert served.reader.post("/v1/scores", body).problem == "too-deep"


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/csv",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/vnd.bentoml+pickle",
        "Application/Vnd.BentoML+Pickle",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/jsonp",
    ],
)
def test_only_plain_json_is_taken(served, path, kind):
    answer = served.reader.post(path, b"\x80\x04.", content_type=kind)
    assert (answer.status, answer.problem) == (415, "media-type")


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_may_be_announced_in_its_usual_spellings(served, kind):
    assert served.reader.post("/v1/scores", {"customer_ids": []}, content_type=kind).status == 200


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_a_compressed_body_is_refused_before_it_is_opened(served, coding):
    answer = served.reader.post("/v1/scores", b"\x1f\x8b", content_encoding=coding)
    assert (answer.status, answer.problem) == (415, "media-type")


def test_a_huge_body_is_refused_while_it_streams_and_before_by_its_length(served):
    chunk = b" " * 65_536
    chunks = [chunk] * 8_000
    headers = {"content-type": "application/json"}
    answer = served.reader.call("POST", "/v1/scores", chunks, headers=headers)
    assert (answer.status, answer.problem) == (413, "too-large")
    announced = headers | {"content-length": str(500 * 2**20)}
    assert served.reader.call("POST", "/v1/scores", [b"{}"], headers=announced).problem == "too-large"
    assert served.reader.call("GET", "/v1/model", chunks).problem == "too-large"


def test_reading_a_huge_body_stops_at_the_limit():
    taken = []

    async def receive():
        taken.append(1)
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    with pytest.raises(framing.Problem, match="too-large"):
        asyncio.run(framing.read_body(receive, {}))
    assert len(taken) * 65_536 < 2 * 2**20


def test_a_body_that_never_ends_is_dropped(served, monkeypatch):
    monkeypatch.setattr(framing, "BODY_SECONDS", 0.05)

    async def ask():
        async def receive():
            await asyncio.Event().wait()

        sent = []

        async def send(message):
            sent.append(message)

        headers = [
            (b"authorization", f"Bearer {served.reader.key}".encode()),
            (b"content-type", b"application/json"),
        ]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/scores",
            "query_string": b"",
            "headers": headers,
        }
        await served.reader.app(scope, receive, send)
        return sent

    assert asyncio.run(ask())[0]["status"] == 408


def test_a_caller_who_hangs_up_is_only_noted(served, lines):
    headers = {"content-type": "application/json"}
    answer = served.reader.call("POST", "/v1/scores", [], headers=headers)
    assert answer.status == 400
    asyncio.run(hang_up(served))
    assert '"gone": true' in lines.text
    assert "ERROR" not in lines.text


async def hang_up(served):
    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError("nothing is sent to a caller who is gone")

    headers = [
        (b"authorization", f"Bearer {served.reader.key}".encode()),
        (b"content-type", b"application/json"),
    ]
    scope = {"type": "http", "method": "POST", "path": "/v1/scores", "query_string": b"", "headers": headers}
    await served.reader.app(scope, receive, send)


@pytest.mark.parametrize(
    "headers",
    [
        [("content-length", "2"), ("transfer-encoding", "chunked")],
        [("content-length", "2"), ("content-length", "3")],
        [("content-length", "2"), ("content-length", "2")],
        [("transfer-encoding", "chunked"), ("transfer-encoding", "identity")],
        [("content-length", "-1")],
        [("content-length", "+2")],
        [("content-length", "0x2")],
        [("content-length", "2 ")],
        [("content-length", "²")],
        [("host", "a"), ("host", "b")],
    ],
)
def test_an_ambiguous_framing_is_refused_and_the_connection_closed(served, headers):
    answer = served.reader.call("POST", "/v1/scores", [b"{}"], headers=headers)
    assert (answer.status, answer.problem) == (400, "bad-framing")
    assert answer.headers["connection"] == "close"


def test_a_poisoned_host_changes_nothing(served):
    host = "a/../livez?x=#"
    assert served.anyone.get("/v1/model", host=host).problem == "no-key"
    assert served.reader.get("/v1/model", host=host).status == 200


def test_a_busy_store_is_a_problem_to_retry_and_a_broken_one_too(served, monkeypatch):
    for error, wait in ((StoreBusy("work.db is busy: wait."), "2"), (StoreError("x is damaged."), "60")):
        monkeypatch.setattr(ScoreStore, "current", lambda self, error=error: (_ for _ in ()).throw(error))
        answer = served.reader.get("/v1/model")
        assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "store", wait)


def test_an_unexpected_error_is_a_problem_and_logs_its_place_but_not_its_text(served, monkeypatch, lines):
    def fail(self):
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(ScoreStore, "current", fail)
    answer = served.reader.get("/v1/model")
    assert (answer.status, answer.problem) == (500, "internal")
    assert "ZeroDivisionError" in lines.text
    assert CANARY not in lines.text + answer.body.decode()


def test_what_takes_too_long_is_given_up(served, monkeypatch):
    monkeypatch.setattr(middleware, "ANSWER_SECONDS", 0.05)

    async def never(scope, receive, send):
        await asyncio.Event().wait()

    monkeypatch.setattr(served.reader.app, "_app", never)
    assert served.reader.get("/v1/model").problem == "timeout"


def test_too_many_at_once_are_told_to_wait_while_probes_still_answer(served, monkeypatch):
    monkeypatch.setattr(served.reader.app, "_open", middleware.MOST_AT_ONCE)
    monkeypatch.setattr(middleware, "HELD_SECONDS", 0.01)
    answer = served.reader.get("/v1/model")
    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (429, "too-many", "1")
    assert served.anyone.get("/livez").status == 200


def test_with_too_many_refused_and_waiting_the_no_comes_at_once(served, monkeypatch):
    monkeypatch.setattr(served.reader.app, "_open", middleware.MOST_AT_ONCE)
    monkeypatch.setattr(served.reader.app, "_held", middleware.MOST_HELD)
    monkeypatch.setattr(middleware, "HELD_SECONDS", 3600)
    assert served.reader.get("/v1/model").problem == "too-many"


def test_who_waits_too_long_for_a_turn_is_told_to_come_back(served, monkeypatch):
    monkeypatch.setattr(middleware, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(served.reader.app, "_turns", asyncio.Semaphore(0))
    answer = served.reader.get("/v1/model")
    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (429, "too-many", "1")
    assert served.anyone.get("/readyz").status == 200


@pytest.mark.parametrize("status", [400, 404, 405, 418, 429, 500, 503, 504])
def test_a_failure_of_another_layer_is_put_into_our_shape(served, monkeypatch, status):
    async def fail(scope, receive, send):
        headers = [(b"content-type", b"text/plain"), (b"allow", b"GET"), (b"x-secret", b"1")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": CANARY.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": CANARY.encode()})

    monkeypatch.setattr(served.reader.app, "_app", fail)
    answer = served.reader.get("/v1/model")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status
    assert CANARY not in answer.body.decode()
    assert "x-secret" not in answer.headers
    assert answer.headers["allow"] == "GET"


def test_nothing_a_caller_sends_is_repeated_or_logged(served, lines):
    lines.set_level(logging.DEBUG)
    answers = [
        served.reader.get(f"/v1/customers/{CANARY}/score", f"lang={CANARY}", x_request_id=f"{CANARY} !"),
        served.reader.get(f"/v1/customers/{CANARY}/score"),
        served.reader.get(f"/v1/{CANARY}", f"q={CANARY}"),
        served.reader.get("/v1/at-risk", f"{CANARY}=1&cursor={CANARY}&sort={CANARY}"),
        served.reader.get("/v1/at-risk", f"cursor={CANARY}"),
        served.reader.get("/v1/scores", f"changed_since={CANARY}"),
        served.reader.post("/v1/scores", {CANARY: CANARY}),
        served.reader.post("/v1/scores", {"customer_ids": [], "lang": CANARY, "include": [CANARY]}),
        served.reader.post("/v1/scores", CANARY.encode()),
        served.reader.post("/rpc/scores", json.dumps([CANARY]).encode()),
        served.reader.post("/v1/scores", {"customer_ids": []}, content_type=CANARY),
        served.anyone.get("/v1/model", authorization=f"Bearer fdl_{CANARY}"),
    ]
    assert [answer.status >= 400 for answer in answers] == [True] * len(answers)
    for answer in answers:
        assert CANARY not in answer.body.decode() + json.dumps(answer.headers)
    served.reader.post("/v1/scores", {"customer_ids": [CANARY, "C-00001"]})
    assert CANARY not in lines.text
    assert "C-00001" not in lines.text
    assert "/v1/customers/{customer_id}/score" in lines.text


def test_every_request_leaves_one_line_with_the_template_of_its_route(served, lines):
    served.reader.get("/v1/customers/C-00001/score", x_request_id="crm-1")
    (line,) = [json.loads(each.message) for each in lines.records if each.name == "fedele.access"]
    assert (line["request_id"], line["status"], line["workspace"]) == ("crm-1", 200, "acme")
    assert line["route"] == "/v1/customers/{customer_id}/score"
    assert set(line) == {"request_id", "method", "route", "workspace", "key", "status", "bytes", "ms"}


def test_every_kind_of_problem_has_a_status_and_is_documented():
    from testkit.tree import ROOT

    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert [code for code in PROBLEMS if f"`{code}`" not in page] == []


def test_a_socket_is_closed_at_once(served):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(served.anyone.app({"type": "websocket", "path": "/"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
