"""Live scores through the real app: the batch's own numbers, changed by what is posted alone."""

import json
from datetime import timedelta

import pytest
from pandas.testing import assert_frame_equal

from contracts.time import to_text
from features.live import LiveFeatures
from serving.api.scores import MANY
from serving.champion import ChampionState
from serving.everyone import read_everyone
from serving.live import scorer
from serving.live.copy import META, LiveCopy, erase_from_copies, prune_copies, write_copy
from testkit.live import open_live
from testkit.workspaces import NOW, find_shop
from training import golden

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golden, "check_golden_rows", lambda *given, **more: None)
        workspace = find_shop().copy(tmp_path_factory.mktemp("live") / "shop")
        with open_live(workspace.root, find_shop().as_of + timedelta(days=2)) as opened:
            yield opened


def without_moment(record):
    values = json.loads(record) if isinstance(record, bytes) else dict(record)
    return {name: value for name, value in values.items() if name != "scored_at"}


def test_live_scores_of_stored_features_are_the_numbers_of_the_batch(live):
    ids = sorted(live.rows)[:300]
    answer = live.score([*ids, "nobody", ""]).json()
    assert answer["mode"] == "live"
    for result, customer_id in zip(answer["results"], ids, strict=False):
        row = live.rows[customer_id]
        assert result["status"] == row.status
        if row.record_en is not None:
            assert without_moment(result["score"]) == without_moment(row.record_en)
    assert [result["problem"]["code"] for result in answer["results"][-2:]] == ["unknown", "bad_id"]


def test_after_many_live_scores_the_connection_ends_so_that_the_next_finds_a_free_worker(live):
    ids = sorted(live.rows)
    assert live.score(ids[:MANY]).headers["connection"] == "close"
    assert "connection" not in live.score(ids[: MANY - 1]).headers


@pytest.mark.parametrize("kind", ["shop", "subscription"])
def test_a_rescore_without_new_facts_at_the_same_instant_is_the_stored_score(live, kind):
    ids = [row.customer_id for row in live.rows.values() if row.kind == kind][:4]
    for customer_id in ids:
        answer = live.rescore(customer_id, {"as_of": to_text(live.info.as_of)}).json()
        stored = without_moment(live.rows[customer_id].record_en)
        assert without_moment(answer["result"]["score"]) == stored


def test_the_features_of_a_few_are_those_of_the_whole_company_to_the_last_bit(live):
    tenant, later = live.tenant, live.info.as_of + timedelta(days=1)
    model = tenant.holder.champion.model
    everyone = read_everyone(tenant.workspace, model, later, NOW)
    copy = LiveCopy(tenant.workspace.live / live.info.generation)
    lists = {kind: part.features for kind, part in model.parts.items()}
    lapse = model.shop.reference.lapsed_after_days
    features = LiveFeatures(copy.schemas, lists, tenant.workspace.settings, lapse)
    for kind, frame in everyone.frames.items():
        whole = frame.rows((frame.index.customer_id.isin(frame.index.customer_id[::7])).to_numpy())
        history, readings = copy.read_history(whole.index.customer_id.tolist())
        found = features.build(history, readings, later, copy.facts.company)
        assert_frame_equal(found.frames[kind].values, whole.values, check_exact=True)
        assert found.frames[kind].index.customer_id.tolist() == whole.index.customer_id.tolist()
        known = everyone.economics.table.loc[whole.index.customer_id]
        assert_frame_equal(found.economics.loc[whole.index.customer_id], known, check_exact=True)
    copy.close()


def test_an_order_posted_now_changes_the_score_now_and_is_stored_nowhere(live):
    customer_id = live.scored()
    before = live.rescore(customer_id).json()["result"]["score"]
    posted = live.rescore(customer_id, {"orders": [{"amount": 49.9}]}).json()
    after = posted["result"]["score"]
    assert posted["facts"] == {"orders": 1}
    assert after["historic_value"] == pytest.approx(before["historic_value"] + 49.9)
    assert after["churn_probability"] != before["churn_probability"]
    assert after["scored_at"] == after["as_of"] == to_text(live.now)
    assert live.rescore(customer_id).json()["result"]["score"] == before


