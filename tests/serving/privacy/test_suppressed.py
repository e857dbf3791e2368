"""Whoever objects to profiling is suppressed at once, at each way out of a service that runs meanwhile."""

import json

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from contracts.settings import SourceSection
from contracts.workspace import open_workspace
from features.ingest.load import ingest_files
from serving.batch import export_generation
from serving.bulk import run_job
from serving.desk.entry import create_link
from serving.jobs import claim_job, drop_results, find_job
from serving.keys import create_key
from serving.privacy.objections import heed_objections, withdraw_objectors
from serving.store import tables
from serving.store.generations import open_store
from serving.tenants import Tenants
from serving.webhooks import expand_flips
from testkit.service import Caller, build_service
from testkit.stored import NOW, build_info, build_row, make_workspace
from testkit.stores import load_lines

GONE, KEPT = "ada-3f2a", "linus-3f2a"
HOOK = '[[webhooks]]\nname = "crm"\nurl = "http://127.0.0.1:9/x"\nsecret = "a secret of sixteen"\n'
ORDERS = "order_id,customer_id,occurred_at,amount"
SCOPES = ["score:read", "score:live", "outcome:write", "job:write"]


class Running:
    """A service over two customers, asked about before and after one of them objects."""

    def __init__(self, workspace, tenants):
        self.workspace = workspace
        (self.tenant,) = tenants
        _, key = create_key(self.tenant.store.work, SCOPES, "crm", NOW)
        app = build_service(tenants, lambda: NOW)
        self.caller = Caller(app, key)
        self.desk = TestClient(app, base_url="http://127.0.0.1:3000", client=("127.0.0.1", 50000))
        code = create_link(workspace, NOW).address.partition("#")[2]
        self.desk.post("/desk/enter?lang=en", data={"code": code})

    def work_off(self, body, key):
        """Return the id of a job that asks for ``body`` and was done."""
        job_id = self.caller.post("/v1/jobs", body, idempotency_key=key).json()["job_id"]
        claim_job(self.tenant.store.work, NOW)
        run_job(self.workspace, job_id, lambda: NOW)
        return job_id


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    root = make_workspace(tmp_path_factory.mktemp("objecting") / "shop").root
    with (root / "fedele.toml").open("a") as file:
        file.write(HOOK)
    workspace = open_workspace(root)
    for name in (GONE, KEPT):
        load_lines(workspace, "orders", ORDERS, f"o-{name},{name},2026-01-02,5", now=NOW)
    store = open_store(workspace)
    for generation, risk in (("g1", 0.1), ("g2", 0.9)):
        with store.begin(build_info(generation)) as writer:
            writer.add(build_row(each, risk, generation=generation) for each in (GONE, KEPT))
            writer.finish()
    expand_flips(workspace, store, NOW)
    store.close()
    tenants = Tenants()
    tenants.open([root])
    service = Running(workspace, tenants)
    for path in (f"/v1/customers/{GONE}/score", f"/v1/customers/{GONE}/history", "/v1/at-risk", "/v1/scores"):
        assert '"churn_probability":' in service.caller.get(path).body.decode()
    service.done = service.work_off({"everyone": True}, "before")
    assert GONE in service.caller.get(f"/v1/jobs/{service.done}/result").body.decode()
    assert GONE in service.desk.get("/desk?lang=en").text
    objection = root / "consent.csv"
    objection.write_text(f"customer_id,occurred_at,profiling_consent\n{GONE},2026-01-01,false\n")
    ingest_files(workspace, "customers", [objection], SourceSection(), source="crm", now=NOW)
    assert heed_objections(workspace, NOW) == 1
    yield service
    tenants.close()


def test_a_score_by_id_or_in_a_batch_is_suppressed(running):
    alone = running.caller.get(f"/v1/customers/{GONE}/score").json()
    first, second = running.caller.post("/v1/scores", {"customer_ids": [GONE, KEPT]}).json()["results"]
    for each in (alone, first):
        assert (each["status"], each["problem"]["code"], "score" in each) == (
            "not_scored",
            "suppressed",
            False,
        )
    assert second["status"] == "scored"


