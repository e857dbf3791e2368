"""The way out: every answer gets its headers, and a failure that is no problem document becomes one."""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from serving.api.paths import is_desk
from serving.api.problems import MEDIA_TYPE, Problem, find_problem, render_problem

_DEFAULTS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_ALWAYS = [(name.encode(), value.encode()) for name, value in _DEFAULTS.items()]
_KEPT = ("allow", "retry-after", "www-authenticate")


class Reply:
    """Sends one answer; ``status`` and ``size`` (bytes of the body) are for the log.

    ``more`` are headers that every answer from then on carries.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._request_id = request_id
        self._replaced: Problem | None = None
        self.more: Mapping[str, str] = {}
        self.status = 0
        self.size = 0

    @property
    def has_started(self) -> bool:
        """Whether the caller has seen a status already, so that it cannot be changed."""
        return self.status != 0

    async def send(self, message: Message) -> None:
        """Pass a message of the application on; hold back the body of a failure in another shape."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            if message["status"] >= 400 and not self._is_ours(headers):
                kept = {name: headers[name] for name in _KEPT if name in headers}
                self._replaced = find_problem(message["status"])
                self._replaced.headers = kept
                return
            await self._start(message)
        elif self._replaced is None:
            self.size += len(message.get("body", b""))
            await self._send(message)
        elif not message.get("more_body", False):
            await self.send_problem(self._replaced)

    async def send_whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Answer with a body that is ready; ``headers`` are those of this answer alone."""
        self.status, self.size = status, len(body)
        own = [(b"x-request-id", self._request_id.encode()), *_ALWAYS]
        own += [(name.encode(), value.encode()) for name, value in self.more.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": headers + own})
        await self._send({"type": "http.response.body", "body": body})

    async def send_problem(self, problem: Problem) -> None:
        """Answer with a problem document."""
        self._replaced = None
        response = render_problem(problem, self._request_id)
        await response(self._scope, self._receive, self.send)

    async def _start(self, message: Message) -> None:
        self.status = message["status"]
        headers = MutableHeaders(raw=message["headers"])
        headers["x-request-id"] = self._request_id
        for name, value in (*self.more.items(), *_DEFAULTS.items()):
            headers.setdefault(name, value)
        if self.status == 401:
            headers.setdefault("www-authenticate", 'Bearer realm="fedele"')
        await self._send({**message, "headers": headers.raw})

    def _is_ours(self, headers: Mapping[str, str]) -> bool:
        kind = headers.get("content-type", "").split(";")[0]
        return kind == MEDIA_TYPE or (kind == "text/html" and is_desk(self._scope["path"]))
