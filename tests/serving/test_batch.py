"""A scoring run covers everyone once, names itself by what it read, and shows itself at one instant."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.errors import ContractError, ModelRefused, StoreError, WorkspaceError
from contracts.settings import BandSection
from contracts.time import to_text
from contracts.workspace import create_workspace
from features.engine import Engine
from features.hearing import open_company
from serving import batch
from serving.batch import export_generation, load_champion, read_everyone, score_everyone
from serving.store.generations import open_store
from testkit.workspaces import NOW, find_shop
from training.models.company_model import CompanyModel
from training.own_answers import learn_voice

pytestmark = pytest.mark.xdist_group("shop")

LATER = NOW + timedelta(days=3)


@pytest.fixture(scope="module")
def shop():
    return find_shop()


@pytest.fixture(scope="module")
def everyone(shop):
    return read_everyone(shop.workspace, load_model(shop), shop.as_of)


@pytest.fixture(scope="module")
def champion(shop):
    return load_champion(shop.workspace)


@pytest.fixture
def workspace(shop, everyone, champion, tmp_path, monkeypatch):
    """A copy of the scored workspace where 60 customers are left; facts and model were read once."""
    monkeypatch.setattr(batch, "load_champion", lambda given: champion)
    few = replace(everyone, frame=everyone.frame.rows(everyone.frame.index.index < 60), subscribers=None)
    monkeypatch.setattr(batch, "read_everyone", lambda *given: few)
    return shop.copy(tmp_path / "shop")


def load_model(shop):
    """Return all models of the training run, as the bundle holds them."""
    training = shop.training
    voice = learn_voice(open_company(shop.workspace, Engine()), shop.workspace.settings, shop.as_of)
    return CompanyModel(training.model, training.subscribers.model, voice, training.satisfied.model)


def stored(workspace, generation=None):
    """Return every row of a generation by customer."""
    store = open_store(workspace)
    try:
        info = store.current() if generation is None else generation
        rows = store.changed_since(None, info, "en", 10_000)
        return info, {row.customer_id: row for _, row in rows}
    finally:
        store.close()


def test_every_known_customer_is_scored_or_not_scored_and_never_both(shop, everyone):
    kinds = [set(frame.index["customer_id"]) for frame in everyone.frames.values()]
    scored = set.union(*kinds)
    assert len(scored) == sum(map(len, kinds))
    assert not scored & set(everyone.not_scored)
    assert scored | set(everyone.not_scored) == set(shop.company.tables["customers"]["customer_id"])
    assert set(stored(shop.workspace)[1]) == scored | set(everyone.not_scored)


def test_subscribers_are_scored_as_what_they_are_unless_they_refuse(shop, everyone):
    plans = shop.company.tables["subscriptions"]
    active = set(plans.loc[plans["ended_at"].isna() | (plans["ended_at"] >= shop.as_of), "customer_id"])
    scored = set(everyone.subscribers.index["customer_id"])
    assert scored
    assert scored <= active
    assert all(everyone.not_scored.get(name) == "suppressed" for name in active - scored)
    kinds = {name: row.kind for name, row in stored(shop.workspace)[1].items() if row.reason is None}
    assert {name for name, kind in kinds.items() if kind == "subscription"} == scored


def test_who_is_of_a_kind_without_a_model_waits_for_one(shop, everyone):
    shops_only = read_everyone(shop.workspace, CompanyModel(shop.training.model), shop.as_of)
    waiting = {name for name, reason in shops_only.not_scored.items() if reason == "no_model"}
    assert shops_only.subscribers is None
    assert waiting == set(everyone.subscribers.index["customer_id"])


def test_a_part_that_never_passed_degrades_its_own_scores_alone(
    shop, champion, everyone, tmp_path, monkeypatch
):
    monkeypatch.setattr(batch, "load_champion", lambda given: replace(champion, subscription_proven=False))
    monkeypatch.setattr(batch, "read_everyone", lambda *given: everyone)
    workspace = shop.copy(tmp_path / "shop")
    info = score_everyone(workspace, shop.as_of, LATER)
    assert "degraded" not in info.flags
    for row in stored(workspace)[1].values():
        if row.reason is None:
            marked = "degraded" in json.loads(row.record("en"))["flags"]
            assert marked == (row.kind == "subscription")


def test_the_account_adds_up_with_what_is_stored(shop, everyone):
    info, rows = stored(shop.workspace)
    assert info == shop.generation
    assert info.kinds == {kind: len(frame) for kind, frame in everyone.frames.items()}
    assert info.scored == sum(info.kinds.values())
    assert info.not_scored == dict(Counter(everyone.not_scored.values()))
    assert {name: row.reason for name, row in rows.items() if row.reason} == everyone.not_scored
    assert info.facts_until == everyone.newest < shop.as_of


def test_records_say_the_same_in_both_languages_but_for_their_words(shop):
    store = open_store(shop.workspace)
    try:
        english, italian = (list(store.records(shop.generation, language)) for language in ("en", "it"))
    finally:
        store.close()
    assert english[0]["reasons"][0]["text"] != italian[0]["reasons"][0]["text"]
    for record in (*english, *italian):
        for reason in record["reasons"]:
            reason["text"] = ""
    assert english == italian


def test_a_rerun_has_the_same_name_and_the_same_records_but_for_their_instant(
    shop, everyone, workspace, monkeypatch
):
    monkeypatch.setattr(batch, "read_everyone", lambda *given: everyone)
    _, before = stored(workspace)
    again = score_everyone(workspace, shop.as_of, LATER)
    assert again.generation == shop.generation.generation
    _, after = stored(workspace)
    assert {name: row.digest for name, row in after.items()} == {
        name: row.digest for name, row in before.items()
    }
    instants = {json.loads(row.record("en"))["scored_at"] for row in after.values() if row.reason is None}
    assert instants == {to_text(LATER)}


@pytest.mark.parametrize(
    "change",
    [
        lambda everyone: replace(
            everyone, not_scored=everyone.not_scored | {"someone new": "no_first_order"}
        ),
        lambda everyone: replace(everyone, economics=replace(everyone.economics, margin_share=0.123)),
        lambda everyone: replace(
            everyone,
            frame=replace(everyone.frame, values=everyone.frame.values.assign(**{"rfm.orders": 1.0})),
        ),
    ],
    ids=["population", "margin", "feature"],
)
def test_other_facts_give_another_name(shop, workspace, everyone, monkeypatch, change):
    monkeypatch.setattr(batch, "read_everyone", lambda *given: change(everyone))
    monkeypatch.setattr(batch, "build_rows", lambda *given: iter(()))
    assert score_everyone(workspace, shop.as_of, NOW).generation != shop.generation.generation


def test_a_new_generation_becomes_current_and_the_old_one_stays_readable(shop, workspace):
    later = score_everyone(workspace, shop.as_of + timedelta(days=1), LATER)
    assert later.generation != shop.generation.generation
    info, rows = stored(workspace)
    assert info == later
    assert json.loads(next(iter(rows.values())).record("en"))["generation"] == later.generation
    assert stored(workspace, shop.generation)[1].keys() > rows.keys()


def test_a_run_that_fails_half_way_leaves_the_old_generation_current(shop, workspace, monkeypatch):
    genuine = batch.build_rows

    def broken(*given):
        for place, row in enumerate(genuine(*given)):
            if place == 5:
                raise StoreError("the disk is full")
            yield row

    monkeypatch.setattr(batch, "build_rows", broken)
    with pytest.raises(StoreError, match="the disk is full"):
        score_everyone(workspace, shop.as_of + timedelta(days=1), LATER)
    assert stored(workspace)[0] == shop.generation


def test_progress_tells_how_many_of_how_many_are_done(shop, workspace, monkeypatch):
    told = []
    monkeypatch.setattr(batch, "CHUNK", 25)
    score_everyone(workspace, shop.as_of, NOW, progress=lambda *counts: told.append(counts))
    assert told == [(25, 60), (50, 60), (60, 60)]


@pytest.mark.parametrize(("days", "stale"), [(30, False), (40, True)])
def test_facts_older_than_the_policy_make_every_score_stale(shop, workspace, everyone, days, stale):
    info = score_everyone(workspace, everyone.newest + timedelta(days=days), LATER)
    assert ("stale" in info.flags) == stale
    row = next(row for row in stored(workspace)[1].values() if row.reason is None)
    assert ("stale" in json.loads(row.record("en"))["flags"]) == stale


def test_a_date_before_the_models_own_needs_hindsight_and_says_so(shop, workspace):
    early = shop.as_of - timedelta(days=30)
    with pytest.raises(ModelRefused, match=r"learned from facts until 2025-05-15.*--hindsight"):
        score_everyone(workspace, early, NOW)
    info = score_everyone(workspace, early, NOW, hindsight=True)
    assert "hindsight" in info.flags
    assert "hindsight" not in score_everyone(workspace, shop.as_of, NOW, hindsight=True).flags


def test_the_champion_is_the_model_that_was_promoted(shop, champion):
    assert (champion.version, champion.trained_until) == (shop.outcome.version, shop.as_of)
    assert champion.proven == shop.training.gate.passed
    assert champion.subscription_proven == shop.training.subscribers.passed
    assert champion.model.to_parts() == load_model(shop).to_parts()


def test_a_champion_that_never_passed_its_gate_degrades_every_score(shop, champion, workspace, monkeypatch):
    unproven = replace(champion, proven=False)
    monkeypatch.setattr(batch, "load_champion", lambda given: unproven)
    assert score_everyone(workspace, shop.as_of, NOW).flags == ("degraded",)
    assert "degraded" not in shop.generation.flags


def test_without_a_champion_there_is_a_next_step(tmp_path):
    workspace = create_workspace(tmp_path / "shop")
    with pytest.raises(WorkspaceError, match="No model has been promoted: run `fedele train`"):
        score_everyone(workspace, NOW, NOW)
    assert not workspace.scores.exists()


def with_bands(workspace, **bands):
    settings = workspace.settings.model_copy(update={"bands": BandSection(**bands)})
    return replace(workspace, settings=settings)


def test_bands_of_the_settings_win_over_those_of_the_model(shop, workspace):
    score_everyone(with_bands(workspace, medium=0.2, high=0.3, owner="sales"), shop.as_of, NOW)
    for row in stored(workspace)[1].values():
        if row.reason is None:
            p = row.churn_probability
            assert row.risk_band == ("high" if p >= 0.3 else "medium" if p >= 0.2 else "low")


def test_bands_the_wrong_way_round_are_refused(shop, workspace):
    with pytest.raises(ContractError, match=r"medium 0.9 is above high 0.2: mend \[bands\]"):
        score_everyone(with_bands(workspace, medium=0.9, high=0.2), shop.as_of, NOW)
    assert stored(workspace)[0] == shop.generation


def test_costs_and_margins_of_the_company_give_net_values(shop):
    records = [
        json.loads(row.record("en")) for row in stored(shop.workspace)[1].values() if row.kind == "shop"
    ]
    assert all(record["net_clv"] is not None for record in records)
    assert all(record["net_clv"] < record["clv"]["mean"] for record in records if record["clv"]["mean"] > 1)


@pytest.mark.parametrize("language", ["en", "it"])
def test_the_exported_file_has_one_row_per_scored_customer(shop, tmp_path, language):
    file = tmp_path / "scores.csv"
    assert export_generation(shop.workspace, shop.generation, file, language) == shop.generation.scored
    assert len(file.read_text(encoding="utf-8").splitlines()) == shop.generation.scored + 1
