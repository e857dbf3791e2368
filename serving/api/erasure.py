"""Forgetting a customer at a program's word: what ``fedele forget`` does, with the same proof."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from contracts.errors import LockHeld, StoreError
from contracts.scores import dumps
from contracts.workspace import Workspace
from features.store.lock import is_held
from serving.api.answers import JSON
from serving.api.bodies import is_customer_id, read_json
from serving.api.documents import Strict, answers_with, body_of
from serving.api.erasure_documents import ErasedDocument, ErasureBody
from serving.api.problems import Fault, Problem
from serving.privacy.apart import forget_apart
from serving.tenants import Tenant

erasure = APIRouter()
WAIT = {"retry-after": "30"}
_guard = Lock()
_busy: set[Path] = set()


@erasure.post(
    "/v1/customers:erase", responses=answers_with(ErasedDocument), openapi_extra=body_of(ErasureBody)
)
def post_erasure(query: Annotated[Strict, Query()], request: Request) -> Response:
    """Erase a customer from every store for good; asked again it finds nothing more, and proves it again."""
    del query
    tenant: Tenant = request.state.tenant
    now: datetime = request.state.now
    customer_id = read_erasure(request.state.body)
    try:
        with _alone_in(tenant.workspace):
            tenant.accesses.flush()
            proof = forget_apart(tenant.workspace, customer_id, now)
    except LockHeld:
        raise Problem(
            "writing", "Nothing was erased yet. Ask again when it has ended.", headers=WAIT
        ) from None
    except StoreError:
        detail = "The erasure was not finished. Ask again: it goes on where it ended."
        raise Problem("store", detail, headers=WAIT) from None
    return Response(dumps(proof), media_type=JSON)


@contextmanager
def _alone_in(workspace: Workspace) -> Iterator[None]:
    """Let one request of a workspace through, and only where its process can begin; else ``LockHeld``."""
    if is_held(workspace.lock):
        raise LockHeld("Another command is writing.")
    with _guard:
        if workspace.root in _busy:
            raise LockHeld("Another erasure is running.")
        _busy.add(workspace.root)
    try:
        yield
    finally:
        with _guard:
            _busy.discard(workspace.root)


def read_erasure(body: bytes) -> str:
    """Return whom a body names.

    Raises:
        Problem: it is no object, has an unknown field, or names nobody.
    """
    value: Any = read_json(body)
    if not isinstance(value, dict):
        raise Problem("unreadable", 'Send a JSON object such as {"customer_id": "C-1"}.')
    faults = [
        Fault("", "unknown_field", "Only customer_id is known.") for name in value if name != "customer_id"
    ]
    if not is_customer_id(value.get("customer_id")):
        faults.append(Fault("/customer_id", "bad_id", "Not a customer id."))
    if faults:
        raise Problem("invalid", "Nobody was erased. Mend what errors lists.", tuple(faults))
    return str(value["customer_id"])
