"""The service at constant rates: nobody waits long, nothing fails, every answer is the reference's.

Stored scores, live scores of a hundred customers and live re-scores with a new order arrive at constant rates
whether or not earlier ones were answered, first on a quiet service and then while everybody is scored anew
when the processor is idle, as the systemd unit does; then our stored-score route beside an empty one mounted
the same way. The full form stands on a store of over five million events and 200,000 scored customers.

On a virtual machine whose host gives the processor to others (steal) latencies are the host's: a part in
which it took more than 3 % is measured again, whatever its figures, up to three times.

``FEDELE_OPEN_LOOP`` names a folder that keeps that store and the figures between runs, and
``FEDELE_OPEN_LOOP_PARTS`` which parts to measure now: of ``stored,live,rescore,stored_busy,live_busy,
rescore_busy,ratio``; all where left out.
"""

import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil

from contracts.settings import read_variable
from contracts.time import to_text
from contracts.workspace import Workspace, open_workspace
from serving.store.generations import open_store
from serving.store.rows import GenerationInfo, StoredScore
from testkit.claims.figure import Figure, Scale, none_of, noted
from testkit.commands import build_command, build_environment, call_fedele
from testkit.load import Expect, Target, Volley, aim, find_throughput
from testkit.multiplied import multiply_customers
from testkit.running import Running, lift_limit, serve_bare, serve_workspace
from testkit.workspaces import find_shop

FOLDER, CHOSEN = "FEDELE_OPEN_LOOP", "FEDELE_OPEN_LOOP_PARTS"
TWINS, FEW_TWINS = 420, 1
SECONDS, FEW_SECONDS = 300.0, 1.0
WARM_SECONDS, RATIO_SECONDS, RATIO_RUNS = 10.0, 10.0, 5
ASKED, TOGETHER, SETS = 50, 100, 10
"""Customers asked one by one, and together; sets of the latter that take turns."""
LEAST_EVENTS, LEAST_SCORED, LEAST_SHARE = 5_000_000, 200_000, 0.65
IDLE, ENGINE = ("chrt", "--idle", "0"), {"FEDELE_TRAINING__ENGINE_THREADS": "1"}
"""The scheduling policy and the environment of `fedele-score.service`."""
WORKERS = 2
MOST_TAKEN, RUNS = 0.03, 3
"""A part is measured again where the host of a virtual machine took more for others, at most so often."""
_MOMENTS = ("scored_at",)


@dataclass(frozen=True)
class Route:
    """A route under load: how often a second it is asked, and the milliseconds 99 % take at most."""

    name: str
    rate: float
    most: float


ROUTES = {
    "stored": Route("stored score by id", 100, 20),
    "live": Route("live score of 100 customers", 10, 150),
    "rescore": Route("live re-score with a new order", 5, 100),
}
BUSY = "_busy"
PARTS = (*ROUTES, *(f"{name}{BUSY}" for name in ROUTES), "ratio")


@dataclass(frozen=True)
class Service:
    """A running service, what to ask it, and how long for."""

    running: Running
    key: str
    rows: list[StoredScore]
    info: GenerationInfo
    seconds: float

    def look_again(self, workspace: Workspace) -> Self:
        """Return the same with the scores of now: a busy part may have written them anew."""
        rows, info = _find_rows(workspace)
        return replace(self, rows=rows, info=info)

    def aim_at(self, name: str, *, changing: bool = False) -> Target:
        """Return what is asked of a route of ``ROUTES``, with the answers that are right.

        ``changing``: while everybody is scored again and again only the moment of a score may differ.
        """
        if name == "rescore":
            return _build_rescore(self.running, self.key, (self.rows, self.info))
        if name == "live":
            return _build_live(self.running.url, self.key, self.rows)
        return _build_stored(self.running.url, self.key, self.rows, changing=changing)


