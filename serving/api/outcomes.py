"""Outcomes: what the CRM tells of a contact, once however often it is sent, corrected only as it was read."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from contracts.events import ARMS
from contracts.scores import dumps
from contracts.time import to_text
from serving.api.answers import JSON, find_scores
from serving.api.bodies import is_customer_id, read_json
from serving.api.documents import KEY_HEADER, Strict, answers_with, body_of
from serving.api.once import Written, answer_once
from serving.api.outcome_documents import (
    OutcomeDocument,
    OutcomesBody,
    OutcomesDocument,
    OutcomesQuery,
    ToldOutcome,
)
from serving.api.problems import Fault, Problem
from serving.keys import ApiKey
from serving.outcomes import (
    RESULTS,
    Outcome,
    StoredOutcome,
    add_outcomes,
    change_outcome,
    find_outcome,
)
from serving.store.rows import StoredScore
from serving.tenants import Tenant

outcomes = APIRouter()
MOST = 1_000
LONGEST = 256
SKEW = timedelta(minutes=5)
_NAMES = ("customer_id", "result", "occurred_at", "action", "campaign_id", "arm", "cost")
_LARGEST_COST = 1e9
_MATCH = {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}}


@outcomes.post(
    "/v1/outcomes",
    responses=answers_with(OutcomesDocument),
    openapi_extra=body_of(OutcomesBody, KEY_HEADER),
)
def post_outcomes(query: Annotated[OutcomesQuery, Query()], request: Request) -> Response:
    """Store up to 1,000 outcomes, once; one bad outcome never costs the others unless ``atomic``."""
    tenant: Tenant = request.state.tenant
    caller: ApiKey = request.state.key
    now: datetime = request.state.now
    told = _read_list(request.state.body)

    def write(connection: Connection) -> Written:
        known = _find_known(tenant, told)
        read = [_read_outcome(each, f"/outcomes/{at}", known, now) for at, each in enumerate(told)]
        faults = [fault for each in read if not isinstance(each, Outcome) for fault in each]
        if faults and query.atomic:
            raise Problem("invalid", "Nothing was stored. Mend what errors lists.", tuple(faults))
        good = [each for each in read if isinstance(each, Outcome)]
        stored = iter(add_outcomes(connection, good, caller.key_id, now))
        results = [_describe_result(at, each, stored) for at, each in enumerate(read)]
        summary = {"received": len(read), "stored": len(good), "refused": len(read) - len(good)}
        return Written(200, dumps({"results": results, "summary": summary}))

    return answer_once(request, "/v1/outcomes", request.state.body, write)


@outcomes.get("/v1/outcomes/{outcome_id}", responses=answers_with(OutcomeDocument))
def get_outcome(outcome_id: str, query: Annotated[Strict, Query()], request: Request) -> Response:
    """One outcome; its ETag is what a correction must name."""
    del query
    return _answer(_find(request.state.tenant, outcome_id))


@outcomes.put(
    "/v1/outcomes/{outcome_id}",
    responses=answers_with(OutcomeDocument),
    openapi_extra=body_of(ToldOutcome, _MATCH),
)
def put_outcome(outcome_id: str, query: Annotated[Strict, Query()], request: Request) -> Response:
    """Correct an outcome that nobody has changed since it was read."""
    del query
    tenant: Tenant = request.state.tenant
    caller: ApiKey = request.state.key
    now: datetime = request.state.now
    told = read_json(request.state.body)
    if not isinstance(told, dict):
        raise Problem("unreadable", "Send the whole outcome as one JSON object.")
    before = _find(tenant, outcome_id)
    match = request.headers.get("if-match")
    if match is None:
        raise Problem("no-if-match", "Send If-Match with the ETag of the outcome as you read it.")
    if match.strip() != _tag(before):
        raise Problem("changed", "Read it again, then decide again.")
    outcome = _read_outcome(told, "", _find_known(tenant, [told]), now)
    if not isinstance(outcome, Outcome):
        raise Problem("invalid", "Mend what errors lists.", tuple(outcome))
    if outcome.customer_id != before.outcome.customer_id:
        fault = Fault("/customer_id", "not_changeable", "An outcome stays with its customer.")
        raise Problem("invalid", "Mend what errors lists.", (fault,))
    after = change_outcome(tenant.store.work, before, outcome, caller.key_id, now)
    if after is None:
        raise Problem("changed", "Read it again, then decide again.")
    return _answer(after)


def _find(tenant: Tenant, outcome_id: str) -> StoredOutcome:
    found = find_outcome(tenant.store.work, outcome_id)
    if found is None:
        raise Problem("not-found", "No outcome has this id.")
    return found


def _answer(stored: StoredOutcome) -> Response:
    values = {name: value for name, value in asdict(stored.outcome).items() if value is not None}
    head = {"outcome_id": stored.outcome_id, "revision": stored.revision, "recorded_at": stored.recorded_at}
    if "cost" in values:
        values["cost"] = float(values["cost"])
    return Response(dumps(head | values), headers={"ETag": _tag(stored)}, media_type=JSON)


def _tag(stored: StoredOutcome) -> str:
    return f'"{stored.outcome_id}.{stored.revision}"'


def _read_list(body: bytes) -> list[Any]:
    value = read_json(body)
    if not isinstance(value, dict):
        raise Problem("unreadable", 'Send a JSON object such as {"outcomes": [...]}.')
    faults = [Fault("", "unknown_field", "Only outcomes is known.") for name in value if name != "outcomes"]
    told = value.get("outcomes")
    if not isinstance(told, list):
        faults.append(Fault("/outcomes", "not_a_list", "A list of outcomes is needed."))
    if faults:
        raise Problem("invalid", "Mend what errors lists.", tuple(faults))
    assert isinstance(told, list)
    if len(told) > MOST:
        raise Problem("too-large", f"Send at most {MOST} outcomes at once.")
    return told


def _find_known(tenant: Tenant, told: list[Any]) -> Mapping[str, StoredScore]:
    sent = [each.get("customer_id") for each in told if isinstance(each, dict)]
    return find_scores(
        tenant.store, [str(each) for each in sent if is_customer_id(each)], "en", tenant.store.current()
    )


def _read_outcome(
    told: Any, pointer: str, known: Mapping[str, StoredScore], now: datetime
) -> Outcome | list[Fault]:
    """Return an outcome, or what is wrong with it."""
    if not isinstance(told, dict):
        return [Fault(pointer, "not_an_object", "An outcome is an object.")]
    faults: list[Fault] = []
    if set(told) - set(_NAMES):
        faults.append(Fault(pointer, "unknown_field", f"Only {', '.join(_NAMES)} are known."))
    customer_id = told.get("customer_id")
    row = known.get(str(customer_id)) if is_customer_id(customer_id) else None
    if not is_customer_id(customer_id):
        faults.append(Fault(f"{pointer}/customer_id", "bad_id", "Not a customer id."))
    elif row is None:
        faults.append(Fault(f"{pointer}/customer_id", "unknown", "No such customer."))
    elif row.reason == "suppressed":
        faults.append(Fault(f"{pointer}/customer_id", "suppressed", "Profiling is not allowed."))
    for name, values in (("result", RESULTS), ("arm", ARMS)):
        if told.get(name) not in values and (name == "result" or told.get(name) is not None):
            faults.append(Fault(f"{pointer}/{name}", "unknown_value", f"Choose from {', '.join(values)}."))
    faults += [
        Fault(f"{pointer}/{name}", "bad_value", f"1 to {LONGEST} characters, no NUL.")
        for name in ("action", "campaign_id")
        if told.get(name) is not None and not is_customer_id(told[name])
    ]
    occurred_at = _read_instant(told.get("occurred_at"), now)
    if occurred_at is None:
        faults.append(Fault(f"{pointer}/occurred_at", "no_instant", "RFC 3339 with an offset, not to come."))
    cost = _read_cost(told.get("cost"))
    if cost is None and told.get("cost") is not None:
        faults.append(Fault(f"{pointer}/cost", "out_of_range", "An amount from 0 on, two decimals at most."))
    if faults or row is None:
        return faults
    return Outcome(
        row.customer_id,
        told["result"],
        str(occurred_at),
        told.get("action") or "contact",
        told.get("campaign_id"),
        told.get("arm"),
        cost,
    )


def _read_instant(value: Any, now: datetime) -> str | None:
    try:
        instant = datetime.fromisoformat(value).astimezone(UTC) if has_offset(value) else None
    except (ValueError, OverflowError):
        return None
    return None if instant is None or instant > now + SKEW else to_text(instant)


def has_offset(value: Any) -> bool:
    """Return whether a text is an instant with an offset; ``ValueError`` when it is no instant at all."""
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None


def _read_cost(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST_COST:
        return None
    return f"{value:.2f}" if round(value, 2) == value else None


def _describe_result(at: int, read: Outcome | list[Fault], stored: Any) -> dict[str, Any]:
    if isinstance(read, Outcome):
        one: StoredOutcome = next(stored)
        return {"index": at, "status": "ok", "outcome_id": one.outcome_id, "etag": _tag(one)}
    return {"index": at, "status": "error", "errors": [vars(fault) for fault in read]}
