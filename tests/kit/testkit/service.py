"""The real ASGI app for tests, asked without a server: the gate, the routes and a small store."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message

from serving.api.app import build_app
from serving.api.middleware import ServiceMiddleware
from serving.tenants import Tenants


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The code of the problem document; fails when this is none."""
        assert self.headers["content-type"] == "application/problem+json", (self.status, self.body)
        document = self.json()
        assert document["status"] == self.status
        return str(document["type"]).removeprefix("urn:fedele:problem:")


class Caller:
    """Calls an ASGI app the way a server does, raw paths and broken framings included."""

    def __init__(self, app: ASGIApp, key: str = "") -> None:
        self.app = app
        self.key = key

    def get(self, path: str, query: str = "", **headers: str) -> Answer:
        """Ask with GET."""
        return self.call("GET", path, query=query, headers=headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Send JSON, or bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call("POST", path, [raw], headers={"content-type": "application/json"} | headers)

    def call(
        self,
        method: str,
        path: str,
        chunks: list[bytes] | None = None,
        query: str = "",
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    ) -> Answer:
        """Ask with anything; ``headers`` may repeat a name when given as pairs."""
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
        pairs = [(name.replace("_", "-"), value) for name, value in pairs]
        if self.key and not any(name.lower() == "authorization" for name, _ in pairs):
            pairs.append(("authorization", f"Bearer {self.key}"))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("utf-8", "surrogatepass"),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 3000),
        }
        return asyncio.run(self._exchange(scope, chunks or [b""]))

    async def _exchange(self, scope: dict[str, Any], chunks: list[bytes]) -> Answer:
        answer, waiting = Answer(), list(chunks)

        async def receive() -> Message:
            if not waiting:
                await asyncio.Event().wait()  # the caller listens to the end
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                assert answer.status == 0
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        await self.app(scope, receive, send)
        return answer


def build_service(tenants: Tenants, clock: Callable[[], datetime]) -> ServiceMiddleware:
    """Return the app as the BentoML service wraps it."""
    return ServiceMiddleware(build_app(tenants, clock), tenants, clock)


@contextmanager
def run_app(app: Any) -> Iterator[str]:
    """Serve an app on a free port of this machine while the block lasts; yield its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    )
    started = threading.Event()
    genuine = server.startup

    async def startup(*arguments: Any, **named: Any) -> None:
        await genuine(*arguments, **named)
        started.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert started.wait(30), "The server did not start."
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
