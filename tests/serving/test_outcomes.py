"""Outcomes through the real app: one effect however often they are sent, each row judged by itself."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from features.engine import Engine, read_frame
from serving.outcomes import Outcome, add_outcomes, change_outcome, find_outcome, hand_over
from serving.store import tables
from serving.store.work import open_work
from testkit.service import Caller, build_service
from testkit.stored import NOW, make_workspace

TOLD = {"customer_id": "C-00001", "result": "kept", "occurred_at": "2026-11-20T10:00:00+01:00"}


def send(caller, told, key="k", query=""):
    body = json.dumps({"outcomes": told if isinstance(told, list) else [told]}).encode()
    headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
    return caller.call("POST", "/v1/outcomes", [body], query, headers)


def count(served):
    with served.first.store.work.read() as connection:
        return connection.scalar(select(func.count()).select_from(tables.outcomes))


def test_an_outcome_is_stored_once_and_its_answer_given_again_byte_for_byte(served):
    before = count(served)
    first = send(served.crm, TOLD, "once")
    again = send(served.crm, TOLD, "once")
    assert first.status == 200
    assert (again.body, again.status) == (first.body, first.status)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert count(served) == before + 1


def test_the_same_key_with_another_body_is_refused(served):
    send(served.crm, TOLD, "twice")
    assert send(served.crm, TOLD | {"result": "lost"}, "twice").problem == "key-reused"
    assert send(served.crm, TOLD, "twice", "atomic=true").problem == "key-reused"


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "tab\t"])
def test_a_write_needs_a_key_of_visible_characters(served, key):
    answer = send(served.crm, TOLD, key)
    assert (answer.status, answer.problem) == (400, "no-idempotency-key")


def test_the_same_request_sent_at_once_many_times_has_one_effect(served):
    before = count(served)
    # Eight services over one store: as with workers, each has an event loop of its own.
    workers = [Caller(build_service(served.tenants, lambda: NOW), served.crm.key) for _ in range(8)]
    for worker in workers:  # what FastAPI makes at its first request is not made by two threads at once
        assert send(worker, None, "first").json()["summary"]["stored"] == 0
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda worker: send(worker, TOLD, "race"), workers))
    assert {answer.body for answer in answers} == {answers[0].body}
    assert count(served) == before + 1


def test_keys_are_forgotten_after_a_day_and_never_shared_between_callers(served):
    first = send(served.crm, TOLD, "day")
    assert send(served.admin, TOLD, "day").body != first.body
    late = Caller(build_service(served.tenants, lambda: NOW + timedelta(hours=25)), served.crm.key)
    assert send(late, TOLD, "day").body != first.body


def test_what_was_refused_may_be_mended_and_sent_with_the_same_key(served):
    assert send(served.crm, [TOLD | {"result": "?"}], "mend", "atomic=true").problem == "invalid"
    assert send(served.crm, [TOLD], "mend", "atomic=true").status == 200


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"customer_id": "nobody"}, "customer_id", "unknown"),
        ({"customer_id": ""}, "customer_id", "bad_id"),
        ({"customer_id": 7}, "customer_id", "bad_id"),
        ({"result": "won"}, "result", "unknown_value"),
        ({"occurred_at": "2026-11-20T10:00:00"}, "occurred_at", "no_instant"),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "occurred_at", "no_instant"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, "occurred_at", "no_instant"),
        ({"occurred_at": None}, "occurred_at", "no_instant"),
        ({"arm": "both"}, "arm", "unknown_value"),
        ({"cost": -1}, "cost", "out_of_range"),
        ({"cost": "5"}, "cost", "out_of_range"),
        ({"cost": True}, "cost", "out_of_range"),
        ({"cost": 1.234}, "cost", "out_of_range"),
        ({"cost": 10**20}, "cost", "out_of_range"),
        ({"action": "a\x00b"}, "action", "bad_value"),
        ({"note": "x"}, "", "unknown_field"),
    ],
)
def test_one_bad_outcome_costs_the_others_nothing(served, changes, pointer, code):
    before = count(served)
    answer = send(served.crm, [TOLD, TOLD | changes, TOLD], f"bad-{pointer}-{changes}".replace(" ", ""))
    results = answer.json()["results"]
    assert [each["status"] for each in results] == ["ok", "error", "ok"]
    error = results[1]["errors"][0]
    assert (error["pointer"], error["code"]) == (f"/outcomes/1/{pointer}".rstrip("/"), code)
    assert count(served) == before + 2


def test_with_atomic_nothing_is_stored_unless_all_is_good(served):
    before = count(served)
    answer = send(served.crm, [TOLD, TOLD | {"customer_id": "nobody"}], "all", "atomic=true")
    assert answer.problem == "invalid"
    assert answer.json()["errors"][0]["pointer"] == "/outcomes/1/customer_id"
    assert count(served) == before


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[]", "unreadable"),
        (b"{}", "invalid"),
        (b'{"outcomes": 1}', "invalid"),
        (b'{"outcomes": [], "role": "admin"}', "invalid"),
        (b'{"outcomes": [], "outcomes": []}', "invalid"),
        (b'{"outcomes": [NaN]}', "invalid"),
        (b'{"outcomes": [{"cost": 1e999}]}', "invalid"),
        (json.dumps({"outcomes": [{}] * 1001}).encode(), "too-large"),
    ],
)
def test_an_envelope_that_is_not_right_is_refused_as_a_whole(served, body, problem):
    assert served.crm.post("/v1/outcomes", body, idempotency_key="envelope").problem == problem


def test_an_empty_list_is_an_empty_answer(served):
    assert send(served.crm, [], "none").json()["summary"] == {"received": 0, "stored": 0, "refused": 0}


def read_one(served, key, told=TOLD):
    stored = send(served.crm, told, key).json()["results"][0]
    return f"/v1/outcomes/{stored['outcome_id']}", stored["etag"]


def put(caller, path, told, **headers):
    body = json.dumps(told).encode()
    return caller.call("PUT", path, [body], headers={"content-type": "application/json"} | headers)


def test_an_outcome_is_corrected_only_by_who_has_read_its_last_state(served):
    path, tag = read_one(served, "correct", TOLD | {"cost": 2.5, "action": "call"})
    read = served.crm.get(path)
    assert read.headers["etag"] == tag
    assert (read.json()["cost"], read.json()["action"]) == (2.5, "call")
    assert put(served.crm, path, TOLD | {"result": "lost"}).problem == "no-if-match"
    changed = put(served.crm, path, TOLD | {"result": "lost"}, if_match=tag)
    assert (changed.status, changed.json()["result"], changed.json()["revision"]) == (200, "lost", 2)
    assert put(served.crm, path, TOLD, if_match=tag).problem == "changed"
    assert put(served.crm, path, TOLD | {"result": "?"}, if_match=changed.headers["etag"]).status == 422
    other = TOLD | {"customer_id": "C-00002"}
    assert put(served.crm, path, other, if_match=changed.headers["etag"]).problem == "invalid"


def test_two_who_correct_at_once_do_not_overwrite_each_other(served):
    path, _ = read_one(served, "both")
    work = served.first.store.work
    before = find_outcome(work, path.rpartition("/")[2])
    lost = replace(before.outcome, result="lost")
    assert change_outcome(work, before, lost, "k", NOW).revision == 2
    assert change_outcome(work, before, before.outcome, "k", NOW) is None


def test_an_outcome_of_another_workspace_is_not_there(served):
    path, tag = read_one(served, "mine")
    theirs, missing = served.other_crm.get(path), served.other_crm.get("/v1/outcomes/out_aaaa")
    assert (theirs.status, theirs.problem) == (missing.status, missing.problem) == (404, "not-found")
    assert put(served.other_crm, path, TOLD, if_match=tag).problem == "not-found"
    told = send(served.other_crm, TOLD, "theirs").json()["results"][0]
    assert told["errors"][0]["code"] == "unknown"


def test_a_key_that_only_reads_cannot_tell_outcomes(served):
    assert send(served.reader, TOLD, "scope").problem == "no-scope"


def test_outcomes_reach_the_event_store_as_actions_once_and_again_when_corrected(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    work = open_work(workspace)
    told = Outcome("C-1", "contacted", "2026-11-20T09:00:00Z", "call", "spring", "treated", "2.50")
    with work.write() as connection:
        (stored,) = add_outcomes(connection, [told], "key", NOW)
    assert hand_over(workspace, NOW) == 1
    assert hand_over(workspace, NOW) == 0
    corrected = change_outcome(work, stored, replace(told, result="kept"), "key", NOW + timedelta(hours=1))
    assert corrected.revision == 2
    assert hand_over(workspace, NOW + timedelta(hours=2)) == 1
    work.close()
    actions = Engine(threads=1).open_events(workspace.events).tables["actions"]
    rows = read_frame(actions.order_by(actions.recorded_at)).to_pylist()
    assert [row["outcome"] for row in rows] == ["contacted", "kept"]
    assert {(row["action_id"], row["kind"], row["arm"], row["source"]) for row in rows} == {
        (stored.outcome_id, "call", "treated", "api")
    }
    assert not (workspace.root / ".outcomes.csv").exists()
