"""Three times what the service can carry: callers are told to wait, work goes on, it recovers."""

import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from testkit.claims.figure import Figure, Scale, none_of, noted
from testkit.commands import call_fedele
from testkit.desk import make_workspace
from testkit.load import GIVEN_UP, Target, Volley, aim, fire
from testkit.running import Running, serve_workspace

SECONDS, FEW_SECONDS = 12.0, 1.0
PATH = "/v1/customers/C-10001/score?lang=en"
PROBES_A_SECOND = 10


def measure(scale: Scale) -> list[Figure]:
    """Return goodput, probes, memory and recovery; times have a bar in the full form only."""
    seconds = SECONDS if scale.thorough else FEW_SECONDS
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder) / "shop", count=300)
        key = call_fedele(workspace.root, "keys", "create", "--scope", "score:read")["key"]
        with serve_workspace(workspace.root) as running:
            return _measure(running, key, seconds, thorough=scale.thorough)


def _measure(running: Running, key: str, seconds: float, *, thorough: bool) -> list[Figure]:
    aim(Target(running.url, PATH, key), 50, min(seconds, 3))  # warm
    peak = _find_peak(running, key, seconds)
    before = _find_memory(running)
    storm, probes = asyncio.run(_storm(running, key, 3 * peak, seconds))
    after = _find_memory(running)
    calm = aim(Target(running.url, PATH, key), peak / 2, max(seconds, 6.0) if thorough else seconds)
    refused = [shot for shot in storm.shots if shot.status == 429]
    unexpected = [shot for shot in storm.shots if shot.status not in (200, 429, GIVEN_UP)]
    exact = [
        Figure("requests due at three peaks", len(storm.shots), 3 * peak * seconds * 0.5, "at least"),
        none_of("answers other than 200 and 429", len(unexpected)),
        none_of("answers with 429 without Retry-After", sum(not shot.wait for shot in refused)),
        none_of("probes that failed", probes.errors),
        none_of("errors afterwards", calm.errors),
    ]
    if not thorough:
        return exact
    return [
        *exact,
        noted("peak, answers a second", round(peak, 1)),
        Figure("answers with 429", len(refused), 1, "at least"),
        Figure("goodput meanwhile, share of the peak", storm.goodput / peak, 0.8, "at least"),
        Figure("99 % of the probes within ms", probes.quantile(0.99), 100, "at most"),
        Figure("memory afterwards, times that before", after / before, 1.3, "at most"),
        Figure("seconds until half the peak is carried again", _find_recovery(calm), 5, "at most"),
    ]


def _find_peak(running: Running, key: str, seconds: float) -> float:
    """Return the answers a second with a few callers that never pause: more than that cannot be carried."""

    async def run() -> float:
        target, ended = Target(running.url, PATH, key), time.perf_counter() + seconds
        answered = 0

        async def call() -> None:
            nonlocal answered
            while time.perf_counter() < ended:
                status, _ = await target.ask()
                answered += status == 200

        await asyncio.gather(*(call() for _ in range(8)))
        target.close()
        return answered / seconds

    return asyncio.run(run())


async def _storm(running: Running, key: str, rate: float, seconds: float) -> tuple[Volley, Volley]:
    target, probe = Target(running.url, PATH, key), Target(running.url, "/readyz")
    storm, probes = await asyncio.gather(
        fire(target, rate, seconds, give_up=True), fire(probe, PROBES_A_SECOND, seconds)
    )
    target.close()
    probe.close()
    return storm, probes


def _find_memory(running: Running) -> float:
    """Return the resident bytes of the server and all its children."""
    server = psutil.Process(running.server.pid)
    return float(sum(each.memory_info().rss for each in (server, *server.children(recursive=True))))


def _find_recovery(calm: Volley) -> float:
    """Return the second from which on each further second has only answers with 200, half of them quick."""
    recovered = 0.0
    for second in range(int(calm.seconds)):
        shots = [shot for shot in calm.shots if second <= shot.due < second + 1]
        slow = np.median([shot.seconds for shot in shots]) > 0.25 if shots else True
        if slow or any(shot.status != 200 for shot in shots):
            recovered = second + 1.0
    return recovered
