"""Probes: whether a worker lives and has scores to serve, also on a port of their own.

On the service's port a probe stands in line behind every caller. On its own port a thread answers it, and
says no more than is true: it looks whether the event loop, which answers the callers, goes round.
"""

import asyncio
import json
import logging
import secrets
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread, current_thread, main_thread
from time import perf_counter
from types import FrameType

from starlette.responses import Response

from contracts.errors import FedeleError
from contracts.scores import dumps
from serving.api.answers import JSON
from serving.api.paths import PROBES
from serving.api.problems import Problem, render_problem
from serving.server import find_family
from serving.tenants import Tenants

BEAT_SECONDS, STOPPED_SECONDS = 0.25, 5.0
PATIENCE_SECONDS = 2.0
error_log = logging.getLogger("fedele.errors")


class Pulse:
    """The beat of a worker's event loop: it ends when the loop hangs. It hears when the process is to end."""

    def __init__(self) -> None:
        self._last = perf_counter()
        self.is_ending = False

    def start(self) -> None:
        """Beat from now on; called in the loop, in the main thread."""
        loop = asyncio.get_running_loop()

        def beat() -> None:
            self._last = perf_counter()
            loop.call_later(BEAT_SECONDS, beat)

        beat()
        self._heed(signal.SIGTERM)

    @property
    def is_beating(self) -> bool:
        """Whether the loop went round of late."""
        return perf_counter() - self._last < STOPPED_SECONDS

    def _heed(self, number: signal.Signals) -> None:
        """Note the signal that ends the process, and leave the rest to whoever handles it."""
        handler = signal.getsignal(number)

        def note(received: int, frame: FrameType | None) -> None:
            self.is_ending = True
            if callable(handler):
                handler(received, frame)

        if callable(handler) and current_thread() is main_thread():
            signal.signal(number, note)


def say_yes(path: str) -> Response:
    """Return the answer of a probe that finds all well."""
    return Response(dumps({"status": path[1:-1]}), media_type=JSON)


def is_known_ready(tenants: Tenants) -> bool:
    """Return whether every workspace has scores to serve, as far as that is known without waiting."""
    at_hand = [tenant.store.work.recall_current() for tenant in tenants]
    return bool(at_hand) and None not in at_hand


def check_ready(tenants: Tenants) -> None:
    """Raise ``Problem`` unless every workspace has scores to serve; names none, since anyone may ask."""
    generations = [tenant.store.current() for tenant in tenants]
    if not generations:
        raise Problem("not-ready", "No workspace is open.")
    if None in generations:
        raise Problem("not-ready", "A workspace has no scores yet: run `fedele score`.")


class ProbeServer(ThreadingHTTPServer):
    """Answers ``/livez`` and ``/readyz``, and nothing else, to whoever reaches its port.

    Each worker listens on the same port, and the machine chooses whom a probe asks.

    Raises:
        OSError: something else listens there.
    """

    allow_reuse_port = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, tenants: Tenants, pulse: Pulse) -> None:
        self.tenants, self.pulse = tenants, pulse
        self.address_family = find_family(host)
        super().__init__((host, port), _Handler)

    def start(self) -> None:
        """Answer in a thread until the process ends."""
        Thread(target=self.serve_forever, name="fedele-probes", daemon=True).start()

    def server_bind(self) -> None:
        """Listen, without the look-up of the host's name that its parent does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "fedele", self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what went wrong here, and nothing of a caller who hung up."""
        del request, client_address
        error = sys.exception()
        if not isinstance(error, OSError):
            error_log.error(json.dumps({"error": "probe", "kind": type(error).__name__}))

    def answer(self, path: str) -> Response:
        """Return what a probe is told."""
        try:
            if path not in PROBES:
                raise Problem("not-found", "Ask /livez or /readyz.")
            if not self.pulse.is_beating:
                raise Problem("not-ready", "The process hangs.")
            if path == "/readyz":
                if self.pulse.is_ending:
                    raise Problem("not-ready", "The process ends.")
                if not is_known_ready(self.tenants):
                    check_ready(self.tenants)
        except Problem as problem:
            return render_problem(problem, secrets.token_hex(8))
        except FedeleError:
            return render_problem(Problem("store", "Try again later."), secrets.token_hex(8))
        return say_yes(path)


class _Handler(BaseHTTPRequestHandler):
    server: ProbeServer
    timeout = PATIENCE_SECONDS
    # What it says by itself, of a method or line that it does not know, repeats nothing of what was sent.
    error_content_type, error_message_format = JSON, '{"status": %(code)d}'

    def do_GET(self) -> None:
        """Answer a probe."""
        self._send(self.server.answer(self.path))

    def do_HEAD(self) -> None:
        """Answer a probe without a body."""
        self._send(self.server.answer(self.path), whole=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Write no line: a probe comes every few seconds."""

    def version_string(self) -> str:
        """Return what the answers of the library itself name as their server."""
        return "fedele"

    def _send(self, answer: Response, *, whole: bool = True) -> None:
        self.send_response_only(answer.status_code)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if whole:
            self.wfile.write(bytes(answer.body))