def measure(scale: Scale) -> list[Figure]:
    """Return latencies and errors by route; times have a bar in the full form only."""
    kept = read_variable(FOLDER) if scale.thorough else None
    with tempfile.TemporaryDirectory(prefix="fedele-open-loop-") as temporary:
        folder = Path(kept or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        workspace, events, scored = build(folder / "shop", TWINS if scale.thorough else FEW_TWINS)
        size = [noted("events in the store", events), noted("customers scored", scored)]
        if scale.thorough:
            size = [
                Figure("events in the store", events, LEAST_EVENTS, "at least"),
                Figure("customers scored", scored, LEAST_SCORED, "at least"),
            ]
        asked = (read_variable(CHOSEN) or ",".join(PARTS)).split(",") if scale.thorough else list(ROUTES)
        known = Known(folder / "figures.json")
        with serve(workspace, SECONDS if scale.thorough else FEW_SECONDS) as service:
            for part in asked:
                known.keep(part, _measure_part(part, service.look_again(workspace), workspace, scale))
        return [
            *size,
            *(figure for part in (PARTS if scale.thorough else ROUTES) for figure in known.find(part)),
        ]


def build(folder: Path, twins: int) -> tuple[Workspace, int, int]:
    """Return a trained and scored workspace in ``folder``, its events and how many customers are scored.

    It is a simulated shop with all seven tables, each customer ``twins`` times; one that is there is used.
    """
    told = folder.parent / "size.json"
    if not told.is_file():
        workspace = find_shop().copy(folder)
        events = multiply_customers(workspace, twins)
        if twins > 1:
            call_fedele(folder, "score", "--as-of", to_text(find_shop().as_of))
        store = open_store(workspace)
        info = store.current()
        store.close()
        assert info is not None
        told.write_text(json.dumps([events, info.scored]), encoding="utf-8")
    events, scored = json.loads(told.read_text(encoding="utf-8"))
    return open_workspace(folder), events, scored


class Known:
    """The figures of parts measured so far, in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._parts: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}

    def keep(self, part: str, figures: list[Figure]) -> None:
        """Remember the figures of a part."""
        self._parts[part] = [asdict(each) for each in figures]
        self._file.write_text(json.dumps(self._parts), encoding="utf-8")

    def find(self, part: str) -> list[Figure]:
        """Return them; one that never holds where the part has not been measured."""
        if part not in self._parts:
            return [Figure(f"part {part}, measured", 0, 1, "equals")]
        return [Figure(**each) for each in self._parts[part]]


def _measure_part(part: str, service: Service, workspace: Workspace, scale: Scale) -> list[Figure]:
    """Return a part's figures: of the first run in which the machine was ours, else of the last."""
    runs, taken = 0, 1.0
    while taken > MOST_TAKEN and runs < RUNS:
        found, taken = _measure_once(part, service, workspace, scale)
        runs += 1
    return [
        *found,
        noted(f"{part}: share of the processor that the host took for others", round(taken, 3)),
        noted(f"{part}: runs, the last of which these figures are of", runs),
    ]


def _measure_once(
    part: str, service: Service, workspace: Workspace, scale: Scale
) -> tuple[list[Figure], float]:
    """Return the figures of a part, and the share of the processor that its host gave to others meanwhile."""
    before = psutil.cpu_times()
    if part == "ratio":
        found = compare(service, workspace.root.parent)
    elif part.endswith(BUSY):
        found = _measure_busy(part.removesuffix(BUSY), service, workspace, scale)
    else:
        same = [_check_unchanged(service)] if part == "rescore" else []
        found = [*_tell(ROUTES[part], fire(service, part), scale), *same]
    after = psutil.cpu_times()
    stolen = getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)  # Linux alone tells
    return found, stolen / max(sum(after) - sum(before), 1e-9)


