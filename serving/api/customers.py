"""One customer: finding them, and the scores of the generations that are kept."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from contracts.scores import Language, dumps
from serving.api.answers import describe, find_scores, render_result, respond
from serving.api.bodies import LONGEST_ID, is_customer_id
from serving.api.documents import HistoryDocument, HistoryQuery, answers_with
from serving.api.languages import choose_language
from serving.api.problems import Fault, Problem
from serving.store.generations import ScoreStore
from serving.store.rows import GenerationInfo, StoredScore
from serving.tenants import Tenant

customers = APIRouter()


@customers.get("/v1/customers/{customer_id:path}/history", responses=answers_with(HistoryDocument))
def get_history(customer_id: str, query: Annotated[HistoryQuery, Query()], request: Request) -> Response:
    """What was said of one customer in each generation that is kept, newest first."""
    tenant: Tenant = request.state.tenant
    language = choose_language(query.lang, request.headers.get("accept-language"))
    check_customer_id(customer_id)
    parts = []
    for info in tenant.store.work.find_generations():
        row = find_scores(tenant.store, [customer_id], language, info).get(customer_id)
        if row is not None:
            result = render_result(row.customer_id, row, language, query.fields)
            parts.append(b"{%b,%b" % (dumps(describe(info))[1:-1], result[1:]))
    if not parts:
        raise unknown()
    return respond(request, b'{"data":[%b]}' % b",".join(parts), language)


def check_customer_id(customer_id: str) -> None:
    """Raise ``Problem`` unless this can be the id of a customer."""
    if not is_customer_id(customer_id):
        fault = Fault("/customer_id", "bad_id", f"1 to {LONGEST_ID} characters, no control characters.")
        raise Problem("invalid", "This cannot be a customer id.", (fault,))


def find_customer(
    store: ScoreStore, customer_id: str, language: Language
) -> tuple[GenerationInfo, StoredScore]:
    """Return the current generation and what it holds of a customer.

    Raises:
        Problem: nobody of that name is known: alike for ids of other workspaces.
    """
    info = store.current()
    row = find_scores(store, [customer_id], language, info).get(customer_id)
    if info is None or row is None:
        raise unknown()
    return info, row


def unknown() -> Problem:
    """Return the problem of an id that nobody here has."""
    return Problem("unknown", "No customer of this name is known. Names are case-sensitive.")
