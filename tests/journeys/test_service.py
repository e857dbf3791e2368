"""The real BentoML server on a loopback port: one start, asked by every kind of client."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import playwright
import pytest

from contracts import scores
from serving.keys import create_key
from serving.server import build_command
from serving.store.generations import open_store
from testkit.remains import find_remains
from testkit.stored import NOW, build_info, build_rows, make_workspace
from testkit.tree import ROOT

CUSTOMER = "C-00003"
# A process of its own, as a customer would have: arguments are the address, the key, then languages.
CLIENT = """
import json, sys, bentoml

url, key, *languages = sys.argv[1:]
with bentoml.SyncHTTPClient(url, token=key) as client:
    answers = [client.score_customers(customer_ids=["C-00003", "nobody", 7], lang=each) for each in languages]
print(json.dumps(answers))
"""
# Each request asks the whole app; what is left afterwards are timers that nobody cancelled.
TIMERS = """
import asyncio
import serving.service

app = serving.service.service.to_asgi(is_main=True)
scope = {"type": "http", "method": "GET", "path": "/livez", "raw_path": b"/livez", "query_string": b"",
         "headers": [], "http_version": "1.1", "scheme": "http", "server": ("here", 1), "client": ("it", 2),
         "root_path": ""}

async def ask():
    statuses = []
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        statuses.append(message.get("status"))
    for _ in range(20):
        await app(dict(scope), receive, send)
    timers = asyncio.get_running_loop()._scheduled
    print(statuses.count(200), sum(not each.cancelled() for each in timers))

