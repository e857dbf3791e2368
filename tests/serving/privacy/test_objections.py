"""An objection to profiling holds at once: in lists, by id, in the next run and the next training."""

from datetime import timedelta

import pytest

from contracts.settings import SourceSection
from contracts.workspace import open_workspace
from features.engine import Engine
from features.ingest.load import ingest_files
from features.population import find_not_scored
from features.snapshot import take_snapshot
from serving.everyone import read_everyone
from serving.keys import create_key
from serving.ledger.chain import Chain
from serving.privacy.objections import heed_objections
from serving.store.generations import open_store
from serving.tenants import Tenants
from testkit.service import Caller, build_service
from testkit.stored import build_info, build_row, make_workspace
from testkit.stores import NOW, load_lines
from training.models.company_model import CompanyModel

HEADER = "customer_id,occurred_at,profiling_consent"


@pytest.fixture
def workspace(tmp_path):
    """Two customers with orders and scores in two generations."""
    made = make_workspace(tmp_path / "shop")
    for name in ("ada", "linus"):
        load_lines(made, "orders", "order_id,customer_id,occurred_at,amount", f"o-{name},{name},2026-01-02,5")
    store = open_store(made)
    for name in ("g1", "g2"):
        with store.begin(build_info(name)) as writer:
            writer.add([build_row("ada", 0.9, generation=name), build_row("linus", 0.4, generation=name)])
            writer.finish()
    store.close()
    return made


def object_(workspace, name, *, consent="false", now=NOW):
    file = workspace.root / "consent.csv"
    file.write_text(f"{HEADER}\n{name},2026-01-01,{consent}\n", encoding="utf-8")
    ingest_files(workspace, "customers", [file], SourceSection(), source="crm", now=now)
    return heed_objections(workspace, now)


def test_who_objects_leaves_list_and_score_of_a_running_service_at_once(workspace):
    tenants = Tenants()
    tenants.open([workspace.root])
    (tenant,) = tenants
    _, key = create_key(tenant.store.work, ["score:read"], "crm", NOW)
    caller = Caller(build_service(tenants, lambda: NOW), key)
    try:
        assert len(caller.get("/v1/at-risk").json()["data"]) == 2
        assert object_(workspace, "ada") == 1
        listed = caller.get("/v1/at-risk").json()["data"]
        assert [each["customer_id"] for each in listed] == ["linus"]
        answer = caller.get("/v1/customers/ada/score").json()
        assert (answer["status"], answer["problem"]["code"]) == ("not_scored", "suppressed")
        (result,) = caller.post("/v1/scores", {"customer_ids": ["ada"]}).json()["results"]
        assert "score" not in result
        changes = caller.get("/v1/scores").json()["data"]
        assert [each["customer_id"] for each in changes if "score" in each] == ["linus"]
    finally:
        tenants.close()


def test_a_list_that_stopped_at_who_has_gone_since_asks_to_begin_again(workspace):
    tenants = Tenants()
    tenants.open([workspace.root])
    (tenant,) = tenants
    _, key = create_key(tenant.store.work, ["score:read"], "crm", NOW)
    caller = Caller(build_service(tenants, lambda: NOW), key)
    try:
        first = caller.get("/v1/at-risk", "sort=churn_probability&limit=1").json()
        assert [each["customer_id"] for each in first["data"]] == ["ada"]
        object_(workspace, "ada")
        query = f"sort=churn_probability&limit=1&cursor={first['next_cursor']}"
        assert caller.get("/v1/at-risk", query).problem == "expired"
    finally:
        tenants.close()


def test_an_objection_is_heeded_in_every_kept_generation_and_noted_without_a_name(workspace):
    assert object_(workspace, "ada") == 1
    assert heed_objections(workspace, NOW) == 0
    store = open_store(workspace)
    for info in store.find_generations():
        assert store.read(["ada"], "en", info)["ada"].reason == "suppressed"
        assert (info.scored, info.not_scored) == (1, {"suppressed": 1})
    store.close()
    (entry,) = Chain(workspace.ledger).read("objection")
    assert entry.body == {"customers": 1, "scores": {"g1": 1, "g2": 1}}


def test_no_objection_leaves_every_file_alone(workspace):
    before = [file.read_bytes() for file in sorted(workspace.scores.iterdir())]
    assert object_(workspace, "ada", consent="true") == 0
    assert [file.read_bytes() for file in sorted(workspace.scores.iterdir())] == before


def test_a_workspace_without_scores_has_nothing_to_withdraw(tmp_path):
    workspace = make_workspace(tmp_path / "empty")
    assert object_(workspace, "ada") == 0
    assert not workspace.work_database.exists()


def test_an_objection_after_the_day_asked_for_holds_in_scoring_and_training(workspace):
    early = NOW - timedelta(days=90)
    file = workspace.root / "fedele.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("live = true", "live = false"), encoding="utf-8")
    workspace = open_workspace(workspace.root)
    object_(workspace, "ada", consent="true", now=NOW - timedelta(days=1))
    object_(workspace, "ada")
    events = Engine(threads=1).open_events(workspace.events)
    known = find_not_scored(take_snapshot(events, early, workspace.settings))
    assert known["reason"].tolist() == []
    heeded = find_not_scored(take_snapshot(events.heeding(NOW + timedelta(1)), early, workspace.settings))
    assert dict(zip(heeded["customer_id"], heeded["reason"], strict=True)) == {"ada": "suppressed"}


def test_the_next_run_leaves_out_who_objected_this_very_instant(workspace, monkeypatch):
    import serving.everyone

    with (workspace.root / "fedele.toml").open("a") as file:
        file.write("[serve]\nlive = false\n")
    workspace = open_workspace(workspace.root)
    object_(workspace, "ada", consent="true", now=NOW - timedelta(days=1))
    object_(workspace, "ada")
    monkeypatch.setattr(serving.everyone, "_gather", lambda snapshot, *given: find_not_scored(snapshot))
    model = CompanyModel.__new__(CompanyModel)
    found = read_everyone(workspace, model, NOW - timedelta(days=30), NOW)
    assert found["customer_id"].tolist() == ["ada"]
    assert found["reason"].tolist() == ["suppressed"]
