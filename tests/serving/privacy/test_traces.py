"""Whoever is forgotten is in no outcome, message, job or live copy, and the others still are."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from contracts.workspace import open_workspace
from serving.jobs import JobRequest, add_job, claim_job, find_job, sent_file
from serving.keys import create_key
from serving.live.copy import LiveCopy
from serving.outcomes import Outcome, add_outcomes
from serving.privacy.forget import forget
from serving.store import tables
from serving.store.generations import open_store
from serving.tenants import Tenants
from serving.webhooks import deliver, expand_flips
from testkit.remains import find_remains
from testkit.service import Caller, build_service
from testkit.stored import NOW, build_info, build_row, make_workspace
from testkit.workspaces import NOW as SHOP_NOW
from training import golden

GONE, KEPT = "gone-1a2b3c", "kept-1a2b3c"
HOOK = '[[webhooks]]\nname = "crm"\nurl = "http://127.0.0.1:9/x"\nsecret = "a secret of sixteen"\n'


@pytest.fixture
def told(tmp_path):
    """A workspace with an outcome, a waiting message and a job of two customers, and its open store."""
    root = make_workspace(tmp_path / "shop").root
    with (root / "fedele.toml").open("a") as file:
        file.write(HOOK)
    workspace = open_workspace(root)
    store = open_store(workspace)
    for generation, probability in (("g1", 0.1), ("g2", 0.9)):
        with store.begin(build_info(generation)) as writer:
            writer.add(build_row(each, probability, generation=generation) for each in (GONE, KEPT))
            writer.finish()
    expand_flips(workspace, store, NOW)
    with store.work.write() as connection:
        outcomes = [Outcome(each, "kept", "2026-11-20T09:00:00Z") for each in (GONE, KEPT)]
        add_outcomes(connection, outcomes, "key", NOW)
        job_id = add_job(connection, JobRequest("csv"), NOW)
    workspace.jobs.mkdir()
    sent_file(workspace, job_id).write_text(f"customer_id\n{GONE}\n")
    yield workspace, store, job_id
    store.close()


def test_an_erased_customer_leaves_no_trace_of_work_and_the_others_stay(told):
    workspace, store, job_id = told
    found = forget(workspace, GONE, NOW)
    assert (found.work_rows, found.messages, found.job_files, found.live_files) == (1, 1, 1, 0)
    assert found.is_complete
    with store.work.read() as connection:
        outcomes = connection.scalars(select(tables.outcomes.c.customer_id)).all()
        bodies = " ".join(connection.scalars(select(tables.outbox.c.body)))
    assert outcomes == [KEPT]
    assert KEPT in bodies
    assert GONE not in bodies
    assert find_remains(workspace.root, GONE.encode()) == []
    again = forget(workspace, GONE, NOW)
    assert (again.work_rows, again.messages, again.job_files) == (0, 0, 0)
    assert find_job(store.work, job_id).reason == "erasure"


def test_a_job_that_was_not_done_says_that_an_erasure_took_its_list(told):
    workspace, store, job_id = told
    assert claim_job(store.work, NOW).job_id == job_id
    forget(workspace, GONE, NOW)
    job = find_job(store.work, job_id)
    assert (job.state, job.reason) == ("failed", "erasure")


def test_a_message_that_was_just_being_told_is_not_told_as_it_was(told, monkeypatch):
    import serving.webhooks

    workspace, store, _ = told
    posted = []

    def post(hook, message, now):
        if not posted:
            forget(workspace, GONE, NOW)
        posted.append(message.body)

    monkeypatch.setattr(serving.webhooks, "post", post)
    while deliver(workspace, store, NOW + timedelta(minutes=2 * len(posted)))[1]:
        pass
    assert KEPT in " ".join(posted)
    assert GONE not in " ".join(posted[1:])


def test_a_customer_named_with_combining_marks_is_erased_by_either_spelling(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    store = open_store(workspace)
    with store.begin(build_info()) as writer:
        writer.add([build_row("caff\u00e8-bianchi")])
        writer.finish()
    store.close()
    found = forget(workspace, "caffe\u0300-bianchi", NOW)
    assert found.scores == {"g1": 1}
    assert find_remains(workspace.root, "caff\u00e8-bianchi".encode()) == []


def test_what_a_killed_scoring_run_left_goes_with_the_customer(told):
    workspace, _, _ = told
    (workspace.scores / "g3.db.partial").write_text(f'{{"customer_id":"{GONE}"}}')
    assert forget(workspace, GONE, NOW).is_complete


@pytest.mark.xdist_group("shop")
def test_the_live_copy_loses_the_customer_and_stays_sorted_for_the_others(workspace):
    store = open_store(workspace)
    info = store.current()
    rows = [row for _, row in store.changed_since(None, info, "en", 20) if row.status == "scored"]
    store.close()
    one, other = rows[2].customer_id, rows[3].customer_id
    before = json.loads((workspace.live / info.generation / "copy.json").read_bytes())
    found = forget(workspace, one, SHOP_NOW + timedelta(days=1))
    assert found.is_complete
    assert found.live_files >= 2
    assert found.copies == {}
    assert find_remains(workspace.live, one.encode()) == []
    copy = LiveCopy(workspace.live / info.generation)
    assert json.loads((workspace.live / info.generation / "copy.json").read_bytes()) == before
    (gone, _), (left, _) = copy.read_history([one]), copy.read_history([other])
    assert not any(cells for rows in gone.values() for cells in rows.values())
    assert any(cells for rows in left.values() for cells in rows.values())
    copy.close()


@pytest.mark.xdist_group("shop")
def test_a_running_service_scores_the_erased_no_more_although_it_had_the_copy_open(workspace, monkeypatch):
    monkeypatch.setattr(golden, "check_golden_rows", lambda *given, **more: None)
    tenants = Tenants()
    tenants.open([workspace.root])
    (tenant,) = tenants
    tenant.holder.look()
    _, key = create_key(tenant.store.work, ["score:read", "score:live"], "crm", SHOP_NOW)
    caller = Caller(build_service(tenants, lambda: SHOP_NOW + timedelta(days=30)), key)
    rows = [row for _, row in tenant.store.changed_since(None, tenant.store.current(), "en", 20)]
    one, other = [row.customer_id for row in rows if row.status == "scored"][:2]
    body, headers = json.dumps({"customer_ids": [one, other]}).encode(), {"content-type": "application/json"}

    def ask():
        answer = caller.call("POST", "/v1/scores", [body], "mode=live", headers)
        return [each["status"] for each in answer.json()["results"]]

    try:
        assert ask() == ["scored", "scored"]
        forget(workspace, one, SHOP_NOW + timedelta(days=1))
        assert ask() == ["not_scored", "scored"]
        assert caller.post(f"/v1/customers/{one}/rescore", {}).problem == "unknown"
    finally:
        tenants.close()
