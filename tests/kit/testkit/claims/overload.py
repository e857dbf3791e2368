"""Three times what the service can carry: callers are told to wait, work goes on, it recovers."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil

from testkit.claims.figure import Figure, Scale, none_of, noted
from testkit.commands import build_environment, call_fedele
from testkit.desk import make_workspace
from testkit.load import GIVEN_UP, Target, Volley, aim, find_throughput
from testkit.running import Running, lift_limit, serve_workspace
from testkit.tree import ROOT

SECONDS, FEW_SECONDS = 12.0, 1.0
PATH = "/v1/customers/C-10001/score?lang=en"
PROBES_A_SECOND = 10


def measure(scale: Scale) -> list[Figure]:
    """Return goodput, probes, memory and recovery; times have a bar in the full form only."""
    seconds = SECONDS if scale.thorough else FEW_SECONDS
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder) / "shop", count=300)
        lift_limit(workspace.root)
        key = call_fedele(workspace.root, "keys", "create", "--scope", "score:read")["key"]
        with serve_workspace(workspace.root) as running:
            return _measure(running, key, seconds, thorough=scale.thorough)


def _measure(running: Running, key: str, seconds: float, *, thorough: bool) -> list[Figure]:
    aim(Target(running.url, PATH, key), 50, min(seconds, 3))  # warm
    peak = find_throughput(Target(running.url, PATH, key), seconds)
    before = _find_memory(running)
    storm, probes = _storm(running, key, 3 * peak, seconds)
    after = _find_memory(running)
    calm = aim(Target(running.url, PATH, key), peak / 2, max(seconds, 6.0) if thorough else seconds)
    refused = [shot for shot in storm.shots if shot.status == 429]
    unexpected = [shot for shot in storm.shots if shot.status not in (200, 429, GIVEN_UP)]
    due = "requests due at three peaks"
    exact = [
        none_of("answers other than 200 and 429", len(unexpected)),
        none_of("answers with 429 without Retry-After", sum(not shot.wait for shot in refused)),
        none_of("probes that failed", int(probes["errors"])),
        none_of("errors afterwards", calm.errors),
    ]
    if not thorough:
        return [noted(due, len(storm.shots)), *exact]
    return [
        Figure(due, len(storm.shots), 3 * peak * seconds * 0.5, "at least"),
        *exact,
        noted("peak, answers a second", round(peak, 1)),
        Figure("answers with 429", len(refused), 1, "at least"),
        Figure("goodput meanwhile, share of the peak", storm.goodput / peak, 0.8, "at least"),
        Figure("99 % of the probes within ms", probes["p99"], 100, "at most"),
        Figure("memory afterwards, times that before", after / before, 1.3, "at most"),
        Figure("seconds until half the peak is carried again", _find_recovery(calm), 5, "at most"),
    ]


def _storm(running: Running, key: str, rate: float, seconds: float) -> tuple[Volley, dict[str, float]]:
    """Return what came of the storm, and of probes by a process of their own, as an orchestrator's are."""
    probe = [sys.executable, "-m", "testkit.load", f"{running.url}/readyz", "--json"]
    probe += ["--rate", str(PROBES_A_SECOND), "--seconds", str(seconds)]
    path = f"{ROOT}:{ROOT / 'tests' / 'kit'}"
    environment = build_environment(running.log.parent, PYTHONPATH=path)
    with subprocess.Popen(probe, env=environment, stdout=subprocess.PIPE) as prober:
        storm = aim(Target(running.url, PATH, key), rate, seconds, give_up=True)
        said, _ = prober.communicate()
    told: dict[str, float] = json.loads(said)
    return storm, told


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
