"""Scores by id, one record, and what changed since a generation."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from contracts.scores import Language, ScoreRecord, dumps
from serving.api.answers import JSON, answer_asked, describe, render_result, respond
from serving.api.bodies import read_asked
from serving.api.cursors import read_cursor, sign_cursor
from serving.api.customers import check_customer_id, find_customer
from serving.api.documents import (
    AskedDocument,
    ChangesDocument,
    ChangesQuery,
    ResultDocument,
    ScoreQuery,
    ScoresDocument,
    answers_with,
    body_of,
)
from serving.api.languages import choose_language
from serving.api.live import ScoresQuery, answer_live
from serving.api.problems import Problem
from serving.api.reads import note_read
from serving.store.generations import ScoreStore
from serving.store.reading import Changed
from serving.store.rows import GenerationInfo, StoredScore
from serving.tenants import Tenant

MANY = 20
"""So many live scores keep a worker busy for longer than a new connection takes to open."""

scores = APIRouter()


@scores.post("/v1/scores", responses=answers_with(ScoresDocument), openapi_extra=body_of(AskedDocument))
def post_scores(query: Annotated[ScoresQuery, Query()], request: Request) -> Response:
    """Scores of up to 1,000 customers by id, stored or ``live``; one bad id never fails the rest."""
    tenant: Tenant = request.state.tenant
    asked = read_asked(request.state.body)
    language = choose_language(asked.language, request.headers.get("accept-language"))
    headers: dict[str, str] = {"Content-Language": language}
    if query.mode == "live":
        body = answer_live(tenant, asked, language, request.state.now)
        if len(asked.customer_ids) >= MANY:
            # A connection belongs to one worker; the next one goes to whichever has nothing to do.
            headers["Connection"] = "close"
    else:
        body = answer_asked(tenant.store, asked, language)
    note_read(request.state, "scores", asked.customer_ids)
    return Response(body, headers=headers, media_type=JSON)


@scores.get("/v1/customers/{customer_id:path}/score", responses=answers_with(ScoreRecord | ResultDocument))
def get_score(customer_id: str, query: Annotated[ScoreQuery, Query()], request: Request) -> Response:
    """The stored record of one customer, byte for byte; of a known customer without one, the reason."""
    tenant: Tenant = request.state.tenant
    language = choose_language(query.lang, request.headers.get("accept-language"))
    check_customer_id(customer_id)
    _, row = find_customer(tenant.store, customer_id, language)
    note_read(request.state, "score", [row.customer_id])
    return respond(request, row.record(language) or render_result(customer_id, row, language), language)


@scores.get("/v1/scores", responses=answers_with(ChangesDocument))
def get_changes(query: Annotated[ChangesQuery, Query()], request: Request) -> Response:
    """What is new, different or gone since a generation, in pages; without one, everything."""
    tenant: Tenant = request.state.tenant
    store = tenant.store
    language = choose_language(query.lang, request.headers.get("accept-language"))
    info, after = _find_start(store, query)
    found: list[tuple[Changed, StoredScore | str]] = []
    if info is not None:
        before = None if query.changed_since is None else _keep(store, query.changed_since)
        found = store.changed_since(before, info, language, query.limit + 1, after)
    shown = found[: query.limit]
    cursor = None
    if info is not None and len(found) > len(shown):
        last = shown[-1][0]
        cursor = sign_cursor(
            store.work, ["changes", query.changed_since, info.generation, last.gone, last.position]
        )
    note_read(request.state, "changes", (getattr(each, "customer_id", None) for _, each in shown))
    data = b",".join(_render(each, language) for _, each in shown)
    head = dumps(describe(info) | {"next_cursor": cursor})[1:-1]
    body = b'{"data":[%b],%b}' % (data, head)
    return Response(body, headers={"Content-Language": language}, media_type=JSON)


def _find_start(store: ScoreStore, query: ChangesQuery) -> tuple[GenerationInfo | None, Changed | None]:
    if query.cursor is None:
        return store.current(), None
    generation, gone, position = read_cursor(store.work, query.cursor, ["changes", query.changed_since])
    return _keep(store, generation), Changed(gone, position)


def _keep(store: ScoreStore, generation: str) -> GenerationInfo:
    info = store.find_generation(generation)
    if info is None:
        raise Problem("expired", "Only the last three generations are kept: read everything again.")
    return info


def _render(each: StoredScore | str, language: Language) -> bytes:
    if isinstance(each, str):
        return render_result(each, None, language)
    return render_result(each.customer_id, each, language)
