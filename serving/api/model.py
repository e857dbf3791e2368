"""What is being served, for people and programs: the generation of scores and the champion."""

from fastapi import APIRouter, Request, Response

from contracts.errors import WorkspaceError
from contracts.scores import dumps
from contracts.time import to_text
from contracts.workspace import Workspace
from serving.api.answers import JSON, describe
from serving.api.documents import ModelDocument, answers_with
from serving.tenants import Tenant

model = APIRouter()


@model.get("/v1/model", responses=answers_with(ModelDocument))
def get_model(request: Request) -> Response:
    """The current generation and the champion; ``current`` says whether the scores are the champion's."""
    tenant: Tenant = request.state.tenant
    info = tenant.store.current()
    champion, state = find_champion(tenant.workspace), tenant.holder.state
    answer = describe(info) | {
        "scored_at": None if info is None else to_text(info.scored_at),
        "facts_until": None if info is None or info.facts_until is None else to_text(info.facts_until),
        "scored": 0 if info is None else info.scored,
        "kinds": {} if info is None else dict(info.kinds),
        "not_scored": {} if info is None else dict(info.not_scored),
        "flags": [] if info is None else list(info.flags),
        "champion": champion,
        "current": info is not None and info.model_version == champion,
        "in_service": state.version,
        "degraded": state.refused is not None,
        "degraded_reason": state.refused,
    }
    return Response(dumps(answer), media_type=JSON)


def find_champion(workspace: Workspace) -> str | None:
    """Return the version the pointer names; None before the first promotion, or with a damaged pointer."""
    from training.bundle import read_champion

    try:
        champion = read_champion(workspace)
    except WorkspaceError:
        return None
    return None if champion is None else champion[0]
