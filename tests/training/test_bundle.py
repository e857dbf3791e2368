"""A bundle is written whole, read only as written, and refused for every change of it."""

import hashlib
import json
import os

import pytest

from contracts import atomic
from contracts.errors import BundleRefused, WorkspaceError
from contracts.randomness import generator
from testkit.tiny_model import build_tiny_model, invent_frame, tiny_content
from training import bundle as bundles
from training import golden
from training.bundle import (
    BundleContent,
    find_digest,
    is_version,
    load_manifest,
    load_model,
    point_champion,
    read_bundle,
    read_champion,
    save_bundle,
    verify_bundle,
)
from training.manifest import encode
from training.signature import make_key, read_key, sign


def snapshot(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def reseal(folder):
    """Write hashes and sizes that fit the altered files, as somebody with bad intent would."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name in manifest["files"]:
        data = (folder / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    (folder / "manifest.json").write_bytes(encode(manifest))


@pytest.fixture
def without_scoring(monkeypatch):
    """Let the golden rows pass, so that only hashes and structure can refuse."""
    monkeypatch.setattr(bundles, "check_golden_rows", lambda *_, seconds: None)


def test_the_same_content_gives_the_same_bytes_and_digest_in_any_folder(tmp_path):
    digests = [save_bundle(tiny_content(), tmp_path / name) for name in ("one", "two")]
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")
    assert digests[0] == digests[1] == find_digest(tmp_path / "one")


def test_a_bundle_names_no_run_path_clock_or_customer(bundle):
    text = b"".join(snapshot(bundle).values()).decode()
    assert str(bundle.parent) not in text
    assert "customer_id" not in text
    assert not {"version", "run_id", "created_at"} & load_manifest(bundle).keys()


def test_saving_again_is_no_change_and_other_content_is_refused(bundle):
    before = snapshot(bundle)
    save_bundle(tiny_content(), bundle)
    with pytest.raises(BundleRefused, match="Bundle 1 exists with other content"):
        save_bundle(tiny_content(seed=5), bundle)
    assert snapshot(bundle) == before


def test_an_incomplete_content_is_not_written(tmp_path):
    content = tiny_content()
    lacking = {name: value for name, value in content.manifest.items() if name != "gate"}
    with pytest.raises(BundleRefused, match=r"manifest\.gate is missing"):
        save_bundle(BundleContent(lacking, content.files), tmp_path / "1")
    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """Stands for kill -9: nothing in our code catches it."""


@pytest.mark.parametrize("step", range(9))
def test_a_killed_save_leaves_no_bundle_and_the_next_one_succeeds(tmp_path, monkeypatch, step):
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == step + 1:
            raise Killed

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    whole = tiny_content().to_bytes()
    try:
        save_bundle(tiny_content(), tmp_path / "1")
    except Killed:
        # The last sync comes after the rename: then the folder is there, and whole.
        assert not (tmp_path / "1").exists() or snapshot(tmp_path / "1") == whole
    save_bundle(tiny_content(), tmp_path / "1")
    assert snapshot(tmp_path / "1") == whole
    assert [entry.name for entry in tmp_path.iterdir()] == ["1"]


def test_the_parts_are_those_of_the_model(bundle):
    parts = read_bundle(bundle)
    assert parts.manifest["feature_hash"] == build_tiny_model().features.hash
    assert parts.files["churn.lgb.txt"] == build_tiny_model().churn.members["lgbm_btyd"].trees.to_text()
    assert parts.digest == hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()


def test_every_flipped_byte_of_every_file_is_noticed(bundle, workspace):
    key = read_key(workspace)
    stream = generator(11, "flip")
    for file in sorted(bundle.iterdir()):
        genuine = file.read_bytes()
        for place in stream.integers(0, len(genuine), 40):
            changed = bytearray(genuine)
            changed[place] ^= 1 << int(stream.integers(0, 8))
            file.write_bytes(changed)
            # The manifest cannot hold its own hash: its signature tells.
            with pytest.raises(BundleRefused, match=r"does not have the SHA-256|manifest\.sig is "):
                read_bundle(bundle, key)
        file.write_bytes(genuine)
    read_bundle(bundle, key)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("name", ["manifest.json", "churn.lgb.txt", "beta_geo.json"])
def test_a_truncated_file_is_refused(bundle, name, share):
    data = (bundle / name).read_bytes()
    (bundle / name).write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BundleRefused, match=r"bytes instead of|no JSON|SHA-256|canonical"):
        read_bundle(bundle)


def test_a_manifest_sealed_anew_without_the_key_is_refused_before_anything_else(bundle, workspace):
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    manifest["gate"]["reasons"] = ["trust me"]
    (bundle / "manifest.json").write_bytes(encode(manifest))
    with pytest.raises(BundleRefused, match=r"manifest\.sig is not this workspace's signature"):
        verify_bundle(bundle, read_key(workspace))
    (bundle / "manifest.sig").write_bytes(sign(encode(manifest), bytes(32)))
    with pytest.raises(BundleRefused, match=r"manifest\.sig is not this workspace's signature"):
        verify_bundle(bundle, read_key(workspace))
    (bundle / "manifest.sig").unlink()
    with pytest.raises(BundleRefused, match=r"manifest\.sig is missing"):
        verify_bundle(bundle, read_key(workspace))


def test_the_key_is_its_owners_alone_and_stays_the_same(workspace):
    key = make_key(workspace)
    assert make_key(workspace) == key == read_key(workspace)
    assert workspace.bundle_key.stat().st_mode & 0o777 == 0o600
    workspace.bundle_key.chmod(0o640)
    with pytest.raises(WorkspaceError, match=r"chmod 600 bundle\.key"):
        read_key(workspace)
    workspace.bundle_key.unlink()
    workspace.bundle_key.touch(0o600)
    with pytest.raises(WorkspaceError, match="has 0 bytes, not 32"):
        read_key(workspace)
    workspace.bundle_key.unlink()
    with pytest.raises(WorkspaceError, match="train and promote again"):
        read_key(workspace)


@pytest.mark.parametrize("name", ["manifest.json", "value.lgb.txt"])
def test_a_missing_file_is_refused(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(BundleRefused, match=f"{name} is missing"):
        read_bundle(bundle)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BundleRefused, match=r"Bundle 9: manifest\.json is missing"):
        read_bundle(tmp_path / "9")


@pytest.mark.parametrize("name", ["python_model.pkl", "code.py", ".hidden"])
def test_a_file_that_is_not_listed_is_refused(bundle, name):
    (bundle / name).write_text("print('ran')")
    with pytest.raises(BundleRefused, match=f"{name}' is not listed in the manifest"):
        read_bundle(bundle)


@pytest.mark.parametrize(
    "name", ["model.pkl", "../churn.lgb.txt", "/etc/passwd", "sub/beta_geo.json", "x.lgb.txt\n"]
)
def test_a_listed_name_outside_the_known_kinds_or_the_folder_is_refused(bundle, name):
    manifest = load_manifest(bundle)
    manifest["files"][name] = {"sha256": "0" * 64, "size": 1}
    (bundle / "manifest.json").write_bytes(encode(manifest))
    with pytest.raises(BundleRefused, match="is no name for a file of a bundle"):
        read_bundle(bundle)


def test_a_link_is_refused_even_to_the_same_bytes(bundle, tmp_path):
    (bundle / "beta_geo.json").rename(tmp_path / "elsewhere.json")
    (bundle / "beta_geo.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(BundleRefused, match=r"beta_geo\.json is a link or no regular file"):
        read_bundle(bundle)


def test_a_pipe_is_refused_instead_of_waited_for(bundle):
    (bundle / "beta_geo.json").unlink()
    os.mkfifo(bundle / "beta_geo.json")
    with pytest.raises(BundleRefused, match=r"beta_geo\.json is a link or no regular file"):
        read_bundle(bundle)


def test_a_manifest_in_another_spelling_is_refused(bundle):
    text = (
        (bundle / "manifest.json")
        .read_text()
        .replace('"coverage": 0.8', '"coverage": 0.9,\n "coverage": 0.8')
    )
    (bundle / "manifest.json").write_text(text)
    with pytest.raises(BundleRefused, match="canonical form"):
        load_manifest(bundle)


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("beta_geo.json", '"a": 0.793', '"a": -0.793', "BG/NBD parameter a = -0.793"),
        ("gamma_gamma.json", '"q": 3.74', '"q": 0.74', "q"),
        ("gamma_gamma.json", '"q": 3.74', '"q": NaN', "gamma_gamma.json is no JSON of finite numbers"),
        ("churn.lgb.txt", "num_leaves=", "num_leaves=9", "Tree model"),
        ("churn.lgb.txt", "feature_names=rfm.frequency", "feature_names=rfm.recency", "Tree model"),
        ("churn.lgb.txt", "end of trees", "end of", "Tree model"),
        ("intervals.json", "{", "[{", "intervals.json is no JSON"),
    ],
)
def test_a_resealed_change_is_refused_by_structure(bundle, without_scoring, name, before, after, message):
    text = (bundle / name).read_text()
    assert before in text
    (bundle / name).write_text(text.replace(before, after, 1))
    reseal(bundle)
    with pytest.raises(BundleRefused, match=message):
        verify_bundle(bundle)


def test_a_resealed_change_that_is_well_formed_is_refused_by_the_golden_rows(bundle):
    text = (bundle / "beta_geo.json").read_text()
    (bundle / "beta_geo.json").write_text(text.replace('"r": 0.243', '"r": 0.244'))
    reseal(bundle)
    with pytest.raises(BundleRefused, match=r"Bundle 1: golden row 0: \w+ is .* The model in service stays"):
        verify_bundle(bundle)


def test_a_verified_model_answers_as_the_one_that_was_saved(bundle):
    frame = invent_frame(50, seed=9)
    genuine, loaded = build_tiny_model().predict(frame), load_model(bundle).shop.predict(frame)
    assert loaded.raw.tobytes() == genuine.raw.tobytes()
    assert loaded.joint.clv_mean.tobytes() == genuine.joint.clv_mean.tobytes()


def test_parts_that_do_not_fit_together_are_refused(tmp_path, monkeypatch, without_scoring):
    content = tiny_content()
    lacking = {name: value for name, value in content.files.items() if name != "calibrator.json"}
    save_bundle(BundleContent(content.manifest, lacking), tmp_path / "1")
    with pytest.raises(BundleRefused, match=r"do not fit together .*calibrator\.json"):
        load_model(tmp_path / "1")


def test_a_workspace_without_a_promotion_has_no_champion(workspace):
    assert read_champion(workspace) is None


def test_a_pointer_to_a_folder_that_is_gone_names_the_remedy(workspace):
    point_champion(workspace, "7")
    with pytest.raises(WorkspaceError, match="models/7 is gone: run `fedele promote 7`"):
        read_champion(workspace)


@pytest.mark.parametrize("text", ["", "../1", "one", "1\n2", "-1", "01"])
def test_a_damaged_pointer_is_no_version(workspace, text):
    point_champion(workspace, text)
    assert not is_version(text)
    with pytest.raises(WorkspaceError, match="models/champion holds no version"):
        read_champion(workspace)


def test_the_child_is_started_from_the_package_it_checks():
    assert golden.COMMAND[1:] == ("-m", "training.golden")
