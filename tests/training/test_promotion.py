"""The pointer is the truth, the log remembers, and a kill between any two steps leaves both in order."""

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import atomic
from contracts.errors import BundleRefused, ModelRefused, WorkspaceError
from contracts.settings import Settings
from contracts.workspace import Workspace
from testkit.tiny_model import tiny_content
from testkit.tree import ROOT
from training import promotion, registry
from training.bundle import BundleParts, find_digest, read_bundle, read_champion, save_bundle
from training.promotion import find_alias_difference, next_version, promote, read_promotions, rollback
from training.signature import make_key

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO = {"who": "ada", "now": NOW}


class Killed(BaseException):
    """Stands for kill -9: nothing in our code catches it."""


@pytest.fixture(autouse=True)
def fast(without_child):
    """Leave the child process to its own tests."""


def champion_of(workspace):
    found = read_champion(workspace)
    return found[0] if found else None


def log_of(workspace):
    return [(entry.action, entry.version, entry.previous) for entry in read_promotions(workspace)]


def test_the_latest_trained_version_is_promoted_by_default(trained):
    done = promote(trained, None, **WHO, reason="  spring  ")
    assert read_champion(trained) == ("3", trained.models / "3")
    assert (done.version, done.previous, done.who, done.at, done.why) == (
        "3", None, "ada", "2026-03-01T12:00:00Z", "spring",
    )  # fmt: skip
    assert done.digest == find_digest(trained.bundles / "3") == find_digest(trained.models / "3")
    assert list(read_promotions(trained)) == [done]


def test_a_line_of_the_log_holds_everything_and_no_warning(trained):
    promote(trained, "2", **WHO)
    line = json.loads(trained.promotions.read_text())
    assert line["gate"] == {"passed": True, "reasons": [], "leak": False}
    assert line.keys() == {
        "action", "version", "digest", "previous", "who", "at", "why", "forced", "gate",
    }  # fmt: skip


def test_promoting_the_champion_again_logs_nothing_and_mends_its_folder(trained):
    promote(trained, "2", **WHO)
    shutil.rmtree(trained.models / "2")
    promote(trained, "2", **WHO)
    assert champion_of(trained) == "2"
    assert log_of(trained) == [("promote", "2", None)]


def test_a_damaged_copy_is_written_anew(trained):
    promote(trained, "2", **WHO)
    (trained.models / "2" / "beta_geo.json").write_text("{}")
    promote(trained, "2", **WHO)
    assert read_bundle(trained.models / "2").digest == find_digest(trained.bundles / "2")


def test_a_damaged_bundle_leaves_the_old_champion(trained):
    promote(trained, "1", **WHO)
    (trained.bundles / "2" / "beta_geo.json").write_text("{}")
    with pytest.raises(BundleRefused, match=r"Bundle 2: beta_geo\.json has 2 bytes"):
        promote(trained, "2", **WHO)
    assert champion_of(trained) == "1"
    assert log_of(trained) == [("promote", "1", None)]


@pytest.mark.parametrize("version", ["9", "../1", "", "1.0", "-1"])
def test_a_version_that_was_not_trained_is_named_with_those_that_were(trained, version):
    with pytest.raises(WorkspaceError, match=r"was trained here: choose one of \[1, 2, 3\]"):
        promote(trained, version, **WHO)


def test_without_any_training_the_next_step_is_named(workspace):
    with pytest.raises(WorkspaceError, match="run `fedele train`"):
        promote(workspace, None, **WHO)


def test_a_gate_that_said_no_is_passed_over_only_with_force_and_a_reason(workspace):
    save_bundle(tiny_content(passed=False), workspace.bundles / "1", make_key(workspace))
    with pytest.raises(ModelRefused, match=r"failed its gate \(churn AUC 0\.51 is below"):
        promote(workspace, "1", **WHO)
    with pytest.raises(ModelRefused, match="--force needs a --reason"):
        promote(workspace, "1", **WHO, force=True, reason=" ")
    assert champion_of(workspace) is None
    done = promote(workspace, "1", **WHO, force=True, reason="first champion")
    assert (done.forced, done.why, done.gate["passed"]) == (True, "first champion", False)
    assert champion_of(workspace) == "1"


