"""Scores computed on request, from fresh facts or from stored features with the model in service."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from contracts.errors import SettingsError
from contracts.scores import FIELDS, LANGUAGES, Language, dumps
from contracts.time import parse_as_of, to_text
from serving.api.answers import JSON, choose_fields, describe, find_scores, render_not_scored
from serving.api.bodies import Asked, is_customer_id, read_json
from serving.api.customers import check_customer_id, find_customer
from serving.api.documents import Strict, answers_with, body_of
from serving.api.languages import choose_language
from serving.api.live_documents import FreshDocument, RescoreDocument
from serving.api.problems import Fault, Problem
from serving.live.facts import TAKEN, FactReader
from serving.store.rows import GenerationInfo, StoredScore
from serving.tenants import Tenant

live = APIRouter()
_OTHERS = ("as_of", "lang", "include")


class ScoresQuery(Strict):
    """Query of POST /v1/scores."""

    mode: Literal["live"] | None = Field(
        None, description="live: computed now by the model in service; left out: the stored records."
    )


@live.post(
    "/v1/customers/{customer_id:path}/rescore",
    responses=answers_with(RescoreDocument),
    openapi_extra=body_of(FreshDocument),
)
def post_rescore(customer_id: str, query: Annotated[Strict, Query()], request: Request) -> Response:
    """The score of one customer now, from the stored history and the facts sent; nothing is stored."""
    del query
    tenant: Tenant = request.state.tenant
    now: datetime = request.state.now
    check_customer_id(customer_id)
    body, asked = read_rescore(request.state.body)
    language = choose_language(asked.language, request.headers.get("accept-language"))
    as_of = _read_as_of(body, tenant, now)
    facts = FactReader(customer_id, tenant.workspace.settings.workspace.currency, as_of).read(body)
    info, row = find_customer(tenant.store, customer_id, language)
    if row.reason == "suppressed":
        result = render_not_scored(row.customer_id, "suppressed", language)
    else:
        found = tenant.live.rescore(info, row.customer_id, facts, (as_of, now), language)
        result = _render(row.customer_id, found.record, found.reason, (asked, language))
    version = tenant.holder.state.version
    head = {"as_of": to_text(as_of), "generation": info.generation, "model_version": version}
    counts = {table: len(rows) for table, rows in facts.rows.items()}
    body_bytes = b'{%b,"result":%b}' % (dumps(head | {"facts": counts})[1:-1], result)
    return Response(body_bytes, headers={"Content-Language": language}, media_type=JSON)


def read_rescore(body: bytes) -> tuple[dict[str, Any], Asked]:
    """Return the body of a request to score anew, and what of the record is asked for.

    Raises:
        Problem: it is no object, has an unknown field, or one of another type.
    """
    value = read_json(body)
    if not isinstance(value, dict):
        raise Problem("unreadable", 'Send a JSON object such as {"orders": [{"amount": 49.9}]}.')
    faults = []
    if set(value) - {*TAKEN, *_OTHERS}:
        faults.append(Fault("", "unknown_field", f"Only {', '.join((*TAKEN, *_OTHERS))} are known."))
    include, language = value.get("include"), value.get("lang")
    if include is not None and not (
        isinstance(include, list) and all(isinstance(name, str) and name in FIELDS for name in include)
    ):
        faults.append(Fault("/include", "unknown_value", "A list of fields of the score record is needed."))
    if language is not None and language not in LANGUAGES:
        faults.append(Fault("/lang", "unknown_value", f"Choose from {', '.join(LANGUAGES)}."))
    if faults:
        raise Problem("invalid", "Mend what errors lists.", tuple(faults))
    return value, Asked((), None if include is None else tuple(include), language)


def answer_live(tenant: Tenant, asked: Asked, language: Language, now: datetime) -> bytes:
    """Return the body for a request for live scores: one result per id asked, in the order asked."""
    info = tenant.store.current()
    ids = [each for each in asked.customer_ids if is_customer_id(each)]
    stored = find_scores(tenant.store, ids, None, info)
    found: Mapping[str, bytes] = {}
    version = tenant.holder.state.version
    if info is not None:
        known = {row.customer_id for row in stored.values() if row.status == "scored"}
        champion, found = tenant.live.score_stored(info, sorted(known), language, now)
        version = champion.version
    results, seen = [], set[str]()
    scored = 0
    for place, each in enumerate(asked.customer_ids):
        if not is_customer_id(each):
            results.append(render_not_scored(None, "bad_id", language, pointer=f"/customer_ids/{place}"))
            continue
        row = stored.get(each)
        record = None if row is None else found.get(row.customer_id)
        scored += record is not None
        result = _render(each, record, _find_reason(row), (asked, language))
        results.append(result[:-1] + b',"repeated":true}' if each in seen else result)
        seen.add(each)
    total = len(asked.customer_ids)
    summary = {"requested": total, "scored": scored, "not_scored": total - scored}
    head = dumps(describe(info) | {"model_version": version, "mode": "live"})[1:-1]
    return b'{%b,"results":[%b],"summary":%b}' % (head, b",".join(results), dumps(summary))


def _find_reason(row: StoredScore | None) -> str:
    if row is None:
        return "unknown"
    return row.reason or "no_model"


def _render(
    customer_id: str, record: bytes | None, reason: str | None, manner: tuple[Asked, Language]
) -> bytes:
    asked, language = manner
    if record is None:
        return render_not_scored(customer_id, reason or "no_model", language)
    chosen = record if asked.include is None else choose_fields(record, asked.include)
    return b'{"customer_id":%b,"status":"scored","score":%b}' % (dumps(customer_id), chosen)


def _read_as_of(body: Mapping[str, Any], tenant: Tenant, now: datetime) -> datetime:
    given = body.get("as_of")
    if given is None:
        return now
    try:
        if not isinstance(given, str):
            raise SettingsError("no text")
        as_of = parse_as_of(given, tenant.workspace.settings.workspace.timezone)
    except SettingsError:
        fault = Fault("/as_of", "no_instant", "A date, or RFC 3339 with an offset, is needed.")
        raise Problem("invalid", "Mend what errors lists.", (fault,)) from None
    info: GenerationInfo | None = tenant.store.current()
    earliest = now if info is None else info.as_of
    if not earliest <= as_of <= max(now, earliest):
        fault = Fault("/as_of", "out_of_range", "Between the current scores' as_of and now.")
        raise Problem("invalid", "Mend what errors lists.", (fault,))
    return as_of