asyncio.run(ask())
"""


class Running:
    """A server, where it listens, a key to it, and what it has printed."""

    def __init__(self, server, url, key, log):
        self.server = server
        self.url = url
        self.key = key
        self.log = log

    def ask(self, method, path, **more):
        headers = {"authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **more)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    workspace = make_workspace(folder / "shop")
    store = open_store(workspace)
    with store.begin(build_info()) as writer:
        writer.add(build_rows(50))
        writer.finish()
    _, key = create_key(
        store.work, ["score:read", "outcome:write", "model:read", "customer:erase"], "crm", NOW
    )
    store.close()
    port = find_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "FEDELE_WORKSPACES": str(workspace.root),
        "BENTOML_HOME": str(folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "OMP_NUM_THREADS": "1",
    }
    log = folder / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            build_command("127.0.0.1", port), env=environment, cwd=folder, stdout=output, stderr=output
        )
    try:
        found = Running(server, f"http://127.0.0.1:{port}", key, log)
        wait_until_ready(found)
        yield found
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def find_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(running, tries=300):
    for _ in range(tries):
        try:
            httpx.get(f"{running.url}/readyz", timeout=5).raise_for_status()
        except httpx.HTTPError:
            try:
                running.server.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
            break
        else:
            return
    pytest.fail(f"The server did not come up:\n{running.log.read_text()[-4000:]}")


def test_every_way_to_a_score_gives_the_same_canonical_bytes_in_both_languages(running):
    command = [sys.executable, "-W", "ignore", "-c", CLIENT, running.url, running.key, *scores.LANGUAGES]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(running.log.parent),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    answers = json.loads(child.stdout.splitlines()[-1])
    for language, answer in zip(scores.LANGUAGES, answers, strict=True):
        single = running.ask("GET", f"/v1/customers/{CUSTOMER}/score", params={"lang": language}).content
        sent = {"customer_ids": [CUSTOMER, "nobody", 7], "lang": language}
        batch = running.ask("POST", "/v1/scores", json=sent)
        assert running.ask("POST", "/rpc/scores", json=sent).content == batch.content
        assert single in batch.content
        assert answer == batch.json()
        assert scores.dumps(answer["results"][0]["score"]) == single
        assert single in running.ask("GET", "/v1/at-risk", params={"lang": language, "limit": 100}).content


@pytest.mark.parametrize("language", ["sh", "python", "javascript"])
def test_the_snippets_of_the_documentation_run_against_the_service(running, language, tmp_path):
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").partition("## Snippets")[2]
    code = page.partition(f"```{language}\n")[2].partition("```")[0]
    # Playwright brings a Node.js of its own.
    node = [str(Path(playwright.__file__).parent / "driver" / "node"), "--input-type=module"]
    commands = {"sh": ["bash", "-e"], "python": [sys.executable], "javascript": node}
    environment = {"PATH": os.environ["PATH"], "FEDELE": running.url, "KEY": running.key}
    done = subprocess.run(
        [*commands[language], "-"], input=code, env=environment, text=True, capture_output=True, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "C-00003" in done.stdout


def test_the_routes_of_bentoml_itself_are_closed_or_behind_a_key(running):
    for path in (
        "/healthz",
        "/metrics",
        "/docs.json",
        "/static_content/index.css",
        "/rpc/scores",
        "/schema.json",
    ):
        answer = httpx.get(running.url + path)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    for path in ("/healthz", "/docs.json", "/static_content/index.css", "/"):
        answer = running.ask("GET", path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert running.ask("GET", "/schema.json").json()["routes"][0]["route"] == "/rpc/scores"


def test_bad_requests_to_the_method_never_reach_bentoml(running):
    for body in (b"", b"null", b'{"customer_ids": [NaN]}', b'{"customer_ids": "canary-5b2e"}'):
        answer = running.ask(
            "POST", "/rpc/scores", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"
    kind = {"content-type": "application/vnd.bentoml+pickle"}
    assert running.ask("POST", "/rpc/scores", content=b"\x80\x04.", headers=kind).status_code == 415
    assert "canary-5b2e" not in running.log.read_text()


def read_log_until(running, text, tries=50):
    """Return the log once it holds ``text``: a line is written just after its answer is sent."""
    for _ in range(tries):
        log = running.log.read_text()
        if text in log:
            return log
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.server.wait(0.1)
    return log


def exchange(running, request):
    """Send raw bytes and return the first line of the answer; some framings die below the application."""
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(4096).split(b"\r\n")[0]


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"Content-Length: -1\r\n\r\n{}",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Content-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{}",
        b"Content-Length: 99999999\r\n\r\n{}",
    ],
)
def test_strange_framings_on_the_wire_are_refused(running, framing):
    head = f"POST /v1/scores HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {running.key}\r\n".encode()
    line = exchange(running, head + b"Content-Type: application/json\r\n" + framing)
    assert line.split()[1] in (b"400", b"413", b"415", b"501")


def test_the_desk_sends_strangers_to_its_door(running):
    answer = httpx.get(f"{running.url}/", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    page = httpx.get(f"{running.url}/desk", follow_redirects=True)
    assert page.headers["content-type"].startswith("text/html")
    assert CUSTOMER not in page.text


def test_the_log_holds_one_line_per_request_and_no_customer(running):
    running.ask("GET", f"/v1/customers/{CUSTOMER}/score", headers={"x-request-id": "journey-1"})
    log = read_log_until(running, "journey-1")
    assert log.count('"request_id": "journey-1"') == 1
    assert "/v1/customers/{customer_id}/score" in log
    assert CUSTOMER not in log
    assert running.key not in log
    assert "Traceback" not in log


def test_a_customer_is_erased_through_the_server_and_no_file_or_line_names_them(running):
    gone = "C-00007"
    assert running.ask("GET", f"/v1/customers/{gone}/score").status_code == 200
    answer = running.ask("POST", "/v1/customers:erase", json={"customer_id": gone})
    assert (answer.status_code, answer.json()["hits"]) == (200, [])
    assert running.ask("GET", f"/v1/customers/{gone}/score").status_code == 404
    assert find_remains(running.log.parent, gone.encode()) == []


def test_a_request_leaves_no_timer_behind(tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment |= {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(tmp_path / "bentoml")}
    command = [sys.executable, "-W", "ignore", "-c", TIMERS]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert child.stdout.splitlines()[-1] == "20 0"


def test_a_signal_ends_the_server_in_good_order(running):
    running.server.send_signal(signal.SIGTERM)
    assert running.server.wait(30) == 0