def test_a_refund_of_a_posted_order_takes_it_back(live):
    customer_id = live.scored()
    early = to_text(live.now - timedelta(hours=2))
    orders = [
        {"order_id": "N-1", "amount": 80.0, "occurred_at": early},
        {"order_id": "N-2", "amount": -80.0, "refund_of": "N-1"},
    ]
    before = live.rescore(customer_id).json()["result"]["score"]
    after = live.rescore(customer_id, {"orders": orders}).json()["result"]["score"]
    assert after["historic_value"] == before["historic_value"]


def test_tickets_interactions_and_feedback_are_taken_as_well(live):
    body = {
        "tickets": [{"reason": "delivery", "priority": "high"}],
        "interactions": [{"touchpoint": "delivery.late", "owner": "partner", "duration_s": 30}],
        "feedback": [{"kind": "csat", "score": 1, "scale_min": 1, "scale_max": 5, "text": "Mai più."}],
        "include": ["churn_probability"],
        "lang": "it",
    }
    answer = live.rescore(live.scored(), body)
    assert answer.json()["facts"] == {"tickets": 1, "interactions": 1, "feedback": 1}
    assert list(answer.json()["result"]["score"]) == ["customer_id", "churn_probability"]
    assert answer.headers["content-language"] == "it"


def test_a_customer_without_an_order_is_scored_once_one_is_posted(live):
    customer_id = next(row.customer_id for row in live.rows.values() if row.reason == "no_first_order")
    assert live.rescore(customer_id).json()["result"]["problem"]["code"] == "no_first_order"
    answer = live.rescore(customer_id, {"orders": [{"amount": 20}]}).json()
    assert answer["result"]["score"]["segment"] == "thin"


def test_who_objects_to_profiling_is_not_scored_whatever_is_posted(live):
    customer_id = next(row.customer_id for row in live.rows.values() if row.reason == "suppressed")
    answer = live.rescore(customer_id, {"orders": [{"amount": 20}]}).json()
    assert answer["result"]["problem"]["code"] == "suppressed"
    assert "score" not in answer["result"]


def test_an_unknown_customer_is_unknown_whatever_is_posted(live):
    for body in ({}, {"orders": [{"amount": 20}]}):
        assert live.rescore("nobody", body).problem == "unknown"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"orders": [{"amount": "49.9"}]}, "other_type"),
        ({"orders": [{"amount": True}]}, "other_type"),
        ({"orders": [{"amount": 1e12}]}, "out_of_range"),
        ({"orders": [{"amount": 9.999}]}, "too_fine"),
        ({"orders": [{}]}, "missing"),
        ({"orders": [{"amount": 5, "price": 5}]}, "unknown_field"),
        ({"orders": [{"amount": 5, "currency": "XXX"}]}, "currency_other"),
        ({"orders": [{"amount": -5}]}, "missing"),
        ({"orders": [5]}, "not_an_object"),
        ({"orders": {}}, "not_a_list"),
        ({"orders": [{"order_id": "a", "amount": 1}, {"order_id": "a", "amount": 2}]}, "duplicate_key"),
        ({"orders": [{"amount": 5, "occurred_at": "2026-01-01T10:00:00"}]}, "no_instant"),
        ({"orders": [{"amount": 5, "occurred_at": "2026-02-30T10:00:00Z"}]}, "no_instant"),
        ({"orders": [{"amount": 5, "occurred_at": "2999-01-01T00:00:00Z"}]}, "not_before_as_of"),
        ({"orders": [{"amount": 5, "channel": "a\x00b"}]}, "bad_value"),
        ({"tickets": [{"reopened_count": 2**63}]}, "out_of_range"),
        ({"tickets": [{"reopened_count": 1.5}]}, "other_type"),
        ({"interactions": [{"touchpoint": "x", "owner": "nobody"}]}, "unknown_value"),
        ({"interactions": [{"touchpoint": "x", "duration_s": -1}]}, "out_of_range"),
        ({"feedback": [{"kind": "csat", "text": "x" * 5000}]}, "bad_value"),
        ({"customers": []}, "unknown_field"),
        ({"as_of": "2999-01-01"}, "out_of_range"),
        ({"as_of": "1990-01-01"}, "out_of_range"),
        ({"as_of": 7}, "no_instant"),
        ({"lang": "de"}, "unknown_value"),
        ({"include": ["secret"]}, "unknown_value"),
    ],
)
def test_a_fact_that_is_not_as_its_table_says_is_refused_by_name(live, body, code):
    answer = live.rescore(live.scored(), body)
    assert (answer.status, answer.problem) == (422, "invalid")
    assert code in [error["code"] for error in answer.json()["errors"]]


