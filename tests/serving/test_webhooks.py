"""Webhooks: told at least once, signed, only where the settings say, retried, and never lost by a crash."""

import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sqlalchemy import select

from contracts.errors import SettingsError
from contracts.workspace import open_workspace
from serving.store import tables
from serving.store.generations import open_store
from serving.store.outbox import MOST_ATTEMPTS
from serving.webhooks import deliver, deliver_now, sign
from testkit.stored import NOW, build_info, build_row, make_workspace

SECRET = "a secret of sixteen"


class Listener(HTTPServer):
    """A CRM that answers what it is told to and keeps what it was sent."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.seen = [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append((dict(self.headers), body))
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(status)
        if status == 302:
            self.send_header("location", self.server.url)
        self.end_headers()

    def log_message(self, *parts):
        pass


@contextmanager
def listen():
    listener = Listener()
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


@pytest.fixture
def listener():
    with listen() as opened:
        yield opened


@pytest.fixture
def told(tmp_path, listener):
    """A workspace with one hook, and its store."""
    workspace = make_workspace(tmp_path / "shop")
    hook = f'[[webhooks]]\nname = "crm"\nurl = "{listener.url}"\nsecret = "{SECRET}"\n'
    with (workspace.root / "fedele.toml").open("a") as file:
        file.write(hook)
    workspace = open_workspace(workspace.root)
    store = open_store(workspace)
    yield workspace, store
    store.close()


def write(store, generation, probabilities):
    with store.begin(build_info(generation)) as writer:
        writer.add(build_row(each, p, generation=generation) for each, p in probabilities.items())
        return writer.finish()


def events(listener, kind):
    return [json.loads(body) for headers, body in listener.seen if headers["Fedele-Event"] == kind]


def waiting(store):
    with store.work.read() as connection:
        return connection.execute(select(tables.outbox)).all()


def test_a_new_generation_and_the_bands_it_changed_are_told_once_each(told, listener):
    workspace, store = told
    write(store, "g1", {"a": 0.1, "b": 0.5, "c": 0.9, "d": 0.9})
    write(store, "g2", {"a": 0.2, "b": 0.9, "c": 0.1, "e": 0.9})
    assert deliver(workspace, store, NOW) == (3, 0)
    completed = events(listener, "generation.completed")
    assert [each["generation"] for each in completed] == ["g1", "g2"]
    (changed,) = events(listener, "risk.band_changed")
    assert sorted((each["customer_id"], each["from"], each["to"]) for each in changed["changes"]) == [
        ("b", "medium", "high"),
        ("c", "high", "low"),
        ("d", "high", None),
        ("e", None, "high"),
    ]
    assert deliver(workspace, store, NOW) == (0, 0)
    assert waiting(store) == []


def test_a_message_is_signed_over_its_instant_and_bytes(told, listener):
    workspace, store = told
    write(store, "g1", {"a": 0.1})
    deliver(workspace, store, NOW)
    headers, body = listener.seen[0]
    moment, signature = (part.partition("=")[2] for part in headers["Fedele-Signature"].split(","))
    assert moment == str(int(NOW.timestamp()))
    expected = hmac.new(SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature == expected
    assert headers["Fedele-Event-Id"] == json.loads(body)["event_id"]
    assert sign(SECRET, body, NOW) != sign(SECRET, body + b" ", NOW)


@pytest.mark.parametrize("fault", [500, 503, 429, 302, 404])
def test_what_is_not_taken_is_sent_again_later_under_the_same_id(told, listener, fault):
    workspace, store = told
    listener.answers = [fault]
    write(store, "g1", {"a": 0.1})
    assert deliver(workspace, store, NOW) == (0, 1)
    assert deliver(workspace, store, NOW + timedelta(seconds=4)) == (0, 0)
    assert deliver(workspace, store, NOW + timedelta(seconds=5)) == (1, 0)
    first, second = (json.loads(body) for _, body in listener.seen)
    assert first == second


def test_who_cannot_be_reached_is_tried_less_and_less_often_and_then_no_more(told, monkeypatch, lines):
    workspace, store = told
    monkeypatch.setattr("serving.webhooks.post", lambda *given: "ConnectionRefusedError")
    write(store, "g1", {"a": 0.1})
    now, waits = NOW, []
    while (row := waiting(store)[0]).next_at is not None or row.attempts == 0:
        deliver(workspace, store, now)
        row = waiting(store)[0]
        if row.next_at is None:
            break
        waits.append(row.attempts)
        now += timedelta(hours=1, seconds=1)
    assert waits == list(range(1, MOST_ATTEMPTS))
    assert waiting(store)[0].reason == "ConnectionRefusedError"
    assert "ConnectionRefusedError" in lines.text
    assert SECRET not in lines.text


def test_without_an_address_nothing_is_kept_for_anybody(tmp_path):
    workspace = make_workspace(tmp_path / "quiet")
    store = open_store(workspace)
    write(store, "g1", {"a": 0.1})
    assert deliver(workspace, store, NOW) == (0, 0)
    assert waiting(store) == []
    store.close()


def test_a_hook_hears_only_what_it_asked_for(told, listener):
    workspace, store = told
    only = workspace.settings.webhooks[0].model_copy(update={"events": ("risk.band_changed",)})
    settings = workspace.settings.model_copy(update={"webhooks": (only,)})
    object.__setattr__(workspace, "settings", settings)
    write(store, "g1", {"a": 0.1})
    write(store, "g2", {"a": 0.9})
    deliver(workspace, store, NOW)
    assert {headers["Fedele-Event"] for headers, _ in listener.seen} == {"risk.band_changed"}


def test_the_scoring_command_tells_what_it_can_and_leaves_the_rest(told, listener):
    workspace, store = told
    write(store, "g1", {"a": 0.1})
    assert deliver_now(workspace, NOW) == 1
    assert len(listener.seen) == 1


@pytest.mark.parametrize(
    "line",
    [
        'url = "ftp://crm.example/x"',
        'url = "http://user:pw@crm.example/"',
        'url = "file:///etc/passwd"',
        'url = "https://crm.example/#x"',
    ],
)
def test_an_address_that_is_no_plain_http_one_is_refused(tmp_path, line):
    folder = make_workspace(tmp_path / "shop").root
    with (folder / "fedele.toml").open("a") as file:
        file.write(f'[[webhooks]]\nname = "crm"\nsecret = "{SECRET}"\n{line}\n')
    with pytest.raises(SettingsError, match="webhooks"):
        open_workspace(folder)