@contextmanager
def serve(workspace: Workspace, seconds: float) -> Iterator[Service]:
    """Serve the workspace while the block lasts; every route has answered before it begins."""
    lift_limit(workspace.root)
    scopes = ("--scope", "score:read", "--scope", "score:live")
    key = call_fedele(workspace.root, "keys", "create", *scopes)["key"]
    rows, info = _find_rows(workspace)
    with serve_workspace(workspace.root, workers=WORKERS) as running:
        _wait_for_model(running, key, rows[0].customer_id)
        yield Service(running, key, rows, info, seconds)


def fire(service: Service, name: str, *, changing: bool = False) -> Volley:
    """Return what came of a route asked at its rate, once it is warm."""
    target, rate = service.aim_at(name, changing=changing), ROUTES[name].rate
    aim(target, rate, min(WARM_SECONDS, service.seconds))
    return aim(target, rate, service.seconds)


def compare(service: Service, folder: Path) -> list[Figure]:
    """Return our route's answers a second beside those of an empty one mounted the same way, as often."""
    stored = service.aim_at("stored")
    with serve_bare(folder, WORKERS) as bare:
        empty = Target(bare.url, "/empty")
        for target in (stored, empty):
            aim(target, 50, RATIO_SECONDS / 2)
        pairs = [
            (find_throughput(stored, RATIO_SECONDS), find_throughput(empty, RATIO_SECONDS))
            for _ in range(RATIO_RUNS)
        ]
        volley = aim(empty, ROUTES["stored"].rate, service.seconds / 5)
    own, other = (float(np.median(each)) for each in zip(*pairs, strict=True))
    name = "answers of ours for each of the empty route, median of alternating runs"
    return [
        Figure(name, round(own / other, 3), LEAST_SHARE, "at least"),
        noted("our answers a second", round(own)),
        noted("answers a second of the empty route", round(other)),
        *(
            noted(
                f"empty route, {volley.rate:g}/s: {100 * part:g} % within ms", round(volley.quantile(part), 2)
            )
            for part in (0.5, 0.95, 0.99)
        ),
        none_of("answers of the empty route that failed", volley.errors),
    ]


def _measure_busy(name: str, service: Service, workspace: Workspace, scale: Scale) -> list[Figure]:
    """Return the figures of a route while everybody is scored anew, and once more where that is done."""
    command = shlex.join(build_command("score", "--as-of", to_text(service.info.as_of)))
    again = [*IDLE, "bash", "-c", f"while {command}; do :; done"]
    told: dict[str, Any] = {"cwd": workspace.root, "env": build_environment(workspace.root, **ENGINE)}
    log = (workspace.root.parent / f"score-{name}.log").open("wb")
    with log, subprocess.Popen(again, stdout=log, stderr=log, start_new_session=True, **told) as run:
        try:
            began = time.perf_counter()
            volley = fire(service, name, changing=True)
            scoring = run.poll() is None
            took = time.perf_counter() - began
        finally:
            with suppress(ProcessLookupError):  # it ended early: what is told says so
                os.killpg(run.pid, signal.SIGTERM)
    went_on = Figure(
        f"{ROUTES[name].name}: scoring went on for seconds", took if scoring else 0, SECONDS, "at least"
    )
    return [went_on, *_tell(ROUTES[name], volley, scale, ", while scoring")]


def _tell(route: Route, volley: Volley, scale: Scale, when: str = "") -> list[Figure]:
    name = f"{route.name}, {route.rate:g}/s{when}"
    wrong = sum(shot.status != 200 for shot in volley.shots)
    exact = [
        noted(f"{name}: requests", len(volley.shots)),
        none_of(f"{name}: answers that failed or are not the reference's", wrong),
    ]
    if not scale.thorough:
        return exact
    return [
        *exact,
        noted(f"{name}: half within ms", round(volley.quantile(0.5), 2)),
        noted(f"{name}: 95 % within ms", round(volley.quantile(0.95), 2)),
        Figure(f"{name}: 99 % within ms", round(volley.quantile(0.99), 2), route.most, "at most"),
    ]


