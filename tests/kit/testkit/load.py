"""An open-loop load generator: requests leave at a constant rate whether or not earlier ones were answered.

``python -m testkit.load URL --rate 100 --seconds 60 --key KEY`` prints p50, p95, p99 and errors. A latency
counts from the instant the request was due, so a stall of the service shows in every request it held up. It
sends to this machine only, and a bounded number of requests.
"""

import argparse
import asyncio
import ipaddress
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import TypeAlias
from urllib.parse import urlsplit

import numpy as np

MOST_REQUESTS = 200_000
MOST_CONNECTIONS = 256
CALLERS = 8
PATIENCE = 20.0
GIVEN_UP, WRONG = -1, -2
Expect: TypeAlias = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Shot:
    """One request: when it was due and answered (seconds since the start), and its status.

    Status 0 is a connection that failed, ``GIVEN_UP`` one that was not answered when the run ended, ``WRONG``
    an answer with 200 that is not the one expected.
    """

    due: float
    ended: float
    status: int
    wait: str = ""

    @property
    def seconds(self) -> float:
        """How long the caller waited."""
        return self.ended - self.due


@dataclass(frozen=True)
class Volley:
    """What came of a run at ``rate`` requests a second over ``seconds``."""

    rate: float
    seconds: float
    shots: tuple[Shot, ...]

    @property
    def statuses(self) -> Counter[int]:
        """How many answers there were of each status."""
        return Counter(shot.status for shot in self.shots)

    @property
    def goodput(self) -> float:
        """Answers with status 200 a second, while the run lasted."""
        return sum(shot.status == 200 and shot.ended <= self.seconds for shot in self.shots) / self.seconds

    @property
    def errors(self) -> int:
        """Requests without an answer, or with another than 200, 304 and 429."""
        return sum(shot.status not in (200, 304, 429, GIVEN_UP) for shot in self.shots)

    def quantile(self, share: float) -> float:
        """Return the milliseconds that ``share`` of the answers with 200 took at most; NaN without one."""
        times = [shot.seconds for shot in self.shots if shot.status == 200]
        return 1000 * float(np.quantile(times, share)) if times else float("nan")

    def to_dict(self) -> dict[str, float]:
        """Return the figures: requests, errors, and milliseconds by share of the answers with 200."""
        times = {f"p{share * 100:g}": self.quantile(share) for share in (0.5, 0.95, 0.99)}
        return {"requests": len(self.shots), "errors": self.errors, **times}

    def __str__(self) -> str:
        """Return the line that is printed."""
        said = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        times = "  ".join(f"p{share * 100:g} {self.quantile(share):.1f} ms" for share in (0.5, 0.95, 0.99))
        return f"{self.rate:g}/s for {self.seconds:g} s: {times}  errors {self.errors}  ({said})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request, and when (of ``time.perf_counter``; None: nothing came)."""

    status: int
    arrived: float | None = None
    wait: str = ""


