"""Requests made from our own OpenAPI document, right and wrong ones: every check of schemathesis holds.

A word that is nowhere else is then planted in everything a request may hold (ids, queries, texts, fields, a
key): no problem document repeats it, and no line of the log, figure or file holds it afterwards.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from serving.api import erasure
from serving.keys import create_key
from serving.privacy.forget import forget
from serving.tenants import Tenants
from testkit.claims.figure import Figure, Scale, none_of
from testkit.remains import find_remains
from testkit.service import Caller, build_service
from testkit.stored import NOW, build_info, build_rows, make_workspace
from testkit.tree import ROOT

EXAMPLES, SMALL_EXAMPLES = 500, 2
PLANTED, SMALL_PLANTED = 100, 1
SHORTEST_VALUE = 8
# Seconds: the machine may stand still for longer than a caller of the usual kind would wait.
PATIENCE = 120
PROBLEM = "application/problem+json"
TOO_LARGE = 413
WORD = "planted-7f3a91c2"
ERASE = "/v1/customers:erase"
# What a caller gives to be kept: the list of a job, under a name of ours.
GIVEN = "jobs/"


@dataclass
class Found:
    """What was seen of all requests; ``kinds`` counts failed checks by name and route."""

    cases: Counter[str] = field(default_factory=Counter)
    planted: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    server_errors: int = 0
    other_shapes: int = 0
    echoes: int = 0
    lines: int = 0


class _Ear(logging.Handler):
    """Counts lines of the log that hold the planted word."""

    def __init__(self, found: Found) -> None:
        super().__init__(logging.DEBUG)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.lines += WORD in f"{record.getMessage()} {record.exc_text} {record.exc_info}"


@dataclass(frozen=True)
class Served:
    """The app, a key that may do everything, and the folder of its workspace."""

    app: Any
    key: str
    folder: Path


def measure(scale: Scale) -> list[Figure]:
    """Return how many requests were made of each route, and what went wrong."""
    examples, planted = (EXAMPLES, PLANTED) if scale.thorough else (SMALL_EXAMPLES, SMALL_PLANTED)
    found, held = Found(), 0
    with tempfile.TemporaryDirectory() as folder, patch.object(erasure, "forget_apart", _forget):
        # Each erasure looks through all files: a small workspace of its own has few.
        for name, erases in (("shop", False), ("small", True)):
            with _serve(Path(folder) / name, scale.thorough and not erases) as served:
                fuzz(served, found, (examples, planted), erases=erases)
                held += _look(served, found)
    for kind, count in found.kinds.items():
        print(f"  {count} x {kind}")
    return [
        Figure("routes and methods asked", len(found.cases), 15, "at least"),
        Figure("requests to the route asked least", min(found.cases.values()), 2 * examples, "at least"),
        none_of("checks of schemathesis that failed", sum(found.kinds.values())),
        none_of("answers from 500 on", found.server_errors),
        none_of("failures in another shape than a problem document", found.other_shapes),
        none_of("problems that repeat a value that was sent", found.echoes),
        Figure("requests with a planted word", found.planted, len(found.cases) * planted, "at least"),
        none_of("lines of the log, figures and files that hold the planted word", found.lines + held),
    ]


def fuzz(served: Served, found: Found, examples: tuple[int, int], *, erases: bool) -> None:
    """Ask every operation so often with right, as often with wrong, and then with planted requests."""
    import schemathesis

    schema = schemathesis.openapi.from_asgi(
        "/v1/openapi.json", served.app, headers={"authorization": f"Bearer {served.key}"}
    )

    @schema.auth()
    class Key:
        def get(self, case: Any, context: Any) -> str:
            return served.key

        def set(self, case: Any, data: str, context: Any) -> None:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}

    right, wrong = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        if (operation.path == ERASE) == erases:
            with _listen(found):
                for mode in (right, wrong):
                    _ask(operation.as_strategy(generation_mode=mode), examples[0], _judge, found)
                _ask(operation.as_strategy(generation_mode=right), examples[1], _plant, found)


def _ask(strategy: Any, count: int, judge: Callable[[Any, Found], None], found: Found) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    # The number makes each example another one: a route without anything to vary is asked as often.
    @given(st.integers(0, 2**62), strategy)
    def ask(number: int, case: Any) -> None:
        del number
        judge(case, found)

    ask()


def _judge(case: Any, found: Found) -> None:
    from schemathesis.checks import CHECKS, load_all_checks, not_a_server_error

    found.cases[f"{case.method} {case.operation.path}"] += 1
    response = case.call(timeout=PATIENCE)
    load_all_checks()
    # What is right by the document may still be nobody's id, or a cursor nobody gave out.
    excluded = [CHECKS.get_one("positive_data_acceptance"), not_a_server_error]
    if case.media_type not in (None, "application/json"):
        # A number sent as text/csv is a text like any other; whether it is a list of ids, the job tells.
        excluded.append(CHECKS.get_one("negative_data_rejection"))
    if response.status_code == TOO_LARGE:  # a refusal that this check does not know as one
        excluded.append(CHECKS.get_one("negative_data_rejection"))
    _weigh(response, found)
    if response.status_code >= 400:
        text = response.content.decode()
        sent = _values([case.body, case.query, case.path_parameters])
        found.echoes += any(value in text and value not in read_own_words() for value in sent)
    try:
        case.validate_response(response, excluded_checks=excluded)
    except BaseExceptionGroup as failures:
        for each in failures.exceptions:
            kind = str(each).splitlines()[0] if str(each) else ""
            found.kinds[f"{type(each).__name__} at {case.method} {case.operation.path}: {kind}"] += 1


@cache
def read_own_words() -> str:
    """Return our own text: Hypothesis sends words of it, such as ``instance``, that a problem says anyway."""
    files = (file for package in ("contracts", "serving") for file in sorted((ROOT / package).rglob("*.py")))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _plant(case: Any, found: Found) -> None:
    """Send a right request with the word in every text of it, and in a field and parameter of its own."""
    found.planted += 1
    case.path_parameters = _replace(case.path_parameters)
    case.query = _replace(case.query) or {WORD: WORD}
    case.body = _replace(case.body)
    response = case.call(timeout=PATIENCE)
    _weigh(response, found)
    if response.status_code >= 400:
        found.echoes += WORD in response.content.decode() + str(dict(response.headers))


def _weigh(response: Any, found: Found) -> None:
    # A cut-off model is told so (503); the small form serves without one.
    is_waiting = response.status_code == 503 and b":not-ready" in response.content
    found.server_errors += response.status_code >= 500 and not is_waiting
    if response.status_code >= 400:
        found.other_shapes += not response.headers["content-type"][0].startswith(PROBLEM)


def _look(served: Served, found: Found) -> int:
    """Return how many figures and files hold the planted word, once a key was one as well."""
    caller = Caller(served.app, served.key)
    with _listen(found):
        Caller(served.app, WORD).get("/v1/model")
        pages = [caller.get("/metrics"), caller.get("/v1/model"), caller.get("/v1/reasons")]
    files = [each for each in find_remains(served.folder, WORD.encode()) if not each.startswith(GIVEN)]
    for each in files:
        print(f"  planted word in {each}")
    return sum(WORD in page.body.decode() for page in pages) + len(files)


def _forget(workspace: Any, customer_id: str, now: datetime) -> dict[str, Any]:
    """Do in this process what the service does in one of its own: 500 of those would take half an hour."""
    return forget(workspace, customer_id, now).to_dict()


def _replace(sent: Any) -> Any:
    if isinstance(sent, str):
        return WORD
    if isinstance(sent, dict):
        return {name: _replace(each) for name, each in sent.items()}
    return [_replace(each) for each in sent] if isinstance(sent, list) else sent


def _values(sent: Any) -> Iterator[str]:
    if isinstance(sent, str) and len(sent) >= SHORTEST_VALUE:
        yield sent
    elif isinstance(sent, dict):
        for each in sent.values():
            yield from _values(each)
    elif isinstance(sent, list | tuple):
        for each in sent:
            yield from _values(each)


@contextmanager
def _listen(found: Found) -> Iterator[None]:
    """Hear every line of the log while nothing is printed of it."""
    ours, ear = logging.getLogger("fedele"), _Ear(found)
    before = (ours.level, ours.propagate)
    ours.setLevel(logging.DEBUG)
    ours.propagate = False
    ours.addHandler(ear)
    try:
        yield
    finally:
        ours.removeHandler(ear)
        ours.level, ours.propagate = before


@contextmanager
def _serve(folder: Path, trained: bool) -> Iterator[Served]:
    """Yield the app over a small store, or over a trained shop with its model loaded."""
    tenants = Tenants()
    if trained:
        from testkit.workspaces import find_shop

        now: datetime = find_shop().as_of
        tenants.open([find_shop().copy(folder).root])
        for tenant in tenants:
            tenant.holder.look()
            tenant.prepare()
    else:
        now = NOW
        tenants.open([make_workspace(folder).root])
        for tenant in tenants:
            with tenant.store.begin(build_info()) as writer:
                writer.add(build_rows(20))
                writer.finish()
    try:
        work = next(iter(tenants)).store.work
        _, key = create_key(work, ["admin"], "fuzz", NOW)
        yield Served(build_service(tenants, lambda: now), key, folder)
    finally:
        tenants.close()
