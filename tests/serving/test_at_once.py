"""The way at once and the usual way give one answer: bytes, headers, reads noted; crowds are seen on both."""

import asyncio
import re
from collections import Counter

import pytest

from serving.api import at_once
from serving.api.middleware import FEW_TOGETHER
from serving.ledger.accesses import AccessLog

PATH = "/v1/customers/C-00001/score"
OWN = ("x-request-id", "ratelimit")


def ask_both_ways(served, monkeypatch, path=PATH, query="", **headers):
    """Return the answers of the way at once and of the usual one, and which the first really took."""
    taken = []
    genuine = at_once.find_answer

    def watch(*given):
        taken.append(genuine(*given))
        return taken[-1]

    monkeypatch.setattr("serving.api.middleware.find_answer", watch)
    quick = served.reader.get(path, query, **headers)
    monkeypatch.setattr("serving.api.middleware.find_answer", lambda *given: None)
    return quick, served.reader.get(path, query, **headers), taken != [] and taken[0] is not None


def test_both_ways_give_the_same_bytes_and_headers(served, monkeypatch):
    served.reader.get(PATH)  # from here on the store is known
    tag = served.reader.get(PATH).headers["etag"]
    asked = [
        ("", {}),
        ("lang=it", {}),
        ("", {"accept_language": "it"}),
        ("lang=en", {"if_none_match": f'"a", W/{tag}'}),
        ("", {"if_none_match": "*"}),
    ]
    for query, headers in asked:
        quick, usual, at_hand = ask_both_ways(served, monkeypatch, query=query, **headers)
        assert at_hand
        assert (quick.status, quick.body) == (usual.status, usual.body)
        left, right = (
            {name: value for name, value in each.headers.items() if name not in OWN}
            for each in (quick, usual)
        )
        assert left == right
        assert {*quick.headers} == {*usual.headers}


@pytest.mark.parametrize(
    ("path", "query", "headers"),
    [
        (PATH, "lang=de", {}),
        (PATH, "lang=en&lang=it", {}),
        (PATH, "", {"content_length": "0"}),
        ("/v1/customers/nobody/score", "", {}),
        ("/v1/customers/N-00000/score", "", {}),
        ("/v1/customers/a\x00b/score", "", {}),
    ],
)
def test_what_is_not_plainly_a_stored_score_goes_the_usual_way(served, monkeypatch, path, query, headers):
    served.reader.get(PATH)
    quick, usual, at_hand = ask_both_ways(served, monkeypatch, path, query, **headers)
    assert not at_hand
    assert quick.status == usual.status
    without_id = [re.sub(rb"request:[0-9a-f]+", b"", each.body) for each in (quick, usual)]
    assert without_id[0] == without_id[1]


def test_a_read_at_once_is_noted_for_the_ledger(served, monkeypatch):
    noted = []
    monkeypatch.setattr(AccessLog, "note", lambda log, access: noted.append(access))
    served.reader.get(PATH)
    quick, _, at_hand = ask_both_ways(served, monkeypatch)
    assert (quick.status, at_hand) == (200, True)
    assert [(each.route, each.customer_ids) for each in noted] == [("score", ("C-00001",))] * 3


def test_those_that_keep_coming_together_are_told_to_wait_once_their_time_is_up(served, monkeypatch):
    monkeypatch.setattr("serving.api.middleware.HELD_SECONDS", 0.0)
    served.reader.get(PATH)
    many = FEW_TOGETHER + 10
    monkeypatch.setattr("serving.api.middleware.PASS_SECONDS", 60.0)
    assert asyncio.run(ask_in_waves(served, many, many)) == [Counter({200: many})] * 2
    monkeypatch.setattr("serving.api.middleware.PASS_SECONDS", -1.0)
    monkeypatch.setattr("serving.api.middleware.SLOW_SECONDS", 60.0)
    waves = asyncio.run(ask_in_waves(served, many, many, 5, many))
    some = Counter({200: FEW_TOGETHER, 429: 10})
    assert waves == [Counter({200: many}), some, Counter({200: 5}), some]
    monkeypatch.setattr("serving.api.middleware.SLOW_SECONDS", 0.0)
    assert asyncio.run(ask_in_waves(served, many)) == [Counter({200: many})]


async def ask_in_waves(served, *counts):
    """Return the statuses of requests that come together, wave after wave."""
    waves = []
    for count in counts:
        statuses = Counter()

        async def ask(statuses=statuses):
            async def receive():
                return {"type": "http.request", "body": b"", "more_body": False}

            async def send(message):
                if message["type"] == "http.response.start":
                    statuses[message["status"]] += 1

            await served.anyone.app(build_scope(served.reader.key), receive, send)

        await asyncio.gather(*(ask() for _ in range(count)))
        await asyncio.sleep(0)  # the pass ends
        waves.append(statuses)
    return waves


def build_scope(key):
    return {
        "type": "http",
        "method": "GET",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": [(b"authorization", f"Bearer {key}".encode())],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 3000),
    }