def _find_rows(workspace: Workspace) -> tuple[list[StoredScore], GenerationInfo]:
    """Return the stored scores of customers spread over the generation."""
    store = open_store(workspace)
    try:
        info = store.current()
        assert info is not None
        ids = sorted(store.list_customers(info))
        spread = ids[:: max(1, len(ids) // (TOGETHER * SETS))]
        rows = store.read(spread, "en", info).values()
    finally:
        store.close()
    return [row for row in rows if row.status == "scored"], info


def _build_stored(url: str, key: str, rows: list[StoredScore], *, changing: bool) -> Target:
    def expect(row: StoredScore) -> Expect:
        if changing:
            reference = _without_moment(row.record_en or b"")
            return lambda body: _without_moment(body) == reference
        return lambda body: body == row.record_en

    def path(row: StoredScore) -> str:
        return f"/v1/customers/{row.customer_id}/score?lang=en"

    first, *others = rows
    target = Target(url, path(first), key, expect=expect(first))
    for row in others:
        target.also(path(row), None, expect(row))
    return target


def _build_live(url: str, key: str, rows: list[StoredScore]) -> Target:
    path = "/v1/scores?mode=live"

    def ask(some: list[StoredScore]) -> tuple[bytes, Expect]:
        body = json.dumps({"customer_ids": [row.customer_id for row in some], "lang": "en"}).encode()
        reference = [_without_moment(row.record_en or b"") for row in some]

        def expect(answer: bytes) -> bool:
            found = [result.get("score") or {} for result in json.loads(answer)["results"]]
            return [_drop_moment(record) for record in found] == reference

        return body, expect

    first, *others = (
        ask(rows[start : start + TOGETHER]) for start in range(0, len(rows) - TOGETHER + 1, TOGETHER)
    )
    target = Target(url, path, key, *first)
    for body, expect in others:
        target.also(path, body, expect)
    return target


def _build_rescore(running: Running, key: str, known: tuple[list[StoredScore], GenerationInfo]) -> Target:
    """Return re-scores with a new order, whose answers are to be those of the quiet service."""
    rows, info = known
    later = to_text(info.as_of + timedelta(days=2))
    bought = {"as_of": later, "lang": "en", "orders": [{"amount": 49.9}]}
    body = json.dumps(bought).encode()
    asked: list[tuple[str, Expect]] = []
    for row in rows[:ASKED]:
        path = f"/v1/customers/{row.customer_id}/rescore"
        quiet = running.ask("POST", path, key, json=bought).json()["result"]["score"]
        asked.append((path, _expect_record(_drop_moment(quiet))))
    (path, expect), *others = asked
    target = Target(running.url, path, key, body, expect)
    for path, expect in others:
        target.also(path, body, expect)
    return target


def _check_unchanged(service: Service) -> Figure:
    """Return how many re-scores without news at the scores' own instant are not the stored record."""
    wrong = 0
    for row in service.rows[:ASKED]:
        path = f"/v1/customers/{row.customer_id}/rescore"
        asked = {"as_of": to_text(service.info.as_of), "lang": "en"}
        answer = service.running.ask("POST", path, service.key, json=asked)
        wrong += not _expect_record(_without_moment(row.record_en or b""))(answer.content)
    return none_of("re-scores without news that are not the stored record", wrong)


def _expect_record(reference: dict[str, Any]) -> Expect:
    return lambda answer: _drop_moment(json.loads(answer)["result"]["score"]) == reference


def _without_moment(record: bytes) -> dict[str, Any]:
    return _drop_moment(json.loads(record))


def _drop_moment(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in _MOMENTS}


def _wait_for_model(running: Running, key: str, customer_id: str) -> None:
    """Return once live scores are answered: a bundle is verified in a child before it serves."""
    patience = threading.Event()
    for _ in range(600):
        if running.ask("POST", f"/v1/customers/{customer_id}/rescore", key, json={}).status_code == 200:
            return
        patience.wait(0.2)
    raise RuntimeError("The service has no model for live scores; see its log.")
