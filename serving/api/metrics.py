"""``/metrics``: the figures of this service for Prometheus, to keys that may read them."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, Request, Response

from serving.metrics import MEDIA_TYPE
from serving.tenants import Tenant, Tenants


def build_metrics(tenants: Tenants, clock: Callable[[], datetime]) -> APIRouter:
    """Return the route for these tenants; ``clock`` tells how old the scores are."""
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    def get_metrics(request: Request) -> Response:
        """Counts, times and gauges in the Prometheus text format."""
        tenant: Tenant = request.state.tenant
        body = tenants.metrics.render(tenant.name, find_gauges(tenant, clock()))
        return Response(body, headers={"content-type": MEDIA_TYPE})

    return router


def find_gauges(tenant: Tenant, now: datetime) -> dict[str, float]:
    """Return what is true of a workspace now: age and size of the scores, and whether a model was refused."""
    info, state = tenant.store.current(), tenant.holder.state
    found = {
        "scores": 0.0 if info is None else float(info.scored),
        "champion_refused": float(state.refused is not None),
        "champion_in_service": float(state.version or 0),
    }
    if info is not None:
        found["scores_age_seconds"] = (now - info.scored_at).total_seconds()
    return found
