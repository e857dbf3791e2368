"""Swaps of scores and models under load: no request fails, each answer is that of the version it names."""

import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from contracts.atomic import write_folder
from contracts.workspace import Workspace, open_workspace
from serving.champion import ChampionHolder
from serving.keys import create_key
from serving.store.generations import ScoreStore, open_store
from testkit.claims.figure import Figure, Scale, none_of, noted
from testkit.desk import serve_desk
from testkit.mutants import build_genuine
from testkit.running import serve_workspace
from testkit.stored import NOW, build_info, build_row, make_workspace
from testkit.tiny_model import invent_frame
from training.bundle import point_champion
from training.signature import make_key

SEED = 2051
CUSTOMERS = 60
SWAPS, FEW = 50, 3
REQUESTS_BETWEEN = 10
CALLERS, FEW_CALLERS = 4, 2
VERSIONS = ("1", "2", "3", "4", "5")
# The holder keeps three models: within these a swap is a rollback, beyond them a child verifies.
KEPT = VERSIONS[:3]
IDS = [f"C-{number:05d}" for number in range(CUSTOMERS)]
PATHS = ("/v1/customers/{id}/score?lang=en", "/v1/scores", "/v1/at-risk?lang=en&limit=20", "/v1/model")
Reference = dict[str, dict[str, bytes]]


@dataclass
class Tally:
    """What callers saw."""

    asked: int = 0
    failed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    longest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


def measure(scale: Scale) -> list[Figure]:
    """Return failed requests, answers that are not their version's, and how long a rollback takes."""
    swaps = SWAPS if scale.thorough else FEW
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder).resolve() / "shop")
        return [*_swap_scores(workspace, swaps, scale), *_swap_models(workspace, swaps, scale)]


def _swap_scores(workspace: Workspace, swaps: int, scale: Scale) -> list[Figure]:
    store = open_store(workspace)
    reference: Reference = {}
    _write(store, 0, reference)
    _, key = create_key(store.work, ["score:read", "model:read"], "", NOW)
    tally, ended = Tally(), threading.Event()
    with _serve(workspace, scale) as url:

        def call(number: int) -> None:
            with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:
                while not ended.is_set():
                    _ask(client, number + tally.asked, reference, tally)

        with _callers(call, CALLERS if scale.thorough else FEW_CALLERS, ended):
            for number in range(1, swaps + 1):
                _wait_for(tally, REQUESTS_BETWEEN * number)
                _write(store, number, reference)
            _wait_for(tally, REQUESTS_BETWEEN * (swaps + 1))
        settled = _find_convergence(url, key, f"g{swaps}", "generation")
    store.close()
    return [
        Figure("swaps of scores under load", swaps, swaps, "equals"),
        Figure("requests meanwhile", tally.asked, 10 * swaps, "at least"),
        Figure("generations that callers saw", len(tally.seen), swaps / 2, "at least"),
        none_of("requests that failed", len(tally.failed)),
        none_of("answers that are not of the generation they name", len(tally.wrong)),
        Figure("seconds until every worker names the last", settled, 5, "at most"),
        noted("longest request, seconds", round(tally.longest, 3)),
    ]


def _wait_for(tally: Tally, asked: int) -> None:
    patience = threading.Event()
    for _ in range(600):
        if tally.asked >= asked:
            return
        patience.wait(0.05)


def _write(store: ScoreStore, number: int, reference: Reference) -> None:
    generation = f"g{number}"
    changes = {"generation": generation, "model_version": str(number + 1)}
    rows = [build_row(each, (place * 7 + number) % 20 / 20, **changes) for place, each in enumerate(IDS)]
    # Known before it can be seen, or a quick caller would find no reference.
    reference[generation] = {row.customer_id: row.record("en") or b"" for row in rows}
    with store.begin(build_info(generation, model_version=str(number + 1))) as writer:
        writer.add(iter(rows))
        writer.finish()


