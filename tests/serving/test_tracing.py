"""Spans for OpenTelemetry: named by templates, nothing of a customer in them, absent unless asked for."""

import json
import logging
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contracts.workspace import open_workspace
from serving.tracing import Tracer, find_tracer
from testkit.stored import make_workspace

SECRET = "C-00003-secret"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def provider():
    made = TracerProvider(shutdown_on_exit=False)
    yield made
    made.shutdown()


@pytest.fixture
def spans(served, provider, monkeypatch):
    """The spans of the requests made meanwhile."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(served.tenants, "tracer", Tracer(provider))
    return exporter.get_finished_spans


def test_a_span_is_named_by_the_template_and_tells_method_route_and_status(served, spans):
    served.reader.get("/v1/customers/C-00003/score")
    (span,) = spans()
    assert span.name == "GET /v1/customers/{customer_id}/score"
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.route": "/v1/customers/{customer_id}/score",
        "http.response.status_code": 200,
    }
    assert span.status.is_ok or span.status.is_unset


def test_nothing_of_a_customer_key_or_path_is_in_any_span(served, spans):
    served.reader.get(f"/v1/customers/{SECRET}/score", f"lang={SECRET}", x_request_id=SECRET)
    served.reader.post(
        "/v1/scores", {"customer_ids": [SECRET]}, tracestate=f"a={SECRET}", baggage=f"id={SECRET}"
    )
    served.reader.get(f"/v1/{SECRET}")
    served.anyone.get("/v1/model", authorization=f"Bearer {SECRET}")
    served.anyone.call(SECRET.upper(), "/v1/model")
    told = " ".join(span.to_json() for span in spans())
    assert len(spans()) == 5
    assert SECRET not in told
    assert served.reader.key not in told


def test_under_a_provider_of_the_process_no_other_layer_tells_a_path(served, spans, provider, monkeypatch):
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: provider)
    served.reader.get("/v1/customers/C-00003/score")
    served.reader.post("/v1/scores", {"customer_ids": ["C-00003"]})
    assert [span.name for span in spans()] == ["GET /v1/customers/{customer_id}/score", "POST /v1/scores"]


def test_a_span_is_a_child_of_the_callers_and_the_log_names_its_trace(served, spans, lines):
    served.reader.get("/v1/model", traceparent=PARENT)
    (span,) = spans()
    assert format(span.context.trace_id, "032x") == PARENT.split("-")[1]
    assert format(span.parent.span_id, "016x") == PARENT.split("-")[2]
    (line,) = [json.loads(each.message) for each in lines.records if each.name == "fedele.access"]
    assert line["trace"] == PARENT.split("-")[1]


def test_a_failure_of_ours_is_an_error_without_its_text(served, spans, monkeypatch):
    from serving.store.generations import ScoreStore

    def fail(self):
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr(ScoreStore, "current", fail)
    served.reader.get("/v1/model")
    (span,) = spans()
    assert span.status.status_code.name == "ERROR"
    assert span.events == ()
    assert SECRET not in span.to_json()


@pytest.mark.parametrize("parent", ["", "x", "00-0-0-00", PARENT.upper(), PARENT * 9])
def test_a_parent_that_is_none_begins_a_trace_of_its_own(served, spans, parent):
    assert served.reader.get("/v1/model", traceparent=parent).status == 200
    assert spans()[0].parent is None


def test_without_the_setting_opentelemetry_is_not_even_looked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert find_tracer([make_workspace(tmp_path / "shop")]) is None


def test_with_the_setting_and_without_the_package_one_line_says_so(tmp_path, monkeypatch, caplog):
    workspace = make_workspace(tmp_path / "shop")
    with (workspace.root / "fedele.toml").open("a") as file:
        file.write("[telemetry]\ntraces = true\n")
    workspace = open_workspace(workspace.root)
    assert isinstance(find_tracer([workspace]), Tracer)
    caplog.set_level(logging.ERROR)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert find_tracer([workspace]) is None
    assert "opentelemetry-api is not installed" in caplog.text
