"""Spans of requests for OpenTelemetry: by route template, never with a customer, key or path. Its one door.

Nothing is made unless ``[telemetry] traces`` says so. Spans go to whatever provider the process was
started under (``opentelemetry-instrument`` with the exporter of one's choice); without one they go nowhere.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import Scope

from contracts.workspace import Workspace

NAME = "fedele"
PARENT = "traceparent"
_FAILED_FROM = 500
error_log = logging.getLogger("fedele.errors")


@dataclass(frozen=True)
class RequestSpan:
    """The span of one request; ``trace_id`` is 32 hex digits, for the log."""

    _span: Any
    trace_id: str

    def end(self, line: Mapping[str, Any], status: int) -> None:
        """Name it by the route that was found, and end it; a failure is told by its status alone."""
        from opentelemetry.trace import Status, StatusCode

        self._span.update_name(f"{line['method']} {line['route']}")
        self._span.set_attribute("http.request.method", line["method"])
        self._span.set_attribute("http.route", line["route"])
        self._span.set_attribute("http.response.status_code", status)
        if status >= _FAILED_FROM or status == 0:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class Tracer:
    """Starts spans; made by ``find_tracer`` where they are wanted."""

    def __init__(self, provider: Any = None) -> None:
        """Take the tracer of a provider, by default that of the process.

        Raises:
            ImportError: OpenTelemetry is not installed.
        """
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = trace.get_tracer(NAME, tracer_provider=provider)
        # Of what a caller sends only this is taken on: baggage may hold anything.
        self._propagator = TraceContextTextMapPropagator()
        self._kind = trace.SpanKind.SERVER

    def start(self, scope: Scope) -> RequestSpan:
        """Start the span of a request, as a child of the caller's where ``traceparent`` names one."""
        sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        context = self._propagator.extract({PARENT: sent[PARENT]} if PARENT in sent else {})
        span = self._tracer.start_span("request", context, kind=self._kind)
        return RequestSpan(span, format(span.get_span_context().trace_id, "032x"))


def find_tracer(workspaces: Iterable[Workspace]) -> Tracer | None:
    """Return a tracer where the settings of any workspace want spans and OpenTelemetry is installed."""
    if not any(each.settings.telemetry.traces for each in workspaces):
        return None
    try:
        return Tracer()
    except ImportError:
        error_log.error(json.dumps({"error": "telemetry", "text": "opentelemetry-api is not installed"}))
        return None