def _ask(client: httpx.Client, number: int, reference: Reference, tally: Tally) -> None:
    customer_id, path = IDS[number % CUSTOMERS], PATHS[number % len(PATHS)]
    began = time.perf_counter()
    if path == "/v1/scores":
        answer = client.post(path, json={"customer_ids": IDS[:20], "lang": "en"})
    else:
        answer = client.get(path.format(id=customer_id))
    with tally.lock:
        tally.asked += 1
        tally.longest = max(tally.longest, time.perf_counter() - began)
        if answer.status_code != 200:
            tally.failed.append(f"{path}: {answer.status_code}")
            return
        generation = answer.json()["generation"]
        tally.seen.add(generation)
        if not _is_right(answer.content, path, customer_id, reference[generation]):
            tally.wrong.append(f"{path} of {generation}")


def _is_right(body: bytes, path: str, customer_id: str, known: dict[str, bytes]) -> bool:
    if path == PATHS[0]:
        return body == known[customer_id]
    answer = json.loads(body)
    if path == "/v1/model":
        return bool(answer["model_version"] == str(int(answer["generation"][1:]) + 1))
    found = [each["score"] for each in answer["results"]] if path == "/v1/scores" else answer["data"]
    return all(record == json.loads(known[record["customer_id"]]) for record in found)


def _swap_models(workspace: Workspace, swaps: int, scale: Scale) -> list[Figure]:
    """Promote and roll back while threads predict with whatever is in service."""
    key, frame = make_key(workspace), invent_frame(10, seed=SEED)
    for version in VERSIONS:
        write_folder(workspace.models / version, build_genuine(key, seed=int(version)))
    holder, tally, ended = ChampionHolder(workspace), Tally(), threading.Event()
    known: dict[str, bytes] = {}
    for version in KEPT if scale.thorough else KEPT[:2]:
        known[version] = _promote(workspace, holder, version, frame)

    def call(number: int) -> None:
        while not ended.is_set():
            champion = holder.champion
            assert champion is not None
            assert champion.model.shop is not None
            answer = champion.model.shop.predict(frame).raw.tobytes()
            with tally.lock:
                tally.asked += 1
                tally.seen.add(champion.version)
                if known.get(champion.version, answer) != answer:
                    tally.wrong.append(champion.version)

    rollbacks = []
    cycle = list(known)
    with _callers(call, 2, ended):
        for number in range(swaps):
            if scale.thorough and number in (swaps // 3, 2 * swaps // 3):
                heir = VERSIONS[3 + (number > swaps // 2)]
                known[heir] = _promote(workspace, holder, heir, frame)
            began = time.perf_counter()
            _promote(workspace, holder, cycle[number % len(cycle)], frame)
            rollbacks.append(time.perf_counter() - began)
    return [
        Figure("swaps of the model under load", len(rollbacks), swaps, "equals"),
        Figure("predictions meanwhile", tally.asked, swaps, "at least"),
        none_of("predictions that are not of the version they name", len(tally.wrong)),
        Figure("median seconds of a return to a model still held", _median(rollbacks), 5, "at most"),
    ]


def _promote(workspace: Workspace, holder: ChampionHolder, version: str, frame: object) -> bytes:
    point_champion(workspace, version)
    holder.look()
    champion = holder.champion
    assert champion is not None
    assert champion.version == version, holder.state
    assert champion.model.shop is not None
    return champion.model.shop.predict(frame).raw.tobytes()  # type: ignore[arg-type]


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


@contextmanager
def _callers(call: Callable[[int], None], count: int, ended: threading.Event) -> Iterator[None]:
    threads = [threading.Thread(target=call, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)


@contextmanager
def _serve(workspace: Workspace, scale: Scale) -> Iterator[str]:
    """Serve in full by two real workers, in small by the same app in a thread."""
    if not scale.thorough:
        with serve_desk([workspace], NOW) as url:
            yield url
        return
    file = workspace.root / "fedele.toml"
    file.write_text(f"{file.read_text(encoding='utf-8')}\n[serve]\nworkers = 2\n", encoding="utf-8")
    with serve_workspace(open_workspace(workspace.root).root) as running:
        yield running.url


def _find_convergence(url: str, key: str, wanted: str, name: str) -> float:
    """Return the seconds until 20 fresh connections in a row are answered with ``wanted``."""
    began, row = time.perf_counter(), 0
    while row < 20 and time.perf_counter() - began < 30:
        answer = httpx.get(f"{url}/v1/model", headers={"authorization": f"Bearer {key}"}, timeout=10)
        row = row + 1 if answer.status_code == 200 and answer.json()[name] == wanted else 0
    return round(time.perf_counter() - began, 3)
