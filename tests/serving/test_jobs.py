"""Bulk jobs through the real app: a list goes in, its scores come out in order, nothing runs for ever."""

import csv
import io
import json
import sys
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving import bulk
from serving.api import framing
from serving.bulk import run_job
from serving.errands import Errands
from serving.jobs import MOST_ATTEMPTS, claim_job, end_job, find_job, result_file, run_next, sweep_jobs
from testkit.stored import NOW

IDS = ["C-00001", "nobody", "N-1", "", "C-00002", "C-00001"]


def build_parquet(ids):
    sink = io.BytesIO()
    pq.write_table(pa.table({"customer_id": ids}), sink)
    return sink.getvalue()


LISTS = {
    "csv": ("text/csv", "customer_id,name\n" + "\n".join(f'"{each}",x' for each in IDS)),
    "ndjson": ("application/x-ndjson", "\n".join(json.dumps({"customer_id": each}) for each in IDS)),
    "parquet": ("application/vnd.apache.parquet", build_parquet(IDS)),
}


def send(caller, body, media="text/csv", key="k", query=""):
    raw = body if isinstance(body, bytes) else body.encode()
    headers = {"content-type": media, "idempotency-key": key}
    half = len(raw) // 2
    return caller.call("POST", "/v1/jobs", [raw[:half], raw[half:]], query, headers)


def work_off(served, job_id):
    tenant = served.first
    claimed = claim_job(tenant.store.work, NOW)
    assert claimed.job_id == job_id
    run_job(tenant.workspace, job_id, lambda: NOW)
    return served.crm.get(f"/v1/jobs/{job_id}").json()


@pytest.mark.parametrize("form", LISTS)
def test_a_list_in_each_form_gives_one_result_per_line_in_its_order(served, form):
    media, body = LISTS[form]
    queued = send(served.crm, body, media, f"form-{form}", "result=ndjson&lang=it")
    assert (queued.status, queued.json()["state"]) == (202, "queued")
    job_id = queued.json()["job_id"]
    assert queued.headers["location"] == f"/v1/jobs/{job_id}"
    done = work_off(served, job_id)
    assert (done["state"], done["counts"]) == ("done", {"requested": 6, "scored": 3, "not_scored": 3})
    lines = served.crm.get(done["result"]).body.splitlines()
    asked = served.crm.post("/v1/scores", {"customer_ids": IDS, "lang": "it"}).json()["results"]
    for line, expected in zip(map(json.loads, lines), asked, strict=True):
        assert line["status"] == expected["status"]
        assert line.get("score") == expected.get("score")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_result_as_a_table_has_a_row_per_line_and_the_fields_of_the_record(served, form):
    job_id = send(served.crm, LISTS["csv"][1], key=f"table-{form}", query=f"result={form}").json()["job_id"]
    work_off(served, job_id)
    answer = served.crm.get(f"/v1/jobs/{job_id}/result")
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
        assert answer.headers["content-type"].startswith("text/csv")
    else:
        rows = pq.read_table(io.BytesIO(answer.body)).to_pylist()
    assert [row["status"] for row in rows].count("scored") == 3
    assert [row["problem"] or None for row in rows] == [
        None,
        "unknown",
        "no_first_order",
        "bad_id",
        None,
        None,
    ]
    assert float(rows[0]["churn_probability"]) == 0.35


def test_everyone_may_be_asked_for_without_a_list(served):
    body = json.dumps({"everyone": True}).encode()
    job_id = send(served.crm, body, "application/json", "everyone", "result=ndjson").json()["job_id"]
    done = work_off(served, job_id)
    assert done["counts"] == {"requested": 62, "scored": 60, "not_scored": 2}


