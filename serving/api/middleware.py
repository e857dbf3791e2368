"""The gate before every route, BentoML's own too: deny by default, one shape of failure, one log line."""

import asyncio
import json
import logging
import math
import re
import secrets
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from time import perf_counter
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.errors import FedeleError
from serving.api.at_once import SCORE, find_answer
from serving.api.bodies import read_asked
from serving.api.framing import CallerGone, check_media_type, read_body, read_bulk, read_headers, replay
from serving.api.limits import RateLimits
from serving.api.paths import DESK, PROBES, Path, find_path, is_desk, name_method
from serving.api.probes import Pulse, check_ready, is_known_ready, say_yes
from serving.api.problems import Fault, Problem
from serving.api.reply import Reply
from serving.keys import ApiKey
from serving.store.database import StoreBusy
from serving.tenants import Tenant, Tenants

ANSWER_SECONDS = 15.0
LONG_SECONDS = 300.0
MOST_AT_ONCE = 48
PASS_SECONDS = 0.005
FEW_TOGETHER = 24
SLOW_SECONDS = 0.5
MOST_RUNNING = 4
WAIT_SECONDS = 2.0
MOST_HELD = 2_000
HELD_SECONDS = 1.0
SPREAD = 64
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
access_log = logging.getLogger("fedele.access")
error_log = logging.getLogger("fedele.errors")


