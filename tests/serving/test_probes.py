"""Probes on a port of their own wait behind no caller, and say no more than is true."""

import socket

import httpx
import pytest

from contracts.errors import SettingsError
from serving.api import probes
from serving.api.probes import ProbeServer, Pulse
from serving.server import start_server
from serving.store.generations import open_store
from serving.tenants import Tenants
from testkit.running import find_port
from testkit.stored import build_info, build_rows, make_workspace


@pytest.fixture
def shop(tmp_path):
    return make_workspace(tmp_path / "shop")


@pytest.fixture
def pulse():
    return Pulse()


@pytest.fixture
def ask(shop, pulse):
    """Ask the probes of a worker that serves the shop."""
    tenants, port = Tenants(), find_port()
    tenants.open([shop.root])
    server = ProbeServer("127.0.0.1", port, tenants, pulse)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield client.request
    server.shutdown()
    server.server_close()
    tenants.close()


def score(shop):
    store = open_store(shop)
    with store.begin(build_info("g1")) as writer:
        writer.add(build_rows(3, "g1"))
        writer.finish()
    store.close()


def test_a_worker_without_scores_lives_and_is_not_ready(ask, shop):
    assert (ask("GET", "/livez").status_code, ask("GET", "/livez").json()) == (200, {"status": "live"})
    answer = ask("GET", "/readyz")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:fedele:problem:not-ready")
    assert "fedele score" in answer.json()["detail"]
    score(shop)
    assert (ask("GET", "/readyz").status_code, ask("GET", "/readyz").json()) == (200, {"status": "ready"})
    assert (ask("HEAD", "/readyz").status_code, ask("HEAD", "/readyz").content) == (200, b"")


def test_a_worker_whose_event_loop_hangs_does_not_live(ask, shop, monkeypatch):
    score(shop)
    monkeypatch.setattr(probes, "STOPPED_SECONDS", 0.0)
    for path in ("/livez", "/readyz"):
        answer = ask("GET", path)
        assert (answer.status_code, answer.json()["detail"]) == (503, "The process hangs.")


def test_a_worker_that_is_to_end_lives_and_takes_no_more(ask, shop, pulse):
    score(shop)
    pulse.is_ending = True
    assert ask("GET", "/livez").status_code == 200
    assert (ask("GET", "/readyz").status_code, ask("GET", "/readyz").json()["detail"]) == (
        503,
        "The process ends.",
    )


@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/model", "/livez/", "/livez?x=1", "//livez", "/desk"])
def test_nothing_else_is_answered_there(ask, path):
    answer = ask("GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("method", ["POST", "DELETE", "CANARY-5b2e"])
def test_another_method_is_refused_without_repeating_it(ask, method):
    answer = ask(method, "/livez")
    assert (answer.status_code, answer.json()) == (501, {"status": 501})
    assert "5b2e" not in str(answer.headers)


def test_what_goes_wrong_here_is_logged_without_what_was_asked(ask, monkeypatch, caplog):
    monkeypatch.setattr(probes, "is_known_ready", lambda tenants: 1 / 0)
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected"):
        ask("GET", "/readyz")
    (line,) = [each.message for each in caplog.records if each.name == "fedele.errors"]
    assert line == '{"error": "probe", "kind": "ZeroDivisionError"}'


def test_a_port_that_is_taken_is_named_before_anything_starts(shop, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("FEDELE_SERVE__PROBE_PORT", str(port))
        with pytest.raises(SettingsError, match=rf"127\.0\.0\.1:{port} .*name another \[serve\] probe_port"):
            start_server([shop.root], "127.0.0.1", find_port())