def test_more_facts_than_are_taken_at_once_are_too_large(live):
    assert live.rescore(live.scored(), {"orders": [{"amount": 1}] * 101}).problem == "too-large"


def test_without_a_loaded_model_a_live_score_is_not_ready_and_the_stored_ones_are(live, monkeypatch):
    monkeypatch.setattr(live.tenant.holder, "_now", (None, ChampionState()))
    answer = live.rescore(live.scored())
    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "not-ready", "5")
    assert live.caller.get(f"/v1/customers/{live.scored()}/score").status == 200


def test_the_catalogue_names_every_code_a_record_holds_in_both_languages(live):
    codes = {each: live.caller.get("/v1/reasons", f"lang={each}").json() for each in ("en", "it")}
    known = {each["code"] for each in codes["en"]["reasons"]}
    told = {reason["code"] for row in live.rows.values() for reason in reasons_of(row)}
    assert told
    assert told <= known
    texts = [[each["text"] for each in codes[language]["reasons"]] for language in ("en", "it")]
    assert texts[0] != texts[1]


def reasons_of(row):
    return [] if row.record_en is None else json.loads(row.record_en)["reasons"]


def read_cells(copy, customer_id):
    tables, readings = copy.read_history([customer_id])
    return [cells for table in (*tables.values(), readings or {}) for cells in table.values()]


def test_the_copy_of_a_customer_is_erased_from_every_file(live, tmp_path):
    customer_id = live.scored()
    workspace = find_shop().copy(tmp_path / "shop")
    assert erase_from_copies(workspace, [customer_id]) >= 2
    folder = workspace.live / live.info.generation
    assert all(customer_id.encode() not in file.read_bytes() for file in folder.iterdir())
    copy = LiveCopy(folder)
    assert not any(cells for cells in read_cells(copy, customer_id))
    other = next(each for each in live.rows if each != customer_id)
    assert any(cells for cells in read_cells(copy, other))
    copy.close()


def test_only_the_newest_copies_are_kept(tmp_path):
    workspace = find_shop().copy(tmp_path / "shop")
    current = next(workspace.live.iterdir()).name
    for name in ("older", ".draft.partial", "old"):
        (workspace.live / name).mkdir()
    prune_copies(workspace, current)
    names = {folder.name for folder in workspace.live.iterdir()}
    assert current in names
    assert len(names) == 2
    assert not any(name.startswith(".") for name in names)
    assert write_copy.__doc__


def test_a_copy_written_anew_needs_nothing_compiled_anew(live, monkeypatch):
    tenant = live.tenant
    tenant.prepare()
    compiled = []
    monkeypatch.setattr(scorer, "compile_features", lambda *given: compiled.append(given))
    meta = tenant.workspace.live / live.info.generation / META
    again = meta.with_suffix(".again")
    again.write_bytes(meta.read_bytes())
    again.replace(meta)
    customer_id = live.scored()
    assert tenant.prepare() is False
    assert live.rescore(customer_id).json()["result"]["status"] == "scored"
    assert compiled == []