class ServiceMiddleware:
    """Wraps the whole service. Its limits are tighter than BentoML's, whose own answers so never show."""

    def __init__(
        self, app: ASGIApp, tenants: Tenants, clock: Callable[[], datetime], pulse: Pulse | None = None
    ) -> None:
        self._app = app
        self._tenants = tenants
        self._pulse = pulse or Pulse()
        self._clock = clock
        self._open = 0  # requests being read, looked up or answered
        self._held = 0  # refused and waiting to be told
        self._refused = 0
        self._arrived, self._pass_began = 0, 0.0  # in a pass of the event loop
        self._was_late = -math.inf  # when a pass was, the last time
        self._turns = asyncio.Semaphore(MOST_RUNNING)
        self._limits = RateLimits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other kinds of connections are passed on (start) or refused (sockets)."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            self._pulse.start()
            await self._app(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        request_id = _find_request_id(scope)
        if self._is_crowded() and scope["path"] not in PROBES:
            await self._turn_away(scope, receive, send, request_id)
            return
        line: dict[str, Any] = {"request_id": request_id, "method": name_method(scope), "route": "-"}
        reply = Reply(scope, receive, send, request_id)
        span = None if self._tenants.tracer is None else self._tenants.tracer.start(scope)
        self._open += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS) as limit:
                await self._route(scope, receive, reply, (line, limit))
        except CallerGone:
            line["gone"] = True
        except Exception as error:  # noqa: BLE001 -- the last net: whatever it is, the caller gets a problem
            await _send_failure(error, reply, request_id)
        finally:
            self._open -= 1
            line |= {"status": reply.status, "bytes": reply.size}
            took = perf_counter() - began
            self._tenants.metrics.note(line, took)
            if span is not None:
                span.end(line, reply.status)
                line["trace"] = span.trace_id
            access_log.info(json.dumps(line | {"ms": round(took * 1000, 1)}))

    def _is_crowded(self) -> bool:
        """Return whether too many are open, or keep coming together and have taken their time already.

        What is answered at once is never open beside another: it piles up in passes of the event loop. One
        slow pass is a hiccup of the machine; those who come late in another soon after are told to wait.
        """
        if not self._arrived:
            self._pass_began = perf_counter()
            asyncio.get_running_loop().call_soon(self._end_pass)
        self._arrived += 1
        was_late = perf_counter() - self._was_late < SLOW_SECONDS
        return self._open >= MOST_AT_ONCE or (was_late and self._is_late())

    def _is_late(self) -> bool:
        return self._arrived > FEW_TOGETHER and perf_counter() - self._pass_began > PASS_SECONDS

    def _end_pass(self) -> None:
        if self._is_late():
            self._was_late = perf_counter()
        self._arrived = 0

    async def _route(
        self, scope: Scope, receive: Receive, reply: Reply, noted: tuple[dict[str, Any], asyncio.Timeout]
    ) -> None:
        path, (line, limit) = scope["path"], noted
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
            await self._serve(scope, receive, reply, (headers, line, limit))
            return
        await self._run(scope, replay(body, receive), reply)

    async def _run(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        async with self._turn():
            await self._app(scope, receive, reply.send)

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
            self._refused += 1
            try:
                # Each a little later than the one before: those told together would come back together.
                await asyncio.sleep(HELD_SECONDS * (1 + self._refused % SPREAD / SPREAD))
            finally:
                self._held -= 1
        reply = Reply(scope, receive, send, request_id)
        await reply.send_problem(_too_many())
        self._tenants.metrics.note({"route": "-", "method": name_method(scope), "status": 429}, 0.0)

    async def _serve(
        self,
        scope: Scope,
        receive: Receive,
        reply: Reply,
        noted: tuple[dict[str, str], dict[str, Any], asyncio.Timeout],
    ) -> None:
        """Answer a request that needs a key."""
        headers, line, limit = noted
        tenant, key = await self._identify(headers)
        line |= {"workspace": tenant.name, "key": key.key_id}
        quota = tenant.workspace.settings.serve.requests_per_minute
        reply.more = self._limits.take(key.key_id, quota)
        known = _allow(scope, key, line)
        state = scope["state"]
        state |= {"tenant": tenant, "key": key, "now": self._clock()}
        answer = find_answer(scope, headers) if known.template == SCORE else None
        if answer is not None:
            await reply.send_whole(*answer)
            return
        if known.is_slow:
            limit.reschedule(asyncio.get_running_loop().time() + LONG_SECONDS)
        if known.body == "bulk":
            await self._take_bulk(scope, receive, reply, headers)
            return
        body = await read_body(receive, headers)
        if scope["method"] in ("POST", "PUT"):
            check_media_type(headers)
            if known.body == "asked":
                read_asked(body)  # BentoML would answer, and log, in its own way what this refuses
        state["body"] = body
        if known.is_slow:  # it waits for another process or for the caller, so it takes no turn
            await self._app(scope, replay(body, receive), reply.send)
        else:
            await self._run(scope, replay(body, receive), reply)

    async def _take_bulk(self, scope: Scope, receive: Receive, reply: Reply, headers: dict[str, str]) -> None:
        """Pass a request on with its large body as a file, which is gone again unless the route keeps it."""
        tenant: Tenant = scope["state"]["tenant"]
        bulk = await read_bulk(receive, headers, tenant.workspace.jobs)
        try:
            scope["state"]["bulk"] = bulk
            await self._app(scope, replay(b"", receive), reply.send)
        finally:
            bulk.file.unlink(missing_ok=True)

    async def _identify(self, headers: dict[str, str]) -> tuple[Tenant, ApiKey]:
        """Return the key and its workspace, or refuse."""
        kind, _, text = headers.get("authorization", "").partition(" ")
        found, now = None, self._clock()
        if kind.lower() == "bearer" and len(text) < 200:
            known = text.strip()
            found = self._tenants.recall_key(known, now)
            found = found or await run_in_threadpool(self._tenants.find_key, known, now)
        if found is None:
            raise Problem("no-key", "Send authorization: Bearer and a key; `fedele keys create` makes one.")
        return found

    async def _probe(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise Problem("method", "Use GET.", headers={"allow": "GET, HEAD"})
        if scope["path"] == "/readyz" and not is_known_ready(self._tenants):
            await run_in_threadpool(check_ready, self._tenants)
        await say_yes(scope["path"])(scope, receive, reply.send)


def _too_many() -> Problem:
    return Problem("too-many", "Wait a second and try again.", headers={"retry-after": "1"})


def _allow(scope: Scope, key: ApiKey, line: dict[str, Any]) -> Path:
    """Return the address asked for, or refuse; only who has a key learns what there is."""
    path = find_path(scope["path"])
    if path is None:
        raise Problem("not-found", "The routes are in /v1/openapi.json.")
    line["route"] = path.template
    if scope["method"] not in path.methods:
        allowed = ", ".join(path.methods)
        raise Problem("method", f"Use {allowed}.", headers={"allow": allowed})
    if path.scope is not None and not key.allows(path.scope):
        raise Problem("no-scope", f"The key needs the scope {path.scope}.")
    return path


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
