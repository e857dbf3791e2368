"""The load generator counts what it sends."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread

import pytest

from testkit.load import Target, aim, find_throughput


@pytest.fixture
def counted():
    """A server that counts what it answered, and where it is."""
    answered = count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            next(answered)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    yield Target(f"http://127.0.0.1:{server.server_address[1]}", "/"), lambda: next(answered)
    server.shutdown()
    server.server_close()


def test_the_throughput_to_many_callers_is_every_answer(counted):
    target, told = counted
    assert find_throughput(target, 0.5) * 0.5 == told()


def test_a_volley_holds_every_request_once(counted):
    target, told = counted
    volley = aim(target, 200, 0.5)
    assert (len(volley.shots), volley.errors, told()) == (100, 0, 100)
