"""``python -m testkit.bench_service``: the stored-score route of a real service, at a constant arrival rate.

Prints the latencies at 100 requests a second, then the throughput of our route (key check, access log, limits
on) and of an empty route mounted the same way, five alternating runs each, and the ratio of their medians.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from testkit.commands import build_environment, call_fedele
from testkit.desk import make_workspace
from testkit.load import Target, aim
from testkit.running import Running, end_server, find_port, serve_workspace, wait_until_ready
from testkit.tree import ROOT

PATH = "/v1/customers/C-10001/score?lang=en"
CALLERS = 8
RUNS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; ``--seconds`` of the constant rate, a tenth of it for each run of throughput."""
    parser = argparse.ArgumentParser(prog="python -m testkit.bench_service", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=100.0)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder) / "shop", count=300)
        key = call_fedele(workspace.root, "keys", "create", "--scope", "score:read")["key"]
        with serve_workspace(workspace.root) as ours, serve_bare(Path(folder)) as bare:
            stored, empty = Target(ours.url, PATH, key), Target(bare.url, "/empty")
            aim(stored, 50, 3)
            print(f"stored score by id, {aim(stored, asked.rate, asked.seconds)}", flush=True)
            print(f"empty route, {aim(empty, asked.rate, asked.seconds / 4)}", flush=True)
            pairs = [
                (find_throughput(stored, asked.seconds / 10), find_throughput(empty, asked.seconds / 10))
                for _ in range(RUNS)
            ]
    own, other = (float(np.median(each)) for each in zip(*pairs, strict=True))
    print(f"throughput: ours {own:.0f}/s, empty route {other:.0f}/s, ratio {own / other:.2f}")
    return 0


@contextmanager
def serve_bare(folder: Path) -> Iterator[Running]:
    """Serve the empty route in a process of its own while the block lasts."""
    port, log = find_port(), folder / "bare.log"
    command = [sys.executable, "-W", "ignore", "-m", "bentoml", "serve", "testkit.bare:Bare"]
    command += ["--working-dir", str(ROOT), "--host", "127.0.0.1", "--port", str(port)]
    path = f"{ROOT}:{ROOT / 'tests' / 'kit'}"
    environment = build_environment(folder, PYTHONPATH=path, BENTOML_HOME=str(folder / ".bare"))
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    running = Running(server, f"http://127.0.0.1:{port}", log)
    try:
        wait_until_ready(running)
        yield running
    finally:
        end_server(server)


def find_throughput(target: Target, seconds: float) -> float:
    """Return the answers a second to a few callers that never pause."""

    async def run() -> float:
        ended, answered = time.perf_counter() + seconds, 0

        async def call() -> None:
            nonlocal answered
            while time.perf_counter() < ended:
                status, _ = await target.ask()
                answered += status == 200

        await asyncio.gather(*(call() for _ in range(CALLERS)))
        target.close()
        return answered / seconds

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main())
