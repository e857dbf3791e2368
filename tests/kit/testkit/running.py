"""A server in a process of its own on a loopback port, for as long as a block lasts."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from serving.server import WORKERS
from testkit.commands import build_command, build_environment
from testkit.tree import ROOT

TRIES = 300
PATIENCE = 0.2


@dataclass(frozen=True)
class Running:
    """A server, where it listens and what it has printed."""

    server: "subprocess.Popen[bytes]"
    url: str
    log: Path

    def ask(self, method: str, path: str, key: str = "", **more: Any) -> httpx.Response:
        """Return the answer to a request, with ``key`` as its bearer where one is given."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.request(
            method, self.url + path, headers=headers | more.pop("headers", {}), timeout=30, **more
        )


@contextmanager
def serve_workspace(folder: Path, workers: int = 1, probe_port: int | None = None) -> Iterator[Running]:
    """Start ``fedele serve`` on the workspace in ``folder``; SIGTERM ends it with the block.

    With ``probe_port`` probes have a port of their own, as in ``deploy``.

    Raises:
        RuntimeError: it did not come up; the message ends with what it printed.
    """
    port, log = find_port(), folder / "serve.log"
    apart = {} if probe_port is None else {"FEDELE_SERVE__PROBE_PORT": str(probe_port)}
    environment = build_environment(folder, BENTOML_HOME=str(folder / ".bentoml"), **apart)
    with log.open("wb") as output:
        server = subprocess.Popen(
            build_command("serve", "--port", str(port), "--workers", str(workers)),
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
        )
    running = Running(server, f"http://127.0.0.1:{port}", log)
    try:
        wait_until_ready(running)
        yield running
    finally:
        end_server(server)


@contextmanager
def serve_bare(folder: Path, workers: int = 1) -> Iterator[Running]:
    """Serve the empty route in as many processes of its own while the block lasts."""
    port, log = find_port(), folder / "bare.log"
    command = [sys.executable, "-W", "ignore", "-m", "bentoml", "serve", "testkit.bare:Bare"]
    command += ["--working-dir", str(ROOT), "--host", "127.0.0.1", "--port", str(port)]
    path = f"{ROOT}:{ROOT / 'tests' / 'kit'}"
    told = {"BENTOML_HOME": str(folder / ".bare"), WORKERS: str(workers)}
    environment = build_environment(folder, PYTHONPATH=path, **told)
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    running = Running(server, f"http://127.0.0.1:{port}", log)
    try:
        wait_until_ready(running)
        yield running
    finally:
        end_server(server)


def lift_limit(folder: Path) -> None:
    """Let a key of the workspace ask as often as it likes, so that the processor is what is measured."""
    file = folder / "fedele.toml"
    text = file.read_text(encoding="utf-8")
    lifted = re.sub(r"^requests_per_minute = \d+", "requests_per_minute = 10000000", text, flags=re.MULTILINE)
    file.write_text(lifted, encoding="utf-8")


def find_port() -> int:
    """Return a port that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(running: Running) -> None:
    """Return once ``/readyz`` says yes; RuntimeError when it does not, or the server ends."""
    for _ in range(TRIES):
        try:
            httpx.get(f"{running.url}/readyz", timeout=5).raise_for_status()
        except httpx.HTTPError:
            try:
                running.server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                continue
            break
        else:
            return
    raise RuntimeError(f"The server did not come up:\n{running.log.read_text('utf-8', 'replace')[-4000:]}")


def end_server(server: "subprocess.Popen[bytes]") -> int:
    """End the server in good order, or after half a minute for good; return its exit status."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    try:
        return server.wait(30)
    except subprocess.TimeoutExpired:
        os.kill(server.pid, signal.SIGKILL)
        return server.wait()