@dataclass
class Target:
    """Where requests go: a loopback address, the path, the key, and what is sent (None: GET).

    ``expect`` looks at the body of each answer with 200.
    """

    url: str
    path: str
    key: str = ""
    body: bytes | None = None
    expect: Expect | None = None
    _idle: list["_Connection"] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        if not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError(f"{self.host} is not this machine: load is sent to loopback addresses only.")
        self._requests = [(self._write(self.path, self.body), self.expect)]
        self._turn = cycle(self._requests)

    def also(self, path: str, body: bytes | None, expect: Expect | None = None) -> None:
        """Send this as well, in turn with the others."""
        self._requests.append((self._write(path, body), expect))
        self._turn = cycle(self._requests)

    def _write(self, path: str, body: bytes | None) -> bytes:
        method = "GET" if body is None else "POST"
        lines = [f"{method} {path} HTTP/1.1", f"host: {self.host}:{self.port}"]
        lines += [f"authorization: Bearer {self.key}"] if self.key else []
        if body is not None:
            lines += ["content-type: application/json", f"content-length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + (body or b"")

    async def ask(self) -> Answer:
        """Return what came of one request; status 0 when the connection failed."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._exchange()
        except (OSError, TimeoutError):
            return Answer(0)

    async def _exchange(self) -> Answer:
        connection, (request, expect) = await self._take(), next(self._turn)
        kept = False
        try:
            head, body = await connection.exchange(request)
            kept = b"connection: close" not in head
        finally:
            if kept:
                self._idle.append(connection)
            else:
                connection.close()
        arrived, status = time.perf_counter(), int(head[9:12])
        # After the clock: what the generator does with an answer is no part of what the caller waited.
        if status == 200 and expect is not None and not expect(body):
            status = WRONG
        return Answer(status, arrived, _find_header(head, b"retry-after") if status == 429 else "")

    async def _take(self) -> "_Connection":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        _, made = await asyncio.get_running_loop().create_connection(_Connection, self.host, self.port)
        return made

    def close(self) -> None:
        """Close the idle connections."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()


class _Connection(asyncio.Protocol):
    """A kept-alive connection, leaner than asyncio's streams: or the generator would be what is measured."""

    is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._held = transport, b""
        self._answer: asyncio.Future[tuple[bytes, bytes]] | None = None

    def data_received(self, data: bytes) -> None:
        self._held += data
        end = self._held.find(b"\r\n\r\n") + 4
        if end < 4 or self._answer is None:
            return
        head = self._held[:end].lower()
        whole = end + int(_find_header(head, b"content-length") or 0)
        if len(self._held) >= whole and not self._answer.done():
            self._answer.set_result((head, self._held[end:whole]))
            self._held = self._held[whole:]

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("The server hung up."))

    async def exchange(self, request: bytes) -> tuple[bytes, bytes]:
        """Return head (in lower case) and body of the answer to a request."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.is_open = False
        self._transport.close()


def _find_header(head: bytes, name: bytes) -> str:
    _, _, after = head.partition(b"\r\n" + name + b": ")
    return after.partition(b"\r\n")[0].decode("latin-1")


async def fire(target: Target, rate: float, seconds: float, *, give_up: bool = False) -> Volley:
    """Send ``rate`` requests a second for ``seconds`` and return what came of them.

    There are at most ``MOST_CONNECTIONS``, as in a caller's pool; waiting for one counts. With ``give_up``
    the caller hangs up on what is not answered by then.
    """
    count = int(rate * seconds)
    if count > MOST_REQUESTS:
        raise ValueError(f"{count} requests are more than {MOST_REQUESTS}: ask for less.")
    started = time.perf_counter()
    shots: list[Shot] = []
    waiting: asyncio.Queue[float] = asyncio.Queue()
    callers: list[asyncio.Task[None]] = []
    busy = 0

    async def call() -> None:
        nonlocal busy
        while True:
            due, answer = await waiting.get(), Answer(GIVEN_UP)
            busy += 1
            try:
                answer = await target.ask()
            finally:
                busy -= 1
                ended = (answer.arrived or time.perf_counter()) - started
                shots.append(Shot(due, ended, answer.status, answer.wait))
                waiting.task_done()

    for number in range(count):
        due = number / rate
        ahead = due - (time.perf_counter() - started)
        if give_up and started + seconds < time.perf_counter():
            break
        if ahead > 0:
            await asyncio.sleep(ahead)
        elif number % 20 == 0:
            await asyncio.sleep(0)  # behind: let answers in
        waiting.put_nowait(due)
        # Never more callers than connections: what has to wait for one costs the generator nothing.
        if busy + waiting.qsize() > len(callers) and len(callers) < MOST_CONNECTIONS:
            callers.append(asyncio.create_task(call()))
    if give_up:
        await asyncio.sleep(max(0.0, seconds - (time.perf_counter() - started)))
    else:
        await waiting.join()
    ended = time.perf_counter() - started
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    while not waiting.empty():
        shots.append(Shot(waiting.get_nowait(), ended, GIVEN_UP))
    return Volley(rate, seconds, tuple(shots))


def aim(target: Target, rate: float, seconds: float, *, give_up: bool = False) -> Volley:
    """Return the volley of ``fire``, from code that is not asynchronous."""

    async def run() -> Volley:
        try:
            return await fire(target, rate, seconds, give_up=give_up)
        finally:
            target.close()

    return asyncio.run(run())


def find_throughput(target: Target, seconds: float) -> float:
    """Return the answers a second to a few callers that never pause."""

    async def run() -> float:
        ended, answered = time.perf_counter() + seconds, 0

        async def call() -> None:
            nonlocal answered
            while time.perf_counter() < ended:
                answer = await target.ask()  # not within the sum: it would add to what was counted before
                answered += answer.status == 200

        await asyncio.gather(*(call() for _ in range(CALLERS)))
        target.close()
        return answered / seconds

    return asyncio.run(run())


def main(arguments: Sequence[str] | None = None) -> int:
    """Fire at one address and print the line of figures; 1 when there was an error."""
    parser = argparse.ArgumentParser(prog="python -m testkit.load", description=__doc__)
    parser.add_argument("url", help="such as http://127.0.0.1:3000/v1/customers/C-1/score")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--key", default="")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(arguments)
    parts = urlsplit(asked.url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    volley = aim(Target(f"http://{parts.netloc}", path, asked.key), asked.rate, asked.seconds)
    print(json.dumps(volley.to_dict()) if asked.json else volley)
    return int(volley.errors > 0)


if __name__ == "__main__":
    sys.exit(main())
