"""Scores by id through the real app: what is answered, byte for byte."""

import pytest

from contracts import scores
from testkit.service import Caller, build_service
from testkit.stored import NOW, build_info, build_record


def test_a_single_score_is_the_canonical_record_byte_for_byte(served):
    for language in scores.LANGUAGES:
        answer = served.reader.get("/v1/customers/C-00003/score", f"lang={language}")
        assert answer.body == scores.to_json(build_record("C-00003", 0.05, language))
        assert answer.headers["content-language"] == language
        assert answer.headers["cache-control"] == "no-store"


def test_a_batch_holds_the_very_bytes_of_the_single_answer_in_both_languages(served):
    for language in scores.LANGUAGES:
        single = served.reader.get("/v1/customers/C-00003/score", f"lang={language}").body
        batch = served.reader.post("/v1/scores", {"customer_ids": ["C-00003"], "lang": language})
        feed = served.reader.get("/v1/scores", f"lang={language}")
        page = served.reader.get("/v1/at-risk", f"lang={language}&limit=100")
        for answer in (batch, feed, page):
            assert single in answer.body
        assert scores.dumps(batch.json()["results"][0]["score"]) == single


def test_the_language_is_the_one_asked_else_the_one_accepted_else_english(served):
    def language(query="", **headers):
        return served.reader.get("/v1/customers/C-00003/score", query, **headers).headers["content-language"]

    assert language() == "en"
    assert language(accept_language="de, it;q=0.7, en;q=0.3") == "it"
    assert language("lang=en", accept_language="it") == "en"
    assert served.reader.get("/v1/customers/C-00003/score", "lang=de").problem == "invalid"


def test_a_batch_answers_every_item_in_order_whatever_its_neighbours_are(served):
    sent = [
        "C-00001",
        "N-1",
        "zz",
        "",
        " ",
        7,
        None,
        True,
        ["C-1"],
        "x" * 257,
        "a\x00b",
        "C-00001",
        "C-00002",
    ]
    answer = served.reader.post("/v1/scores", {"customer_ids": sent, "lang": "it"})
    body = answer.json()
    assert answer.status == 200
    assert (body["generation"], body["as_of"], body["model_version"]) == ("g1", "2026-11-20T00:00:00Z", "3")
    results = body["results"]
    assert [result["status"] == "scored" for result in results] == [True] + [False] * 10 + [True] * 2
    codes = [result["problem"]["code"] for result in results if "problem" in result]
    assert codes == ["no_first_order", "unknown"] + ["bad_id"] * 8
    assert results[3]["problem"]["pointer"] == "/customer_ids/3"
    assert results[1]["problem"]["title"] == "Ancora nessun ordine valido"
    assert [result.get("repeated") for result in results if result["customer_id"] == "C-00001"] == [
        None,
        True,
    ]
    assert body["summary"] == {"requested": 13, "scored": 3, "not_scored": 10}


def test_one_bad_id_among_a_thousand_costs_none_of_the_others(served):
    sent = [f"C-{number % 60:05d}" for number in range(999)] + [{"id": 1}]
    body = served.reader.post("/v1/scores", {"customer_ids": sent}).json()
    assert body["summary"] == {"requested": 1000, "scored": 999, "not_scored": 1}


def test_no_ids_is_an_empty_answer_and_too_many_are_refused(served):
    body = served.reader.post("/v1/scores", {"customer_ids": []}).json()
    assert (body["results"], body["summary"]["requested"]) == ([], 0)
    answer = served.reader.post("/v1/scores", {"customer_ids": ["C"] * 1001})
    assert (answer.status, answer.problem) == (413, "too-large")


def test_include_cuts_the_record_to_the_fields_named_in_the_order_of_the_contract(served):
    sent = {"customer_ids": ["C-00003"], "include": ["clv", "churn_probability"]}
    score = served.reader.post("/v1/scores", sent).json()["results"][0]["score"]
    whole = scores.to_dict(build_record("C-00003", 0.05))
    assert list(score) == ["customer_id", "churn_probability", "clv"]
    assert all(score[name] == whole[name] for name in score)


def test_a_known_customer_without_a_score_and_an_unknown_one_are_told_apart(served):
    known = served.reader.get("/v1/customers/N-2/score", "lang=it")
    assert known.status == 200
    assert known.json()["status"] == "not_scored"
    assert known.json()["problem"]["code"] == "already_ended"
    unknown = served.reader.get("/v1/customers/nobody/score")
    assert (unknown.status, unknown.problem) == (404, "unknown")
    assert b"nobody" not in unknown.body


def test_an_unchanged_score_is_answered_with_not_modified(served):
    first = served.reader.get("/v1/customers/C-00003/score")
    again = served.reader.get("/v1/customers/C-00003/score", if_none_match=f'"x", W/{first.headers["etag"]}')
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    italian = served.reader.get("/v1/customers/C-00003/score", "lang=it", if_none_match=first.headers["etag"])
    assert italian.status == 200


@pytest.mark.parametrize("name", ["a/b", "à", "a b", "50%", "..", "x?y", "‮abc", "😀"])
def test_an_id_may_hold_what_customers_type_into_systems(served, name):
    assert served.reader.get(f"/v1/customers/{name}/score").problem == "unknown"


@pytest.mark.parametrize("name", [" ", "a\x00b", "a\x01b", "x" * 257])
def test_an_id_that_cannot_be_one_is_refused_without_being_repeated(served, name):
    answer = served.reader.get(f"/v1/customers/{name}/score")
    assert (answer.status, answer.problem) == (422, "invalid")
    assert name.strip().encode() not in answer.body or not name.strip()


def test_an_id_written_with_combining_marks_finds_its_composed_twin(tmp_path):
    from serving.keys import create_key
    from serving.tenants import Tenants
    from testkit.stored import build_row, make_workspace

    tenants = Tenants()
    tenants.open([make_workspace(tmp_path / "shop").root])
    store = next(iter(tenants)).store
    with store.begin(build_info()) as writer:
        writer.add([build_row("caffè")])
        writer.finish()
    _, text = create_key(store.work, ["score:read"], "", NOW)
    caller = Caller(build_service(tenants, lambda: NOW), text)
    result = caller.post("/v1/scores", {"customer_ids": ["caffè"]}).json()["results"][0]
    assert (result["status"], result["score"]["customer_id"]) == ("scored", "caffè")
    tenants.close()


def test_the_model_page_says_what_is_served(served):
    body = served.reader.get("/v1/model").json()
    assert (body["scored"], body["not_scored"]) == (60, {"already_ended": 1, "no_first_order": 1})
    assert (body["champion"], body["current"]) == (None, False)
    assert body["facts_until"] == "2026-11-19T08:00:00Z"


def test_the_request_id_of_the_caller_comes_back_and_a_strange_one_does_not(served):
    answer = served.reader.get("/v1/customers/nobody/score", x_request_id="crm-42")
    assert answer.headers["x-request-id"] == "crm-42"
    assert answer.json()["instance"] == "urn:fedele:request:crm-42"
    strange = served.reader.get("/v1/model", x_request_id="a b\tc")
    assert strange.headers["x-request-id"] != "a b\tc"
