"""The gate before every route, BentoML's own too: deny by default, one shape of failure, one log line."""

import asyncio
import json
import logging
import re
import secrets
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from time import perf_counter
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.errors import FedeleError
from contracts.scores import dumps
from serving.api.bodies import read_asked
from serving.api.framing import CallerGone, check_media_type, read_body, read_headers, replay
from serving.api.paths import DESK, PROBES, find_path, is_desk
from serving.api.problems import Fault, Problem
from serving.api.reply import Reply
from serving.store.database import StoreBusy
from serving.tenants import Tenants

ANSWER_SECONDS = 15.0
MOST_AT_ONCE = 48
MOST_RUNNING = 4
WAIT_SECONDS = 2.0
MOST_HELD = 2_000
HELD_SECONDS = 1.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
access_log = logging.getLogger("fedele.access")
error_log = logging.getLogger("fedele.errors")


class ServiceMiddleware:
    """Wraps the whole service. Its limits are tighter than BentoML's, whose own answers so never show."""

    def __init__(self, app: ASGIApp, tenants: Tenants, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._tenants = tenants
        self._clock = clock
        self._open = 0  # requests being read, looked up or answered
        self._held = 0  # refused and waiting to be told
        self._turns = asyncio.Semaphore(MOST_RUNNING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other kinds of connections are passed on (start) or refused (sockets)."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        request_id = _find_request_id(scope)
        if self._open >= MOST_AT_ONCE and scope["path"] not in PROBES:
            await self._turn_away(scope, receive, send, request_id)
            return
        line: dict[str, Any] = {"request_id": request_id, "method": scope["method"][:10], "route": "-"}
        reply = Reply(scope, receive, send, request_id)
        self._open += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._route(scope, receive, reply, line)
        except CallerGone:
            line["gone"] = True
        except Exception as error:  # noqa: BLE001 -- the last net: whatever it is, the caller gets a problem
            await _send_failure(error, reply, request_id)
        finally:
            self._open -= 1
            line |= {"status": reply.status, "bytes": reply.size}
            took = perf_counter() - began
            self._tenants.metrics.note(line, took)
            access_log.info(json.dumps(line | {"ms": round(took * 1000, 1)}))

    async def _route(self, scope: Scope, receive: Receive, reply: Reply, line: dict[str, Any]) -> None:
        path = scope["path"]
        if path in PROBES:
            line["route"] = path
            await self._probe(scope, receive, reply)
            return
        headers = read_headers(scope)
        _check_query(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = line["request_id"]
        if is_desk(path):
            line["route"] = DESK
            body = await read_body(receive, headers)
        elif path == "/" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            await RedirectResponse(DESK, 303)(scope, receive, reply.send)
            return
        else:
            await self._admit(scope, headers, line)
            body = await read_body(receive, headers)
            if scope["method"] == "POST":
                check_media_type(headers)
                read_asked(body)  # BentoML would answer, and log, in its own way what this refuses
            state["body"] = body
        async with self._turn():
            await self._app(scope, replay(body, receive), reply.send)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for one of the few turns to compute: more at once only get into each other's way."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise _too_many() from None
        try:
            yield
        finally:
            self._turns.release()

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        """Say no before anything is looked at; counted, and not logged one by one.

        The no comes late: a caller who asks again at once would otherwise take more of the processor with
        being refused than others take with being served. Only so many are held, then it comes at once.
        """
        if self._held < MOST_HELD:
            self._held += 1
            try:
                await asyncio.sleep(HELD_SECONDS)
            finally:
                self._held -= 1
        reply = Reply(scope, receive, send, request_id)
        await reply.send_problem(_too_many())
        self._tenants.metrics.note({"route": "-", "method": scope["method"][:10], "status": 429}, 0.0)

    async def _admit(self, scope: Scope, headers: dict[str, str], line: dict[str, Any]) -> None:
        """Find the key's workspace, or refuse; the order keeps the unknown caller from learning anything."""
        kind, _, text = headers.get("authorization", "").partition(" ")
        found = None
        if kind.lower() == "bearer" and len(text) < 200:
            known, now = text.strip(), self._clock()
            found = self._tenants.recall_key(known, now)
            found = found or await run_in_threadpool(self._tenants.find_key, known, now)
        if found is None:
            raise Problem("no-key", "Send authorization: Bearer and a key; `fedele keys create` makes one.")
        tenant, key = found
        line |= {"workspace": tenant.name, "key": key.key_id}
        path = find_path(scope["path"])
        if path is None:
            raise Problem("not-found", "The routes are in /v1/openapi.json.")
        line["route"] = path.template
        if scope["method"] not in path.methods:
            allowed = ", ".join(path.methods)
            raise Problem("method", f"Use {allowed}.", headers={"allow": allowed})
        if path.scope is not None and not key.allows(path.scope):
            raise Problem("no-scope", f"The key needs the scope {path.scope}.")
        scope["state"] |= {"tenant": tenant, "key": key}

    async def _probe(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise Problem("method", "Use GET.", headers={"allow": "GET, HEAD"})
        if scope["path"] == "/readyz":
            await run_in_threadpool(check_ready, self._tenants)
        answer = Response(dumps({"status": scope["path"][1:-1]}), media_type="application/json")
        await answer(scope, receive, reply.send)


def check_ready(tenants: Tenants) -> None:
    """Raise ``Problem`` unless every workspace has scores to serve; names none, since anyone may ask."""
    generations = [tenant.store.current() for tenant in tenants]
    if not generations:
        raise Problem("not-ready", "No workspace is open.")
    if None in generations:
        raise Problem("not-ready", "A workspace has no scores yet: run `fedele score`.")


def _too_many() -> Problem:
    return Problem("too-many", "Wait a second and try again.", headers={"retry-after": "1"})


def _find_request_id(scope: Scope) -> str:
    sent = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return sent if _REQUEST_ID.fullmatch(sent) else secrets.token_hex(8)


def _check_query(scope: Scope) -> None:
    names = [part.split(b"=")[0] for part in scope["query_string"].split(b"&") if part]
    if len(set(names)) < len(names):
        fault = Fault("", "repeated_parameter", "Send each query parameter once.")
        raise Problem("invalid", "A query parameter comes twice.", (fault,))


async def _send_failure(error: Exception, reply: Reply, request_id: str) -> None:
    if isinstance(error, Problem):
        problem = error
    elif isinstance(error, TimeoutError):
        problem = Problem("timeout", "Ask for less, or try again.")
    elif isinstance(error, FedeleError):
        problem = explain_failure(error)
    else:
        problem = Problem("internal", "It was logged under the instance given here.")
        error_log.error(json.dumps({"request_id": request_id, **describe_failure(error)}))
    if not reply.has_started:
        await reply.send_problem(problem)


def explain_failure(error: FedeleError) -> Problem:
    """Return the problem for a store that cannot answer: later if it is busy, else by someone's hand."""
    error_log.error(json.dumps({"error": type(error).__name__, "code": error.code, "text": str(error)}))
    wait = "2" if isinstance(error, StoreBusy) else "60"
    return Problem("store", "Nothing was changed. Try again later.", headers={"retry-after": wait})


def describe_failure(error: BaseException) -> dict[str, Any]:
    """Return an unexpected error for the log: its type and place, never its text, which may hold data."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = [
        f"{frame.filename.rsplit('site-packages/')[-1]}:{frame.lineno} {frame.name}" for frame in frames
    ]
    return {"error": type(error).__name__, "places": places}
