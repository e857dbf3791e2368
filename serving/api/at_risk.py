"""The list of customers most worth a contact, in pages that do not shift while someone reads them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from contracts.scores import dumps
from serving.api.answers import JSON, describe
from serving.api.cursors import read_cursor, sign_cursor
from serving.api.documents import AtRiskDocument, AtRiskQuery, answers_with
from serving.api.languages import choose_language
from serving.api.problems import Problem
from serving.api.reads import note_read
from serving.store.generations import ScoreStore
from serving.store.rows import GenerationInfo, Selection
from serving.tenants import Tenant

at_risk = APIRouter()


@at_risk.get("/v1/at-risk", responses=answers_with(AtRiskDocument))
def get_at_risk(query: Annotated[AtRiskQuery, Query()], request: Request) -> Response:
    """Score records in order of ``sort``: everyone in play, or one segment or band of them."""
    tenant: Tenant = request.state.tenant
    language = choose_language(query.lang, request.headers.get("accept-language"))
    info, after = _find_start(tenant.store, query)
    selection = Selection(query.sort, query.segment, query.band, query.kind)
    rows = tenant.store.page(selection, language, query.limit + 1, after, info) if info else []
    shown = rows[: query.limit]
    cursor = None
    if info is not None and len(rows) > len(shown):
        place = [*_bound(query), info.generation, shown[-1].position]
        cursor = sign_cursor(tenant.store.work, place)
    note_read(request.state, "list", (row.customer_id for row in shown))
    data = b",".join(row.record(language) or b"null" for row in shown)
    head = {"next_cursor": cursor, "kinds": _find_kinds(query, info)} | describe(info)
    body = b'{"data":[%b],%b}' % (data, dumps(head)[1:-1])
    return Response(body, headers={"Content-Language": language}, media_type=JSON)


def _find_start(store: ScoreStore, query: AtRiskQuery) -> tuple[GenerationInfo | None, int | None]:
    if query.cursor is None:
        return store.current(), None
    generation, position = read_cursor(store.work, query.cursor, _bound(query))
    info = store.find_generation(generation)
    if info is None or not store.has_score_at(position, info):
        raise Problem("expired", "New scores have come since: start the list again without a cursor.")
    return info, position


def _find_kinds(query: AtRiskQuery, info: GenerationInfo | None) -> list[str]:
    """Return the kinds of customers the list may hold, so that nobody takes one for the other."""
    if info is None:
        return []
    return [kind for kind in info.kinds if query.kind in (None, kind)]


def _bound(query: AtRiskQuery) -> list[str | None]:
    return ["at-risk", query.sort, query.segment, query.band, query.kind]
