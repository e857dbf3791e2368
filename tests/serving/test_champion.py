"""The model in service follows the pointer, keeps answering when the next one is refused, and says why."""

import json
import shutil

import pytest

from contracts.settings import Settings
from contracts.workspace import Workspace
from serving import champion
from serving.champion import ChampionHolder, ChampionState, load_champion
from testkit.tiny_model import invent_frame, tiny_content
from training import bundle as bundles
from training.bundle import BundleContent, point_champion, save_bundle
from training.signature import make_key


def put(workspace, version, seed=0):
    content = tiny_content(seed)
    manifest = {**content.manifest, "trained_until": "2026-01-01T00:00:00Z"}
    save_bundle(BundleContent(manifest, content.files), workspace.models / version, make_key(workspace))
    point_champion(workspace, version)


@pytest.fixture
def workspace(tmp_path):
    root = tmp_path / "shop"
    root.mkdir()
    return Workspace(root, Settings())


@pytest.fixture
def without_child(monkeypatch):
    """Leave the golden rows to their own tests: they take seconds; count how often they were asked for."""
    asked = []
    monkeypatch.setattr(bundles, "check_golden_rows", lambda *given, seconds: asked.append(1))
    return asked


def test_nothing_is_held_before_the_first_promotion(workspace):
    holder = ChampionHolder(workspace)
    assert not holder.look()
    assert (holder.champion, holder.state) == (None, ChampionState())


def test_a_promoted_bundle_is_verified_in_a_child_and_then_serves(workspace):
    put(workspace, "1")
    holder = ChampionHolder(workspace)
    assert holder.look()
    assert holder.state == ChampionState("1", "1", None)
    frame = invent_frame(20, seed=2009)
    expected = load_champion(workspace).model.shop.predict(frame).raw
    assert holder.champion.model.shop.predict(frame).raw.tobytes() == expected.tobytes()
    assert not holder.look()


def test_a_rollback_takes_the_model_still_in_memory_without_another_child(workspace, without_child):
    holder = ChampionHolder(workspace)
    for version in ("1", "2"):
        put(workspace, version, int(version))
        holder.look()
    held = holder.champion
    point_champion(workspace, "1")
    assert holder.look()
    point_champion(workspace, "2")
    assert holder.look()
    assert holder.champion is held
    assert len(without_child) == 2


def test_a_refused_bundle_leaves_the_old_model_and_is_logged_once_with_its_reason(
    workspace, without_child, caplog
):
    put(workspace, "1")
    holder = ChampionHolder(workspace)
    holder.look()
    held = holder.champion
    put(workspace, "2", 2)
    (workspace.models / "2" / "beta_geo.json").write_text("{}")
    assert not any(holder.look() for _ in range(5))
    assert holder.champion is held
    assert (holder.state.version, holder.state.wanted) == ("1", "2")
    assert "beta_geo.json has 2 bytes" in holder.state.refused
    logged = [json.loads(each.message) for each in caplog.records if each.name == "fedele.errors"]
    assert [(line["error"], line["wanted"]) for line in logged] == [("champion_refused", "2")]


def test_a_mended_bundle_serves_and_the_reason_is_gone(workspace, without_child):
    put(workspace, "1")
    holder = ChampionHolder(workspace)
    workspace.bundle_key.chmod(0o644)
    holder.look()
    assert "chmod 600" in holder.state.refused
    workspace.bundle_key.chmod(0o600)
    assert any(holder.look() for _ in range(champion.RETRY_LOOKS))
    assert holder.state == ChampionState("1", "1", None)


@pytest.mark.parametrize("pointer", ["../1", "", "7", "1\n2"])
def test_a_damaged_pointer_changes_nothing_that_serves(workspace, without_child, pointer):
    put(workspace, "1")
    holder = ChampionHolder(workspace)
    holder.look()
    held = holder.champion
    point_champion(workspace, pointer)
    holder.look()
    assert holder.champion is held
    assert holder.state.refused


def test_a_folder_that_is_lost_while_it_serves_goes_on_serving(workspace, without_child):
    put(workspace, "1")
    holder = ChampionHolder(workspace)
    holder.look()
    shutil.rmtree(workspace.models / "1")
    holder.look()
    assert holder.champion is not None
    assert "models/1 is gone" in holder.state.refused


def test_only_the_last_few_models_are_kept_in_memory(workspace, without_child):
    holder = ChampionHolder(workspace)
    for version in ("1", "2", "3", "4", "5"):
        put(workspace, version, int(version))
        holder.look()
    assert len(holder._known) == champion.KEPT_MODELS


def test_an_unsigned_bundle_never_serves(workspace, without_child):
    put(workspace, "1")
    (workspace.models / "1" / "manifest.sig").unlink()
    holder = ChampionHolder(workspace)
    holder.look()
    assert holder.champion is None
    assert "manifest.sig is missing" in holder.state.refused