def test_no_past_generation_tells_a_score_either(running):
    past = running.caller.get(f"/v1/customers/{GONE}/history").json()["data"]
    assert [(each["generation"], each["problem"]["code"]) for each in past] == [
        ("g2", "suppressed"),
        ("g1", "suppressed"),
    ]


def test_the_list_and_the_feed_hold_no_score_of_theirs(running):
    listed = running.caller.get("/v1/at-risk").json()["data"]
    assert [each["customer_id"] for each in listed] == [KEPT]
    feed = running.caller.get("/v1/scores").json()["data"]
    assert {each["customer_id"]: each["status"] for each in feed} == {GONE: "not_scored", KEPT: "scored"}


def test_a_live_score_is_suppressed_whatever_is_sent(running):
    answer = running.caller.post(f"/v1/customers/{GONE}/rescore", {"orders": [{"amount": 5}]}).json()
    assert answer["result"]["problem"]["code"] == "suppressed"


def test_an_outcome_for_them_is_refused(running):
    told = {"customer_id": GONE, "result": "kept", "occurred_at": "2026-11-20T09:00:00Z"}
    answer = running.caller.post("/v1/outcomes", {"outcomes": [told]}, idempotency_key="o").json()
    assert answer["results"][0]["errors"][0]["code"] == "suppressed"


def test_the_result_of_an_earlier_job_is_gone_and_a_new_one_suppresses(running):
    assert running.caller.get(f"/v1/jobs/{running.done}/result").problem == "expired"
    job_id = running.work_off({"everyone": True}, "after")
    rows = running.caller.get(f"/v1/jobs/{job_id}/result").body.decode().splitlines()
    (row,) = [each for each in rows if GONE in each]
    assert row.startswith(f'"{GONE}","not_scored","suppressed",')
    assert set(row.partition('"suppressed"')[2]) <= {","}


def test_a_message_that_waits_names_them_no_more_and_no_new_one_does(running):
    with running.tenant.store.work.read() as connection:
        bodies = connection.scalars(select(tables.outbox.c.body)).all()
    changes = [each for body in map(json.loads, bodies) for each in body.get("changes", ())]
    assert [each["customer_id"] for each in changes] == [KEPT]
    with running.tenant.store.begin(build_info("g3")) as writer:
        writer.add([build_row(GONE, 0.2, generation="g3"), build_row(KEPT, 0.2, generation="g3")])
        writer.finish()
    withdraw_objectors(running.workspace, NOW)
    expand_flips(running.workspace, running.tenant.store, NOW)
    with running.tenant.store.work.read() as connection:
        told = " ".join(connection.scalars(select(tables.outbox.c.body)))
    assert KEPT in told
    assert GONE not in told


def test_the_desk_and_its_file_leave_them_out(running):
    page = running.desk.get("/desk?lang=en")
    assert page.status_code == 200
    assert KEPT in page.text
    assert GONE not in page.text
    assert GONE not in running.desk.get("/desk/export.csv?lang=en").text
    assert "No score for this customer" in running.desk.get(f"/desk/customers/{GONE}?lang=en").text


def test_an_export_leaves_them_out(running, tmp_path):
    export_generation(running.workspace, running.tenant.store.current(), tmp_path / "list.csv", "en")
    written = (tmp_path / "list.csv").read_text()
    assert KEPT in written
    assert GONE not in written


def test_a_job_that_was_at_it_fails_with_the_reason_and_its_list_can_be_sent_again(running):
    job_id = running.caller.post("/v1/jobs", {"everyone": True}, idempotency_key="late").json()["job_id"]
    claim_job(running.tenant.store.work, NOW)
    drop_results(running.workspace, running.tenant.store.work, NOW)
    job = find_job(running.tenant.store.work, job_id)
    assert (job.state, job.reason) == ("failed", "objection")
