"""Three times what the service can carry: callers are told to wait, work goes on, it recovers.

Twice: with requests for three hundred stored scores each, of which one generator on the same cores sends
three times what the service carries, and with requests for one, which cost the generator as much as the
service: of those it sends what it can. Probes have a port of their own, as in ``deploy``; what they take
among the callers is told beside it.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from testkit.claims.figure import Figure, Scale, none_of, noted
from testkit.commands import build_environment, call_fedele
from testkit.desk import make_workspace
from testkit.load import GIVEN_UP, Target, Volley, aim, find_throughput
from testkit.running import Running, find_port, lift_limit, serve_workspace
from testkit.tree import ROOT

SECONDS, FEW_SECONDS = 30.0, 1.0
CUSTOMERS = 300
ONE, MANY = "one score each", "300 scores each"
PROBES_A_SECOND = 10


@dataclass(frozen=True)
class Storm:
    """What came of three peaks: the peak before, the storm, its probes, the calm afterwards.

    ``probes`` had a port of their own, those ``among`` the callers had not.
    """

    peak: float
    volley: Volley
    probes: dict[str, float]
    among: dict[str, float]
    memory: float
    calm: Volley


def measure(scale: Scale) -> list[Figure]:
    """Return goodput, probes, memory and recovery; times have a bar in the full form only."""
    seconds = SECONDS if scale.thorough else FEW_SECONDS
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder) / "shop", count=CUSTOMERS)
        lift_limit(workspace.root)
        key = call_fedele(workspace.root, "keys", "create", "--scope", "score:read")["key"]
        port = find_port()
        with serve_workspace(workspace.root, probe_port=port) as running:
            storms = {name: _raise(running, port, key, name, seconds) for name in (MANY, ONE)}
    return [
        figure for name, storm in storms.items() for figure in _tell(name, storm, thorough=scale.thorough)
    ]


def _raise(running: Running, port: int, key: str, name: str, seconds: float) -> Storm:
    aim(_target(running, key, name), 10, min(seconds, 3))  # warm
    peak = find_throughput(_target(running, key, name), seconds / 2)
    before = _find_memory(running)
    urls = (f"http://127.0.0.1:{port}", running.url)
    probers = [_probe(url, running, seconds) for url in urls]
    volley = aim(_target(running, key, name), 3 * peak, seconds, give_up=True)
    probes, among = (json.loads(each.communicate()[0]) for each in probers)
    memory = _find_memory(running) / before
    calm = aim(_target(running, key, name), peak / 2, max(seconds / 3, 1))
    return Storm(peak, volley, probes, among, memory, calm)


def _target(running: Running, key: str, name: str) -> Target:
    if name == ONE:
        return Target(running.url, "/v1/customers/C-10001/score?lang=en", key)
    ids = [f"C-{10_001 + place}" for place in range(CUSTOMERS)]
    return Target(running.url, "/v1/scores", key, json.dumps({"customer_ids": ids, "lang": "en"}).encode())


def _tell(name: str, storm: Storm, *, thorough: bool) -> list[Figure]:
    shots = storm.volley.shots
    refused = [shot for shot in shots if shot.status == 429]
    exact = [
        none_of("answers other than 200 and 429", sum(s.status not in (200, 429, GIVEN_UP) for s in shots)),
        none_of("answers with 429 without Retry-After", sum(not shot.wait for shot in refused)),
        none_of("probes that failed", int(storm.probes["errors"] + storm.among["errors"])),
        none_of("errors afterwards", storm.calm.errors),
    ]
    timed = [
        noted("peak, answers a second", round(storm.peak, 1)),
        Figure("goodput meanwhile, share of the peak", storm.volley.goodput / storm.peak, 0.8, "at least"),
        Figure("99 % of the probes within ms", storm.probes["p99"], 100, "at most"),
        noted("99 % of those among the callers within ms", round(storm.among["p99"], 1)),
        Figure("memory afterwards, times that before", storm.memory, 1.3, "at most"),
        Figure("seconds until half the peak is carried again", _find_recovery(storm.calm), 5, "at most"),
    ]
    if name == ONE:
        told = [noted("requests due", len(shots)), noted("answers with 429", len(refused))]
    else:
        least = 3 * storm.peak * storm.volley.seconds * 0.95
        told = [
            Figure("requests due at three peaks", len(shots), least, "at least"),
            Figure("answers with 429", len(refused), 1, "at least"),
        ]
    chosen = [*told, *exact, *timed] if thorough else [noted("requests due", len(shots)), *exact]
    return [
        Figure(f"{name}: {each.name}", each.value, each.bar, each.direction, each.within) for each in chosen
    ]


def _probe(url: str, running: Running, seconds: float) -> "subprocess.Popen[bytes]":
    """Return a process that probes for so long, as an orchestrator does; it prints what came of it."""
    probe = [sys.executable, "-m", "testkit.load", f"{url}/readyz", "--json"]
    probe += ["--rate", str(PROBES_A_SECOND), "--seconds", str(seconds)]
    path = f"{ROOT}:{ROOT / 'tests' / 'kit'}"
    environment = build_environment(running.log.parent, PYTHONPATH=path)
    return subprocess.Popen(probe, env=environment, stdout=subprocess.PIPE)


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
