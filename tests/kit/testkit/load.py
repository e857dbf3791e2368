"""An open-loop load generator: requests leave at a constant rate whether or not earlier ones were answered.

``python -m testkit.load URL --rate 100 --seconds 60 --key KEY`` prints p50, p95, p99 and errors. A latency
counts from the instant the request was due, so a stall of the service shows in every request it held up. It
sends to this machine only, and a bounded number of requests.
"""

import argparse
import asyncio
import ipaddress
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np

MOST_REQUESTS = 200_000
MOST_CONNECTIONS = 400
PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Shot:
    """One request: when it was due and answered (seconds since the start), its status; 0: no answer."""

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
        """Answers with status 200 a second."""
        return self.statuses[200] / self.seconds

    @property
    def errors(self) -> int:
        """Requests without an answer, or with another than 200 and 429."""
        return sum(count for status, count in self.statuses.items() if status not in (200, 304, 429))

    def quantile(self, share: float) -> float:
        """Return the milliseconds that ``share`` of the answers with 200 took at most; NaN without one."""
        times = [shot.seconds for shot in self.shots if shot.status == 200]
        return 1000 * float(np.quantile(times, share)) if times else float("nan")

    def __str__(self) -> str:
        """Return the line that is printed."""
        said = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        times = "  ".join(f"p{share * 100:g} {self.quantile(share):.1f} ms" for share in (0.5, 0.95, 0.99))
        return f"{self.rate:g}/s for {self.seconds:g} s: {times}  errors {self.errors}  ({said})"


@dataclass
class Target:
    """Where requests go: a loopback address, the path, the key, and what is sent (None: GET)."""

    url: str
    path: str
    key: str = ""
    body: bytes | None = None
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    _open: int = 0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        if not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError(f"{self.host} is not this machine: load is sent to loopback addresses only.")
        method = "GET" if self.body is None else "POST"
        lines = [f"{method} {self.path} HTTP/1.1", f"host: {self.host}:{self.port}"]
        lines += [f"authorization: Bearer {self.key}"] if self.key else []
        if self.body is not None:
            lines += ["content-type: application/json", f"content-length: {len(self.body)}"]
        self.request = "\r\n".join([*lines, "", ""]).encode() + (self.body or b"")

    async def ask(self) -> tuple[int, str]:
        """Return status and ``Retry-After`` of one request; 0 when the connection failed."""
        try:
            reader, writer = await self._take()
            writer.write(self.request)
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").lower().split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
                await reader.readexactly(int(headers.get("content-length", "0")))
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            self._open -= 1
            return 0, ""
        if headers.get("connection") == "close":
            writer.close()
            self._open -= 1
        else:
            self._idle.append((reader, writer))
        return int(lines[0].split(" ")[1]), headers.get("retry-after", "")

    async def _take(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not writer.is_closing() and not reader.at_eof():
                return reader, writer
            self._open -= 1
        self._open += 1
        if self._open > MOST_CONNECTIONS:
            raise ConnectionError("too many connections at once")
        return await asyncio.open_connection(self.host, self.port)

    def close(self) -> None:
        """Close the idle connections."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


async def fire(target: Target, rate: float, seconds: float) -> Volley:
    """Send ``rate`` requests a second for ``seconds`` and return what came of them."""
    count = int(rate * seconds)
    if count > MOST_REQUESTS:
        raise ValueError(f"{count} requests are more than {MOST_REQUESTS}: ask for less.")
    started = time.perf_counter()
    shots: list[Shot] = []

    async def shoot(due: float) -> None:
        status, wait = await target.ask()
        shots.append(Shot(due, time.perf_counter() - started, status, wait))

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            due = number / rate
            ahead = due - (time.perf_counter() - started)
            if ahead > 0:
                await asyncio.sleep(ahead)
            elif number % 20 == 0:
                await asyncio.sleep(0)  # behind: let answers in
            group.create_task(shoot(due))
    return Volley(rate, seconds, tuple(shots))


def aim(target: Target, rate: float, seconds: float) -> Volley:
    """Return the volley of ``fire``, from code that is not asynchronous."""

    async def run() -> Volley:
        try:
            return await fire(target, rate, seconds)
        finally:
            target.close()

    return asyncio.run(run())


def main(arguments: Sequence[str] | None = None) -> int:
    """Fire at one address and print the line of figures; 1 when there was an error."""
    parser = argparse.ArgumentParser(prog="python -m testkit.load", description=__doc__)
    parser.add_argument("url", help="such as http://127.0.0.1:3000/v1/customers/C-1/score")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--key", default="")
    asked = parser.parse_args(arguments)
    parts = urlsplit(asked.url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    volley = aim(Target(f"http://{parts.netloc}", path, asked.key), asked.rate, asked.seconds)
    print(volley)
    return int(volley.errors > 0)


if __name__ == "__main__":
    sys.exit(main())
