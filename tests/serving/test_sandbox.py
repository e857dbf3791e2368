"""The sandbox shows every state there is, in answers that are what the document says."""

import json
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from contracts.scores import FLAGS, KINDS, SEGMENTS, Band, NotScored
from serving.api.bodies import is_customer_id
from serving.sandbox import NOT_SCORED, SCORED, list_states, make_sandbox
from serving.tenants import Tenants
from testkit.service import Caller, build_service
from testkit.stored import NOW
from testkit.tree import ROOT

STATES = list_states()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    workspace, key = make_sandbox(tmp_path_factory.mktemp("try") / "sandbox", NOW)
    tenants = Tenants()
    tenants.open([workspace.root])
    yield Caller(build_service(tenants, lambda: NOW), key)
    tenants.close()


@pytest.fixture(scope="module")
def results(sandbox):
    answer = sandbox.post("/v1/scores", {"customer_ids": list(STATES)}).json()
    return {each["customer_id"]: each for each in answer["results"]}


def test_every_band_segment_kind_flag_and_reason_is_shown_by_somebody(results):
    records = [each["score"] for each in results.values() if "score" in each]
    for name, values in (("risk_band", get_args(Band)), ("segment", SEGMENTS), ("kind", KINDS)):
        assert {record[name] for record in records} == set(values)
    assert {flag for record in records for flag in record["flags"]} == set(FLAGS)
    codes = {each["problem"]["code"] for each in results.values() if "problem" in each}
    assert codes == set(get_args(NotScored))
    told = [record["satisfaction"] for record in records]
    assert {None if each is None else each["observed"] for each in told} == {None, True, False}


def test_each_customer_is_in_the_state_that_the_guide_says(results):
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for customer_id, state in STATES.items():
        assert is_customer_id(customer_id)
        assert f"| `{customer_id}` | {state} |" in page
        scored = results[customer_id]["status"] == "scored"
        assert scored == (customer_id in SCORED and customer_id != "SB-GONE")
    for customer_id, reason in NOT_SCORED.items():
        assert results[customer_id]["problem"]["code"] == reason


def test_every_answer_is_what_the_document_says(sandbox, results):
    document = sandbox.get("/v1/openapi.json").json()
    shown = document["components"]

    def check(path, answer, method="get"):
        content = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]
        found = list(Draft202012Validator(content["schema"] | {"components": shown}).iter_errors(answer))
        assert found == []

    check("/v1/scores", sandbox.post("/v1/scores", {"customer_ids": list(STATES)}).json(), "post")
    check("/v1/scores", sandbox.get("/v1/scores", "changed_since=sandbox-before").json())
    check("/v1/at-risk", sandbox.get("/v1/at-risk", "segment=lapsed").json())
    check("/v1/model", sandbox.get("/v1/model").json())
    for customer_id in (*NOT_SCORED, "SB-HIGH", "SB-SUBSCRIBER", "SB-UNASKED", "SB-LAPSED"):
        check("/v1/customers/{customer_id}/score", sandbox.get(f"/v1/customers/{customer_id}/score").json())


def test_the_numbers_of_a_record_agree_with_one_another(results):
    for record in (each["score"] for each in results.values() if "score" in each):
        risk, clv = record["churn_probability"], record["clv"]
        stays, leaves = record["value_if_stays"], record["value_if_leaves"]
        assert clv["mean"] == pytest.approx((1 - risk) * stays + risk * leaves, abs=0.01)
        assert record["contact_value"] == pytest.approx((1 - risk) * record["value_at_risk"], abs=0.01)
        assert clv["p10"] <= clv["p50"] <= clv["p90"]
        assert (clv["p50"] == 0) == (record["p_no_spend"] >= 0.5)
        assert record["churn_range"]["low"] <= risk <= record["churn_range"]["high"]
        points = {each["days"]: each for each in record["curve"]}
        assert points[90]["churn_probability"] == pytest.approx(risk, abs=1e-6)
        assert points[90]["expected_purchases"] == record["expected_purchases"]
        assert all(
            each["expected_purchases"] >= 1 - each["churn_probability"] - 1e-6 for each in points.values()
        )
        assert all(reason["text"] for reason in record["reasons"])


def test_who_moved_or_went_is_told_by_the_feed_and_the_history(sandbox):
    feed = sandbox.get("/v1/scores", "changed_since=sandbox-before").json()["data"]
    found = {each["customer_id"]: each for each in feed}
    assert found["SB-MOVED"]["score"]["risk_band"] == "high"
    assert found["SB-GONE"]["problem"]["code"] == "unknown"
    past = sandbox.get("/v1/customers/SB-MOVED/history").json()["data"]
    assert [each["score"]["risk_band"] for each in past] == ["high", "low"]
    assert sandbox.get("/v1/customers/SB-ERASED/score").problem == "unknown"


def test_a_caller_may_try_everything_there(sandbox):
    told = {"customer_id": "SB-HIGH", "result": "kept", "occurred_at": "2026-11-20T09:00:00Z"}
    stored = sandbox.post("/v1/outcomes", {"outcomes": [told]}, idempotency_key="try").json()
    assert stored["summary"]["stored"] == 1
    assert sandbox.post("/v1/jobs", {"everyone": True}, idempotency_key="try").status == 202
    assert sandbox.post("/v1/customers/SB-HIGH/rescore", {}).problem == "not-ready"
    assert sandbox.get("/metrics").status == 200


def test_italian_is_spoken_there_too(sandbox):
    english, italian = (
        json.loads(sandbox.get("/v1/customers/SB-HIGH/score", f"lang={each}").body) for each in ("en", "it")
    )
    assert english["reasons"][0]["text"].startswith("Last order 58 days ago")
    assert italian["reasons"][0]["text"].startswith("Ultimo ordine 58 giorni fa")