@pytest.mark.parametrize(
    ("media", "body", "reason"),
    [
        ("text/csv", "id\nC-1\n", "no_column"),
        ("text/csv", b"customer_id\n\xff\xfe\n", "unreadable"),
        ("text/csv", 'customer_id\n"C-1\n', "unreadable"),
        ("application/x-ndjson", "{", "unreadable"),
        ("application/x-ndjson", '{"customer_id": "' + "x" * 5000 + '"}', "unreadable"),
        ("application/x-ndjson", "[" * 3000, "unreadable"),
        ("application/vnd.apache.parquet", b"PAR1 not really PAR1", "unreadable"),
        ("application/vnd.apache.parquet", build_parquet(IDS)[:-20], "unreadable"),
    ],
)
def test_a_list_that_cannot_be_read_fails_with_its_reason_and_no_result(served, media, body, reason):
    job_id = send(served.crm, body, media, f"{reason}-{hash(body)}").json()["job_id"]
    failed = work_off(served, job_id)
    assert (failed["state"], failed["reason"], failed["result"]) == ("failed", reason, None)
    assert served.crm.get(f"/v1/jobs/{job_id}/result").problem == "not-done"


def test_too_many_ids_fail_the_job(served, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_IDS", 3)
    job_id = send(served.crm, LISTS["csv"][1], key="many").json()["job_id"]
    assert work_off(served, job_id)["reason"] == "too_many"


def test_the_same_list_sent_twice_is_one_job(served):
    first = send(served.crm, LISTS["csv"][1], key="same")
    again = send(served.crm, LISTS["csv"][1], key="same")
    assert again.body == first.body
    assert again.headers["location"] == first.headers["location"]
    assert send(served.crm, "customer_id\nC-1", key="same").problem == "key-reused"
    assert not list(served.first.workspace.jobs.glob("*.upload"))
    work_off(served, first.json()["job_id"])


def test_a_list_of_another_type_or_size_is_refused_and_leaves_nothing(served, monkeypatch):
    assert send(served.crm, "x", "text/plain").problem == "media-type"
    assert send(served.crm, "{}", "application/json").problem == "unreadable"
    monkeypatch.setattr(framing, "BULK_BYTES", 10)
    assert send(served.crm, "customer_id\nC-1\n").problem == "too-large"
    assert not list(served.first.workspace.jobs.glob("*.upload"))


def test_a_job_of_another_workspace_is_not_there(served):
    job_id = send(served.crm, LISTS["csv"][1], key="whose").json()["job_id"]
    assert served.other_crm.get(f"/v1/jobs/{job_id}").problem == "not-found"
    assert served.other_crm.get(f"/v1/jobs/{job_id}/result").problem == "not-found"
    work_off(served, job_id)


def test_a_job_whose_process_went_silent_is_taken_up_again_and_given_up_in_the_end(served):
    work = served.first.store.work
    job_id = send(served.crm, LISTS["csv"][1], key="silent").json()["job_id"]
    now = NOW
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert claim_job(work, now).attempts == attempt
        assert claim_job(work, now) is None
        now += timedelta(seconds=61)
    assert claim_job(work, now) is None
    assert (find_job(work, job_id).state, find_job(work, job_id).reason) == ("failed", "stopped")


def test_a_process_that_dies_fails_its_job_at_once(served):
    tenant = served.first
    job_id = send(served.crm, LISTS["csv"][1], key="dies").json()["job_id"]
    assert run_next(tenant.workspace, tenant.store.work, NOW, (sys.executable, "-c", "import os; os.abort()"))
    assert find_job(tenant.store.work, job_id).reason == "stopped"
    end_job(tenant.store.work, job_id, NOW, generation="late")
    assert find_job(tenant.store.work, job_id).state == "failed"


def test_results_are_kept_for_a_week_and_then_gone(served):
    tenant = served.first
    job_id = send(served.crm, LISTS["csv"][1], key="week").json()["job_id"]
    work_off(served, job_id)
    sweep_jobs(tenant.workspace, tenant.store.work, NOW + timedelta(days=6))
    assert result_file(tenant.workspace, job_id).is_file()
    sweep_jobs(tenant.workspace, tenant.store.work, NOW + timedelta(days=3650))
    assert not result_file(tenant.workspace, job_id).is_file()
    assert served.crm.get(f"/v1/jobs/{job_id}/result").problem == "expired"


def test_the_service_does_waiting_jobs_in_a_process_of_their_own(served):
    job_id = send(served.crm, LISTS["csv"][1], key="errand").json()["job_id"]
    Errands(served.tenants, lambda: NOW).go_round()
    assert served.crm.get(f"/v1/jobs/{job_id}").json()["state"] == "done"
