"""Erasing through the real app: gone for every route at once, with proof, asked as often as one likes."""

import sys

import pytest

from contracts.errors import LockHeld, StoreError
from features.store.lock import hold_lock
from serving.api import erasure
from serving.keys import create_key
from serving.privacy.apart import forget_apart
from testkit.remains import find_remains
from testkit.service import Caller
from testkit.stored import NOW

GONE, KEPT = "C-00003", "C-00004"
ROUTE = "/v1/customers:erase"
TOLD = {"customer_id": GONE, "result": "kept", "occurred_at": "2026-11-20T09:00:00Z"}
ECHO = "import json, sys; print(json.dumps({'proof': {'argv': sys.argv[1:], 'asked': json.load(sys.stdin)}}))"


@pytest.fixture(scope="module")
def eraser(served):
    _, text = create_key(served.first.store.work, ["customer:erase"], "eraser", NOW)
    return Caller(served.anyone.app, text)


@pytest.fixture(scope="module")
def erased(served, eraser):
    """The answer to an erasure, of a customer whom the service has just been asked about in every way."""
    for path in (f"/v1/customers/{GONE}/score", f"/v1/customers/{GONE}/history", "/v1/at-risk", "/v1/scores"):
        assert GONE in served.crm.get(path, "limit=100" if path.count("/") == 2 else "").body.decode()
    headers = {"idempotency_key": "before"}
    assert served.crm.post("/v1/outcomes", {"outcomes": [TOLD]}, **headers).json()["summary"]["stored"] == 1
    return eraser.post(ROUTE, {"customer_id": GONE})


def test_the_answer_is_the_proof_of_the_command(erased):
    assert erased.status == 200
    proof = erased.json()
    assert (proof["status"], proof["hits"]) == ("erased", [])
    assert proof["scores"] == {"g1": 1}
    assert proof["work_rows"] == 1
    assert proof["searched_files"] > 3
    assert GONE not in erased.body.decode()


def test_a_running_service_answers_nothing_of_the_erased_from_memory(served, erased):
    for path in (f"/v1/customers/{GONE}/score", f"/v1/customers/{GONE}/history"):
        assert served.crm.get(path).problem == "unknown"
    first, second = served.crm.post("/v1/scores", {"customer_ids": [GONE, KEPT]}).json()["results"]
    assert (first["status"], first["problem"]["code"], second["status"]) == (
        "not_scored",
        "unknown",
        "scored",
    )
    for path in ("/v1/at-risk", "/v1/scores"):
        assert GONE not in served.crm.get(path, "limit=100").body.decode()
    assert served.crm.post(f"/v1/customers/{GONE}/rescore", {"orders": [{"amount": 5}]}).problem == "unknown"
    assert served.crm.get(f"/v1/customers/{KEPT}/score").status == 200


def test_a_repeated_write_of_before_names_nobody_and_a_new_one_finds_nobody(served, erased):
    again = served.crm.post("/v1/outcomes", {"outcomes": [TOLD]}, idempotency_key="before")
    assert again.headers["idempotent-replayed"] == "true"
    assert GONE not in again.body.decode()
    (result,) = served.crm.post("/v1/outcomes", {"outcomes": [TOLD]}, idempotency_key="new").json()["results"]
    assert result["errors"][0]["code"] == "unknown"
    outcome_id = again.json()["results"][0]["outcome_id"]
    assert served.crm.get(f"/v1/outcomes/{outcome_id}").problem == "not-found"


def test_no_file_of_the_workspace_names_the_erased(served, erased):
    assert find_remains(served.first.workspace.root, GONE.encode()) == []


def test_asked_again_it_proves_again_that_nothing_is_left(served, eraser, erased):
    again = eraser.post(ROUTE, {"customer_id": GONE}).json()
    assert (again["status"], again["scores"], again["work_rows"]) == ("erased", {"g1": 0}, 0)


def test_while_another_command_writes_nothing_is_erased_and_the_caller_comes_back(served, eraser):
    with hold_lock(served.first.workspace.lock, "fedele score"):
        answer = eraser.post(ROUTE, {"customer_id": KEPT})
    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "writing", "30")
    assert served.crm.get(f"/v1/customers/{KEPT}/score").status == 200


def test_a_second_request_is_told_to_come_back_while_the_first_is_at_it(served, eraser, monkeypatch):
    asked = []

    def forget(workspace, customer_id, now):
        asked.append(eraser.post(ROUTE, {"customer_id": KEPT}).problem)
        return {"status": "erased"}

    monkeypatch.setattr(erasure, "forget_apart", forget)
    for _ in range(2):
        assert eraser.post(ROUTE, {"customer_id": KEPT}).status == 200
    assert asked == ["writing", "writing"]


@pytest.mark.parametrize("name", ["reader", "crm", "modeller"])
def test_erasing_needs_a_key_that_may(served, name):
    answer = getattr(served, name).post(ROUTE, {"customer_id": KEPT})
    assert (answer.status, answer.problem) == (403, "no-scope")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ([], "unreadable"),
        ({}, "invalid"),
        ({"customer_id": ""}, "invalid"),
        ({"customer_id": " "}, "invalid"),
        ({"customer_id": "a\x00b"}, "invalid"),
        ({"customer_id": "x" * 257}, "invalid"),
        ({"customer_id": 7}, "invalid"),
        ({"customer_id": [KEPT]}, "invalid"),
        ({"customer_id": KEPT, "reason": "asked"}, "invalid"),
        ({"customer_ids": [KEPT]}, "invalid"),
        (b'{"customer_id": "C-00004", "customer_id": "C-00005"}', "invalid"),
    ],
)
def test_a_body_that_does_not_name_one_customer_erases_nobody(served, eraser, body, problem):
    assert eraser.post(ROUTE, body).problem == problem
    assert served.crm.get(f"/v1/customers/{KEPT}/score").status == 200


def test_the_id_goes_to_the_process_by_its_input_and_never_stands_in_a_list_of_processes(served):
    found = forget_apart(served.first.workspace, KEPT, NOW, (sys.executable, "-c", ECHO))
    assert found["asked"] == KEPT
    assert KEPT not in " ".join(found["argv"])


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "pass", "print('{}')"])
def test_an_erasure_that_ended_badly_is_never_called_done(served, program):
    with pytest.raises(StoreError, match="was not finished: ask for it again"):
        forget_apart(served.first.workspace, KEPT, NOW, (sys.executable, "-c", program))


def test_a_caller_is_told_that_an_erasure_was_not_finished(served, eraser, monkeypatch):
    def fail(*given):
        raise StoreError("An erasure was not finished.")

    monkeypatch.setattr(erasure, "forget_apart", fail)
    answer = eraser.post(ROUTE, {"customer_id": KEPT})
    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "store", "30")
    assert "goes on where it ended" in answer.json()["detail"]


def test_a_lock_taken_in_the_meantime_is_told_as_what_it_is(served):
    program = 'print(\'{"code": "lock_held", "text": "`fedele score` is writing."}\')'
    with pytest.raises(LockHeld, match="fedele score"):
        forget_apart(served.first.workspace, KEPT, NOW, (sys.executable, "-c", program))


def test_no_line_of_the_log_names_who_was_erased(served, eraser, lines):
    with hold_lock(served.first.workspace.lock, "fedele score"):
        eraser.post(ROUTE, {"customer_id": KEPT})
    assert ROUTE in lines.text
    assert KEPT not in lines.text
