"""Requests made from our own OpenAPI document, right and wrong ones: every check of schemathesis holds."""

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from serving.keys import create_key
from serving.tenants import Tenants
from testkit.claims.figure import Figure, Scale, none_of
from testkit.service import build_service
from testkit.stored import NOW, build_info, build_rows, make_workspace

EXAMPLES = 500
SMALL_EXAMPLES = 2
SHORTEST_VALUE = 8
PROBLEM = "application/problem+json"


@dataclass
class Found:
    """What was seen of all requests; ``kinds`` counts failed checks by name and route."""

    cases: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    server_errors: int = 0
    other_shapes: int = 0
    echoes: int = 0


def measure(scale: Scale) -> list[Figure]:
    """Return how many requests were made of each route, and what went wrong."""
    with tempfile.TemporaryDirectory() as folder, _serve(Path(folder), scale.thorough) as (app, key):
        found = fuzz(app, key, EXAMPLES if scale.thorough else SMALL_EXAMPLES)
    for kind, count in found.kinds.items():
        print(f"  {count} x {kind}")
    fewest = 2 * (EXAMPLES if scale.thorough else SMALL_EXAMPLES)
    return [
        Figure("routes and methods asked", len(found.cases), 14, "at least"),
        # A route without anything to vary has a handful of different requests.
        Figure("requests to the busiest route", max(found.cases.values()), fewest, "at least"),
        none_of("checks of schemathesis that failed", sum(found.kinds.values())),
        none_of("answers from 500 on", found.server_errors),
        none_of("failures in another shape than a problem document", found.other_shapes),
        none_of("problems that repeat a value that was sent", found.echoes),
    ]


def fuzz(app: Any, key: str, examples: int) -> Found:
    """Ask every operation ``examples`` times with right and as often with wrong requests."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings

    schema = schemathesis.openapi.from_asgi(
        "/v1/openapi.json", app, headers={"authorization": f"Bearer {key}"}
    )

    @schema.auth()
    class Key:
        def get(self, case: Any, context: Any) -> str:
            return key

        def set(self, case: Any, data: str, context: Any) -> None:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}

    found = Found()
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

            @settings(
                max_examples=examples,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                found.cases[f"{case.method} {case.operation.path}"] += 1
                _judge(case, found)

            with _quiet():
                ask()
    return found


def _judge(case: Any, found: Found) -> None:
    from schemathesis.checks import CHECKS, load_all_checks, not_a_server_error

    response = case.call()
    load_all_checks()
    # What is right by the document may still be nobody's id, or a cursor nobody gave out.
    excluded = [CHECKS.get_one("positive_data_acceptance"), not_a_server_error]
    # A cut-off model is told so (503); the small form serves without one.
    is_waiting = response.status_code == 503 and b":not-ready" in response.content
    found.server_errors += response.status_code >= 500 and not is_waiting
    if response.status_code >= 400:
        found.other_shapes += not response.headers["content-type"][0].startswith(PROBLEM)
        text = response.content.decode()
        found.echoes += any(value in text for value in _values([case.body, case.query, case.path_parameters]))
    try:
        case.validate_response(response, excluded_checks=excluded)
    except BaseExceptionGroup as failures:
        for each in failures.exceptions:
            kind = str(each).splitlines()[0] if str(each) else ""
            found.kinds[f"{type(each).__name__} at {case.method} {case.operation.path}: {kind}"] += 1


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
def _quiet() -> Iterator[None]:
    ours = logging.getLogger("fedele")
    before = ours.level
    ours.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        ours.setLevel(before)


@contextmanager
def _serve(folder: Path, thorough: bool) -> Iterator[tuple[Any, str]]:
    """Yield the app over a small store; in the full form over a trained shop with its model loaded."""
    tenants = Tenants()
    if thorough:
        from testkit.workspaces import find_shop

        now: datetime = find_shop().as_of
        tenants.open([find_shop().copy(folder / "shop").root])
        for tenant in tenants:
            tenant.holder.look()
            tenant.prepare()
    else:
        now = NOW
        tenants.open([make_workspace(folder / "shop").root])
        for tenant in tenants:
            with tenant.store.begin(build_info()) as writer:
                writer.add(build_rows(20))
                writer.finish()
    try:
        work = next(iter(tenants)).store.work
        _, key = create_key(work, ["admin"], "fuzz", NOW)
        yield build_service(tenants, lambda: now), key
    finally:
        tenants.close()
