"""What Prometheus reads: route templates and numbers, of the key's own workspace, over all workers."""

import json
import os

from serving.keys import create_key
from serving.metrics import BOUNDS, Metrics
from testkit.service import Caller
from testkit.stored import NOW

LINE = {"workspace": "acme", "route": "/v1/scores", "method": "GET", "status": 200}


def read(text):
    """Return the samples by name and labels."""
    lines = [line for line in text.decode().splitlines() if line and not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_requests_are_counted_by_template_and_never_by_path(served):
    _, text = create_key(served.first.store.work, ["metrics:read"], "", NOW)
    for number in range(3):
        served.reader.get(f"/v1/customers/canary-{number}/score")
    served.anyone.get("/v1/canary-9")
    answer = Caller(served.anyone.app, text).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = read(answer.body)
    route = 'route="/v1/customers/{customer_id}/score",method="GET"'
    assert samples[f'fedele_requests_total{{{route},status="404"}}'] >= 3
    assert samples[f"fedele_request_seconds_count{{{route}}}"] >= 3
    assert samples["fedele_scores"] == 60
    assert samples["fedele_scores_age_seconds"] > 0
    assert samples["fedele_champion_refused"] == 0
    assert b"canary" not in answer.body


def test_methods_that_callers_invent_are_one_series_and_in_no_line_of_the_log(served, lines):
    before = served.admin.get("/metrics").body.count(b"\n")
    for number in range(20):
        served.reader.call(f"CANARY{number}", "/v1/model")
        served.anyone.call(f"CANARY{number}", "/v1/model")
    page = served.admin.get("/metrics").body
    assert page.count(b"\n") - before < 60
    assert b'method="other"' in page
    assert "CANARY" not in page.decode() + lines.text


def test_a_key_without_the_scope_reads_no_figures(served):
    assert served.reader.get("/metrics").problem == "no-scope"
    assert served.anyone.get("/metrics").problem == "no-key"


def test_a_key_sees_nothing_of_another_workspace():
    metrics = Metrics()
    metrics.note(LINE, 0.01)
    metrics.note(LINE | {"workspace": "bolt", "route": "/v1/at-risk"}, 0.01)
    assert b"at-risk" not in metrics.render("acme", {})
    assert b"at-risk" in metrics.render("bolt", {})


def test_a_time_falls_into_every_bucket_at_or_above_it():
    metrics = Metrics()
    for seconds in (0.001, BOUNDS[0], 99.0):
        metrics.note(LINE, seconds)
    samples = read(metrics.render("acme", {}))
    labels = 'route="/v1/scores",method="GET"'
    found = [
        samples[f'fedele_request_seconds_bucket{{{labels},le="{bound}"}}'] for bound in (*BOUNDS, "+Inf")
    ]
    assert found == [2.0] * len(BOUNDS) + [3.0]
    assert samples[f"fedele_request_seconds_sum{{{labels}}}"] == 99.003


def test_whichever_worker_is_asked_answers_for_all_of_this_service(tmp_path):
    gone = tmp_path / "1-99.json"
    gone.write_text(json.dumps([["acme", "/v1/scores", "GET", 200, [1.0] * (len(BOUNDS) + 2)]]))
    metrics = Metrics()
    metrics.share(tmp_path)
    assert not gone.exists()
    metrics.note(LINE, 0.01)
    metrics.save()
    other = tmp_path / f"{os.getppid()}-1.json"
    other.write_text(next(tmp_path.glob("*.json")).read_text())
    samples = read(metrics.render("acme", {}))
    assert samples['fedele_requests_total{route="/v1/scores",method="GET",status="200"}'] == 2


def test_a_folder_that_is_gone_costs_no_request(tmp_path):
    metrics = Metrics()
    metrics.share(tmp_path / "metrics")
    (tmp_path / "metrics").rmdir()
    metrics.note(LINE, 0.01)
    metrics.save()
    assert b"fedele_requests_total" in metrics.render("acme", {})
