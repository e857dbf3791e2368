"""Marks of the erased: they recognise an id, survive copies and crashes, and never hold it."""

import pytest

from contracts.errors import StoreError
from features.store.tombstones import Tombstones


@pytest.fixture
def tombstones(tmp_path):
    made = Tombstones(tmp_path / "tombstones")
    made.add("ada")
    made.add("grace")
    return made


def test_the_erased_are_recognised_and_nobody_else(tombstones, tmp_path):
    for each in (tombstones, Tombstones(tmp_path / "tombstones")):
        assert each.find_erased(["ada", "grace", "Ada", "linus", ""]) == {"ada", "grace"}
        assert len(each) == 2


def test_no_file_holds_an_id_and_the_key_is_for_its_owner_alone(tombstones, tmp_path):
    files = list((tmp_path / "tombstones").iterdir())
    assert len(files) == 2
    assert all(b"ada" not in file.read_bytes() for file in files)
    (secret,) = (tmp_path / "tombstones").glob("*.secret")
    assert secret.stat().st_mode & 0o777 == 0o600


def test_marking_the_same_customer_again_changes_nothing(tombstones, tmp_path):
    before = (tmp_path / "tombstones" / "marks").read_bytes()
    tombstones.add("ada")
    Tombstones(tmp_path / "tombstones").add("grace")
    assert (tmp_path / "tombstones" / "marks").read_bytes() == before


def test_without_any_erasure_there_is_no_folder(tmp_path):
    assert Tombstones(tmp_path / "none").find_erased(["ada"]) == set()
    assert not (tmp_path / "none").exists()


def test_marks_of_another_workspace_are_taken_over_with_their_key(tombstones, tmp_path):
    own = Tombstones(tmp_path / "restored")
    own.add("linus")
    own.merge(tmp_path / "tombstones")
    own.merge(tmp_path / "tombstones")
    assert own.find_erased(["ada", "grace", "linus", "ken"]) == {"ada", "grace", "linus"}
    assert len(Tombstones(tmp_path / "restored")) == 3


def test_a_torn_last_mark_never_counted_and_is_made_again(tombstones, tmp_path):
    file = tmp_path / "tombstones" / "marks"
    file.write_bytes(file.read_bytes()[:-5])
    again = Tombstones(tmp_path / "tombstones")
    assert again.find_erased(["ada", "grace"]) == {"ada"}
    again.add("grace")
    assert Tombstones(tmp_path / "tombstones").find_erased(["ada", "grace"]) == {"ada", "grace"}


@pytest.mark.parametrize("damage", ["key", "mark"])
def test_a_folder_without_its_key_or_with_a_damaged_mark_is_refused(tombstones, tmp_path, damage):
    folder = tmp_path / "tombstones"
    if damage == "key":
        next(folder.glob("*.secret")).unlink()
    else:
        (folder / "marks").write_bytes(b"nonsense\n")
    with pytest.raises(StoreError, match=r"tombstones/marks is damaged or its key is gone"):
        Tombstones(folder)
