"""The FastAPI app: the routes, the desk, and one OpenAPI document."""

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi

from contracts.errors import FedeleError
from contracts.scores import dumps
from serving.api.answers import JSON
from serving.api.at_risk import at_risk
from serving.api.customers import customers
from serving.api.documents import BODIES
from serving.api.erasure import erasure
from serving.api.examples import EXAMPLES
from serving.api.jobs import jobs
from serving.api.live import live
from serving.api.metrics import build_metrics
from serving.api.middleware import explain_failure
from serving.api.model import model
from serving.api.outcomes import outcomes
from serving.api.problems import MEDIA_TYPE, Fault, Problem, render_problem
from serving.api.reasons import reasons
from serving.api.scores import scores
from serving.tenants import Tenants

document = APIRouter()
# FastAPI's own spans hold raw paths, and so customers' ids, and its logs the texts of errors.
_NO_TELEMETRY: Any = dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False)


@document.get("/v1/openapi.json", include_in_schema=False)
def get_openapi_document(request: Request) -> Response:
    """The OpenAPI 3.1 document of all routes under /v1."""
    return Response(dumps(request.app.openapi()), media_type=JSON)


def build_app(tenants: Tenants, clock: Callable[[], datetime]) -> FastAPI:
    """Return the app for these tenants; ``ServiceMiddleware`` around it sees to keys, bodies and limits."""
    app = FastAPI(
        title="Fedele",
        version=_find_version(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry=_NO_TELEMETRY,
    )
    parts = (scores, customers, live, at_risk, outcomes, jobs, erasure, reasons, model, document)
    for router in (*parts, build_metrics(tenants, clock)):
        app.include_router(router)
    app.router.routes.extend(_build_desk(tenants, clock))
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(FedeleError, _answer_failure)
    app.add_exception_handler(RequestValidationError, _answer_query)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


def _build_desk(tenants: Tenants, clock: Callable[[], datetime]) -> list[Any]:
    from serving.desk.pages import build_desk

    return list(build_desk(tenants, clock))


def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return render_problem(error, request.state.request_id)


def _answer_failure(request: Request, error: Exception) -> Response:
    assert isinstance(error, FedeleError)
    return render_problem(explain_failure(error), request.state.request_id)


def _answer_query(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = tuple(
        Fault("/" + "/".join(str(part) for part in each["loc"][1:2]), each["type"], "See /v1/openapi.json.")
        for each in error.errors()
    )
    # The name of an unknown parameter is the caller's own text, so it is not repeated.
    known = tuple(fault for fault in faults if fault.code != "extra_forbidden")
    unknown = (Fault("", "unknown_parameter", "Only listed ones are known."),) * (len(faults) - len(known))
    problem = Problem("invalid", "Mend what errors lists.", known + unknown)
    return render_problem(problem, request.state.request_id)


def _describe(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, openapi_version="3.1.0", routes=app.routes)
        schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"key": []}]
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                content = operation["responses"]["default"]["content"]
                content[MEDIA_TYPE] = content.pop(JSON)
        schema["components"]["schemas"] |= BODIES
        for name in ("HTTPValidationError", "ValidationError"):
            schema["components"]["schemas"].pop(name, None)
        schema["paths"] = {path.replace(":path}", "}"): each for path, each in schema["paths"].items()}
        for (method, path), example in EXAMPLES.items():
            responses = schema["paths"][path][method]["responses"]
            responses["202" if "202" in responses else "200"]["content"][JSON]["example"] = example
        app.openapi_schema = schema
    return app.openapi_schema


def _find_version() -> str:
    try:
        return version("fedele")
    except PackageNotFoundError:
        return "0"