def test_a_leak_is_never_passed_over(workspace):
    save_bundle(tiny_content(passed=False, leak=True), workspace.bundles / "1", make_key(workspace))
    with pytest.raises(ModelRefused, match="--force does not help"):
        promote(workspace, "1", **WHO, force=True, reason="please")
    assert champion_of(workspace) is None


def test_force_is_not_logged_where_it_was_not_needed(trained):
    assert not promote(trained, "1", **WHO, force=True).forced


def test_rolling_back_goes_one_further_each_time(trained):
    for version in ("1", "2", "3"):
        promote(trained, version, **WHO)
    assert rollback(trained, **WHO, reason="worse").version == "2"
    assert rollback(trained, **WHO).version == "1"
    with pytest.raises(WorkspaceError, match="No champion before this one"):
        rollback(trained, **WHO)
    assert log_of(trained)[3:] == [("rollback", "2", "3"), ("rollback", "1", "2")]
    assert champion_of(trained) == "1"


def test_there_is_nothing_to_roll_back_before_a_promotion(trained):
    with pytest.raises(WorkspaceError, match="No champion before this one"):
        rollback(trained, **WHO)


def test_a_rollback_needs_no_trained_folder_but_the_very_bundle_of_the_log(trained):
    for version in ("1", "2"):
        promote(trained, version, **WHO)
    shutil.rmtree(trained.bundles)
    shutil.rmtree(trained.models / "1")
    save_bundle(tiny_content(seed=9), trained.models / "1", make_key(trained))
    with pytest.raises(BundleRefused, match="models/1 is not the bundle that was promoted"):
        rollback(trained, **WHO)
    assert champion_of(trained) == "2"


def test_numbers_are_never_used_again(trained):
    assert next_version(trained) == "4"
    promote(trained, "3", **WHO)
    shutil.rmtree(trained.bundles)
    shutil.rmtree(trained.models)
    assert next_version(trained) == "4"


def test_the_first_number_is_one(workspace):
    assert next_version(workspace) == "1"


def test_a_damaged_line_inside_the_log_is_reported_and_a_torn_last_one_is_not(trained):
    promote(trained, "1", **WHO)
    with trained.promotions.open("ab") as stream:
        stream.write(b'{"action": "prom')
    assert log_of(trained) == [("promote", "1", None)]
    with trained.promotions.open("ab") as stream:
        stream.write(b"\n")
    with pytest.raises(WorkspaceError, match=r"promotions\.jsonl: line 2 is damaged"):
        list(read_promotions(trained))


STEPS = ("write", "fsync", "rename", "replace", "ftruncate")


# A promotion copies seven files first, a rollback none; then log and pointer are written.
KILLS = [("promote", step) for step in (0, 7, 14, *range(16, 36))] + [
    ("rollback", step) for step in range(15)
]


@pytest.mark.parametrize(("action", "step"), KILLS)
def test_a_kill_at_any_step_leaves_one_whole_champion_and_the_same_command_finishes(
    trained, monkeypatch, action, step
):
    promote(trained, "1", **WHO)
    promote(trained, "2", **WHO)
    if action == "rollback":
        promote(trained, "3", **WHO)

    def move(day=0):
        when = {"who": "ada", "now": NOW + timedelta(days=day)}
        return promote(trained, "3", **when) if action == "promote" else rollback(trained, **when)

    before, after = ("2", "3") if action == "promote" else ("3", "2")
    lines = len(log_of(trained))
    calls = []

    def count():
        calls.append(1)
        if len(calls) == step + 1:
            raise Killed

    for name in STEPS:
        genuine = getattr(atomic.os, name)
        # Before and after the call: the kill may come on either side of it.
        monkeypatch.setattr(
            atomic.os,
            name,
            lambda *given, _genuine=genuine, **named: (count(), _genuine(*given, **named), count())[1],
        )
    try:
        move()
    except Killed:
        champion = champion_of(trained)
        assert champion in (before, after)
        assert read_bundle(trained.models / champion)
        # No champion serves without its line; a line too early is allowed.
        assert champion == before or log_of(trained)[-1][1] == after
    monkeypatch.undo()
    monkeypatch.setattr(promotion, "verify_bundle", read_bundle)
    if champion_of(trained) == before:
        move(day=1)
    assert champion_of(trained) == after
    assert log_of(trained)[lines:] == [(action, after, before)]


CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
from contracts.settings import Settings
from contracts.workspace import Workspace
from training import promotion
from training.bundle import read_bundle

promotion.verify_bundle = read_bundle
promotion.point_champion = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
promotion.promote(
    Workspace(Path(sys.argv[2]), Settings()), "2", who="ada", now=datetime(2026, 3, 1, tzinfo=UTC)
)
"""


def test_a_process_killed_between_log_and_pointer_is_finished_by_the_next(trained):
    promote(trained, "1", **WHO)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(ROOT), str(trained.root)],
        check=False,
        timeout=60,
        capture_output=True,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert champion_of(trained) == "1"
    assert log_of(trained) == [("promote", "1", None), ("promote", "2", "1")]
    promote(trained, "2", **WHO)
    assert champion_of(trained) == "2"
    assert log_of(trained) == [("promote", "1", None), ("promote", "2", "1")]


def test_a_line_whose_pointer_never_followed_is_no_station_of_a_rollback(trained, monkeypatch):
    promote(trained, "1", **WHO)

    def die(*given):
        raise Killed("before the pointer")

    with monkeypatch.context() as patch:
        patch.setattr(promotion, "point_champion", die)
        with pytest.raises(Killed, match="before the pointer"):
            promote(trained, "2", **WHO)
    promote(trained, "3", **WHO)
    assert rollback(trained, **WHO).version == "1"


class Machine:
    """The slow twin: a list of promotions, and where in it we stand."""

    def __init__(self):
        self.champion = None
        self.before = {}

    def promote(self, version):
        if version != self.champion:
            self.before[version] = self.champion
            self.champion = version

    def rollback(self):
        earlier = self.before.get(self.champion)
        if earlier is None:
            return False
        self.champion = earlier
        return True


@given(st.lists(st.sampled_from(["1", "2", "3", "back"]), max_size=8))
@settings(max_examples=25)
def test_any_sequence_of_moves_ends_where_a_plain_list_says(tmp_path_factory, monkeypatch, moves):
    monkeypatch.setattr(atomic.os, "fsync", lambda descriptor: None)
    workspace = Workspace(tmp_path_factory.mktemp("shop"), Settings())
    for seed in (1, 2, 3):
        save_bundle(tiny_content(seed), workspace.bundles / str(seed), make_key(workspace))
    twin = Machine()
    for move in moves:
        if move != "back":
            twin.promote(move)
            promote(workspace, move, **WHO)
        elif twin.rollback():
            rollback(workspace, **WHO)
        else:
            with pytest.raises(WorkspaceError, match="No champion before"):
                rollback(workspace, **WHO)
        assert champion_of(workspace) == twin.champion


@pytest.mark.parametrize(
    ("alias", "fault", "code"),
    [
        ("2", None, None),
        ("1", None, "alias_differs"),
        (None, None, "alias_differs"),
        (None, "down.", "alias_unknown"),
    ],
)
def test_a_difference_between_pointer_and_alias_is_found(trained, monkeypatch, alias, fault, code):
    promote(trained, "2", **WHO)
    monkeypatch.setattr(registry, "read_champion_alias", lambda workspace: (alias, fault))
    found = find_alias_difference(trained)
    assert (found.code if found else None) == code
    if code == "alias_differs":
        assert "fedele promote 2" in found.remedy


def test_without_champion_and_store_there_is_no_difference(workspace):
    assert find_alias_difference(workspace) is None


def test_a_mirror_that_fails_is_a_warning_and_no_failure(trained, monkeypatch):
    monkeypatch.setattr(registry, "mirror_champion", lambda *given: "MLflow did not answer.")
    assert promote(trained, "2", **WHO).warnings == ("MLflow did not answer.",)
    assert champion_of(trained) == "2"


def test_the_bytes_that_were_verified_are_those_that_are_copied(trained, monkeypatch):
    genuine = read_bundle(trained.bundles / "2")

    def verify(folder, key) -> BundleParts:
        # Somebody swaps the files once they have been checked.
        (folder / "beta_geo.json").write_text("{}")
        return genuine

    monkeypatch.setattr(promotion, "verify_bundle", verify)
    promote(trained, "2", **WHO)
    assert read_bundle(trained.models / "2") == genuine
    assert os.path.getsize(trained.bundles / "2" / "beta_geo.json") == 2
